//! The variables of a transaction, its session and the process (manual, 2.8).

mod assign;

use std::cell::RefCell;

use parking_lot::Mutex;
use weir_expr::{Scratch, Value, VarRef, VarScope, Vars};

use crate::conf::VarLimits;
use crate::transaction::Transaction;

pub(crate) use assign::adopt;
pub use assign::{Source, assign};

/// Variables that live as long as a transaction, or a part of it; their storage is recycled.
#[derive(Debug, Default)]
pub(crate) struct Variables {
    transaction: RefCell<Vars>,
    request: RefCell<Vars>,
    response: RefCell<Vars>,
}

/// Variables of a session; most have none.
pub(crate) type SessionVariables = RefCell<Option<Box<Vars>>>;

/// Variables of the process.
pub type ProcessVariables = Mutex<Vars>;

/// A variable as a transaction sees it, its bytes copied to `scratch`.
pub(crate) fn value<'a>(t: &Transaction, var: &VarRef, scratch: &'a Scratch) -> Option<Value<'a>> {
    let own = &t.messages.vars;
    match var.scope {
        VarScope::Proc => t.client.worker.runtime.process.vars.lock().value(var, scratch),
        VarScope::Sess => t.client.session().vars.borrow().as_ref()?.value(var, scratch),
        VarScope::Txn => own.transaction.borrow().value(var, scratch),
        VarScope::Req => own.request.borrow().value(var, scratch),
        VarScope::Res => own.response.borrow().value(var, scratch),
        VarScope::Check => None,
    }
}

/// Gives `visit` each variable of a scope.
pub(crate) fn each<'a>(
    t: &Transaction,
    scope: VarScope,
    scratch: &'a Scratch,
    visit: &mut dyn FnMut(&[u8], Value<'a>),
) {
    let own = &t.messages.vars;
    let mut all = |vars: &Vars| vars.iter(scratch).for_each(|(name, value)| visit(name, value));
    match scope {
        VarScope::Proc => all(&t.client.worker.runtime.process.vars.lock()),
        VarScope::Sess => t.client.session().vars.borrow().as_deref().into_iter().for_each(all),
        VarScope::Txn => all(&own.transaction.borrow()),
        VarScope::Req => all(&own.request.borrow()),
        VarScope::Res => all(&own.response.borrow()),
        VarScope::Check => {}
    }
}

/// Sets a variable, or forgets it; whether there was room.
pub(crate) fn set(t: &Transaction, var: &VarRef, value: Option<Value<'_>>) -> bool {
    let own = &t.messages.vars;
    let room = room(t, var.scope);
    match var.scope {
        VarScope::Proc => t.client.worker.runtime.process.vars.lock().set(var, value),
        VarScope::Sess => {
            let mut vars = t.client.session().vars.borrow_mut();
            vars.get_or_insert_with(Box::default).set_within(var, value, room)
        }
        VarScope::Txn => own.transaction.borrow_mut().set_within(var, value, room),
        VarScope::Req => own.request.borrow_mut().set_within(var, value, room),
        VarScope::Res => own.response.borrow_mut().set_within(var, value, room),
        VarScope::Check => false,
    }
}

/// How many bytes more the variables of a scope may hold. Each limit counts the scopes that live shorter, of this
/// transaction and its session.
fn room(t: &Transaction, scope: VarScope) -> usize {
    let limits = t.client.worker.view().snapshot.global.tune.vars;
    if limits == VarLimits::default() {
        return usize::MAX;
    }
    let own = &t.messages.vars;
    let (request, response) = (own.request.borrow().used(), own.response.borrow().used());
    let transaction = own.transaction.borrow().used() + request + response;
    let session = t.client.session().vars.borrow().as_ref().map_or(0, |vars| vars.used()) + transaction;
    let message = if scope == VarScope::Req { request } else { response };
    let process = || t.client.worker.runtime.process.vars.lock().used() + session;
    let left = |limit: Option<usize>, used: usize| limit.map_or(usize::MAX, |l| l.saturating_sub(used));
    let of_process = if limits.process.is_some() { left(limits.process, process()) } else { usize::MAX };
    let mut room = of_process.min(left(limits.session, session));
    if scope != VarScope::Sess {
        room = room.min(left(limits.transaction, transaction));
    }
    if matches!(scope, VarScope::Req | VarScope::Res) {
        room = room.min(left(limits.message, message));
    }
    room
}

// === impl Variables ===

impl Variables {
    /// Each set with the name of its scope.
    pub(crate) fn each(&self) -> [(&'static str, &RefCell<Vars>); 3] {
        [("txn", &self.transaction), ("req", &self.request), ("res", &self.response)]
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        for vars in [&mut self.transaction, &mut self.request, &mut self.response] {
            vars.get_mut().clear();
        }
    }

    /// Forgets those of the request: the response is there.
    pub(crate) fn end_request(&mut self) {
        self.request.get_mut().clear();
    }
}
