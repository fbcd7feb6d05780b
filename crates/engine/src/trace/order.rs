//! The language of `trace` lines, the same in a configuration and in the runtime API.

use super::list;
use super::sources::{Choice, SOURCES, Source};
use super::state::{Mode, NONE, NOTHING, State};
use super::{LEVELS, Level};
use crate::log::Sinks;

/// The answer to a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// It was obeyed.
    Nothing,
    /// It was obeyed, and this is to be known.
    Note(String),
    /// It is not complete: the words that may follow.
    Choices(String),
    /// It was not understood; what stands before was obeyed.
    Wrong(String),
}

/// Where lines may go.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outlets<'a> {
    /// To the rings that there are.
    Known(&'a Sinks),
    /// To rings that a configuration may still name.
    Any,
}

/// What there is to say of the lines of a configuration, each without its first word.
pub fn judge<'a>(lines: impl Iterator<Item = &'a [String]>) -> Vec<Said> {
    let mut states = super::state::fresh();
    lines.map(|words| obey(&mut states, words, &Outlets::Any)).collect()
}

/// The place of the source of this name; one has an older name, too.
pub(super) fn source(name: &str) -> Option<usize> {
    let name = if name == "qmux" { "qcm" } else { name };
    SOURCES.iter().position(|source| source.name == name)
}

/// Obeys a line.
pub(super) fn obey(states: &mut [State], words: &[String], outlets: &Outlets<'_>) -> Said {
    let mut words = words.iter().map(String::as_str);
    let name = words.next().unwrap_or_default();
    let at = match name {
        "" => return Said::Choices(list::sources(states)),
        "0" => {
            states.iter_mut().for_each(|s| (s.mode, s.fixed) = (Mode::Stopped, None));
            return Said::Note("All traces now stopped".into());
        }
        ALL => None,
        _ => match source(name) {
            Some(at) => Some(at),
            None => return Said::Wrong(format!("No such trace source '{name}'")),
        },
    };
    let mut idle = true;
    while let Some(word) = words.next() {
        idle = false;
        let mut order = Order { states, name, at, outlets };
        if let Err(said) = order.obey(word, words.next()) {
            return said;
        }
    }
    if idle { Said::Choices(list::COMMANDS.into()) } else { Said::Nothing }
}

/// One order to a source, or to all of them.
struct Order<'a> {
    states: &'a mut [State],
    name: &'a str,
    at: Option<usize>,
    outlets: &'a Outlets<'a>,
}

/// The events that an order changes.
#[derive(Clone, Copy)]
enum Which {
    Report,
    Start,
    Stop,
    Pause,
}

// === impl Order ===

impl Order<'_> {
    fn obey(&mut self, word: &str, what: Option<&str>) -> Result<(), Said> {
        match word {
            "sink" => self.sink(what),
            "level" => self.level(what),
            "follow" => self.follow(what),
            _ => self.of_one(word, what),
        }
    }

    /// Orders to one source.
    fn of_one(&mut self, word: &str, what: Option<&str>) -> Result<(), Said> {
        let Some((state, source)) = self.at.and_then(|at| self.states.get_mut(at).zip(SOURCES.get(at)))
        else {
            return Err(Said::Wrong(format!("'{word}' not applicable to meta-source '{ALL}'")));
        };
        match word {
            "event" => state.choose(source, Which::Report, what),
            "start" => state.choose(source, Which::Start, what),
            "stop" => state.choose(source, Which::Stop, what),
            "pause" => state.choose(source, Which::Pause, what),
            "verbosity" => state.talk(source, what),
            "lock" => state.fix(source, what),
            _ => Err(Said::Wrong(format!("Unknown trace keyword '{word}'"))),
        }
    }

    fn sink(&mut self, what: Option<&str>) -> Result<(), Said> {
        let Some(name) = what else {
            return Err(Said::Choices(list::sinks(self.name, self.state(), self.outlets)));
        };
        let known = match self.outlets {
            Outlets::Known(sinks) => [NONE, "stdout", "stderr"].contains(&name) || sinks.find(name).is_some(),
            Outlets::Any => true,
        };
        if !known {
            return Err(Said::Wrong(format!("No such trace sink '{name}' ")));
        }
        self.each(|state| name.clone_into(&mut state.sink));
        Ok(())
    }

    fn level(&mut self, what: Option<&str>) -> Result<(), Said> {
        let choices = || list::levels(self.name, self.state());
        let Some(name) = what else { return Err(Said::Choices(choices())) };
        let Some(level) = Level::named(name) else {
            return Err(Said::Wrong(format!("No such trace level '{name}'. {}", choices())));
        };
        self.each(|state| state.level = level);
        Ok(())
    }

    fn follow(&mut self, what: Option<&str>) -> Result<(), Said> {
        let Some(name) = what else { return Err(Said::Choices(list::followed(self.states, self.state()))) };
        let other = source(name);
        if other.is_none() && name != NONE {
            return Err(Said::Wrong(format!("No such trace source '{name}'")));
        }
        self.each(|state| state.follows = other);
        Ok(())
    }

    fn state(&self) -> Option<&State> {
        self.states.get(self.at?)
    }

    fn each(&mut self, change: impl Fn(&mut State)) {
        let at = self.at;
        self.states.iter_mut().filter(|s| at.is_none_or(|at| s.source == at)).for_each(change);
    }
}

// === impl State ===

impl State {
    /// Adds to the events that start, stop, pause or are told, or takes some away.
    fn choose(&mut self, source: &Source, which: Which, what: Option<&str>) -> Result<(), Said> {
        let is_report = matches!(which, Which::Report);
        let bits = match which {
            Which::Report => &mut self.report,
            Which::Start => &mut self.start,
            Which::Stop => &mut self.stop,
            Which::Pause => &mut self.pause,
        };
        let Some(what) = what else { return Err(Said::Choices(list::events(source, *bits, !is_report))) };
        let name = what.strip_prefix(['+', '-', '!']).unwrap_or(what);
        let off = what.starts_with(['-', '!']);
        match name {
            "now" if !is_report => {
                *bits = 0;
                self.turn(which);
                return Ok(());
            }
            "none" => *bits = 0,
            "any" => *bits = source.all_events(),
            _ => match source.bits(&[name]) {
                0 => return Err(Said::Wrong(format!("No such trace event '{name}'"))),
                bit if off => *bits &= !bit,
                bit => *bits |= bit,
            },
        }
        if matches!(which, Which::Start) && self.start != 0 && self.mode == Mode::Stopped {
            self.mode = Mode::Waiting;
        }
        Ok(())
    }

    fn turn(&mut self, which: Which) {
        self.mode = match which {
            Which::Start => Mode::Running,
            Which::Stop => Mode::Stopped,
            Which::Pause => Mode::Waiting,
            Which::Report => return,
        };
        if self.mode != Mode::Running {
            self.fixed = None;
        }
    }

    fn talk(&mut self, source: &Source, what: Option<&str>) -> Result<(), Said> {
        let Some(name) = what else { return Err(Said::Choices(list::verbosities(source, self))) };
        let named = |choices: &[Choice]| choices.iter().position(|c| c.name == name).map(|at| at + 1);
        let place = if name == list::QUIET { Some(0) } else { named(&source.verbosities) };
        let Some(place) = place else {
            let choices = list::verbosities(source, self);
            return Err(Said::Wrong(format!("No such verbosity level '{name}'. {choices}")));
        };
        self.verbosity = place;
        Ok(())
    }

    fn fix(&mut self, source: &Source, what: Option<&str>) -> Result<(), Said> {
        let Some(name) = what else { return Err(Said::Choices(list::criteria(source, self))) };
        let known = source.criteria.iter().find(|c| c.name == name).map(|c| c.name);
        let Some(criterion) = known.or((name == NOTHING).then_some(NOTHING)) else {
            return Err(Said::Wrong(format!("Unsupported lock-on criterion '{name}'")));
        };
        (self.criterion, self.fixed) = (criterion, None);
        Ok(())
    }
}

// === impl Level ===

impl Level {
    fn named(name: &str) -> Option<Self> {
        const ALL: [Level; 6] =
            [Level::Error, Level::User, Level::Proto, Level::State, Level::Data, Level::Developer];
        ALL.into_iter().zip(LEVELS).find(|(_, (known, _))| *known == name).map(|(level, _)| level)
    }
}

/// Stands for every source.
const ALL: &str = "all";

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> Said {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        judge([words.as_slice()].into_iter()).remove(0)
    }

    #[test]
    fn orders_follow_each_other_in_one_line() {
        let line =
            "h1 sink buf0 level data verbosity simple event none event +rx_data lock session start now";
        assert_eq!(said(line), Said::Nothing);
        assert_eq!(said(&format!("{line} more")), Said::Wrong("Unknown trace keyword 'more'".into()));
        assert!(matches!(said("h1 level"), Said::Choices(_)));
        assert_eq!(said("all stop now"), Said::Wrong("'stop' not applicable to meta-source 'all'".into()));
    }

    #[test]
    fn starting_at_an_event_waits_for_it() {
        let mut states = super::super::state::fresh();
        let mut obey = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            obey(&mut states, &words, &Outlets::Any);
            states.iter().find(|s| SOURCES[s.source].name == "h1").unwrap().mode
        };
        assert_eq!(obey("h1 start -rx_data"), Mode::Stopped);
        assert_eq!(obey("h1 start rx_data"), Mode::Waiting);
        assert_eq!(obey("h1 start none"), Mode::Waiting);
        assert_eq!(obey("h1 start now"), Mode::Running);
        assert_eq!(obey("h1 pause now"), Mode::Waiting);
        assert_eq!(obey("0"), Mode::Stopped);
    }
}
