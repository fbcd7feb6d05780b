//! The command socket of a master (`-S`, management manual, chapter 9.4).
//!
//! A line of commands, parted by `;`, gets its answers and the end of the connection. Clients are waited for together
//! with everything else: a slow one delays nobody.

use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use weir_sys::Address;
use weir_sys::accepted::accept;
use weir_sys::listen::{self, ListenSpec};

/// The socket and those who talk to it.
#[derive(Debug)]
pub(crate) struct MasterCli {
    listener: OwnedFd,
    clients: Vec<Client>,
    version: String,
}

#[derive(Debug)]
struct Client {
    stream: UnixStream,
    line: Vec<u8>,
}

/// What `show proc` shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Status {
    /// The worker and how long it has lived; absent between two.
    pub(super) worker: Option<(i32, Duration)>,
    /// How long the master has lived.
    pub(super) uptime: Duration,
    /// Reloads that were asked for, and those of them that failed.
    pub(super) reloads: (u32, u32),
}

// === impl MasterCli ===

impl MasterCli {
    /// Listens as the words of `-S` say: an address, then parameters of a bind line.
    ///
    /// # Errors
    /// An alert.
    pub(crate) fn listen(words: &[String], version: String) -> Result<Self, String> {
        let (address, parameters) = words.split_first().ok_or("-S: expects an address.")?;
        let plain = address.rsplit_once('@').map_or(address.as_str(), |(_, rest)| rest);
        let address = match (plain.starts_with('/'), plain.replace("*:", "0.0.0.0:").parse()) {
            (true, _) => Address::Unix(plain.into()),
            (false, Ok(inet)) => Address::Inet(inet),
            (false, Err(_)) => return Err(format!("-S: '{address}' is no address to listen on.")),
        };
        let mut spec = ListenSpec::new(address);
        let mut parameters = parameters.iter();
        while let Some(name) = parameters.next() {
            let value = parameters.next().map(String::as_str).unwrap_or_default();
            match name.as_str() {
                "mode" => spec.ownership.mode = u32::from_str_radix(value, 8).ok(),
                "uid" => spec.ownership.uid = value.parse().ok(),
                "gid" => spec.ownership.gid = value.parse().ok(),
                "level" if value == "admin" => {}
                _ => return Err(format!("-S: parameter '{name}' is not known here.")),
            }
        }
        let listening = listen::listen(&spec).map_err(|error| format!("-S: {error} for [{plain}]."))?;
        Ok(Self { listener: listening.fd, clients: Vec::new(), version })
    }

    /// What to wait for: the socket, then the clients.
    pub(super) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        std::iter::once(self.listener.as_fd()).chain(self.clients.iter().map(|client| client.stream.as_fd()))
    }

    /// Deals with those that can be read; true where a reload was asked for. `ready` is in the order of [`fds`].
    ///
    /// [`fds`]: Self::fds
    pub(super) fn serve(&mut self, ready: &[bool], status: Status) -> bool {
        let (mut reload, version) = (false, self.version.clone());
        let mut at = 0;
        self.clients.retain_mut(|client| {
            at += 1;
            if ready.get(at) != Some(&true) {
                return true;
            }
            let Some(line) = client.line() else { return client.line.len() < LONGEST };
            for command in line.split(';').map(str::trim).filter(|command| !command.is_empty()) {
                reload |= command == "reload" || command == "hard-reload";
                // A client that does not read loses its answer.
                let _ = client.stream.write_all(answer(command, status, &version).as_bytes());
            }
            false
        });
        if ready.first() == Some(&true)
            && let Ok((fd, _)) = accept(&self.listener)
            && self.clients.len() < MOST_CLIENTS
        {
            self.clients.push(Client { stream: fd.into(), line: Vec::new() });
        }
        reload
    }
}

// === impl Client ===

impl Client {
    /// The line, once it is whole; the end of what a client sends ends its line.
    fn line(&mut self) -> Option<String> {
        let mut chunk = [0; 512];
        let count = match self.stream.read(&mut chunk) {
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return None,
            Err(_) => 0,
        };
        self.line.extend(chunk.iter().take(count));
        let whole = count == 0 || self.line.contains(&b'\n');
        whole.then(|| {
            let line = String::from_utf8_lossy(&self.line).into_owned();
            line.lines().next().unwrap_or_default().to_owned()
        })
    }
}

fn answer(command: &str, status: Status, version: &str) -> String {
    let words: Vec<&str> = command.split_ascii_whitespace().collect();
    match words.as_slice() {
        ["show", "proc"] => processes(status, version),
        ["show", "version"] => format!("{version}\n\n"),
        ["reload" | "hard-reload"] => "Success=1\n--\nReloading the configuration.\n\n".to_owned(),
        ["quit"] => String::new(),
        ["help", ..] => HELP.to_owned(),
        [target, ..] if target.starts_with('@') => {
            format!("Can't find the target PID matching the prefix '{target}'\n\n")
        }
        _ => format!("Unknown command: '{command}'. {HELP}"),
    }
}

fn processes(status: Status, version: &str) -> String {
    let row = |cells: [&str; 5]| {
        let [pid, kind, reloads, uptime, version] = cells;
        format!("{pid:<15} {kind:<15} {reloads:<15} {uptime:<15} {version:<15}\n")
    };
    let mut out = row(["#<PID>", "<type>", "<reloads>", "<uptime>", "<version>"]);
    let pid = std::process::id().to_string();
    let (asked, failed) = status.reloads;
    let reloads = format!("{asked} [failed: {failed}]");
    out.push_str(&row([&pid, "master", &reloads, &clock(status.uptime), version]));
    out.push_str("# workers\n");
    if let Some((pid, uptime)) = status.worker {
        out.push_str(&row([&pid.to_string(), "worker", "0", &clock(uptime), version]));
    }
    out.push('\n');
    out
}

/// `0d00h00m01s`
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    format!("{days}d{hours:02}h{minutes:02}m{:02}s", seconds % 60)
}

const HELP: &str = "The following commands are valid at this level:
  help         : list the commands
  reload       : load the configuration anew
  show proc    : show the master and its worker
  show version : show the version
  quit         : disconnect

";

/// A line that is longer is nobody's command.
const LONGEST: usize = 4096;
const MOST_CLIENTS: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: Status = Status {
        worker: Some((7, Duration::from_secs(90_061))),
        uptime: Duration::from_secs(1),
        reloads: (2, 1),
    };

    #[test]
    fn processes_are_shown_in_the_columns_of_the_reference() {
        let shown = processes(STATUS, "3.4.7");
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

    #[test]
    fn a_command_gets_its_answer() {
        for (command, start) in [
            ("show version", "3.4.7\n\n"),
            ("help", "The following commands"),
            ("@!1 show info", "Can't find the target PID matching the prefix '@!1'"),
            ("bogus", "Unknown command: 'bogus'"),
        ] {
            assert!(answer(command, STATUS, "3.4.7").starts_with(start), "{command}");
        }
    }
}
