//! How a transaction ends: what happened, whose fault it is, and what follows from it.
//!
//! The two letters of the log (manual, 8.5), the counters and the answer are all derived from one [`Ending`],
//! so that they cannot disagree.

/// Who ended it: the first letter of the termination state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(dead_code, reason = "all the letters of the manual; services, tarpits and operators use the rest")]
pub(crate) enum Cause {
    /// `-`: it came to its normal end.
    #[default]
    None,
    /// `C`: the client closed or reset.
    Client,
    /// `S`: the server closed, refused or reset.
    Server,
    /// `P`: we refused, or protected somebody.
    Proxy,
    /// `L`: we answered ourselves.
    Local,
    /// `R`: a resource was exhausted.
    Resource,
    /// `I`: an internal error.
    Internal,
    /// `D`: the server went down, and its sessions with it.
    Down,
    /// `U`: the primary server came up, and the backup's sessions were ended.
    Up,
    /// `K`: an operator ended it.
    Killed,
    /// `c`: the client kept silent too long.
    ClientTimeout,
    /// `s`: the server kept silent too long.
    ServerTimeout,
}

/// What it was doing then: the second letter of the termination state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(dead_code, reason = "all the letters of the manual; services, tarpits and operators use the rest")]
pub(crate) enum Stage {
    /// `R`: waiting for the whole request.
    Request,
    /// `Q`: in a queue.
    Queue,
    /// `C`: connecting to the server.
    Connect,
    /// `H`: waiting for the head of the response.
    Headers,
    /// `D`: passing data.
    Data,
    /// `L`: sending the last data to the client, the server being done.
    Last,
    /// `T`: held in a tarpit.
    Tarpit,
    /// `-`: after the end.
    #[default]
    Finished,
}

/// Who ended a transaction, and during what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ending {
    /// Who.
    pub(crate) cause: Cause,
    /// During what.
    pub(crate) stage: Stage,
}

// === impl Cause ===

impl Cause {
    /// Its letter.
    pub(crate) fn letter(self) -> u8 {
        match self {
            Cause::None => b'-',
            Cause::Client => b'C',
            Cause::Server => b'S',
            Cause::Proxy => b'P',
            Cause::Local => b'L',
            Cause::Resource => b'R',
            Cause::Internal => b'I',
            Cause::Down => b'D',
            Cause::Up => b'U',
            Cause::Killed => b'K',
            Cause::ClientTimeout => b'c',
            Cause::ServerTimeout => b's',
        }
    }
}

// === impl Stage ===

impl Stage {
    /// Its letter.
    pub(crate) fn letter(self) -> u8 {
        match self {
            Stage::Request => b'R',
            Stage::Queue => b'Q',
            Stage::Connect => b'C',
            Stage::Headers => b'H',
            Stage::Data => b'D',
            Stage::Last => b'L',
            Stage::Tarpit => b'T',
            Stage::Finished => b'-',
        }
    }
}

// === impl Ending ===

impl Ending {
    /// Both together.
    pub(crate) fn new(cause: Cause, stage: Stage) -> Self {
        Self { cause, stage }
    }

    /// The two letters.
    pub(crate) fn letters(self) -> [u8; 2] {
        [self.cause.letter(), self.stage.letter()]
    }

    /// Whether this is who ended it.
    pub(crate) fn is_by(self, cause: Cause) -> bool {
        self.cause == cause
    }

    /// Whether nobody is to blame.
    pub(crate) fn is_normal(self) -> bool {
        self.cause == Cause::None
    }
}
