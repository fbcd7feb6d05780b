//! The command layer of the runtime API (management manual, 9.3), without I/O.
//!
//! A [`Session`] takes the bytes of a client and answers them from a [`Registry`] of commands; what the commands
//! speak about is the type `W`, so that the worker's socket and the master's can share all of this. Sockets,
//! time-outs and waiting are the shell's, [`crate::listen`].

mod registry;
mod session;
mod split;
mod standard;

use std::time::Duration;

use weir_config::Keyword;
use weir_engine::conf::{CliLevel, SeverityOutput};

pub use registry::{Modes, Registry};
pub use session::{Following, Next, Session, Settings};
pub use standard::command;
pub use standard::standard;
pub(crate) use standard::word;

/// What commands speak about, as far as a session itself must know it.
pub trait World {
    /// Appends what came since a session looked last; it looks again soon.
    fn follow(&self, follows: &mut Following, out: &mut Vec<u8>) {
        let _ = (follows, out);
    }

    /// How long the process has lived, for timed prompts.
    fn uptime(&self) -> Duration;

    /// Looks after a condition that a session waits for, by its words.
    fn waited(&self, condition: &[Vec<u8>]) -> Waited {
        let _ = condition;
        Waited::Unknown
    }
}

/// What a command is, beside its [`Entry`](weir_config::Entry).
#[derive(Debug)]
pub struct Command<W: 'static> {
    /// What stands behind the name in lists: `[<backend>]`.
    pub usage: &'static str,
    /// Who may give it.
    pub level: CliLevel,
    /// Who is told of it.
    pub shown: Shown,
    /// What it does.
    pub run: fn(&mut Call<'_, W>) -> Outcome,
}

/// In which sessions a command is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// In all.
    Always,
    /// In those of `experimental-mode on`; others may not use it.
    Experimental,
    /// In those of `expert-mode on`; others may not use it.
    Expert,
    /// In those that are asked for by its own name: it is ours, and tools know the other lists.
    ByName,
    /// In none.
    Never,
}

/// An entry of a table of commands.
pub type CommandKeyword<W> = Keyword<Command<W>>;

/// A command that was given.
#[derive(Debug)]
pub struct Call<'a, W: 'static> {
    /// What it speaks about.
    pub world: &'a W,
    /// The words behind its name.
    pub args: &'a [Vec<u8>],
    /// The lines that came with it (`<<`), without the one that ends them.
    pub payload: Option<&'a [u8]>,
    /// The session that it was given in.
    pub settings: &'a mut Settings,
    /// All commands, for those that list them.
    pub registry: &'a Registry<W>,
    /// Takes the answer; the empty line that ends it is the session's.
    pub out: &'a mut Vec<u8>,
}

/// What follows from a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The answer is complete.
    Done,
    /// The answer comes after this time.
    Wait(Duration),
    /// The answer goes on with what comes, until the client says anything (see [`Settings::follows`]).
    Follow,
    /// The session ends at once.
    Quit,
    /// The listening sockets are handed over, and the session ends.
    HandOver,
}

/// How far that has come which somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// It is there.
    Met,
    /// It may come.
    NotYet(&'static str),
    /// It will not come.
    Never(&'static str),
    /// It is named wrongly.
    Wrong(&'static str),
    /// There is no such condition.
    Unknown,
}

/// How grave a message is, in syslog's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// What was asked for is not done.
    Error = 3,
    /// It is done, and one should look at it.
    Warning = 4,
    /// Nothing was to be done, or it matters to the operator.
    Notice = 5,
    /// It is done.
    Info = 6,
}

// === impl Shown ===

impl Shown {
    /// A command that is listed so.
    pub fn of<W>(self, mut command: CommandKeyword<W>) -> CommandKeyword<W> {
        if let weir_config::State::Works(what) = &mut command.state {
            what.shown = self;
        }
        command
    }
}

// === impl Command ===

impl<W> Clone for Command<W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W> Copy for Command<W> {}

// === impl Call ===

impl<W> Call<'_, W> {
    /// The word at `position` behind the name, as text; empty where there is none.
    pub fn arg(&self, position: usize) -> std::borrow::Cow<'_, str> {
        self.args.get(position).map_or(std::borrow::Cow::Borrowed(""), |word| String::from_utf8_lossy(word))
    }

    /// Whether there is a word at `position`.
    pub fn has(&self, position: usize) -> bool {
        self.args.get(position).is_some()
    }

    /// Answers a message, marked as the session wants it (`severity-output`).
    pub fn tell(&mut self, severity: Severity, message: impl AsRef<[u8]>) -> Outcome {
        severity.mark(self.settings.severities, self.out);
        self.say(message)
    }

    /// Answers how a command is given, because it was asked for or because it was given otherwise.
    pub fn usage(&mut self, asked: bool, text: &[u8]) -> Outcome {
        let severity = if asked { Severity::Info } else { Severity::Error };
        severity.mark(self.settings.severities, self.out);
        self.out.extend_from_slice(text);
        Outcome::Done
    }

    /// Answers why nothing was done.
    pub fn fail(&mut self, message: impl AsRef<[u8]>) -> Outcome {
        self.tell(Severity::Error, message)
    }

    /// Answers a line of what was asked for.
    pub fn say(&mut self, line: impl AsRef<[u8]>) -> Outcome {
        self.out.extend_from_slice(line.as_ref());
        self.out.push(b'\n');
        Outcome::Done
    }

    /// Whether the session may do what needs `level`; says so where it may not.
    pub fn allowed(&mut self, level: CliLevel) -> bool {
        let may = self.settings.level >= level;
        if !may {
            self.fail(PERMISSION_DENIED);
        }
        may
    }
}

// === impl Severity ===

impl Severity {
    /// Appends the mark of a message.
    pub(crate) fn mark(self, how: SeverityOutput, out: &mut Vec<u8>) {
        let word = match self {
            Self::Error => "err",
            Self::Warning => "warning",
            Self::Notice => "notice",
            Self::Info => "info",
        };
        match how {
            SeverityOutput::None => {}
            SeverityOutput::Number => out.extend_from_slice(format!("[{}]: ", self as u8).as_bytes()),
            SeverityOutput::Text => out.extend_from_slice(format!("[{word}]: ").as_bytes()),
        }
    }
}

/// What a session without the level hears.
pub(crate) const PERMISSION_DENIED: &str = "Permission denied";
