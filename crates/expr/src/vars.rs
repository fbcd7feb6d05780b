//! Variables: their names and their stores (manual, 2.8).
//!
//! A store is a short list looked through by the hash of the name: a transaction has a handful of variables.
//! It counts the bytes it holds against its limit (`tune.vars.*-max-size`) and keeps the buffers of what was
//! forgotten, so that setting the same variables for each request allocates nothing in the steady state.

use std::cmp::Ordering;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::{Scope, Scratch, Value};

/// How long a variable lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VarScope {
    /// As long as the process; shared by all workers.
    Proc,
    /// As long as the session.
    Sess,
    /// As long as the transaction.
    Txn,
    /// Until the request was processed.
    Req,
    /// Until the response was processed.
    Res,
    /// As long as a health check.
    Check,
}

/// A variable by scope and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VarRef {
    /// Where it lives.
    pub scope: VarScope,
    /// Whether it is the parent stream's; absent where there is none.
    pub parent: bool,
    /// The name after the scope's dot.
    pub name: Box<[u8]>,
    hash: u64,
}

/// A condition of `set-var` (manual, 7.3.1 "set-var").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// `ifexists`: it exists; variables of the process do so from the start.
    Exists,
    /// `ifnotexists`
    NotExists,
    /// `ifempty`: the new value is empty.
    Empty,
    /// `ifnotempty`
    NotEmpty,
    /// `ifset`: it holds a value.
    Set,
    /// `ifnotset`
    NotSet,
    /// `ifgt`: the integer that it holds is above the new one; true of anything that is no integer.
    Greater,
    /// `iflt`
    Less,
}

/// The variables of one scope.
#[derive(Debug, Default)]
pub struct Vars {
    slots: Vec<Slot>,
    used: usize,
    limit: Option<usize>,
}

#[derive(Debug)]
struct Slot {
    hash: u64,
    name: Box<[u8]>,
    held: Held,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Held {
    Unset,
    Bool(bool),
    Sint(i64),
    Ipv4(Ipv4Addr),
    Ipv6(Ipv6Addr),
    Str,
    Bin,
    Meth,
}

// === impl VarScope ===

impl VarScope {
    /// The name before the dot.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proc => "proc",
            Self::Sess => "sess",
            Self::Txn => "txn",
            Self::Req => "req",
            Self::Res => "res",
            Self::Check => "check",
        }
    }
}

// === impl VarRef ===

impl VarRef {
    /// Reads `scope.name`; a `p` before `sess`, `txn`, `req` or `res` means the parent stream's. The error is
    /// HAProxy's wording.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let shown = String::from_utf8_lossy(text);
        let found = SCOPES.iter().find_map(|(word, scope, parent)| {
            let rest = text.strip_prefix(word.as_bytes())?.strip_prefix(b".")?;
            Some((*scope, *parent, rest))
        });
        if text.is_empty() {
            return Err("Empty variable name cannot be accepted".to_owned());
        }
        let Some((scope, parent, name)) = found.filter(|(_, _, name)| !name.is_empty()) else {
            return Err(format!(
                "invalid variable name '{shown}'. A variable name must start with its scope. \
                 The scope can be 'proc', '(p)sess', '(p)txn', '(p)req', '(p)res' or 'check'"
            ));
        };
        if let Some(bad) = name.iter().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.'))) {
            return Err(format!("invalid syntax at char '{}'", char::from(*bad)));
        }
        Ok(Self { scope, parent, name: name.into(), hash: xxhash_rust::xxh3::xxh3_64(name) })
    }
}

// === impl When ===

impl When {
    /// Reads a condition. The error is HAProxy's wording.
    pub fn named(text: &[u8]) -> Result<Self, String> {
        Ok(match text {
            b"ifexists" => Self::Exists,
            b"ifnotexists" => Self::NotExists,
            b"ifempty" => Self::Empty,
            b"ifnotempty" => Self::NotEmpty,
            b"ifset" => Self::Set,
            b"ifnotset" => Self::NotSet,
            b"ifgt" => Self::Greater,
            b"iflt" => Self::Less,
            other => return Err(format!("unknown condition \"{}\"", String::from_utf8_lossy(other))),
        })
    }

    /// Whether the variable is to take this value.
    pub fn holds(self, scope: &dyn Scope, var: &VarRef, value: Value<'_>, scratch: &Scratch) -> bool {
        let current = || scope.var(var, scratch);
        let exists = || var.scope == VarScope::Proc || current().is_some();
        let empty = || value.bytes().is_some_and(<[u8]>::is_empty);
        let compared = |wanted| match (current(), value) {
            (Some(Value::Sint(now)), Value::Sint(new)) => now.cmp(&new) == wanted,
            _ => true,
        };
        match self {
            Self::Exists => exists(),
            Self::NotExists => !exists(),
            Self::Empty => empty(),
            Self::NotEmpty => !empty(),
            Self::Set => current().is_some(),
            Self::NotSet => current().is_none(),
            Self::Greater => compared(Ordering::Greater),
            Self::Less => compared(Ordering::Less),
        }
    }
}

const SCOPES: [(&str, VarScope, bool); 10] = [
    ("proc", VarScope::Proc, false),
    ("sess", VarScope::Sess, false),
    ("txn", VarScope::Txn, false),
    ("req", VarScope::Req, false),
    ("res", VarScope::Res, false),
    ("check", VarScope::Check, false),
    ("psess", VarScope::Sess, true),
    ("ptxn", VarScope::Txn, true),
    ("preq", VarScope::Req, true),
    ("pres", VarScope::Res, true),
];

// === impl Vars ===

impl Vars {
    /// An empty store that holds at most `limit` bytes of names and values, as HAProxy counts them.
    pub const fn new(limit: Option<usize>) -> Self {
        Self { slots: Vec::new(), used: 0, limit }
    }

    /// The variable's value, its bytes copied to `scratch`.
    pub fn value<'a>(&self, var: &VarRef, scratch: &'a Scratch) -> Option<Value<'a>> {
        let slot = self.slot(var)?;
        Some(match slot.held {
            Held::Unset => return None,
            Held::Bool(b) => Value::Bool(b),
            Held::Sint(i) => Value::Sint(i),
            Held::Ipv4(ip) => Value::Ipv4(ip),
            Held::Ipv6(ip) => Value::Ipv6(ip),
            Held::Str => Value::Str(scratch.bytes(&slot.bytes)),
            Held::Bin => Value::Bin(scratch.bytes(&slot.bytes)),
            Held::Meth => Value::Meth(scratch.bytes(&slot.bytes)),
        })
    }

    /// Whether the variable is set.
    pub fn is_set(&self, var: &VarRef) -> bool {
        self.slot(var).is_some_and(|slot| !matches!(slot.held, Held::Unset))
    }

    /// Lets it hold at most this many bytes from now on; what is there stays.
    pub const fn limit(&mut self, limit: Option<usize>) {
        self.limit = limit;
    }

    /// Sets a variable, or forgets it; `false` where there is no room for it.
    pub fn set(&mut self, var: &VarRef, value: Option<Value<'_>>) -> bool {
        let room = self.limit.map_or(usize::MAX, |limit| limit.saturating_sub(self.used));
        self.set_within(var, value, room)
    }

    /// The same where `room` bytes more may be held than are. Where a variable fits and its text does not,
    /// it is set all the same, without a text.
    pub fn set_within(&mut self, var: &VarRef, value: Option<Value<'_>>, room: usize) -> bool {
        let Some(value) = value else {
            self.unset(var);
            return true;
        };
        let held = self.slot(var).map_or(0, Slot::size);
        let room = room.saturating_add(held);
        let wanted = VAR_OVERHEAD + value.bytes().map_or(0, <[u8]>::len);
        if wanted > room {
            let had_text = !self.slot(var).is_some_and(|slot| slot.is_set() && slot.bytes.is_empty());
            if had_text && VAR_OVERHEAD <= room {
                self.used = self.used - held + VAR_OVERHEAD;
                let slot = self.slot_mut(var);
                slot.bytes.clear();
                slot.held = Held::Bool(false);
            }
            return false;
        }
        self.used = self.used - held + wanted;
        let slot = self.slot_mut(var);
        slot.bytes.clear();
        slot.bytes.extend_from_slice(value.bytes().unwrap_or_default());
        slot.held = match value {
            Value::Bool(b) => Held::Bool(b),
            Value::Sint(i) => Held::Sint(i),
            Value::Ipv4(ip) => Held::Ipv4(ip),
            Value::Ipv6(ip) => Held::Ipv6(ip),
            Value::Str(_) => Held::Str,
            Value::Bin(_) => Held::Bin,
            Value::Meth(_) => Held::Meth,
        };
        true
    }

    /// Forgets all variables and keeps their buffers.
    pub fn clear(&mut self) {
        for slot in &mut self.slots {
            slot.held = Held::Unset;
        }
        self.used = 0;
    }

    /// Bytes held, as they count against the limit.
    pub const fn used(&self) -> usize {
        self.used
    }

    /// Names and values of all that is set, in the order they were first set.
    pub fn iter<'v, 's>(&'v self, scratch: &'s Scratch) -> impl Iterator<Item = (&'v [u8], Value<'s>)> {
        self.slots.iter().filter_map(move |slot| {
            let var =
                VarRef { scope: VarScope::Txn, parent: false, name: slot.name.clone(), hash: slot.hash };
            Some((&*slot.name, self.value(&var, scratch)?))
        })
    }

    fn unset(&mut self, var: &VarRef) {
        if let Some(slot) = self.slots.iter_mut().find(|s| s.hash == var.hash && s.name == var.name) {
            self.used -= slot.size();
            slot.held = Held::Unset;
        }
    }

    fn slot(&self, var: &VarRef) -> Option<&Slot> {
        self.slots.iter().find(|s| s.hash == var.hash && s.name == var.name)
    }

    fn slot_mut(&mut self, var: &VarRef) -> &mut Slot {
        let at = self.slots.iter().position(|s| s.hash == var.hash && s.name == var.name);
        let at = at.unwrap_or_else(|| {
            self.slots.push(Slot {
                hash: var.hash,
                name: var.name.clone(),
                held: Held::Unset,
                bytes: Vec::new(),
            });
            self.slots.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "found or pushed on the lines above")]
        &mut self.slots[at]
    }
}

// === impl Slot ===

impl Slot {
    const fn is_set(&self) -> bool {
        !matches!(self.held, Held::Unset)
    }

    fn size(&self) -> usize {
        match self.held {
            Held::Unset => 0,
            _ => VAR_OVERHEAD + self.bytes.len(),
        }
    }
}

/// What a variable counts beside its bytes.
const VAR_OVERHEAD: usize = 88;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_counts_what_it_holds_and_refuses_what_is_too_much() {
        let scratch = Scratch::new();
        let (a, b) = (VarRef::parse(b"txn.a").unwrap(), VarRef::parse(b"txn.b").unwrap());
        let mut vars = Vars::new(Some(2 * VAR_OVERHEAD + 6));
        assert!(vars.set(&a, Some(Value::Str(b"abc"))));
        assert!(vars.set(&b, Some(Value::Sint(5))));
        assert!(!vars.set(&b, Some(Value::Str(b"abcd"))), "4 bytes where 3 are left");
        assert_eq!(vars.value(&b, &scratch), Some(Value::Sint(5)), "a refused value leaves the old one");
        assert!(vars.set(&a, None) && !vars.is_set(&a));
        assert!(vars.set(&b, Some(Value::Str(b"abcd"))));
        assert_eq!(vars.iter(&scratch).count(), 1);
        vars.clear();
        assert_eq!((vars.used(), vars.is_set(&b)), (0, false));
    }

    #[test]
    fn names_are_judged_in_the_words_of_the_reference() {
        let unknown = "invalid variable name 'foo'. A variable name must start with its scope. The scope can be 'proc', '(p)sess', '(p)txn', '(p)req', '(p)res' or 'check'";
        assert_eq!(VarRef::parse(b"foo").unwrap_err(), unknown);
        assert_eq!(VarRef::parse(b"txn.fo-o").unwrap_err(), "invalid syntax at char '-'");
        assert!(VarRef::parse(b"ptxn.a.b_c").unwrap().parent);
    }
}
