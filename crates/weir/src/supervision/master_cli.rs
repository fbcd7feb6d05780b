//! The command socket of a master (`-S`, management manual, chapter 9.4).
//!
//! A command goes to the master itself, or to the worker where it begins with `@1` or `@!PID`: then the worker gets one
//! end of a fresh pair of sockets as a session of its own, and its answer is passed on. Clients are waited for together
//! with everything else; what one does not take waits in a buffer of its own, and delays nobody.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use weir_admin::cli::{Next, Registry, Session};
use weir_engine::conf::{CliLevel, SeverityOutput};
use weir_sys::Address;
use weir_sys::accepted::accept;
use weir_sys::listen::{self, ListenSpec};

use super::master_commands::{Master, Status, outcome, registry};
use crate::say::Record;

/// The socket and those who talk to it.
#[derive(Debug)]
pub(crate) struct MasterCli {
    listener: OwnedFd,
    clients: Vec<Client>,
    registry: Registry<Master>,
    master: Master,
}

/// A session that the worker is to take: its end, what its client may do, and the modes that it is in.
#[derive(Debug)]
pub(super) struct Passed {
    pub(super) end: OwnedFd,
    pub(super) level: CliLevel,
    pub(super) experimental: bool,
    pub(super) expert: bool,
}

#[derive(Debug)]
struct Client {
    stream: UnixStream,
    /// Received, and not yet a whole line.
    input: Vec<u8>,
    /// Not taken by the client yet.
    output: Vec<u8>,
    /// The commands of the line that is being answered.
    commands: VecDeque<Vec<u8>>,
    /// The lines that belong to the last of them.
    payload: Vec<u8>,
    session: Session,
    mode: Mode,
    /// Where commands without a prefix go.
    target: Target,
    /// The worker's number.
    worker: Option<i32>,
    doing: Doing,
    ended: bool,
}

/// How a session goes on after a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Single,
    Interactive,
    Prompt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Master,
    Worker,
}

#[derive(Debug)]
enum Doing {
    /// Its next command is to be answered, or read.
    Nothing,
    /// The worker answers.
    Relaying(UnixStream),
    /// A reload is under way.
    Reloading,
    /// Nothing more is answered.
    Over,
}

// === impl MasterCli ===

impl MasterCli {
    /// Listens as the words of `-S` say: an address, then parameters of a bind line.
    ///
    /// # Errors
    /// An alert.
    pub(crate) fn listen(words: &[String], version: String, record: Record) -> Result<Self, String> {
        let (address, parameters) = words.split_first().ok_or("-S: expects an address.")?;
        let plain = address.rsplit_once('@').map_or(address.as_str(), |(_, rest)| rest);
        let address = match (plain.starts_with('/'), plain.replace("*:", "0.0.0.0:").parse()) {
            (true, _) => Address::Unix(plain.into()),
            (false, Ok(inet)) => Address::Inet(inet),
            (false, Err(_)) => return Err(format!("-S: '{address}' is no address to listen on.")),
        };
        let kind = if plain.starts_with('/') { "unix" } else { "ipv4" };
        let shown = format!("{kind}@{plain}");
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
        let master = Master {
            version,
            record,
            status: Default::default(),
            reload: Default::default(),
            address: shown,
        };
        Ok(Self { listener: listening.fd, clients: Vec::new(), registry: registry(), master })
    }

    /// What to wait for: the socket, then the clients, then the answers of the worker.
    pub(super) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let clients = self.clients.iter().map(|client| client.stream.as_fd());
        let relays = self.clients.iter().filter_map(|client| match &client.doing {
            Doing::Relaying(stream) => Some(stream.as_fd()),
            _ => None,
        });
        std::iter::once(self.listener.as_fd()).chain(clients).chain(relays)
    }

    /// How soon somebody is to be looked after though nothing can be read: who has not taken all of its answer.
    pub(super) fn patience(&self) -> Option<Duration> {
        self.clients.iter().any(|client| !client.output.is_empty()).then_some(PACE)
    }

    /// Goes on with everybody. The sessions that the worker is to take, and whether a reload was asked for.
    pub(super) fn serve(&mut self, status: Status) -> (Vec<Passed>, bool) {
        self.master.status.set(status);
        while self.clients.len() < MOST_CLIENTS
            && let Ok((fd, _)) = accept(&self.listener)
        {
            self.clients.push(Client::new(fd.into()));
        }
        let mut passed = Vec::new();
        let Self { clients, registry, master, .. } = self;
        clients.retain_mut(|client| client.turn(registry, master, &mut passed));
        (passed, master.reload.take())
    }

    /// A reload is over: those who asked for it hear how it went.
    pub(super) fn reloaded(&mut self, loaded: bool) {
        let status = Status { loaded, ..self.master.status.get() };
        self.master.status.set(status);
        let text = outcome(&self.master);
        for client in self.clients.iter_mut().filter(|client| matches!(client.doing, Doing::Reloading)) {
            client.output.extend_from_slice(text.as_bytes());
            client.output.push(b'\n');
            // As where the master has executed itself: the connection ends.
            client.doing = Doing::Over;
        }
    }
}

// === impl Client ===

impl Client {
    fn new(stream: UnixStream) -> Self {
        let mut session =
            Session::new(CliLevel::Admin, SeverityOutput::None, Duration::ZERO, (LONGEST, LONGEST));
        session.stay();
        Self {
            stream,
            input: Vec::new(),
            output: Vec::new(),
            commands: VecDeque::new(),
            payload: Vec::new(),
            session,
            mode: Mode::Single,
            target: Target::Master,
            worker: None,
            doing: Doing::Nothing,
            ended: false,
        }
    }

    /// Does what can be done now; whether it stays.
    fn turn(&mut self, registry: &Registry<Master>, master: &Master, passed: &mut Vec<Passed>) -> bool {
        self.worker = master.status.get().worker.map(|(pid, _)| pid);
        self.receive();
        loop {
            match &self.doing {
                Doing::Relaying(_) => {
                    if !self.relay() {
                        break;
                    }
                }
                Doing::Nothing if self.output.len() < MOST_HELD => {
                    if !self.step(registry, master, passed) {
                        break;
                    }
                }
                _ => break,
            }
        }
        self.send() && (!matches!(self.doing, Doing::Over) || !self.output.is_empty())
    }

    fn receive(&mut self) {
        let mut chunk = [0; 4096];
        while !self.ended && self.input.len() <= LONGEST {
            match self.stream.read(&mut chunk) {
                Ok(0) => self.ended = true,
                Ok(count) => self.input.extend(chunk.iter().take(count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => self.ended = true,
            }
        }
    }

    /// Writes what it takes; whether it is still there.
    fn send(&mut self) -> bool {
        while !self.output.is_empty() {
            match self.stream.write(&self.output) {
                Ok(count) => drop(self.output.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(_) => return false,
            }
        }
        true
    }

    /// Passes on what the worker said; whether its answer is complete.
    fn relay(&mut self) -> bool {
        let Doing::Relaying(stream) = &mut self.doing else { return true };
        let mut chunk = [0; 4096];
        while self.output.len() < MOST_HELD {
            match stream.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => self.output.extend(chunk.iter().take(count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                Err(_) => break,
            }
        }
        if self.output.len() >= MOST_HELD {
            return false;
        }
        self.doing = Doing::Nothing;
        self.answered();
        true
    }

    /// Answers the next command, or reads the next line; whether something was done.
    fn step(&mut self, registry: &Registry<Master>, master: &Master, passed: &mut Vec<Passed>) -> bool {
        let Some(command) = self.commands.pop_front() else { return self.read_line() };
        let word = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let text = command.trim_ascii();
        let (prefix, rest) = match text.iter().position(u8::is_ascii_whitespace).map(|at| text.split_at(at)) {
            Some((first, rest)) if first.starts_with(b"@") => (Some(word(first)), rest.trim_ascii_start()),
            None if text.starts_with(b"@") => (Some(word(text)), &[][..]),
            _ => (None, text),
        };
        let target = match prefix.as_deref().map(|prefix| target(prefix, master.status.get())) {
            None => self.target,
            Some(Some(target)) => target,
            Some(None) => {
                let name = prefix.unwrap_or_default();
                let text = format!("Can't find the target PID matching the prefix '{name}'\n");
                self.output.extend_from_slice(text.as_bytes());
                self.doing = Doing::Over;
                return true;
            }
        };
        if rest.is_empty() {
            if prefix.is_some() {
                self.target = target;
            }
            self.answered();
            return true;
        }
        let rest = rest.to_vec();
        match target {
            Target::Worker => self.pass(&rest, passed),
            Target::Master => self.obey(&rest, registry, master),
        }
        true
    }

    /// Gives a command to the worker.
    fn pass(&mut self, command: &[u8], passed: &mut Vec<Passed>) {
        let Ok((here, there)) = UnixStream::pair() else {
            self.doing = Doing::Over;
            return;
        };
        let mut line = command.to_vec();
        line.push(b'\n');
        if self.commands.is_empty() {
            line.append(&mut self.payload);
        }
        // A line and its lines fit into the buffer of a socket, or the session is given up.
        let ready = here.set_nonblocking(true).and_then(|()| there.set_nonblocking(true));
        let sent = ready.and_then(|()| (&here).write_all(&line));
        let _ = here.shutdown(std::net::Shutdown::Write);
        if sent.is_err() {
            self.doing = Doing::Over;
            return;
        }
        let settings = self.session.settings();
        passed.push(Passed {
            end: there.into(),
            level: settings.level,
            experimental: settings.experimental,
            expert: settings.expert,
        });
        self.doing = Doing::Relaying(here);
    }

    /// Does what the master is told.
    fn obey(&mut self, command: &[u8], registry: &Registry<Master>, master: &Master) {
        let mut words = command.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        match words.next() {
            Some(b"quit") => {
                self.commands.clear();
                self.answered();
                self.doing = Doing::Over;
            }
            Some(b"prompt") => {
                self.prompt(words);
                self.answered();
            }
            _ => {
                let before = self.output.len();
                self.session.feed(command);
                self.session.feed(b"\n");
                while !matches!(
                    self.session.next(registry, master, &mut self.output),
                    Next::Input | Next::Close | Next::HandOver
                ) {}
                let silent =
                    command.split(u8::is_ascii_whitespace).next().is_some_and(|w| SILENT.contains(&w));
                if (silent || master.reload.get()) && self.output.get(before..) == Some(b"\n") {
                    self.output.truncate(before);
                }
                if master.reload.get() {
                    self.doing = Doing::Reloading;
                } else {
                    self.answered();
                }
            }
        }
    }

    fn prompt<'a>(&mut self, words: impl Iterator<Item = &'a [u8]>) {
        let mut mode = if self.mode == Mode::Prompt { Mode::Interactive } else { Mode::Prompt };
        for word in words {
            mode = match word {
                b"i" => Mode::Interactive,
                b"p" => Mode::Prompt,
                b"timed" => continue,
                _ => return self.output.extend_from_slice(PROMPT_USAGE),
            };
        }
        self.mode = mode;
    }

    /// A command is answered; with the last of its line the line is.
    fn answered(&mut self) {
        if !self.commands.is_empty() {
            return;
        }
        match self.mode {
            Mode::Single => self.doing = Doing::Over,
            Mode::Interactive => {}
            Mode::Prompt => {
                let name = match (self.target, self.worker) {
                    (Target::Worker, Some(pid)) => pid.to_string(),
                    _ => "master".to_owned(),
                };
                self.output.extend_from_slice(format!("{name}> ").as_bytes());
            }
        }
    }

    /// Takes the next line apart; whether there was one.
    fn read_line(&mut self) -> bool {
        let whole = self.input.iter().position(|&byte| byte == b'\n');
        let end = match whole {
            Some(at) => at,
            None if self.ended && !self.input.is_empty() => self.input.len(),
            None => {
                if self.ended || self.input.len() > LONGEST {
                    self.doing = Doing::Over;
                }
                return false;
            }
        };
        let line = self.input.get(..end).unwrap_or_default().to_vec();
        let after = (end + 1).min(self.input.len());
        if announces_payload(&line) {
            let Some(length) = payload(self.input.get(after..).unwrap_or_default(), self.ended) else {
                return false;
            };
            self.payload = self.input.get(after..after + length).unwrap_or_default().to_vec();
            self.input.drain(..after + length);
        } else {
            self.input.drain(..after);
        }
        self.commands = split(&line).into();
        true
    }
}

/// Which process a prefix means.
fn target(prefix: &str, status: Status) -> Option<Target> {
    let worker = status.worker.map(|(pid, _)| pid);
    match prefix {
        "@" | "@0" | "@master" => Some(Target::Master),
        "@1" => worker.map(|_| Target::Worker),
        _ => {
            let pid = prefix.strip_prefix("@!")?.parse().ok()?;
            (worker == Some(pid)).then_some(Target::Worker)
        }
    }
}

/// A line at each `;` that no `\` stands before.
fn split(line: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    let mut escaped = false;
    for &byte in line {
        if byte == b';' && !escaped {
            all.push(Vec::new());
            continue;
        }
        escaped = byte == b'\\' && !escaped;
        if let Some(last) = all.last_mut() {
            last.push(byte);
        }
    }
    all
}

fn announces_payload(line: &[u8]) -> bool {
    line.trim_ascii_end().rsplit(u8::is_ascii_whitespace).next().is_some_and(|word| word.starts_with(b"<<"))
}

/// The length of a payload that an empty line ends, that line included.
fn payload(input: &[u8], ended: bool) -> Option<usize> {
    if input.starts_with(b"\n") {
        return Some(1);
    }
    let end = input.windows(2).position(|pair| pair == b"\n\n").map(|at| at + 2);
    end.or(ended.then_some(input.len()))
}

const PROMPT_USAGE: &[u8] = b"Usage: prompt [help | i | p | timed]*
Changes the default prompt and interactive mode. Available options:
  help    display this help
  i       set to interactive mode only (no prompt, multi-command)
  p       set to prompt+interactive mode (prompt + multi-command)
  timed   toggle displaying the current date in the prompt
Without any argument, toggles between i<->p.

";

/// What says nothing where it is obeyed.
const SILENT: &[&[u8]] = &[b"user", b"operator", b"expert-mode", b"experimental-mode", b"mcli-debug-mode"];

/// A line that is longer is nobody's command.
const LONGEST: usize = 64 * 1024;
/// How much of an answer is held for a client that does not read.
const MOST_HELD: usize = 64 * 1024;
const MOST_CLIENTS: usize = 10;
const PACE: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_names_the_master_or_its_worker() {
        let status = Status { worker: Some((77, Duration::ZERO)), ..Status::default() };
        for (prefix, wanted) in [
            ("@master", Some(Target::Master)),
            ("@", Some(Target::Master)),
            ("@0", Some(Target::Master)),
            ("@1", Some(Target::Worker)),
            ("@!77", Some(Target::Worker)),
            ("@!78", None),
            ("@2", None),
            ("@x", None),
        ] {
            assert_eq!(target(prefix, status), wanted, "{prefix}");
        }
        assert_eq!(target("@1", Status::default()), None);
    }

    #[test]
    fn lines_are_split_at_semicolons_that_are_not_escaped() {
        let shown = |line: &str| -> Vec<String> {
            split(line.as_bytes()).into_iter().map(|c| String::from_utf8(c).unwrap()).collect()
        };
        assert_eq!(shown("a; b"), ["a", " b"]);
        assert_eq!(shown(r"a\;b;c"), [r"a\;b", "c"]);
        assert_eq!(shown(""), [""]);
    }

    #[test]
    fn a_payload_ends_with_an_empty_line_or_with_the_client() {
        assert!(announces_payload(b"@1 add map x <<"));
        assert!(!announces_payload(b"echo a<<b c"));
        for (input, ended, wanted) in [
            ("a b\n\nrest", false, Some(5)),
            ("a b\n", false, None),
            ("a b\n", true, Some(4)),
            ("\n", false, Some(1)),
        ] {
            assert_eq!(payload(input.as_bytes(), ended), wanted, "{input:?}");
        }
    }
}
