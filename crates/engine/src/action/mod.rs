//! Rules: what the configuration says is to be done with a connection, a request, a response (manual, 4.2 and
//! 4.4).
//!
//! [`compile()`] makes [`Rules`] of a proxy's lines when all names of the configuration are known; `stage::rules`
//! runs them. An action is one table entry in the file of its family: the names it has in the sets of rules, the
//! function that reads its words, and what it does ([`Action::run`]).

mod answer;
mod bandwidth;
mod capture;
mod compile;
mod counters;
mod directory;
mod expected;
mod fault;
mod flow;
mod header;
mod header_bin;
mod judge;
mod later;
mod line;
mod lines;
mod lists;
mod lone;
mod mark;
mod normalize;
mod parse;
mod redirect;
pub(crate) mod reply;
mod retry;
mod rules;
mod service;
mod session;
mod settings;
mod stick;
mod tcp;
mod var;
mod wait;

use std::fmt::Debug;
use std::sync::LazyLock;
use std::time::Duration;

use weir_config::{Arity, Class, Entry, Keyword, Registry, Sections};
use weir_diag::{Sources, Span};
use weir_expr::{Condition, Expr, Format, Scratch, Verdict as Holds};
use weir_http::{Head, h1};

pub(crate) use capture::{Kept, Slot};
pub(crate) use compile::{Compiler, RuleLine};
pub(crate) use directory::{Directory, Named, table_named};
pub(crate) use parse::{Parse, Parsed, number};
pub(crate) use rules::{Rule, Target};
pub(crate) use rules::{RuleSet, Rules};
pub(crate) use stick::Stick;
pub(crate) use var::variable;

use crate::clock::Tick;
use crate::ending::{Cause, Stage};
use crate::runtime::{Counter, Counters};
use crate::scope::View;
use crate::transaction::{Messages, Transaction};

/// Something that a rule does.
pub(crate) trait Action: Debug + Send + Sync {
    /// Does it.
    fn run(&self, run: &mut Run<'_>) -> Verdict;

    /// Whether it adds to early hints; any other action completes them.
    fn is_hint(&self) -> bool {
        false
    }

    /// Whether no rule of the set follows it where it stands without a condition.
    fn is_final(&self) -> bool {
        false
    }
}

/// What follows an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The next rule.
    Next,
    /// No further rule of this set.
    Stop,
    /// The answer of this status, and the end.
    Answer(u16),
    /// The end, without a word.
    Close,
    /// The end, and the client is not told of it.
    Drop,
    /// The end of the connection to the server.
    Finish,
    /// The session goes on as HTTP.
    Upgrade,
    /// The answer that lies ready as the response, and the end.
    Reply,
    /// The answer of the service that was chosen.
    Serve,
    /// The same rule again, at once.
    Again,
    /// The same rule again, when more bytes are there or none are waited for any more (`inspect-delay`).
    Inspect,
    /// The same rule again, once this has happened.
    Wait(Reason),
}

/// What a rule waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// More bytes from the client, or the end of this delay (`inspect-delay`, `wait-for-body`).
    Bytes {
        /// From the first time it waited.
        delay: Option<Duration>,
    },
    /// This long (`pause`), as long as there is a client.
    Time(Duration),
    /// This long, or until the client leaves (`tarpit`).
    Tarpit(Duration),
    /// The hash of a password.
    Password,
    /// The end of the client's handshake.
    Handshake,
}

/// What an action is given.
pub(crate) struct Run<'a> {
    /// The transaction.
    pub(crate) t: &'a mut Transaction,
    /// Room for what is computed.
    pub(crate) bench: &'a mut Bench,
    /// The set that is run.
    pub(crate) set: RuleSet,
    /// When this rule began to wait.
    pub(crate) since: Option<Tick>,
}

/// Recycled room for what rules compute.
#[derive(Debug, Default)]
pub(crate) struct Bench {
    pub(crate) scratch: Scratch,
    /// What was rendered last.
    pub(crate) text: Vec<u8>,
    /// What is made of it, in two steps where it takes two.
    pub(crate) made: Vec<u8>,
    pub(crate) expanded: Vec<u8>,
    /// The head of an answer while it is made.
    pub(crate) head: Head,
    /// Rewrites of this set that fail are no errors (`strict-mode off`).
    pub(crate) lenient: bool,
    /// What a head may weigh that rules add to: what a buffer holds.
    pub(crate) room: usize,
    /// The early hints that are still to be sent, and whether the last of them may still get lines.
    pub(crate) hints: Vec<u8>,
    pub(crate) hinting: bool,
}

/// Reads the words of an action.
pub(crate) type ActionFn = fn(&mut Parse<'_, '_>) -> Parsed;

/// All actions.
pub(crate) static ACTIONS: LazyLock<Registry<ActionFn>> = LazyLock::new(|| {
    let tables = [
        flow::FLOW,
        answer::ANSWER,
        bandwidth::BANDWIDTH,
        capture::CAPTURE,
        header::HEADER,
        header_bin::HEADER_BIN,
        line::LINE,
        lists::LISTS,
        mark::MARK,
        normalize::NORMALIZE,
        redirect::REDIRECT,
        retry::RETRY,
        service::SERVICE,
        session::SESSION,
        settings::SETTINGS,
        tcp::TCP,
        var::VAR,
        wait::WAIT,
        later::LATER,
    ];
    Registry::new(&[&tables[..], &counters::COUNTERS].concat())
});

/// `file:line` of a span.
fn place(sources: &Sources, at: Span) -> String {
    let name = sources.of(at.source).map_or("", |s| s.name.as_str());
    format!("{name}:{}", at.line)
}

/// A line `class<TAB>name<TAB>state` for each action and filter, as `weir keywords` prints them.
pub(crate) fn listing() -> Vec<String> {
    [ACTIONS.listing(), crate::filter::listing()].concat()
}

/// An action that works; its name begins with its set of rules.
pub(crate) const fn works(name: &'static str, help: &'static str, parse: ActionFn) -> Keyword<ActionFn> {
    Keyword::works(Entry::new(Class::Action, name, Sections::PROXIES, Arity::ANY, help), parse)
}

// === impl Run ===

impl Run<'_> {
    /// Whether the condition of a rule holds now; nothing where a password has to be waited for.
    pub(crate) fn judge(&self, condition: &Condition) -> Option<Holds> {
        let holds = condition.test(&View::waiting(self.t, self.set), &self.bench.scratch);
        (!self.t.messages.passwords.is_asked()).then_some(holds)
    }

    /// Whether all that an action takes long to compute is known.
    pub(crate) fn prepare(&self, slow: &[Expr]) -> bool {
        let view = View::waiting(self.t, self.set);
        for expr in slow {
            let _ = expr.eval(&view, &self.bench.scratch);
        }
        !self.t.messages.passwords.is_asked()
    }

    /// Whether a condition holds now.
    pub(crate) fn test(&self, condition: &Condition) -> Holds {
        condition.test(&View::of_rules(self.t, self.set), &self.bench.scratch)
    }

    /// The message that the rules of this set are about, and the room to work in.
    pub(crate) fn head(&mut self) -> (&mut Head, &mut Bench) {
        let Messages { request, response, .. } = &mut *self.t.messages;
        (if self.set.is_response() { response } else { request }, self.bench)
    }

    /// An empty head to make an answer in.
    pub(crate) fn new_head(&mut self, status: u16) -> Head {
        let mut head = std::mem::take(&mut self.bench.head);
        head.clear();
        head.set_response(status, weir_http::status::reason(status).as_bytes(), (1, 1));
        head
    }

    /// Makes a head the response; the storage of the one before is kept.
    pub(crate) fn put_head(&mut self, head: Head) {
        self.bench.head = std::mem::replace(&mut self.t.messages.response, head);
    }

    /// Says who ends the transaction here.
    pub(crate) fn blame(&mut self, cause: Cause) {
        let stage = if self.set.is_response() { Stage::Headers } else { Stage::Request };
        self.t.facts.blame(cause, stage);
    }

    /// A message could not be rewritten as a rule has it: the end, unless that is no error here.
    pub(crate) fn rewrite_failed(&mut self) -> Verdict {
        self.count(|c| &c.failed_rewrites);
        if self.bench.lenient {
            return Verdict::Next;
        }
        self.blame(Cause::Proxy);
        self.t.facts.turned_away = !self.set.is_response();
        Verdict::Answer(500)
    }

    /// A rule could not do what it has to.
    pub(crate) fn internal_error(&mut self) -> Verdict {
        self.blame(Cause::Internal);
        self.t.facts.turned_away = !self.set.is_response();
        Verdict::Answer(500)
    }

    /// Counts where it is shown: frontend, backend and, for responses, server.
    pub(crate) fn count(&self, which: impl Fn(&Counters) -> &Counter) {
        let backend = self.t.backend.as_ref().map(|b| b.back());
        let client = &self.t.client;
        for counters in std::iter::once(client.frontend.front()).chain(client.listener.own()).chain(backend) {
            which(counters).add(1);
        }
        if let Some(assigned) = self.t.assigned.as_ref().filter(|_| self.set.is_response()) {
            which(assigned.server.counters()).add(1);
        }
    }

    /// Renders a format into the bench's text.
    pub(crate) fn render(&mut self, format: &Format) {
        let Bench { scratch, text, .. } = &mut *self.bench;
        text.clear();
        if let Some(constant) = format.constant() {
            text.extend_from_slice(constant);
            return;
        }
        format.render(&View::of_rules(self.t, self.set), scratch, text, LONGEST_TEXT);
    }
}

/// Whether so many bytes can be added to a head (manual, 3.2 "tune.bufsize").
fn has_room(head: &Head, room: usize, more: usize) -> bool {
    head.footprint() + more <= room || h1::weight(head) + more <= room
}

/// What a line takes beside its name and its value.
const LINE: usize = 8;

/// The longest text that a format gives a rule: what a message could hold.
const LONGEST_TEXT: usize = 64 * 1024;
