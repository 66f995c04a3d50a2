//! Drawing tickets: a stream of numbers from the beacon, each ticket as likely as any other.
//!
//! Number n of a period is the first eight bytes, big-endian, of SHA-256("chancery/plate-lottery/draw/v1" || beacon ||
//! period || n), with period and n in four and eight bytes, big-endian. A number at or above the largest multiple of the
//! count of tickets is passed over, because its remainder would favour low tickets; of any other the ticket is the
//! remainder. Nothing here knows of pages, so the stream is the same however it is read.

/// What every number's hash begins with.
const DOMAIN: &[u8] = b"chancery/plate-lottery/draw/v1";

/// A period's stream.
pub struct Sampler<H> {
    hash: H,
    beacon: [u8; 32],
    period: u32,
    tickets: u64,
    /// Numbers read so far.
    pub next: u64,
}

impl<H: Fn(&[u8]) -> [u8; 32]> Sampler<H> {
    /// The stream of a period from number `next` on, over tickets 0 to `tickets` - 1, of which there is at least one.
    pub fn new(hash: H, beacon: [u8; 32], period: u32, tickets: u64, next: u64) -> Self {
        Self { hash, beacon, period, tickets: tickets.max(1), next }
    }

    /// The next number's ticket; `None` where the number is passed over.
    pub fn ticket(&mut self) -> Option<u64> {
        let mut bytes = [0; DOMAIN.len() + 32 + 4 + 8];
        let (domain, rest) = bytes.split_at_mut(DOMAIN.len());
        domain.copy_from_slice(DOMAIN);
        rest[..32].copy_from_slice(&self.beacon);
        rest[32..36].copy_from_slice(&self.period.to_be_bytes());
        rest[36..].copy_from_slice(&self.next.to_be_bytes());
        self.next += 1;
        let digest = (self.hash)(&bytes);
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        let number = u64::from_be_bytes(first);
        // 2^64 less its remainder by the count, computed without 2^64.
        let passed_over = (u64::MAX % self.tickets + 1) % self.tickets;
        (number <= u64::MAX - passed_over).then(|| number % self.tickets)
    }
}
