//! Finding a module's schema without reading the module: the frames of its sections are walked over, and none of the
//! others is looked into.

/// The content of the first custom section called `name`, or none when there is none or the frames are not whole.
pub fn custom_section<'a>(module: &'a [u8], name: &str) -> Option<&'a [u8]> {
    const PREAMBLE_BYTES: usize = 8;
    const CUSTOM: u8 = 0;
    let mut rest = module.get(PREAMBLE_BYTES..)?;
    while let Some((kind, after)) = rest.split_first() {
        rest = after;
        let length = take_length(&mut rest)?;
        let (mut section, after) = rest.split_at_checked(length)?;
        rest = after;
        if *kind == CUSTOM {
            let name_length = take_length(&mut section)?;
            let (found, content) = section.split_at_checked(name_length)?;
            if found == name.as_bytes() {
                return Some(content);
            }
        }
    }
    None
}

/// A length in unsigned LEB128, at most 32 bits.
fn take_length(bytes: &mut &[u8]) -> Option<usize> {
    let mut length = 0u64;
    for shift in [0, 7, 14, 21, 28] {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        length |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return usize::try_from(u32::try_from(length).ok()?).ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn the_named_section_is_found_between_others() {
        let mut module = Vec::from(b"\0asm\x01\0\0\0");
        module.extend_from_slice(&[0, 3, 1, b'x', 9]);
        module.extend_from_slice(&[1, 2, 7, 7]);
        module.extend_from_slice(&[0, 0x85, 0x00, 2, b'a', b'b', 5, 6]);
        assert_eq!(custom_section(&module, "ab"), Some(&[5, 6][..]));
        assert_eq!(custom_section(&module, "x"), Some(&[9][..]));
        assert_eq!(custom_section(&module, "b"), None);
    }

    #[test]
    fn frames_that_are_cut_off_or_lie_give_nothing() {
        let whole = b"\0asm\x01\0\0\0\0\x04\x02ab\x05";
        for end in 0..whole.len() {
            assert_eq!(custom_section(&whole[..end], "ab"), None, "{end} bytes");
        }
        assert_eq!(custom_section(b"\0asm\x01\0\0\0\0\xff\xff\xff\xff\xff\x01", "ab"), None);
        assert_eq!(custom_section(b"\0asm\x01\0\0\0\0\x01\xff", "ab"), None);
    }
}
