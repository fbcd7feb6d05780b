//! What operators changed while the program ran, and what of it a reload keeps: all of it, but where the file itself
//! says something else than before, which then counts.

use std::sync::Arc;

use crate::lists::ListChanges;
use crate::pair::Pair;
use crate::store::Store;

/// What is to be done with lines that were made of the files.
#[derive(Debug, Default)]
pub struct Carried {
    /// Certificates that are shown in the place of those of their names.
    pub pairs: Vec<Arc<Pair>>,
    /// Files of authorities or revoked certificates that say something else.
    pub trusts: Vec<String>,
    /// Lists of certificates, and what is to be done to them again.
    pub lists: Vec<ListChanges>,
    /// What is not kept, in words.
    pub lost: Vec<String>,
}

/// Takes over into `new`, which was read from the files, what was changed in `old`.
pub fn carry(old: &Store, new: &Store) -> Carried {
    let mut carried = Carried::default();
    let lost = |what: &str, name: &str| {
        format!("{what} '{name}': the file has changed and counts; what came at run time is lost.")
    };
    for (name, file) in old.replacements() {
        let now = old.now(&name).flatten();
        match (file, new.now(&name)) {
            (None, None) => new.keep(&name, now),
            (Some(file), Some(Some(here))) if file.says_same(&here) => {
                if let Some(now) = now {
                    new.settle(now.clone());
                    carried.pairs.push(now);
                }
            }
            // Nothing names it any more.
            (Some(_), None) => {}
            (_, Some(_)) => carried.lost.push(lost("certificate", &name)),
        }
    }
    let (trusts, changed) = new.trusts.carry(&old.trusts);
    carried.trusts = trusts;
    carried.lost.extend(changed.iter().map(|name| lost("file of authorities", name)));
    let (lists, changed) = new.lists.carry(&old.lists);
    carried.lists = lists;
    carried.lost.extend(changed.iter().map(|name| lost("list of certificates", name)));
    carried.lost.extend(new.tickets.carry(&old.tickets).iter().map(|name| lost("keys of tickets", name)));
    carried
}
