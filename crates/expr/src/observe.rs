//! Who watches ACLs being judged: nobody in a process that serves, which costs it one load for each.

use std::sync::OnceLock;

use crate::{Value, Verdict};

/// What is seen of an ACL.
#[derive(Clone, Copy, Debug)]
pub enum AclSeen<'a> {
    /// A value that it looks at, converted, and whether a pattern matches it.
    Value(&'a str, Value<'a>, bool),
    /// What it says in the end.
    Verdict(&'a str, Verdict),
}

/// Has every ACL that is judged from now on told to `observer`; the first who asks is heard.
pub fn observe(observer: fn(AclSeen<'_>)) {
    let _ = OBSERVER.set(observer);
}

/// Tells the observer, where there is one.
#[inline]
pub(crate) fn tell<'a>(seen: impl FnOnce() -> AclSeen<'a>) {
    if let Some(observer) = OBSERVER.get() {
        observer(seen());
    }
}

static OBSERVER: OnceLock<fn(AclSeen<'_>)> = OnceLock::new();
