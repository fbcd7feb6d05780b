//! Traces: the program's own parts tell what they do, to those who look into it (manual, 12.1; management manual, 9.3
//! "trace").
//!
//! A [`Traces`] holds what is asked of each source (`order`), `events` lists what they tell, `subject` says of whom.
//! Where nobody listens an event costs one relaxed load and a branch; where somebody does, a short lock, and a line for
//! a ring or a descriptor that makes nobody wait.

mod events;
mod list;
mod order;
mod sources;
mod state;
mod subject;

use std::panic::Location;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use parking_lot::Mutex;

use crate::clock;
use crate::conf::LogTransport;
use crate::log::{Channel, Sinks};
use crate::runtime::Process;
use state::State;
use subject::Subject;

pub(crate) use events::*;
pub use order::{Said, judge};
pub(crate) use subject::{check, client, frames, session, transaction};

/// What is asked of the sources of a process.
#[derive(Debug)]
pub struct Traces {
    states: Mutex<Vec<State>>,
    /// Standard output and standard error.
    streams: Mutex<[Option<Channel>; 2]>,
}

/// A source that this program has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Connections of clients as wholes.
    Session,
    /// HTTP/1.
    H1,
    /// HTTP/2.
    H2,
    /// Transactions, whatever they came on.
    Stream,
    /// TLS.
    Ssl,
    /// Connections that carry bytes.
    Plain,
    /// Checks of servers.
    Check,
    /// What answers in the place of servers.
    Applet,
}

/// How much somebody wants to know; each level includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// What went wrong.
    Error,
    /// Requests and answers.
    User,
    /// Messages of protocols.
    Proto,
    /// Changes of state.
    State,
    /// Bytes that pass.
    Data,
    /// All there is.
    Developer,
}

/// Something that a source tells of.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) part: Part,
    pub(crate) level: Level,
    pub(crate) message: Message,
    /// The names under which it can be asked for.
    pub(crate) kinds: &'static [&'static str],
    pub(crate) text: &'static str,
}

/// The side and the message that an event of a protocol is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    None,
    Front,
    FrontRequest,
    FrontResponse,
    Back,
    BackRequest,
    BackResponse,
}

/// How much is said of an event, counted from `quiet`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Verbosity(usize);

/// The sources that anybody listens to, a bit each. It belongs to the process, not to an engine, so that a look at it
/// is one load; who finds its bit set asks the [`Traces`] that count.
static HEARD: AtomicU32 = AtomicU32::new(0);

/// Whether anybody listens to a source.
#[inline(always)]
pub(crate) fn hears(part: Part) -> bool {
    HEARD.load(Relaxed) & (1 << part as u32) != 0
}

// === impl Traces ===

impl Default for Traces {
    fn default() -> Self {
        Self { states: Mutex::new(state::fresh()), streams: Mutex::default() }
    }
}

impl Traces {
    /// Obeys a `trace` line, without its first word.
    pub fn order(&self, words: &[String], sinks: &Sinks) -> Said {
        let mut states = self.states.lock();
        let said = order::obey(&mut states, words, &order::Outlets::Known(sinks));
        publish(&states);
        said
    }

    /// Obeys the lines of a configuration, which was judged.
    pub(crate) fn apply(&self, lines: &[Vec<String>]) {
        let mut states = self.states.lock();
        for words in lines {
            order::obey(&mut states, words, &order::Outlets::Any);
        }
        publish(&states);
    }

    /// Lists the sources and their states.
    pub fn list(&self, sinks: &Sinks) -> String {
        list::states(&self.states.lock(), sinks)
    }

    /// What is asked of the source of this name.
    pub fn describe(&self, name: &str, sinks: &Sinks) -> Option<String> {
        let at = order::source(name)?;
        Some(list::state(self.states.lock().get(at)?, sinks))
    }
}

/// Lets every thread know what is heard.
fn publish(states: &[State]) {
    let heard = |part: &Part| state::of(states, *part).is_some_and(State::is_heard);
    let bits = Part::ALL.iter().filter(|part| heard(part)).map(|part| 1_u32 << *part as u32).sum();
    HEARD.store(bits, Relaxed);
}

/// Tells of an event, where it was asked for.
#[cold]
fn tell(
    process: &Process,
    event: &'static Event,
    subject: &Subject,
    place: &Location<'_>,
    more: impl FnOnce(Verbosity, &mut String),
) {
    let traces = &process.traces;
    let wanted = {
        let mut states = traces.states.lock();
        let wanted = state::take(&mut states, event, subject);
        publish(&states);
        wanted
    };
    let Some((sink, verbosity)) = wanted else { return };
    let mut text = opening(event, subject.worker, place);
    more(verbosity, &mut text);
    match sink.as_str() {
        "stdout" => traces.write(0, &text),
        "stderr" => traces.write(1, &text),
        name => {
            if let Some(sink) = process.log_destinations.sinks.find(name) {
                clock::refresh(); // The order of things within a turn shows.
                sink.push_event(clock::wall(), text.as_bytes());
            }
        }
    }
}

/// `[01|h1|1|receive.rs:47] text`: worker, source, level, and where in the program, cut from the left.
fn opening(event: &Event, worker: usize, place: &Location<'_>) -> String {
    let whole = format!("{}:{}", place.file(), place.line());
    let cut = whole.len().saturating_sub(PLACE);
    let (name, level) = (event.part.name(), event.level as u32);
    format!("[{worker:02}|{name}|{level}|{:>PLACE$}] {}", whole.get(cut..).unwrap_or(&whole), event.text)
}

// === impl Traces ===

impl Traces {
    fn write(&self, which: usize, text: &str) {
        let mut streams = self.streams.lock();
        let Some(stream) = streams.get_mut(which) else { return };
        let number = which as i32 + 1;
        let channel = stream.get_or_insert_with(|| Channel::open(&LogTransport::Fd(number), 0));
        channel.send(&[text.as_bytes(), b"\n"]);
    }
}

// === impl Part ===

impl Part {
    const ALL: [Self; 8] =
        [Self::Session, Self::H1, Self::H2, Self::Stream, Self::Ssl, Self::Plain, Self::Check, Self::Applet];

    const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::H1 => "h1",
            Self::H2 => "h2",
            Self::Stream => "stream",
            Self::Ssl => "ssl",
            Self::Plain => "pt",
            Self::Check => "check",
            Self::Applet => "applet",
        }
    }
}

// === impl Verbosity ===

impl Verbosity {
    /// What is told beside the event itself begins here.
    pub(crate) const CLEAN: Self = Self(1);
    /// Who takes part.
    pub(crate) const MINIMAL: Self = Self(2);
    /// The first line of a message.
    pub(crate) const SIMPLE: Self = Self(3);
    /// Its header lines.
    pub(crate) const ADVANCED: Self = Self(4);
}

/// The names of levels, and what they say.
const LEVELS: [(&str, &str); 6] = [
    ("error", "report errors"),
    ("user", "also information useful to the end user"),
    ("proto", "also protocol-level updates"),
    ("state", "also report internal state changes"),
    ("data", "also report data transfers"),
    ("developer", "also report information useful only to the developer"),
];
/// What a line shows of the place in the program, in characters.
const PLACE: usize = 13;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_can_be_asked_for_by_its_names() {
        for event in events::ALL {
            let source = state::source_of(event.part).unwrap();
            assert_eq!(source.bits(event.kinds).count_ones() as usize, event.kinds.len(), "{event:?}");
        }
    }
}
