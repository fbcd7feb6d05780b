//! Passwords whose hashes are made to take long: computed on a thread that may block, while the rule that asks waits.
//!
//! A condition that asks finds no answer at first and leaves the question; the executor of rules has it computed and
//! asks again. Answers are kept as long as the transaction. Who cannot wait computes at once.

use std::cell::RefCell;

use weir_expr::Lookup;
use weir_expr::scope::UserlistId;

use crate::conf::{Password, User};
use crate::transaction::Transaction;

/// The questions of a transaction.
#[derive(Debug, Default)]
pub(crate) struct Passwords(RefCell<Vec<Question>>);

#[derive(Clone, Debug)]
struct Question {
    password: Box<[u8]>,
    hash: Box<str>,
    answer: Option<bool>,
}

/// Whether a user of a list has this password.
pub(crate) fn judge(
    t: &Transaction,
    list: UserlistId,
    (name, password): (&[u8], &[u8]),
    can_wait: bool,
) -> Lookup<bool> {
    Lookup::Value(match user(t, list, name).map(|user| &user.password) {
        Some(Password::Clear(clear)) => clear.as_bytes() == password,
        Some(Password::Crypt(hash)) => match t.messages.passwords.ask(password, hash, can_wait) {
            Some(answer) => answer,
            None => return Lookup::NotYet,
        },
        Some(Password::None) | None => false,
    })
}

/// The user of that name of a list.
pub(crate) fn user<'t>(t: &'t Transaction, list: UserlistId, name: &[u8]) -> Option<&'t User> {
    let list = t.client.frontend.shared.userlists.get(list.0 as usize)?;
    list.users.iter().find(|user| user.name.as_bytes() == name)
}

// === impl Passwords ===

impl Passwords {
    /// Whether the password has this hash; nothing where the answer has to be waited for, as the caller can.
    pub(crate) fn ask(&self, password: &[u8], hash: &str, can_wait: bool) -> Option<bool> {
        let same = |q: &&Question| *q.password == *password && *q.hash == *hash;
        if let Some(known) = self.0.borrow().iter().find(same) {
            return known.answer;
        }
        if !can_wait {
            return Some(weir_sys::passwords::matches(password, hash));
        }
        self.0.borrow_mut().push(Question { password: password.into(), hash: hash.into(), answer: None });
        None
    }

    /// Whether a question is open.
    pub(crate) fn is_asked(&self) -> bool {
        self.0.borrow().iter().any(|q| q.answer.is_none())
    }

    /// Answers the questions that are open.
    pub(crate) async fn answer(&mut self) {
        for question in self.0.get_mut() {
            if question.answer.is_some() {
                continue;
            }
            let Question { password, hash, .. } = question.clone();
            let computed =
                tokio::task::spawn_blocking(move || weir_sys::passwords::matches(&password, &hash));
            // A thread that broke off has found no match.
            question.answer = Some(computed.await.unwrap_or(false));
        }
    }

    /// Forgets them.
    pub(crate) fn clear(&mut self) {
        self.0.get_mut().clear();
    }
}
