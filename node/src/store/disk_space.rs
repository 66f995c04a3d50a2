//! How much room the store's disk has. The node stops taking transactions before a write can fail for want of it.
#![allow(unsafe_code, reason = "the standard library cannot ask for a file system's free space")]

use std::{ffi::CString, io, mem::MaybeUninit, os::unix::ffi::OsStrExt as _, path::Path};

/// Bytes that this process may still write on the file system that holds `path`.
///
/// # Errors
/// When the operating system does not say.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut answer = MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the path is a C string that lives through the call, and the pointer is to writable memory of the type.
    let code = unsafe { libc::statvfs(path.as_ptr(), answer.as_mut_ptr()) };
    if code != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, so it filled the whole structure.
    let answer = unsafe { answer.assume_init() };
    #[allow(clippy::useless_conversion, reason = "the fields are narrower on other systems")]
    let free = u64::from(answer.f_bavail).saturating_mul(u64::from(answer.f_frsize));
    Ok(free)
}

/// What one of several chains holds of a disk that they share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Bytes that it holds.
    pub bytes: u64,
    /// Bytes that all of them hold.
    pub by_all: u64,
    /// How many they are.
    pub chains: u64,
}

impl Held {
    /// The chain's part, in bytes, of a disk with so many left: all have equal parts of what they hold and what is left.
    pub fn part(&self, free: u64) -> u64 {
        free.saturating_add(self.by_all) / self.chains.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_have_equal_parts_of_what_they_hold_and_what_is_left() {
        let held = Held { bytes: 700, by_all: 800, chains: 4 };
        assert_eq!((held.part(200), held.part(u64::MAX)), (250, u64::MAX / 4));
        assert_eq!(Held { chains: 0, ..held }.part(200), 1_000);
    }

    #[test]
    fn a_real_directory_has_room_and_a_missing_one_is_an_error() {
        assert!(free_bytes(Path::new("/")).expect("the root is there") > 0);
        assert!(free_bytes(Path::new("/there/is/no/such/place")).is_err());
    }
}
