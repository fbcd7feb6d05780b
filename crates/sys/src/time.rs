//! The local time zone, which only the C library knows, and the clock that systemd reads.

use std::mem;

/// Seconds that local time is ahead of UTC at this second (since 1970, UTC); zero where the zone cannot be told.
///
/// It follows `TZ` and `/etc/localtime` and takes a lock of the C library: callers ask once per second at most. The
/// first call reads the zone's file, so make it before `chroot`.
pub fn local_offset(second: i64) -> i32 {
    // SAFETY: `tm` consists of integers and a pointer that may be null; all-zero bytes are valid.
    let mut broken_down: libc::tm = unsafe { mem::zeroed() };
    // SAFETY: both pointers are to locals that live until the call returns; `localtime_r` keeps neither.
    let answer = unsafe { libc::localtime_r(&raw const second, &raw mut broken_down) };
    if answer.is_null() {
        return 0;
    }
    i32::try_from(broken_down.tm_gmtoff).unwrap_or(0)
}

/// Microseconds of `CLOCK_MONOTONIC`, whose beginning other processes of the system share.
pub fn monotonic_micros() -> u64 {
    // SAFETY: `timespec` consists of integers; all-zero bytes are valid.
    let mut now: libc::timespec = unsafe { mem::zeroed() };
    // SAFETY: the pointer is to a local that lives until the call returns, which does not keep it.
    if unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) } != 0 {
        return 0;
    }
    now.tv_sec as u64 * 1_000_000 + now.tv_nsec as u64 / 1000
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_shared_clock_goes_on() {
        let before = super::monotonic_micros();
        assert!(before > 0);
        assert!(super::monotonic_micros() >= before);
    }

    #[test]
    fn zones_are_less_than_a_day_off() {
        assert!(super::local_offset(1_795_227_867).abs() < 86_400);
    }
}
