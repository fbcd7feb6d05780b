//! How a process ends.

use weir_sys::process::{Signal, end_by};

/// How this process ends, as whoever waits for it sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    /// With this exit code.
    Exit(i32),
    /// By the default action of this signal.
    Signal(Signal),
}

// === impl Finish ===

impl Finish {
    /// The code that a shell shows.
    pub(crate) fn code(self) -> i32 {
        match self {
            Self::Exit(code) => code,
            Self::Signal(signal) => 128 + signal,
        }
    }

    /// Ends the process.
    pub(crate) fn now(self) -> ! {
        match self {
            Self::Exit(code) => std::process::exit(code),
            Self::Signal(signal) => end_by(signal),
        }
    }
}
