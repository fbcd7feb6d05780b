//! The variables of a transaction, its session and the process (manual, 2.8).

use std::cell::RefCell;

use parking_lot::Mutex;
use weir_expr::{Scratch, Value, VarRef, VarScope, Vars};

use crate::transaction::Transaction;

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
        VarScope::Sess => t.client.vars.borrow().as_ref()?.value(var, scratch),
        VarScope::Txn => own.transaction.borrow().value(var, scratch),
        VarScope::Req => own.request.borrow().value(var, scratch),
        VarScope::Res => own.response.borrow().value(var, scratch),
        VarScope::Check => None,
    }
}

/// Sets a variable, or forgets it; whether there was room.
pub(crate) fn set(t: &Transaction, var: &VarRef, value: Option<Value<'_>>) -> bool {
    let own = &t.messages.vars;
    match var.scope {
        VarScope::Proc => t.client.worker.runtime.process.vars.lock().set(var, value),
        VarScope::Sess => {
            let mut vars = t.client.vars.borrow_mut();
            vars.get_or_insert_with(Box::default).set(var, value)
        }
        VarScope::Txn => own.transaction.borrow_mut().set(var, value),
        VarScope::Req => own.request.borrow_mut().set(var, value),
        VarScope::Res => own.response.borrow_mut().set(var, value),
        VarScope::Check => false,
    }
}

// === impl Variables ===

impl Variables {
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
