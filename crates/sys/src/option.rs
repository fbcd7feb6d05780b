//! `setsockopt` and `getsockopt` for the options that the safe crates do not name.
//!
//! Callers in this crate pass the option's documented type; nothing here is public.

use std::ffi::{CString, c_int};
use std::os::fd::{AsFd, AsRawFd};
use std::{io, mem};

/// Sets an option whose value is an `int`.
pub(crate) fn set(fd: impl AsFd, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
    // SAFETY: the descriptor is borrowed for the call, and pointer and length describe the local `value`.
    let answer = unsafe {
        libc::setsockopt(
            fd.as_fd().as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            mem::size_of::<c_int>() as libc::socklen_t,
        )
    };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Sets an option whose value is a C string (an interface, an algorithm).
pub(crate) fn set_text(fd: impl AsFd, level: c_int, name: c_int, value: &str) -> io::Result<()> {
    let value = CString::new(value).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let bytes = value.as_bytes_with_nul();
    // SAFETY: the descriptor is borrowed for the call, and pointer and length describe `bytes`, which outlives it.
    let answer = unsafe {
        libc::setsockopt(
            fd.as_fd().as_raw_fd(),
            level,
            name,
            bytes.as_ptr().cast(),
            bytes.len() as libc::socklen_t,
        )
    };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Reads the kernel's view of a TCP connection; fields that an older kernel does not know stay zero.
pub(crate) fn tcp_info(fd: impl AsFd) -> io::Result<libc::tcp_info> {
    // SAFETY: `tcp_info` consists of integers only, for which all-zero bytes are a valid value.
    let mut value: libc::tcp_info = unsafe { mem::zeroed() };
    let mut length = mem::size_of::<libc::tcp_info>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes, which is the size of the local `value`.
    let answer = unsafe {
        libc::getsockopt(
            fd.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut value).cast(),
            &raw mut length,
        )
    };
    if answer == 0 { Ok(value) } else { Err(io::Error::last_os_error()) }
}
