//! A small deterministic generator (xorshift64*), so that a seed means the same module for ever.

/// The generator.
pub(crate) struct Random(u64);

impl Random {
    /// The generator of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        // Neighbouring seeds begin alike; some steps part them.
        for _ in 0..8 {
            random.next();
        }
        random
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 11) % bound
    }

    /// So many bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }

    /// A number of the kind that finds edges: small, a power of two or near one, or anything.
    pub(crate) fn edge(&mut self) -> u64 {
        match self.below(4) {
            0 => self.below(16),
            1 => (1u64 << self.below(64)).wrapping_sub(self.below(3)),
            2 => u64::MAX - self.below(4),
            _ => self.next(),
        }
    }
}
