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

use weir_admin::cli::{Modes, Next, Registry, Session};
use weir_engine::conf::{CliLevel, SeverityOutput};
use weir_sys::Address;
use weir_sys::accepted::accept;
use weir_sys::listen::{self, ListenSpec};

use super::master_commands::{Master, Status, outcome, registry};
use super::master_line::{self, Target, prefixed, target};
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
    /// Whether the prompt shows the master's age.
    timed: bool,
    uptime: Duration,
    /// `mcli-debug-mode`, which the prompt shows.
    debugs: bool,
    /// The last reload failed, which the prompt shows.
    failed: bool,
    /// Where commands without a prefix go.
    target: Target,
    /// The worker's number.
    worker: Option<i32>,
    doing: Doing,
    ended: bool,
}

/// What a session says between lines. It goes on until its client leaves, either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Interactive,
    Prompt,
}

#[derive(Debug)]
enum Doing {
    /// Its next command is to be answered, or read.
    Nothing,
    /// The worker answers.
    Relaying(UnixStream),
    /// The worker has the client for itself (`@@1`); whether it said anything, and whether it knows of the client's end.
    Inside { stream: UnixStream, spoken: bool, closed: bool },
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
        let master = Master { version, record, status: Default::default(), reload: Default::default() };
        Ok(Self { listener: listening.fd, clients: Vec::new(), registry: registry(), master })
    }

    /// What to wait for: the socket, then the clients, then the answers of the worker.
    pub(super) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let hears = |client: &&Client| !client.ended && client.input.len() <= LONGEST;
        let clients = self.clients.iter().filter(hears).map(|client| client.stream.as_fd());
        let relays = self.clients.iter().filter_map(|client| match &client.doing {
            Doing::Relaying(stream) | Doing::Inside { stream, .. } => Some(stream.as_fd()),
            _ => None,
        });
        std::iter::once(self.listener.as_fd()).chain(clients).chain(relays)
    }

    /// How soon somebody is to be looked after though nothing can be read: who has not taken all of its answer, and for
    /// whom the worker has not taken all of what it says.
    pub(super) fn patience(&self) -> Option<Duration> {
        let waits = |client: &Client| {
            !client.output.is_empty()
                || (matches!(client.doing, Doing::Inside { .. }) && !client.input.is_empty())
        };
        self.clients.iter().any(waits).then_some(PACE)
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
            mode: Mode::Interactive,
            timed: false,
            uptime: Duration::ZERO,
            debugs: false,
            failed: false,
            target: Target::Master,
            worker: None,
            doing: Doing::Nothing,
            ended: false,
        }
    }

    /// Does what can be done now; whether it stays.
    fn turn(&mut self, registry: &Registry<Master>, master: &Master, passed: &mut Vec<Passed>) -> bool {
        let status = master.status.get();
        self.worker = status.worker.map(|(pid, _)| pid);
        (self.uptime, self.failed) = (status.uptime, !status.loaded);
        self.receive();
        loop {
            match &self.doing {
                Doing::Relaying(_) => {
                    if !self.relay() {
                        break;
                    }
                }
                Doing::Inside { .. } => {
                    if !self.converse() {
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
        self.settled();
        true
    }

    /// Answers the next command, or reads the next line; whether something was done.
    fn step(&mut self, registry: &Registry<Master>, master: &Master, passed: &mut Vec<Passed>) -> bool {
        let Some(command) = self.commands.pop_front() else { return self.read_line(passed) };
        let (prefix, rest) = prefixed(&command);
        let Some(target) = self.meant(prefix) else { return true };
        if rest.is_empty() {
            match prefix {
                Some(_) => self.target = target,
                None => self.output.push(b'\n'),
            }
            self.settled();
            return true;
        }
        let first = rest.split(u8::is_ascii_whitespace).next().unwrap_or_default();
        let rest = rest.to_vec();
        match target {
            // These are about this session wherever commands go.
            Target::Worker if prefix.is_some() || !OWN.contains(&first) => self.pass(&rest, passed),
            _ => self.obey(&rest, registry, master),
        }
        true
    }

    /// The process that a prefix means; the line ends where there is none.
    fn meant(&mut self, prefix: Option<&[u8]>) -> Option<Target> {
        let Some(prefix) = prefix else { return Some(self.target) };
        // `@@1` is `@1` with the whole line.
        let plain = if prefix.starts_with(b"@@") { prefix.get(1..).unwrap_or_default() } else { prefix };
        let target = target(plain, self.worker);
        if target.is_none() {
            let name = String::from_utf8_lossy(prefix);
            let text = format!("Can't find the target PID matching the prefix '{name}'\n");
            self.output.extend_from_slice(text.as_bytes());
            self.commands.clear();
            self.settled();
        }
        target
    }

    /// A session of its own for this client, at the worker; its near end, to which `line` was written.
    fn session_at_worker(&mut self, line: &[u8], passed: &mut Vec<Passed>) -> Option<UnixStream> {
        let (here, there) = UnixStream::pair().ok()?;
        // A line and its lines fit into the buffer of a socket, or the session is given up.
        here.set_nonblocking(true).and_then(|()| there.set_nonblocking(true)).ok()?;
        (&here).write_all(line).ok()?;
        let settings = self.session.settings();
        let (level, experimental, expert) = (settings.level, settings.experimental, settings.expert);
        passed.push(Passed { end: there.into(), level, experimental, expert });
        Some(here)
    }

    /// Lets the worker have the client until that session ends.
    fn enter(&mut self, rest: &[u8], passed: &mut Vec<Passed>) {
        let mut line = rest.to_vec();
        if line.is_empty() {
            // What came with it is the command; else the worker goes on as this session does.
            let blank = self.input.iter().take_while(|byte| **byte == b'\n').count();
            self.input.drain(..blank);
        }
        if line.is_empty() && self.input.is_empty() {
            let timed: &[u8] = if self.timed { b" timed" } else { b"" };
            line = match self.mode {
                Mode::Interactive => [b"prompt i", timed, b"\n"].concat(),
                Mode::Prompt => [b"prompt p", timed, b"\n"].concat(),
            };
        } else if !line.is_empty() {
            line.push(b'\n');
        }
        self.doing = match self.session_at_worker(&line, passed) {
            Some(stream) => Doing::Inside { stream, spoken: false, closed: false },
            None => Doing::Over,
        };
    }

    /// Passes on what both say; whether the worker's session is over.
    fn converse(&mut self) -> bool {
        let Doing::Inside { stream, spoken, closed } = &mut self.doing else { return true };
        while !self.input.is_empty() {
            match stream.write(&self.input) {
                Ok(count) => drop(self.input.drain(..count)),
                // What is not taken any more is lost.
                Err(error) if error.kind() != ErrorKind::WouldBlock => self.input.clear(),
                Err(_) => break,
            }
        }
        if self.ended && self.input.is_empty() && !std::mem::replace(closed, true) {
            let _ = stream.shutdown(std::net::Shutdown::Write);
        }
        let mut chunk = [0; 4096];
        while self.output.len() < MOST_HELD {
            match stream.read(&mut chunk) {
                Ok(count @ 1..) => {
                    *spoken = true;
                    self.output.extend(chunk.iter().take(count));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                _ => {
                    if !*spoken {
                        self.output.push(b'\n');
                    }
                    self.doing = Doing::Nothing;
                    self.settled();
                    return true;
                }
            }
        }
        false
    }

    /// Gives a command to the worker.
    fn pass(&mut self, command: &[u8], passed: &mut Vec<Passed>) {
        let mut line = command.to_vec();
        line.push(b'\n');
        if self.commands.is_empty() {
            line.append(&mut self.payload);
        }
        self.doing = match self.session_at_worker(&line, passed) {
            Some(here) => {
                let _ = here.shutdown(std::net::Shutdown::Write);
                Doing::Relaying(here)
            }
            None => Doing::Over,
        };
    }

    /// Does what the master is told.
    fn obey(&mut self, command: &[u8], registry: &Registry<Master>, master: &Master) {
        let mut words = command.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        match words.next() {
            Some(b"quit") => {
                self.commands.clear();
                self.settled();
                self.doing = Doing::Over;
            }
            Some(b"prompt") => self.prompt(words),
            Some(mode @ (b"expert-mode" | b"experimental-mode" | b"mcli-debug-mode")) => {
                self.switch(mode, words.next() == Some(b"on"));
            }
            _ => {
                let before = self.output.len();
                self.session.feed(command);
                self.session.feed(b"\n");
                if self.commands.is_empty() {
                    self.session.feed(&std::mem::take(&mut self.payload));
                }
                while !matches!(
                    self.session.next(registry, master, &mut self.output),
                    Next::Input | Next::Close | Next::HandOver
                ) {}
                let first = command.split(u8::is_ascii_whitespace).next().unwrap_or_default();
                let silent = SILENT.contains(&first);
                if (silent || master.reload.get()) && self.output.get(before..) == Some(b"\n") {
                    self.output.truncate(before);
                }
                match master.reload.get() {
                    true => self.doing = Doing::Reloading,
                    false => self.settled(),
                }
            }
        }
    }

    fn prompt<'a>(&mut self, words: impl Iterator<Item = &'a [u8]>) {
        let mut mode = if self.mode == Mode::Prompt { Mode::Interactive } else { Mode::Prompt };
        for word in words {
            match word {
                b"i" => mode = Mode::Interactive,
                b"p" => mode = Mode::Prompt,
                b"timed" => self.timed = !self.timed,
                _ => {
                    self.output.extend_from_slice(PROMPT_USAGE);
                    self.commands.clear();
                    return self.settled();
                }
            };
        }
        self.mode = mode;
        self.settled();
    }

    /// Turns a mode of the session on or off.
    fn switch(&mut self, mode: &[u8], on: bool) {
        let settings = self.session.settings();
        if settings.level < CliLevel::Admin {
            self.output.extend_from_slice(b"Permission denied!\n");
            self.commands.clear();
            return self.settled();
        }
        let mut modes = Modes { experimental: settings.experimental, expert: settings.expert };
        match mode {
            b"expert-mode" => modes.expert = on,
            b"experimental-mode" => modes.experimental = on,
            _ => self.debugs = on,
        }
        self.session.enter(modes);
        self.settled();
    }

    /// A command is done; with the last of its line the line is.
    fn settled(&mut self) {
        if !self.commands.is_empty() || self.mode != Mode::Prompt {
            return;
        }
        let settings = self.session.settings();
        let flags: String = [(settings.experimental, 'x'), (settings.expert, 'e'), (self.debugs, 'd')]
            .into_iter()
            .filter_map(|(is_set, letter)| is_set.then_some(letter))
            .collect();
        let flags = if flags.is_empty() { flags } else { format!("({flags})") };
        let name = match (self.target, self.worker) {
            (Target::Worker, Some(pid)) => pid.to_string(),
            _ if self.failed => "master[ReloadFailed]".to_owned(),
            _ => "master".to_owned(),
        };
        let up = self.uptime.as_secs();
        let (days, hours, minutes, seconds) = (up / 86_400, up / 3600 % 24, up / 60 % 60, up % 60);
        let time = match self.timed {
            true => format!("[{days}:{hours:02}:{minutes:02}:{seconds:02}] "),
            false => String::new(),
        };
        self.output.extend_from_slice(format!("{time}{name}{flags}> ").as_bytes());
    }

    /// Takes the next line apart; whether there was one.
    fn read_line(&mut self, passed: &mut Vec<Passed>) -> bool {
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
        if line.trim_ascii_start().starts_with(b"@@") {
            self.input.drain(..after);
            let (prefix, rest) = prefixed(&line);
            match self.meant(prefix) {
                Some(Target::Worker) => self.enter(rest, passed),
                Some(Target::Master) => self.commands = master_line::commands(rest).into(),
                None => {}
            }
            return true;
        }
        if let Some(end) = master_line::announced(&line) {
            let lines = self.input.get(after..).unwrap_or_default();
            let Some(length) = master_line::payload(lines, end, self.ended) else {
                return false;
            };
            self.payload = self.input.get(after..after + length).unwrap_or_default().to_vec();
            self.input.drain(..after + length);
        } else {
            self.input.drain(..after);
        }
        self.commands = master_line::commands(&line).into();
        true
    }
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
const SILENT: &[&[u8]] = &[b"user", b"operator", b"_send_status"];
/// What is about the session with the master, though commands go to the worker.
const OWN: &[&[u8]] =
    &[b"user", b"operator", b"expert-mode", b"experimental-mode", b"mcli-debug-mode", b"prompt", b"quit"];

/// A line that is longer is nobody's command.
const LONGEST: usize = 64 * 1024;
/// How much of an answer is held for a client that does not read.
const MOST_HELD: usize = 64 * 1024;
const MOST_CLIENTS: usize = 10;
const PACE: Duration = Duration::from_millis(10);
