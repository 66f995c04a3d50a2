//! Input of a fuzz target as edits of something valid. Random bytes hardly ever get past a decoder's first checks; a
//! valid value with a few bytes changed, cut out or copied does.

/// The bytes that `data` means: one of `samples` with edits, or, for one beginning in four, `data` itself.
pub(crate) fn edited(data: &[u8], samples: &[Vec<u8>]) -> Vec<u8> {
    let Some((&head, mut edits)) = data.split_first() else { return Vec::new() };
    if head % 4 == 0 {
        return edits.to_vec();
    }
    let Some(sample) = samples.get(usize::from(head / 4) % samples.len().max(1)) else { return edits.to_vec() };
    let mut bytes = sample.clone();
    while let Some((edit, rest)) = edits.split_first_chunk::<5>() {
        edits = rest;
        apply(&mut bytes, *edit);
    }
    bytes
}

/// Two bytes of place, one of what to do, two of how.
fn apply(bytes: &mut Vec<u8>, [high, low, what, one, other]: [u8; 5]) {
    if bytes.is_empty() {
        return bytes.push(one);
    }
    let place = usize::from(u16::from_be_bytes([high, low])) % bytes.len();
    let end = (place + usize::from(one) % 64).min(bytes.len());
    match what % 6 {
        0 => bytes[place] = one,
        1 => bytes[place] ^= 1 << (one % 8),
        2 => bytes.insert(place, one),
        3 => drop(bytes.drain(place..end)),
        4 => bytes.truncate(place),
        _ => {
            let copied = bytes[place..end].to_vec();
            let target = usize::from(other) * bytes.len() / 256;
            bytes.splice(target..target, copied);
        }
    }
}
