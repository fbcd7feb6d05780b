//! A client's session: bytes come in, answers go out, one command at a time.
//!
//! ```text
//!           line with <<                     end of the payload
//!   Line ────────────────► Payload ─────────────────┐
//!    │ ▲                                            │
//!    │ └───────────── all answered ◄── Answering ◄──┘
//!    └───── line ──────────────────────────►│ ▲
//!                                           ▼ │ resume
//!                                          Waiting
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use weir_engine::conf::{CliLevel, SeverityOutput};

use super::{Call, Modes, Outcome, Registry, Severity, Shown, Waited, World, split};

/// A session of the runtime API.
#[derive(Debug)]
pub struct Session {
    settings: Settings,
    /// The longest line, and the longest payload, in bytes.
    longest: (usize, usize),
    received: Vec<u8>,
    ended: bool,
    state: State,
}

/// What a client can change of its session.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What it may do.
    pub level: CliLevel,
    /// Whether it may give experimental commands.
    pub experimental: bool,
    /// Whether it may give commands for developers.
    pub expert: bool,
    /// Whether it stays after a line.
    pub interactive: bool,
    /// Whether it shows a prompt.
    pub prompt: bool,
    /// Whether the prompt shows the process's age.
    pub timed: bool,
    /// How messages show how grave they are.
    pub severities: SeverityOutput,
    /// How long the client may keep silent.
    pub timeout: Duration,
    /// The name that the prompt begins with.
    pub name: &'static str,
    /// The key under which names are hidden; 0 where they are shown.
    pub anonymous: u32,
    /// What it shows as it comes.
    pub follows: Option<Following>,
    /// What it waits for is time alone, and nothing is said when that has passed.
    pub silent_wait: bool,
    /// Whether the listening sockets may be handed over to its client (`expose-fd listeners`).
    pub exposes_sockets: bool,
    /// The words of what it waits for, beside time.
    pub waits_for: Vec<Vec<u8>>,
}

/// A ring that a session shows, and how.
#[derive(Clone, Debug)]
pub struct Following {
    /// The name of the ring.
    pub ring: String,
    /// The number of the next line.
    pub next: u64,
    /// What ends a line.
    pub end: u8,
    /// Whether characters are hidden that a terminal might obey.
    pub sanitized: bool,
}

/// What a session needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// More from the client.
    Input,
    /// That its answer is sent; there is more to do then.
    Send,
    /// That this time passes; then [`Session::resume`].
    Wait(Duration),
    /// That this time passes, or the client says anything; then [`Session::followed`].
    Follow(Duration),
    /// That the listening sockets are sent, and the connection closed.
    HandOver,
    /// That the connection is closed, once the answer is sent.
    Close,
}

#[derive(Debug)]
enum State {
    Line,
    Payload { line: Vec<u8>, end: Vec<u8>, lines: Vec<u8>, fresh: bool },
    Answering { commands: VecDeque<Vec<Vec<u8>>>, payload: Option<Vec<u8>> },
    Over,
}

// === impl Settings ===

impl Settings {
    /// The modes that show it more commands.
    pub(super) fn modes(&self) -> Modes {
        Modes { experimental: self.experimental, expert: self.expert }
    }

    /// Lets the session do less. It leaves the modes that it entered with what it may no more.
    pub(super) fn lower(&mut self, level: CliLevel) {
        self.level = level;
        (self.experimental, self.expert) = (false, false);
    }
}

// === impl Session ===

impl Session {
    /// A session that was just opened. `longest` are the longest line and the longest payload in bytes.
    pub fn new(
        level: CliLevel,
        severities: SeverityOutput,
        timeout: Duration,
        longest: (usize, usize),
    ) -> Self {
        let settings = Settings {
            level,
            experimental: false,
            expert: false,
            interactive: false,
            prompt: false,
            timed: false,
            severities,
            timeout,
            name: "",
            anonymous: 0,
            follows: None,
            silent_wait: false,
            exposes_sockets: false,
            waits_for: Vec::new(),
        };
        Self { settings, longest, received: Vec::new(), ended: false, state: State::Line }
    }

    /// Lets its client ask for the listening sockets.
    pub fn expose_sockets(&mut self) {
        self.settings.exposes_sockets = true;
    }

    /// Stays after a line, without a prompt.
    pub fn stay(&mut self) {
        self.settings.interactive = true;
    }

    /// Enters these modes, as another session is in them.
    pub fn enter(&mut self, modes: Modes) {
        (self.settings.experimental, self.settings.expert) = (modes.experimental, modes.expert);
    }

    /// What the client has set.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Takes bytes of the client in.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
    }

    /// The client sends no more.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Goes on: writes what there is to answer to `out` and says what it needs.
    pub fn next<W: World>(&mut self, registry: &Registry<W>, world: &W, out: &mut Vec<u8>) -> Next {
        loop {
            if self.settings.follows.is_some() {
                return Next::Follow(TURN);
            }
            match std::mem::replace(&mut self.state, State::Over) {
                State::Over => return Next::Close,
                State::Line => {
                    if let Some(next) = self.read_line(out) {
                        return next;
                    }
                }
                State::Payload { line, end, lines, fresh } => {
                    if let Some(next) = self.read_payload(line, end, lines, fresh, out) {
                        return next;
                    }
                }
                State::Answering { commands, payload } => {
                    return self.answer(registry, world, commands, payload, out);
                }
            }
        }
    }

    /// How often a session that waits for more than time looks whether it has come.
    pub fn pace(&self) -> Option<Duration> {
        (!self.settings.waits_for.is_empty()).then_some(PACE)
    }

    /// Whether it need not wait any longer.
    pub fn has_waited<W: World>(&self, world: &W) -> bool {
        !self.settings.waits_for.is_empty()
            && !matches!(world.waited(&self.settings.waits_for), Waited::NotYet(_))
    }

    /// The time of [`Next::Wait`] has passed, or the client has gone before.
    pub fn resume<W: World>(&mut self, interrupted: bool, world: &W, out: &mut Vec<u8>) {
        let condition = std::mem::take(&mut self.settings.waits_for);
        if std::mem::take(&mut self.settings.silent_wait) {
            return out.push(b'\n');
        }
        let (severity, text) = match () {
            // The reference names no reason either.
            () if interrupted => (Severity::Info, "Interrupted. (null)".to_owned()),
            () if condition.is_empty() => (Severity::Info, "Done.".to_owned()),
            () => match world.waited(&condition) {
                Waited::Met | Waited::Unknown => (Severity::Info, "Done.".to_owned()),
                Waited::NotYet(why) => (Severity::Error, format!("Wait delay expired. {why}")),
                Waited::Never(why) | Waited::Wrong(why) => (Severity::Error, format!("Failed. {why}")),
            },
        };
        severity.mark(self.settings.severities, out);
        out.extend_from_slice(text.as_bytes());
        out.extend_from_slice(b"\n\n");
    }

    /// The time of [`Next::Follow`] has passed, or the client has said something, which is discarded.
    pub fn followed<W: World>(&mut self, interrupted: bool, world: &W, out: &mut Vec<u8>) {
        if let Some(follows) = &mut self.settings.follows {
            world.follow(follows, out);
        }
        if interrupted {
            self.settings.follows = None;
            out.push(b'\n');
        }
    }

    fn read_line(&mut self, out: &mut Vec<u8>) -> Option<Next> {
        let Some(mut line) = self.take_line() else { return Some(self.starve(State::Line, out)) };
        // It and its end must fit.
        if line.len() >= self.longest.0 {
            return Some(self.refuse(out));
        }
        if let Some(last) = line.last_mut().filter(|last| **last == b'\r') {
            *last = 0;
        }
        self.state = match split::payload(&line) {
            Some((head, end)) => {
                State::Payload { line: head.to_vec(), end: end.to_vec(), lines: Vec::new(), fresh: true }
            }
            None => State::Answering { commands: split::commands(&line).into(), payload: None },
        };
        None
    }

    fn read_payload(
        &mut self,
        line: Vec<u8>,
        end: Vec<u8>,
        mut lines: Vec<u8>,
        mut fresh: bool,
        out: &mut Vec<u8>,
    ) -> Option<Next> {
        while let Some(more) = self.take_line() {
            fresh = true;
            if more == end {
                let commands = split::commands(&line).into();
                self.state = State::Answering { commands, payload: Some(lines) };
                return None;
            }
            lines.extend_from_slice(&more);
            lines.push(b'\n');
            if lines.len() > self.longest.1 {
                out.extend_from_slice(PAYLOAD_TOO_BIG);
                return Some(Next::Close);
            }
        }
        if self.settings.prompt && fresh && !self.ended {
            out.extend_from_slice(b"+ ");
        }
        Some(self.starve(State::Payload { line, end, lines, fresh: false }, out))
    }

    /// The next whole line, without its end.
    fn take_line(&mut self) -> Option<Vec<u8>> {
        let at = self.received.iter().position(|&byte| byte == b'\n')?;
        let rest = self.received.split_off(at + 1);
        let mut line = std::mem::replace(&mut self.received, rest);
        line.pop();
        Some(line)
    }

    /// There is no whole line: more must come, if more can.
    fn starve(&mut self, state: State, out: &mut Vec<u8>) -> Next {
        if self.received.len() > self.longest.0 {
            return self.refuse(out);
        }
        if self.ended {
            return Next::Close;
        }
        self.state = state;
        Next::Input
    }

    fn refuse(&mut self, out: &mut Vec<u8>) -> Next {
        out.extend_from_slice(LINE_TOO_BIG);
        Next::Close
    }

    fn answer<W: World>(
        &mut self,
        registry: &Registry<W>,
        world: &W,
        mut commands: VecDeque<Vec<Vec<u8>>>,
        payload: Option<Vec<u8>>,
        out: &mut Vec<u8>,
    ) -> Next {
        let Some(words) = commands.pop_front() else {
            if !self.settings.interactive {
                return Next::Close;
            }
            self.prompt(world, out);
            self.state = State::Line;
            return Next::Send;
        };
        // The payload belongs to the last command of its line.
        let own = payload.as_deref().filter(|lines| commands.is_empty() && !lines.is_empty());
        if words.is_empty() && own.is_some() {
            out.extend_from_slice(PAYLOAD_ALONE);
            return Next::Close;
        }
        let outcome = self.run(registry, world, &words, own, out);
        self.state = State::Answering { commands, payload };
        match outcome {
            Outcome::Done => {
                out.push(b'\n');
                Next::Send
            }
            Outcome::Wait(time) => Next::Wait(time),
            Outcome::Follow => Next::Follow(TURN),
            Outcome::HandOver => {
                self.state = State::Over;
                Next::HandOver
            }
            Outcome::Quit => {
                self.state = State::Over;
                Next::Close
            }
        }
    }

    fn run<W: World>(
        &mut self,
        registry: &Registry<W>,
        world: &W,
        words: &[Vec<u8>],
        payload: Option<&[u8]>,
        out: &mut Vec<u8>,
    ) -> Outcome {
        let Some(first) = words.first() else { return Outcome::Done };
        if words.len() > MOST_WORDS {
            out.extend_from_slice(TOO_MANY_WORDS);
            return Outcome::Done;
        }
        let Some((command, count)) = registry.find(words) else {
            Severity::Info.mark(self.settings.severities, out);
            out.extend_from_slice(b"Unknown command: '");
            out.extend_from_slice(first);
            out.extend_from_slice(b"', but maybe one of the following ones is a better match:\n");
            registry.suggest(words, self.settings.modes(), out);
            return Outcome::Done;
        };
        let args = words.get(count..).unwrap_or_default();
        let mut call = Call { world, args, payload, settings: &mut self.settings, registry, out };
        if command.shown == Shown::Experimental && !call.settings.experimental {
            return call.fail("This command is restricted to experimental mode only.");
        }
        if command.shown == Shown::Expert && !call.settings.expert {
            return call.fail("This command is restricted to expert mode only.");
        }
        if !call.allowed(command.level) {
            return Outcome::Done;
        }
        (command.run)(&mut call)
    }

    fn prompt<W: World>(&self, world: &W, out: &mut Vec<u8>) {
        if !self.settings.prompt {
            return;
        }
        if self.settings.timed {
            let up = world.uptime().as_secs();
            let (days, hours, minutes, seconds) = (up / 86_400, up / 3600 % 24, up / 60 % 60, up % 60);
            out.extend_from_slice(format!("[{days}:{hours:02}:{minutes:02}:{seconds:02}]").as_bytes());
        }
        out.extend_from_slice(self.settings.name.as_bytes());
        out.extend_from_slice(b"> ");
    }
}

/// How soon a session looks again at what it follows.
const TURN: Duration = Duration::from_millis(50);
const MOST_WORDS: usize = 64;
const TOO_MANY_WORDS: &[u8] = b"Too many arguments. Commands must have at most 64 arguments.\n";
const LINE_TOO_BIG: &[u8] = b"The command line is too big for the buffer size. Please change 'tune.bufsize' in the configuration to use a bigger command.\n";
const PAYLOAD_ALONE: &[u8] = b"The payload cannot be passed without command.\n";
const PAYLOAD_TOO_BIG: &[u8] =
    b"The payload is too big. Please change 'tune.cli.max-payload-size' in the configuration to use a bigger one.\n";

/// How often a condition is looked after.
const PACE: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests;
