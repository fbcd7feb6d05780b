//! The engine watched at work, for `weir explain` and `weir test`: the same code as live traffic, which tells what it
//! decides where somebody listens. Where nobody does, each place costs one load.

use std::net::SocketAddr;
use std::sync::OnceLock;

use parking_lot::Mutex;
use weir_expr::observe::AclSeen;
use weir_expr::{Scratch, Verdict as Holds};

use crate::transaction::Transaction;

/// Something that was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An ACL looked at a value.
    Value {
        /// The criterion as written.
        criterion: String,
        /// The value, converted.
        value: String,
        /// Whether a pattern matches.
        matches: bool,
    },
    /// An ACL was judged.
    Acl {
        /// The criterion as written.
        criterion: String,
        /// Whether it holds.
        holds: bool,
    },
    /// A rule was looked at; the values and ACLs before it are its condition's.
    Rule {
        /// The proxy it belongs to.
        proxy: String,
        /// The set, as its lines begin.
        set: &'static str,
        /// Where it stands.
        file: String,
        /// See `file`.
        line: u32,
        /// Whether its condition holds.
        applies: bool,
        /// What followed, where it was more than the next rule.
        outcome: Option<String>,
    },
    /// A backend was chosen.
    Backend(String),
    /// A server was chosen.
    Server {
        /// Its name.
        name: String,
        /// Why this one.
        why: String,
    },
    /// A variable as it was at the end, or when the server was chosen.
    Variable(String, String),
    /// The transaction is over, with this status.
    End(u16),
}

/// Has all that happens from now on told to `observer`; the first who asks is heard.
pub fn observe(observer: impl Fn(Event) + Send + Sync + 'static) {
    if OBSERVER.set(Box::new(observer)).is_ok() {
        weir_expr::observe::observe(acl);
    }
}

/// The ends that connections are taken to have from now on, where an observer is there.
pub fn pretend(source: SocketAddr, destination: SocketAddr) {
    *ENDS.lock() = Some((source, destination));
}

/// The ends that a fresh connection is to have.
pub(crate) fn ends() -> Option<(SocketAddr, SocketAddr)> {
    OBSERVER.get().and_then(|_| *ENDS.lock())
}

/// Tells the observer, where there is one.
#[inline]
pub(crate) fn tell(event: impl FnOnce() -> Event) {
    if let Some(observer) = OBSERVER.get() {
        observer(event());
    }
}

/// Tells the variables of a transaction.
pub(crate) fn tell_variables(t: &Transaction) {
    let Some(observer) = OBSERVER.get() else { return };
    let mut scratch = Scratch::default();
    scratch.reset();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    for (scope, vars) in t.messages.vars.each() {
        for (name, value) in vars.borrow().iter(&scratch) {
            let mut out = Vec::new();
            value.write(&mut out);
            observer(Event::Variable(format!("{scope}.{}", text(name)), text(&out)));
        }
    }
    if let Some(vars) = t.client.session().vars.borrow().as_ref() {
        for (name, value) in vars.iter(&scratch) {
            let mut out = Vec::new();
            value.write(&mut out);
            observer(Event::Variable(format!("sess.{}", text(name)), text(&out)));
        }
    }
}

fn acl(seen: AclSeen<'_>) {
    tell(|| match seen {
        AclSeen::Value(criterion, value, matches) => {
            let mut out = Vec::new();
            value.write(&mut out);
            let value = String::from_utf8_lossy(&out).into_owned();
            Event::Value { criterion: criterion.to_owned(), value, matches }
        }
        AclSeen::Verdict(criterion, verdict) => {
            Event::Acl { criterion: criterion.to_owned(), holds: verdict == Holds::True }
        }
    });
}

type Observer = Box<dyn Fn(Event) + Send + Sync>;

static OBSERVER: OnceLock<Observer> = OnceLock::new();
static ENDS: Mutex<Option<(SocketAddr, SocketAddr)>> = Mutex::new(None);
