//! Fitting connections and descriptors to each other (`maxconn`, `ulimit-n`, `fd-hard-limit`, `-m`).
//!
//! A connection takes two descriptors, one to each side. Where the system gives fewer than `maxconn` needs, `maxconn`
//! is lowered and a notice says so: a load balancer that serves less is better than one that does not start.

use std::io;

use weir_engine::conf::Global;
use weir_sys::limits::{self, Limit};

/// What a configuration needs besides connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needs {
    /// Listening sockets.
    pub(crate) sockets: u64,
    /// Servers that are checked.
    pub(crate) checks: u64,
    /// Workers.
    pub(crate) threads: u64,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fit {
    /// The most connections of the process.
    pub(crate) maxconn: u32,
    /// How many descriptors the process needs for them.
    pub(crate) files: u64,
    /// What to say about it.
    pub(crate) notice: Option<String>,
}

/// Decides, and sets the limit of descriptors.
pub(crate) fn apply(global: &Global, needs: Needs) -> io::Result<Fit> {
    let limit = limits::descriptors();
    let fit = fit(global, needs, limit);
    let hard = limit.hard.map_or(fit.files, |hard| hard.max(fit.files));
    if limits::set_descriptors(Limit { soft: Some(fit.files), hard: Some(hard) }).is_ok() {
        return Ok(fit);
    }
    let within = self::fit_within(global, needs, limit.hard.unwrap_or(MOST));
    limits::set_descriptors(Limit { soft: Some(within.files), hard: limit.hard })?;
    Ok(within)
}

/// What `global` asks for, where the limit can be raised to it.
pub(crate) fn fit(global: &Global, needs: Needs, limit: Limit) -> Fit {
    let Some(maxconn) = global.maxconn else {
        return fit_within(global, needs, limit.hard.unwrap_or(MOST).min(MOST));
    };
    let files = global.ulimit_n.unwrap_or(0).max(u64::from(maxconn) * 2 + overhead(needs));
    match global.fd_hard_limit.filter(|most| files > *most) {
        Some(most) => fit_within(global, needs, most),
        None => Fit { maxconn, files: files.max(limit.soft.unwrap_or(files)), notice: None },
    }
}

/// The most that so many descriptors allow.
fn fit_within(global: &Global, needs: Needs, most: u64) -> Fit {
    let most = global.fd_hard_limit.map_or(most, |limit| limit.min(most));
    let files = global.ulimit_n.map_or(most, |wanted| wanted.min(most));
    let possible = files.saturating_sub(overhead(needs)) / 2;
    let possible = u32::try_from(possible).unwrap_or(u32::MAX).max(1);
    let (maxconn, notice) = match global.maxconn {
        None => (possible, format!("Automatically setting global.maxconn to {possible}.")),
        Some(wanted) if wanted <= possible => return Fit { maxconn: wanted, files, notice: None },
        Some(wanted) => {
            let needed = u64::from(wanted) * 2 + overhead(needs);
            let text = format!(
                "Lowering global.maxconn from {wanted} to {possible}: it needs {needed} file descriptors and {files} \
                 are allowed. Raise 'ulimit -n' (or LimitNOFILE= of the service) to get more."
            );
            (possible, text)
        }
    };
    Fit { maxconn, files, notice: Some(notice) }
}

fn overhead(needs: Needs) -> u64 {
    FIXED + needs.sockets + needs.checks + needs.threads * PER_THREAD
}

/// Standard streams, log targets, the channel to the supervisor, the runtime API.
const FIXED: u64 = 16;
/// Poller, waker and timer of a worker.
const PER_THREAD: u64 = 4;
/// Enough for anybody, where the system sets no limit; the reference stops there too.
const MOST: u64 = 1_048_576;

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDS: Needs = Needs { sockets: 2, checks: 1, threads: 2 };

    fn limit(soft: u64, hard: u64) -> Limit {
        Limit { soft: Some(soft), hard: Some(hard) }
    }

    #[test]
    fn connections_and_descriptors_fit_each_other() {
        let unlimited = Limit { soft: Some(1024), hard: None };
        // maxconn, ulimit-n, fd-hard-limit, limit; connections, descriptors, whether something is said
        let cases = [
            (None, None, None, limit(1024, 20_000), 9986, 20_000, true),
            (None, None, Some(1000), limit(1024, 20_000), 486, 1000, true),
            (None, None, None, unlimited, 524_274, 1_048_576, true),
            (None, Some(500), None, limit(1024, 20_000), 236, 500, true),
            (Some(1000), None, None, limit(1024, 20_000), 1000, 2027, false),
            (Some(100), None, None, limit(1024, 20_000), 100, 1024, false),
            (Some(100), Some(5000), None, limit(1024, 20_000), 100, 5000, false),
            (Some(1000), None, Some(1000), limit(1024, 20_000), 486, 1000, true),
        ];
        for (maxconn, ulimit_n, fd_hard_limit, limit, connections, files, said) in cases {
            let global = Global { maxconn, ulimit_n, fd_hard_limit, ..Global::default() };
            let fit = fit(&global, NEEDS, limit);
            assert_eq!(
                (fit.maxconn, fit.files, fit.notice.is_some()),
                (connections, files, said),
                "{maxconn:?} {ulimit_n:?} {fd_hard_limit:?} {limit:?}"
            );
        }
    }

    #[test]
    fn a_limit_that_cannot_be_raised_lowers_maxconn_with_a_notice() {
        let global = Global { maxconn: Some(2_000_000), ..Global::default() };
        let fit = fit_within(&global, NEEDS, 20_000);
        assert_eq!(fit.maxconn, 9986);
        assert!(fit.notice.unwrap().starts_with("Lowering global.maxconn from 2000000 to 9986"));
    }
}
