//! Passwords against the hashes that `crypt(3)` writes, by the system's own libcrypt.

use std::ffi::{CStr, CString};

/// Whether `password` has this hash. Takes as long as the hash was made to take; a method that the system does not
/// know matches nothing.
pub fn matches(password: &[u8], hash: &str) -> bool {
    let (Ok(password), Ok(setting)) = (CString::new(password), CString::new(hash)) else { return false };
    // SAFETY: `crypt_data` consists of integers and bytes only, for which zero is valid, and all-zero is how
    // crypt(3) wants it before its first use.
    let mut room: Box<Room> = unsafe { Box::new(std::mem::zeroed()) };
    // SAFETY: both strings end in NUL and outlive the call; `room` is as large as any libcrypt's `crypt_data`.
    let made = unsafe { crypt_r(password.as_ptr(), setting.as_ptr(), (&raw mut *room).cast()) };
    if made.is_null() {
        return false;
    }
    // SAFETY: what is not null points to a string that ends in NUL, inside of `room`, which is still alive.
    let made = unsafe { CStr::from_ptr(made) };
    made.to_bytes() == hash.as_bytes()
}

/// `struct crypt_data`: 128 KiB in glibc's libcrypt, 32 KiB in libxcrypt.
#[repr(C, align(16))]
struct Room([u8; 160 * 1024]);

#[link(name = "crypt")]
unsafe extern "C" {
    fn crypt_r(
        phrase: *const libc::c_char,
        setting: *const libc::c_char,
        data: *mut libc::c_void,
    ) -> *mut libc::c_char;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_of_every_age_are_known() {
        let sha256 = "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5";
        for (password, hash, expected) in [
            ("Hello world!", sha256, true),
            ("Hello world?", sha256, false),
            ("x", "$9$unknown$abc", false),
            ("x", "", false),
        ] {
            assert_eq!(matches(password.as_bytes(), hash), expected, "{password} {hash}");
        }
    }
}
