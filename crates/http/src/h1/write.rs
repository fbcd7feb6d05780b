//! Bytes from heads.

use crate::{Head, HeaderId};

/// Writes a head with its lines, those left out that `skip` names, and the empty line; `extra` are lines that
/// the connection needs, written as they are before the end.
pub fn write_head(head: &Head, extra: &[u8], skip: impl Fn(HeaderId) -> bool, out: &mut Vec<u8>) {
    if head.status() == 0 {
        out.extend_from_slice(head.method());
        out.push(b' ');
        out.extend_from_slice(head.target());
        out.extend_from_slice(b" HTTP/1.1\r\n");
    } else {
        out.extend_from_slice(b"HTTP/1.1 ");
        let s = head.status();
        out.extend([s / 100 % 10, s / 10 % 10, s % 10].map(|d| b'0' + d as u8));
        out.push(b' ');
        out.extend_from_slice(head.reason());
        out.extend_from_slice(b"\r\n");
    }
    for line in head.lines() {
        if skip(line.id) {
            continue;
        }
        out.extend_from_slice(head.name(line));
        out.extend_from_slice(b": ");
        out.extend_from_slice(head.value(line));
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(extra);
    out.extend_from_slice(b"\r\n");
}

/// Writes the line before the data of a chunk.
pub fn chunk_header(size: usize, out: &mut Vec<u8>) {
    let mut digits = [0u8; 16];
    let mut n = size;
    let mut at = digits.len();
    loop {
        at -= 1;
        if let Some(d) = digits.get_mut(at) {
            *d = b"0123456789abcdef".get(n & 15).copied().unwrap_or(b'0');
        }
        n >>= 4;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(at..).unwrap_or_default());
    out.extend_from_slice(b"\r\n");
}
