//! Fitting connections and descriptors to each other (`maxconn`, `ulimit-n`, `fd-hard-limit`, `-m`).
//!
//! A connection takes two descriptors, one to each side. Where the system does not give what the configuration asks
//! for, the program does not start; with `no strict-limits`, or where only our own needs are not met, `maxconn` is
//! lowered and a notice says so.

use std::sync::atomic::Ordering::Relaxed;

use weir_engine::conf::{Conf, Global};
use weir_engine::runtime::Runtime;
use weir_sys::limits::{self, Limit};

/// What a configuration needs besides connections.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Needs {
    /// Addresses that are listened on.
    pub(crate) listeners: u64,
    /// Sockets for them: each worker may have its own.
    pub(crate) sockets: u64,
    /// Checks of servers, and agents, which count twice.
    pub(crate) checks: u64,
    /// Workers.
    pub(crate) threads: u64,
    /// Pipes, which have two ends.
    pub(crate) pipes: u64,
    /// Sessions of the runtime API.
    pub(crate) admin: u64,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fit {
    /// The most connections of the process.
    pub(crate) maxconn: u32,
    /// How many sockets they and all else make (`Maxsock` of `show info`).
    pub(crate) sockets: u64,
    /// How many descriptors the process asks for (`Ulimit-n`).
    pub(crate) files: u64,
    /// What to say about it.
    pub(crate) notice: Option<String>,
}

// === impl Fit ===

impl Fit {
    /// Lets the process have as many connections and sockets.
    pub(crate) fn allow(&self, runtime: &Runtime) {
        let process = &runtime.process;
        process.maxconn.store(self.maxconn, Relaxed);
        process.hard_maxconn.store(self.maxconn, Relaxed);
        process.maxsock.store(self.sockets, Relaxed);
        process.room.freed.notify_waiters();
    }
}

/// Decides, and sets the limit of descriptors; why the program may not start.
pub(crate) fn apply(global: &Global, needs: Needs) -> Result<Fit, String> {
    let limit = limits::descriptors();
    let fit = fit(global, needs, limit);
    let soft = fit.files.max(limit.soft.unwrap_or(fit.files));
    let hard = limit.hard.map_or(soft, |hard| hard.max(soft));
    if limits::set_descriptors(Limit { soft: Some(soft), hard: Some(hard) }).is_ok() {
        return Ok(fit);
    }
    let most = limit.hard.unwrap_or(MOST);
    if global.strict_limits && asked(global) > most {
        return Err(refusal(fit.files, limit, needs));
    }
    limits::set_descriptors(Limit { soft: Some(most), hard: limit.hard })
        .map_err(|e| format!("Cannot set the limit of file descriptors: {e}."))?;
    Ok(fit_within(global, needs, most))
}

/// The descriptors that the configuration cannot do without, whatever the program itself needs.
fn asked(global: &Global) -> u64 {
    global.ulimit_n.unwrap_or(0).max(global.maxconn.map_or(0, |n| u64::from(n) * 2))
}

/// The refusal to start with fewer than `files` descriptors (manual, 3.1 "strict-limits").
fn refusal(files: u64, limit: Limit, needs: Needs) -> String {
    let shown = |limit: Option<u64>| limit.map_or("unlimited".to_owned(), |n| n.to_string());
    let possible = limit.hard.unwrap_or(MOST).saturating_sub(needs.overhead()) / 2;
    format!(
        "Cannot raise FD limit to {files}, current limit is {} and hard limit is {}. Leave out 'maxconn' \
         and 'ulimit-n' to have them fit the limit, set 'maxconn' to at most {possible}, raise the limit \
         (LimitNOFILE= of the service), or start with what there is by 'no strict-limits'.",
        shown(limit.soft),
        shown(limit.hard),
    )
}

/// What `global` asks for, where the limit can be raised to it.
pub(crate) fn fit(global: &Global, needs: Needs, limit: Limit) -> Fit {
    let Some(maxconn) = global.maxconn else {
        return fit_within(global, needs, limit.hard.unwrap_or(MOST).min(MOST));
    };
    let sockets = u64::from(maxconn) * 2 + needs.overhead();
    let files = global.ulimit_n.unwrap_or(sockets);
    match global.fd_hard_limit.filter(|most| files > *most) {
        Some(most) => fit_within(global, needs, most),
        None => Fit { maxconn, sockets, files, notice: None },
    }
}

/// The most that so many descriptors allow.
fn fit_within(global: &Global, needs: Needs, most: u64) -> Fit {
    let most = global.fd_hard_limit.map_or(most, |limit| limit.min(most));
    let possible = most.saturating_sub(needs.overhead()) / 2;
    let possible = u32::try_from(possible).unwrap_or(u32::MAX).max(1);
    let maxconn = global.maxconn.map_or(possible, |wanted| wanted.min(possible));
    let sockets = u64::from(maxconn) * 2 + needs.overhead();
    let notice = match global.maxconn {
        None => Some(format!("Automatically setting global.maxconn to {possible}.")),
        Some(wanted) if wanted <= possible => None,
        Some(wanted) => {
            let needed = u64::from(wanted) * 2 + needs.overhead();
            Some(format!(
                "Lowering global.maxconn from {wanted} to {possible}: it needs {needed} file descriptors and {most} \
                 are allowed. Raise 'ulimit -n' (or LimitNOFILE= of the service) to get more."
            ))
        }
    };
    Fit { maxconn, sockets, files: global.ulimit_n.unwrap_or(sockets), notice }
}

// === impl Needs ===

impl Needs {
    /// What `conf` needs with so many workers and sockets.
    pub(crate) fn of(conf: &Conf, threads: u16, listeners: u64, sockets: u64) -> Self {
        let servers = conf.proxies.iter().flat_map(|proxy| &proxy.servers);
        let checks = servers.map(|s| u64::from(s.check.is_some()) + 2 * u64::from(s.agent.is_some())).sum();
        let admin = match conf.global.stats_sockets.is_empty() {
            true => 0,
            false => conf.global.stats_maxconn.unwrap_or(ADMIN_SESSIONS).into(),
        };
        let pipes = conf.global.max_pipes.unwrap_or(0).into();
        Self { listeners, sockets, checks, threads: threads.into(), pipes, admin }
    }

    /// Descriptors beside those of connections: as many as the reference counts, or more where we need more.
    fn overhead(self) -> u64 {
        let common = self.checks + self.pipes * 2 + self.admin;
        let reference = 10 + self.listeners + self.threads * 3;
        let ours = FIXED + self.sockets + self.threads * PER_THREAD;
        common + reference.max(ours)
    }
}

/// Standard streams, log targets, the channel to the supervisor.
const FIXED: u64 = 8;
/// Poller, waker and timer of a worker.
const PER_THREAD: u64 = 3;
/// Sessions of the runtime API where `stats maxconn` does not say.
const ADMIN_SESSIONS: u32 = 10;
/// Enough for anybody, where the system sets no limit; the reference stops there too.
const MOST: u64 = 1_048_576;

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDS: Needs = Needs { listeners: 2, sockets: 2, checks: 4, threads: 1, pipes: 0, admin: 10 };

    fn limit(soft: u64, hard: u64) -> Limit {
        Limit { soft: Some(soft), hard: Some(hard) }
    }

    /// All figures are those that the reference shows.
    #[test]
    fn connections_and_descriptors_fit_each_other() {
        // maxconn, ulimit-n, fd-hard-limit, hard limit; connections, sockets, descriptors
        let cases = [
            (None, None, None, 20_000, 9985, 19_999, 19_999),
            (None, None, Some(1000), 20_000, 485, 999, 999),
            (None, Some(1000), None, 20_000, 9985, 19_999, 1000),
            (Some(100), None, None, 20_000, 100, 229, 229),
            (Some(100), Some(100), None, 20_000, 100, 229, 100),
            (Some(100), Some(5000), None, 20_000, 100, 229, 5000),
            (Some(100), None, Some(400), 20_000, 100, 229, 229),
        ];
        for (maxconn, ulimit_n, fd_hard_limit, hard, connections, sockets, files) in cases {
            let global = Global { maxconn, ulimit_n, fd_hard_limit, ..Global::default() };
            let fit = fit(&global, NEEDS, limit(1024, hard));
            assert_eq!(
                (fit.maxconn, fit.sockets, fit.files),
                (connections, sockets, files),
                "{maxconn:?} {ulimit_n:?} {fd_hard_limit:?}"
            );
        }
    }

    #[test]
    fn only_what_the_configuration_asks_for_keeps_it_from_starting() {
        // maxconn, ulimit-n; the descriptors that have to be
        let cases =
            [(None, None, 0), (Some(300), None, 600), (Some(300), Some(500), 600), (None, Some(500), 500)];
        for (maxconn, ulimit_n, files) in cases {
            assert_eq!(asked(&Global { maxconn, ulimit_n, ..Global::default() }), files);
        }
    }

    #[test]
    fn a_limit_that_cannot_be_raised_lowers_maxconn_with_a_notice() {
        let global = Global { maxconn: Some(2_000_000), ..Global::default() };
        let fit = fit_within(&global, NEEDS, 20_000);
        assert_eq!(fit.maxconn, 9985);
        assert!(fit.notice.unwrap().starts_with("Lowering global.maxconn from 2000000 to 9985"));
    }
}
