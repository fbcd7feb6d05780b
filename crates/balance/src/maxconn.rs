//! The `maxconn` of the moment (manual "4.2" `fullconn`, "5.2" `minconn`).

/// The limit of a server while its backend holds `sessions`: from `minconn` at rest to `maxconn`
/// at `fullconn`. 0 stands for no limit; a `minconn` of 0 or above `maxconn` is none.
pub fn dynamic(minconn: u32, maxconn: u32, fullconn: u32, sessions: u32) -> u32 {
    if minconn == 0 || maxconn == 0 || minconn >= maxconn || fullconn == 0 || sessions >= fullconn {
        return maxconn;
    }
    let share = u64::from(maxconn) * u64::from(sessions) / u64::from(fullconn);
    u32::try_from(share).unwrap_or(maxconn).max(minconn)
}

/// `fullconn` where it is not given: a tenth of the `maxconn`s of the frontends that may send
/// here, rounded up.
pub fn default_fullconn(frontends: impl Iterator<Item = u32>) -> u32 {
    let sum: u64 = frontends.map(u64::from).sum();
    u32::try_from(sum.div_ceil(10)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_climbs_from_minconn_to_maxconn_with_the_backend() {
        let seen = [0, 1, 500, 1000, 5000, 9999, 10_000, 20_000]
            .map(|sessions| dynamic(100, 1000, 10_000, sessions));
        assert_eq!(seen, [100, 100, 100, 100, 500, 999, 1000, 1000]);
        assert_eq!(dynamic(0, 1000, 10_000, 1), 1000);
        assert_eq!(dynamic(100, 0, 10_000, 1), 0);
        assert_eq!(default_fullconn([2000, 5].into_iter()), 201);
    }
}
