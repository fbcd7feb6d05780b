//! Where a line comes from: the step of a session, or the rule, at which it is written.

use crate::action::RuleSet;
use crate::conf::LogStep;

/// The origin of a line, or of the moment at which rules look at a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The client failed before there was a transaction.
    SessionError,
    /// The connection was refused before its first byte.
    SessionKilled,
    /// The transaction began.
    Accept,
    /// The request came, and `tcp-request content` let it in.
    Request,
    /// The connection to the server is there.
    Connect,
    /// The head of the response is there.
    Response,
    /// It is over.
    Close,
    /// `do-log` in this set of rules.
    Action(RuleSet),
    /// Rules of this set, which write no line.
    Rules(RuleSet),
    /// A server is chosen.
    Unspecified,
}

// === impl Origin ===

impl Origin {
    /// What `%OG` shows (manual, 8.2.6).
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SessionError => "sess_error",
            Self::SessionKilled => "sess_killed",
            Self::Accept => "txn_accept",
            Self::Request => "txn_request",
            Self::Connect => "txn_connect",
            Self::Response => "txn_response",
            Self::Close => "txn_close",
            Self::Action(set) => step_of(set).name(),
            Self::Rules(_) | Self::Unspecified => "unspec",
        }
    }

    /// What `log-steps` and profiles call it; nothing where a connection failed.
    pub(crate) fn step(self) -> Option<LogStep> {
        Some(match self {
            Self::Accept => LogStep::Accept,
            Self::Request => LogStep::Request,
            Self::Connect => LogStep::Connect,
            Self::Response => LogStep::Response,
            Self::Close => LogStep::Close,
            Self::Action(set) => step_of(set),
            Self::SessionError | Self::SessionKilled | Self::Rules(_) | Self::Unspecified => return None,
        })
    }

    /// Whether it is about a connection that failed, so that `error-log-format` says how it looks.
    pub(crate) fn is_error(self) -> bool {
        matches!(self, Self::SessionError | Self::SessionKilled)
    }

    /// Whether there is only a connection yet, and no transaction.
    pub(crate) fn is_session(self) -> bool {
        self.is_of(|set| matches!(set, RuleSet::TcpConnection | RuleSet::TcpSession))
    }

    /// Whether the time since its begin is shown: while rules run, and before the server is reached, it is not.
    pub(crate) fn has_total(self) -> bool {
        !matches!(self, Self::Accept | Self::Request | Self::Action(_) | Self::Rules(_))
    }

    /// Whether the time that the request took is not known yet.
    pub(crate) fn precedes_request(self) -> bool {
        let set = |set| {
            matches!(
                set,
                RuleSet::TcpConnection
                    | RuleSet::TcpSession
                    | RuleSet::TcpContent
                    | RuleSet::HttpRequest
                    | RuleSet::Stats
                    | RuleSet::Redirect
            )
        };
        matches!(self, Self::Accept | Self::Request) || self.is_of(set)
    }

    /// Whether the PROXY header, if any, is still to come.
    pub(crate) fn precedes_handshake(self) -> bool {
        self.is_of(|set| set == RuleSet::TcpConnection)
    }

    /// Whether the status of the server's answer is not known yet.
    pub(crate) fn precedes_status(self) -> bool {
        self.is_of(|set| set == RuleSet::TcpResponse)
    }

    /// Whether it is about an answer on its way out.
    pub(crate) fn is_after_response(self) -> bool {
        self.is_of(|set| set == RuleSet::HttpAfterResponse)
    }

    fn is_of(self, holds: impl Fn(RuleSet) -> bool) -> bool {
        matches!(self, Self::Action(set) | Self::Rules(set) if holds(set))
    }
}

fn step_of(set: RuleSet) -> LogStep {
    match set {
        RuleSet::TcpConnection => LogStep::TcpConnection,
        RuleSet::TcpSession => LogStep::TcpSession,
        RuleSet::TcpContent => LogStep::TcpContent,
        RuleSet::TcpResponse => LogStep::TcpResponse,
        RuleSet::HttpRequest | RuleSet::Stats | RuleSet::Redirect => LogStep::HttpRequest,
        RuleSet::HttpResponse => LogStep::HttpResponse,
        RuleSet::HttpAfterResponse => LogStep::HttpAfterResponse,
    }
}
