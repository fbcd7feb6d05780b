//! What the process tells its operator on standard error while it runs.

use std::fmt;
use std::sync::OnceLock;

/// How loud it is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saying {
    /// Something to know.
    Notice,
    /// Something is doubtful, and the process goes on.
    Warning,
    /// Something is broken.
    Alert,
}

/// The way of messages to the operator: the program's own, once it said which, else standard error.
#[derive(Default)]
pub struct Voice(OnceLock<Box<Speak>>);

type Speak = dyn Fn(Saying, &str) + Send + Sync;

// === impl Voice ===

impl Voice {
    /// Says which way messages go. The first call counts.
    pub fn set(&self, speak: impl Fn(Saying, &str) + Send + Sync + 'static) {
        // A second voice would tell things twice.
        let _ = self.0.set(Box::new(speak));
    }

    /// Says it.
    pub fn say(&self, saying: Saying, text: &str) {
        match self.0.get() {
            Some(speak) => speak(saying, text),
            None => eprintln!("{}({}) : {text}", saying.tag(), std::process::id()),
        }
    }
}

impl fmt::Debug for Voice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Voice").finish_non_exhaustive()
    }
}

// === impl Saying ===

impl Saying {
    fn tag(self) -> &'static str {
        match self {
            Self::Notice => "[NOTICE]   ",
            Self::Warning => "[WARNING]  ",
            Self::Alert => "[ALERT]    ",
        }
    }
}
