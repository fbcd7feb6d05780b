//! Outcomes of checks by the names and texts that statistics, logs and the runtime API print.

/// Outcome of the last health check or agent check (`check_status` of `show stat`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CheckStatus {
    /// Never known.
    #[default]
    Unknown,
    /// Not checked yet.
    Init,
    /// Started, no outcome yet.
    Start,
    /// Decided by traffic (`observe`).
    Observed,
    /// An agent had nothing to say of the server's state.
    Checked,
    /// Connection made, nothing more was asked.
    L4Ok,
    /// No connection in time.
    L4Timeout,
    /// No connection.
    L4Connection,
    /// TLS handshake done.
    L6Ok,
    /// TLS handshake not done in time.
    L6Timeout,
    /// TLS handshake failed.
    L6Response,
    /// The answer is as wished.
    L7Ok,
    /// The answer passes on a condition (`http-check disable-on-404`).
    L7OkConditional,
    /// No answer in time.
    L7Timeout,
    /// The answer could not be understood.
    L7Response,
    /// The answer is an error.
    L7Status,
    /// External program failed.
    ProcError,
    /// External program not done in time.
    ProcTimeout,
    /// External program succeeded.
    ProcOk,
    /// The check could not be started for want of a socket.
    SocketError,
}

/// What a status says about the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No outcome.
    Unknown,
    /// Fit.
    Passed,
    /// Fit for those that already use it: no new traffic.
    ConditionallyPassed,
    /// Unfit.
    Failed,
}

// === impl CheckStatus ===

impl CheckStatus {
    /// The short name: `L4OK`.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// The text: `Layer4 check passed`.
    pub fn description(self) -> &'static str {
        self.row().1
    }

    /// What it says about the server.
    pub fn verdict(self) -> Verdict {
        self.row().2
    }

    /// Whether a code (`check_code`) goes with it: layers 5 to 7 and external programs.
    pub fn has_code(self) -> bool {
        !matches!(
            self,
            Self::Unknown
                | Self::Init
                | Self::Start
                | Self::Observed
                | Self::Checked
                | Self::SocketError
                | Self::L4Ok
                | Self::L4Timeout
                | Self::L4Connection
        )
    }

    fn row(self) -> (&'static str, &'static str, Verdict) {
        use Verdict::{ConditionallyPassed, Failed, Passed, Unknown};
        match self {
            Self::Unknown => ("UNK", "Unknown", Unknown),
            Self::Init => ("INI", "Initializing", Unknown),
            Self::Start => ("CHECKING", "Check ongoing", Unknown),
            Self::Observed => ("HANA", "Health analyze", Failed),
            Self::Checked => ("CHECKED", "No status change", Unknown),
            Self::SocketError => ("SOCKERR", "Socket error", Failed),
            Self::L4Ok => ("L4OK", "Layer4 check passed", Passed),
            Self::L4Timeout => ("L4TOUT", "Layer4 timeout", Failed),
            Self::L4Connection => ("L4CON", "Layer4 connection problem", Failed),
            Self::L6Ok => ("L6OK", "Layer6 check passed", Passed),
            Self::L6Timeout => ("L6TOUT", "Layer6 timeout", Failed),
            Self::L6Response => ("L6RSP", "Layer6 invalid response", Failed),
            Self::L7Timeout => ("L7TOUT", "Layer7 timeout", Failed),
            Self::L7Response => ("L7RSP", "Layer7 invalid response", Failed),
            Self::L7Ok => ("L7OK", "Layer7 check passed", Passed),
            Self::L7OkConditional => ("L7OKC", "Layer7 check conditionally passed", ConditionallyPassed),
            Self::L7Status => ("L7STS", "Layer7 wrong status", Failed),
            Self::ProcError => ("PROCERR", "External check error", Failed),
            Self::ProcTimeout => ("PROCTOUT", "External check timeout", Failed),
            Self::ProcOk => ("PROCOK", "External check passed", Passed),
        }
    }
}
