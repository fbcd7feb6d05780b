//! The master's own commands (management manual, 9.4): they speak about the two processes and nothing else.

use std::cell::Cell;
use std::fmt::Write as _;
use std::time::Duration;

use weir_admin::cli::{self, Call, CommandKeyword, Outcome, Registry, Severity, Shown, command};
use weir_engine::conf::CliLevel::{Admin, Operator, User};

use crate::say::Record;

/// What the commands speak about.
#[derive(Debug)]
pub(super) struct Master {
    /// The version that it tells of.
    pub(super) version: String,
    /// What was said while the configuration was loaded.
    pub(super) record: Record,
    /// Of this turn.
    pub(super) status: Cell<Status>,
    /// A reload was asked for.
    pub(super) reload: Cell<bool>,
}

/// What `show proc` shows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Status {
    /// The worker and how long it has lived; absent between two.
    pub(super) worker: Option<(i32, Duration)>,
    /// How long the master has lived.
    pub(super) uptime: Duration,
    /// Reloads that were asked for, and those of them that failed.
    pub(super) reloads: (u32, u32),
    /// Whether the configuration that was loaded last is the one that runs.
    pub(super) loaded: bool,
}

/// All commands of the master's socket.
pub(super) fn registry() -> Registry<Master> {
    const ELSEWHERE: &[&str] = &["set severity-output", "set timeout", "wait"];
    let (mut among, last) = cli::standard();
    among.retain(|command| !ELSEWHERE.contains(&command.entry.name));
    Registry::new(vec![among, table()], last)
}

/// A line `class<TAB>name<TAB>state` for each of the commands.
pub(crate) fn listing() -> Vec<String> {
    registry().commands().iter().map(weir_config::Keyword::listing).collect()
}

fn table() -> Vec<CommandKeyword<Master>> {
    let hidden = |command| Shown::Never.of(command);
    vec![
        command("@!<pid>", "", User, "send a command to the <pid> process", nothing),
        command("@<relative pid>", "", User, "send a command to the <relative pid> process", nothing),
        command("@master", "", User, "send a command to the master process", nothing),
        hidden(command("_loadstatus", "", User, "tell whether the last load worked", |call| {
            call.out.extend_from_slice(outcome(call.world).as_bytes());
            Outcome::Done
        })),
        command("hard-reload", "", Operator, "achieve a hard-reload (-st) of haproxy", reload),
        // What a master says to the one that it was before; here it stays the same.
        hidden(command("_send_status", "", User, "tell the master that a worker serves", nothing)),
        hidden(command("mcli-debug-mode", "", Admin, "let the master have a worker's commands", nothing)),
        command("reload", "", Operator, "achieve a soft-reload (-sf) of haproxy", reload),
        command("show cli sockets", "", User, "dump list of cli sockets", nothing),
        command(
            "show env",
            "[var]",
            Operator,
            "dump environment variables known to the process",
            environment,
        ),
        command("show proc", "", Operator, "show processes status", |call| {
            let debug = call.arg(0) == "debug";
            if call.has(0) && !debug {
                return call.fail("'show proc' only supports 'debug' as argument");
            }
            call.out
                .extend_from_slice(processes(call.world.status.get(), &call.world.version, debug).as_bytes());
            Outcome::Done
        }),
        command("show startup-logs", "", User, "report logs emitted during HAProxy startup", |call| {
            call.out.extend_from_slice(&call.world.record.text());
            Outcome::Done
        }),
        command("show version", "", User, "show version of the current process", |call| {
            let version = call.world.version.clone();
            call.tell(Severity::Info, version)
        }),
    ]
}

/// How the last load went: what `reload` answers once it is over.
pub(super) fn outcome(master: &Master) -> String {
    let text = String::from_utf8_lossy(&master.record.text()).into_owned();
    format!("Success={}\n--\n{text}", u8::from(master.status.get().loaded))
}

// === impl Master ===

impl cli::World for Master {
    fn uptime(&self) -> Duration {
        self.status.get().uptime
    }
}

fn nothing(_: &mut Call<'_, Master>) -> Outcome {
    Outcome::Done
}

fn reload(call: &mut Call<'_, Master>) -> Outcome {
    call.world.reload.set(true);
    Outcome::Done
}

fn environment(call: &mut Call<'_, Master>) -> Outcome {
    if !call.has(0) {
        for (name, value) in std::env::vars_os() {
            call.say(format!("{}={}", name.to_string_lossy(), value.to_string_lossy()));
        }
        return Outcome::Done;
    }
    let name = call.arg(0).into_owned();
    match std::env::var_os(&name) {
        Some(value) => call.say(format!("{name}={}", value.to_string_lossy())),
        None => call.fail("Variable not found"),
    }
}

fn processes(status: Status, version: &str, debug: bool) -> String {
    let mut out = String::new();
    let mut row = |cells: [&str; 5], ends: [&str; 2]| {
        let [pid, kind, reloads, uptime, version] = cells;
        let _ = write!(out, "{pid:<15} {kind:<15} {reloads:<15} {uptime:<15} {version:<15}");
        if debug {
            let _ = write!(out, "\t\t {:<15} {:<15}", ends[0], ends[1]);
        }
        out.push('\n');
    };
    row(["#<PID>", "<type>", "<reloads>", "<uptime>", "<version>"], ["<ipc_fd[0]>", "<ipc_fd[1]>"]);
    let pid = std::process::id().to_string();
    let (asked, failed) = status.reloads;
    let reloads = format!("{asked} [failed: {failed}]");
    row([&pid, "master", &reloads, &clock(status.uptime), version], ["-1", "-1"]);
    out.push_str("# workers\n");
    if let Some((pid, uptime)) = status.worker {
        let mut line = String::new();
        let cells = [&pid.to_string(), "worker", "0", &clock(uptime), version];
        let [pid, kind, reloads, uptime, version] = cells;
        let _ = write!(line, "{pid:<15} {kind:<15} {reloads:<15} {uptime:<15} {version:<15}");
        if debug {
            let _ = write!(line, "\t\t {:<15} {:<15}", "-1", "-1");
        }
        out.push_str(&line);
        out.push('\n');
    }
    out
}

/// `0d00h00m01s`
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    format!("{days}d{hours:02}h{minutes:02}m{:02}s", seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_are_shown_in_the_columns_of_the_reference() {
        let status = Status {
            worker: Some((7, Duration::from_secs(90_061))),
            uptime: Duration::from_secs(1),
            reloads: (2, 1),
            loaded: true,
        };
        let shown = processes(status, "3.4.7", false);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(
            lines[0],
            "#<PID>          <type>          <reloads>       <uptime>        <version>      "
        );
        assert!(
            lines[1].ends_with("master          2 [failed: 1]   0d00h00m01s     3.4.7          "),
            "{}",
            lines[1]
        );
        assert_eq!(
            lines[3],
            "7               worker          0               1d01h01m01s     3.4.7          "
        );
    }
}
