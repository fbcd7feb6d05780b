//! The compiled rules of a proxy.

use std::sync::Arc;
use std::time::Duration;

use weir_expr::{Condition, Expr, Format, Place, Side};

use super::reply::Reply;
use super::{Action, Slot, Stick};
use crate::filter::Filter;

/// The rules of a proxy, in the order in which they are run.
#[derive(Debug, Default)]
pub struct Rules {
    sets: [Vec<Rule>; RuleSet::COUNT],
    /// The named ACLs, for formats that are compiled later.
    pub(crate) acls: weir_expr::Acls,
    /// `use_backend`
    pub(crate) use_backend: Vec<Switch>,
    /// `force-be-switch`
    pub(crate) force_be_switch: Vec<Condition>,
    /// `use-server`
    pub(crate) use_server: Vec<Switch>,
    /// `stick ...`
    pub(crate) sticks: Vec<Stick>,
    /// `tcp-request inspect-delay`
    pub(crate) inspect_delay: Option<Duration>,
    /// `tcp-response inspect-delay`
    pub(crate) response_delay: Option<Duration>,
    /// `stats admin`
    pub(crate) stats_admin: Vec<Condition>,
    /// `force-persist`, `ignore-persist`
    pub(crate) persist: Vec<PersistRule>,
    /// There is a rule that makes HTTP of a TCP session.
    pub(super) switches_mode: bool,
    /// What is kept for the log, of requests and of responses.
    pub(super) slots: [Vec<Slot>; 2],
    /// `monitor fail`
    pub(crate) monitor_fail: Vec<Condition>,
    /// `filter`
    pub(crate) filters: Vec<Filter>,
    /// `http-error`
    pub(super) errors: Vec<Reply>,
}

/// A set of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RuleSet {
    /// `tcp-request connection`
    TcpConnection,
    /// `tcp-request session`
    TcpSession,
    /// `tcp-request content`
    TcpContent,
    /// `http-request`
    HttpRequest,
    /// `tcp-response content`
    TcpResponse,
    /// `http-response`
    HttpResponse,
    /// `http-after-response`
    HttpAfterResponse,
    /// `stats http-request`
    Stats,
    /// `redirect`: after those of `http-request`, and after the statistics page.
    Redirect,
}

/// One rule.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) condition: Option<Condition>,
    pub(crate) action: Box<dyn Action>,
    /// What takes long of what the action computes: asked for before it runs, and waited for.
    pub(crate) slow: Box<[Expr]>,
    /// Where it stands: file and line.
    pub(crate) file: Arc<str>,
    pub(crate) line: u32,
}

/// A `use_backend` rule.
#[derive(Debug)]
pub(crate) struct Switch {
    pub(crate) condition: Option<Condition>,
    pub(crate) target: Target,
}

/// A rule on what the client's persistence is worth.
#[derive(Debug)]
pub(crate) struct PersistRule {
    pub(crate) condition: Option<Condition>,
    /// The server is used even where it is down; else what the client says is ignored.
    pub(crate) forced: bool,
}

/// What a switching rule names.
#[derive(Debug)]
pub(crate) enum Target {
    /// The backend at this position.
    Position(usize),
    /// The backend whose name this gives.
    Named(Box<Format>),
}

// === impl Rules ===

impl Rules {
    /// The rules of a set.
    pub(crate) fn set(&self, set: RuleSet) -> &[Rule] {
        self.sets.get(set as usize).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a set has no rules.
    pub(crate) fn is_empty(&self, set: RuleSet) -> bool {
        self.set(set).is_empty()
    }

    /// How long the rules of a set wait for bytes.
    pub(crate) fn delay(&self, set: RuleSet) -> Option<Duration> {
        match set {
            RuleSet::TcpContent => self.inspect_delay,
            RuleSet::TcpResponse => self.response_delay,
            _ => None,
        }
    }

    /// The places that something is kept in for the log.
    pub(crate) fn slots(&self, side: Side) -> &[Slot] {
        let [request, response] = &self.slots;
        match side {
            Side::Client => request,
            Side::Server => response,
        }
    }

    /// The answer that `http-error` gives for a status; the last line counts.
    pub(crate) fn error(&self, status: u16) -> Option<&Reply> {
        self.errors.iter().rev().find(|r| r.status == status)
    }

    pub(super) fn push(&mut self, set: RuleSet, rule: Rule) {
        if let Some(rules) = self.sets.get_mut(set as usize) {
            rules.push(rule);
        }
    }
}

// === impl RuleSet ===

impl RuleSet {
    const COUNT: usize = 9;

    /// All of them, in the order of a transaction.
    pub(crate) const ALL: [Self; Self::COUNT] = [
        Self::TcpConnection,
        Self::TcpSession,
        Self::TcpContent,
        Self::HttpRequest,
        Self::TcpResponse,
        Self::HttpResponse,
        Self::HttpAfterResponse,
        Self::Stats,
        Self::Redirect,
    ];

    /// The words that begin its lines.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::TcpConnection => "tcp-request connection",
            Self::TcpSession => "tcp-request session",
            Self::TcpContent => "tcp-request content",
            Self::HttpRequest | Self::Stats => "http-request",
            Self::TcpResponse => "tcp-response content",
            Self::HttpResponse => "http-response",
            Self::HttpAfterResponse => "http-after-response",
            Self::Redirect => "redirect",
        }
    }

    /// Whether its rules see messages of HTTP.
    pub(crate) const fn is_http(self) -> bool {
        matches!(self, Self::HttpRequest | Self::HttpResponse | Self::HttpAfterResponse | Self::Stats)
    }

    /// Whether its rules see the response.
    pub(crate) const fn is_response(self) -> bool {
        matches!(self, Self::TcpResponse | Self::HttpResponse | Self::HttpAfterResponse)
    }

    /// Where its expressions stand, by the sides that the proxy has.
    pub(crate) const fn place(self, frontend: bool, backend: bool) -> Place {
        match self {
            Self::TcpConnection => Place::FrontTcpConnection,
            Self::TcpSession => Place::FrontTcpSession,
            Self::TcpContent => Place::request(frontend, false),
            Self::HttpRequest | Self::Stats | Self::Redirect => Place::request(frontend, true),
            Self::TcpResponse => Place::BackTcpResponse,
            Self::HttpResponse | Self::HttpAfterResponse => Place::response(!backend, true),
        }
    }
}
