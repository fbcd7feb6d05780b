//! What is asked of one source, and what its events make of that.
//!
//! ```text
//!             start now, start EVENT then that event
//!   Stopped ─── start EVENT ──► Waiting ──────────────► Running ─── stop now, stop event ──► Stopped
//!                                  ▲                       │
//!                                  └── pause now, event ───┘
//! ```

use super::sources::{SOURCES, Source};
use super::subject::Subject;
use super::{Event, Level, Part, Verbosity};

/// What is asked of a source.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// Its place among [`SOURCES`].
    pub(super) source: usize,
    pub(super) mode: Mode,
    /// The events that are told.
    pub(super) report: u64,
    /// The events that end the wait, the trace, or have it wait again.
    pub(super) start: u64,
    pub(super) stop: u64,
    pub(super) pause: u64,
    pub(super) level: Level,
    pub(super) verbosity: usize,
    /// Where its lines go, by name; `none` for nowhere.
    pub(super) sink: String,
    /// What it is fixed on when it begins, by name.
    pub(super) criterion: &'static str,
    /// Which one of those it is fixed on now.
    pub(super) fixed: Option<usize>,
    /// The source whose choice it tells of, too.
    pub(super) follows: Option<usize>,
}

/// Whether it tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Stopped,
    Waiting,
    Running,
}

/// The states of a process where nothing was asked yet.
pub(super) fn fresh() -> Vec<State> {
    SOURCES.iter().enumerate().map(|(at, source)| State::new(at, source)).collect()
}

/// The state of a part of the program.
pub(super) fn of(states: &[State], part: Part) -> Option<&State> {
    states.get(place(part)?)
}

/// The source that a part is.
#[cfg(test)]
pub(super) fn source_of(part: Part) -> Option<&'static Source> {
    SOURCES.get(place(part)?)
}

fn place(part: Part) -> Option<usize> {
    SOURCES.iter().position(|source| source.name == part.name())
}

/// Takes an event in; where it is told, and how much of it.
pub(super) fn take(states: &mut [State], event: &Event, subject: &Subject) -> Option<(String, Verbosity)> {
    let at = place(event.part)?;
    let bits = SOURCES.get(at)?.bits(event.kinds);
    let followed =
        states.get(at).and_then(|s| states.get(s.follows?)).is_some_and(|s| s.is_fixed_on(subject));
    // Events that are left out change nothing either.
    let state = states.get_mut(at).filter(|s| s.report & bits != 0)?;
    let told = state.takes(bits, subject) || followed;
    let told = told && event.level <= state.level && state.sink != NONE;
    let wanted = told.then(|| (state.sink.clone(), Verbosity(state.verbosity)));
    state.after(bits);
    wanted
}

// === impl State ===

impl State {
    fn new(at: usize, source: &Source) -> Self {
        Self {
            source: at,
            mode: Mode::Stopped,
            report: source.all_events(),
            start: 0,
            stop: 0,
            pause: 0,
            level: Level::User,
            verbosity: 1,
            sink: NONE.to_owned(),
            criterion: NOTHING,
            fixed: None,
            follows: None,
        }
    }

    /// Whether its events are worth looking at.
    pub(super) fn is_heard(&self) -> bool {
        self.mode != Mode::Stopped || self.follows.is_some()
    }

    /// Whether an event belongs to what it tells now; one may begin it.
    fn takes(&mut self, bits: u64, subject: &Subject) -> bool {
        match self.mode {
            Mode::Stopped => return false,
            Mode::Waiting if self.start & bits == 0 => return false,
            Mode::Waiting => self.mode = Mode::Running,
            Mode::Running => {}
        }
        let which = subject.which(self.criterion);
        match self.fixed {
            Some(_) => self.fixed == which,
            None => {
                self.fixed = which;
                true
            }
        }
    }

    /// What the event ends.
    fn after(&mut self, bits: u64) {
        if self.mode == Mode::Stopped {
            return;
        }
        if self.stop & bits != 0 {
            (self.mode, self.fixed) = (Mode::Stopped, None);
        } else if self.pause & bits != 0 && self.mode == Mode::Running {
            (self.mode, self.fixed) = (Mode::Waiting, None);
        }
    }

    fn is_fixed_on(&self, subject: &Subject) -> bool {
        self.fixed.is_some() && self.fixed == subject.which(self.criterion)
    }
}

/// No ring at all.
pub(super) const NONE: &str = "none";
/// Fixed on nothing.
pub(super) const NOTHING: &str = "nothing";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{H1_REQUEST_HEAD, H1_RESPONSE_SENT, SESSION_END, SESSION_NEW};

    fn asked(part: Part, ask: impl FnOnce(&mut State)) -> Vec<State> {
        let mut states = fresh();
        let state = states.get_mut(place(part).unwrap()).unwrap();
        state.sink = "buf0".into();
        ask(state);
        states
    }

    #[test]
    fn a_trace_waits_for_its_start_and_pauses_at_its_event() {
        let source = source_of(Part::H1).unwrap();
        let mut states = asked(Part::H1, |s| {
            s.mode = Mode::Waiting;
            s.start = source.bits(&["rx_headers"]);
            s.pause = source.bits(&["tx_eoi"]);
        });
        let subject = Subject::default();
        let mut told = |event| take(&mut states, event, &subject).is_some();
        assert!(!told(&H1_RESPONSE_SENT));
        assert!(told(&H1_REQUEST_HEAD));
        assert!(told(&H1_RESPONSE_SENT));
        assert!(!told(&H1_RESPONSE_SENT));
    }

    #[test]
    fn a_trace_that_is_fixed_tells_of_one_session_and_its_follower_too() {
        let mut states = asked(Part::Session, |s| {
            (s.mode, s.criterion, s.level) = (Mode::Running, "session", Level::State);
        });
        let session = place(Part::Session);
        let h1 = states.get_mut(place(Part::H1).unwrap()).unwrap();
        (h1.follows, h1.sink) = (session, "buf0".into());
        let of = |session| Subject { session: Some(session), ..Subject::default() };
        assert!(take(&mut states, &H1_REQUEST_HEAD, &of(1)).is_none());
        assert!(take(&mut states, &SESSION_NEW, &of(1)).is_some());
        assert!(take(&mut states, &SESSION_NEW, &of(2)).is_none());
        assert!(take(&mut states, &H1_REQUEST_HEAD, &of(1)).is_some());
        assert!(take(&mut states, &H1_REQUEST_HEAD, &of(2)).is_none());
        assert!(take(&mut states, &SESSION_END, &of(1)).is_some());
    }

    #[test]
    fn levels_and_events_choose_what_is_told() {
        let mut states = asked(Part::Session, |s| s.mode = Mode::Running);
        assert!(take(&mut states, &SESSION_NEW, &Subject::default()).is_none());
        let at = place(Part::Session).unwrap();
        states.get_mut(at).unwrap().level = Level::Developer;
        assert!(take(&mut states, &SESSION_NEW, &Subject::default()).is_some());
        states.get_mut(at).unwrap().report = 0;
        assert!(take(&mut states, &SESSION_NEW, &Subject::default()).is_none());
    }
}
