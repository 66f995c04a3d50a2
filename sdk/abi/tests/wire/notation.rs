//! Bytes as people can read them: hexadecimal in pieces, `55*64` for 64 bytes of 55, and a remark after `#` on each
//! line.

/// The bytes that `text` stands for.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    let pieces = text.lines().filter_map(|line| line.split('#').next()).flat_map(str::split_whitespace);
    pieces
        .flat_map(|piece| {
            let (digits, times) = piece.split_once('*').unwrap_or((piece, "1"));
            let bytes = chancery_abi::types::from_hex(digits).unwrap_or_else(|| panic!("`{piece}` is not hexadecimal"));
            bytes.repeat(times.parse().unwrap_or_else(|_| panic!("`{piece}` has no number of times")))
        })
        .collect()
}

/// Bytes in plain hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
