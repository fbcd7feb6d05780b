//! Actions on lists of patterns: maps and ACL files that change while they are used (manual, 4.4 "add-acl",
//! "del-acl", "set-map", "del-map").

use std::sync::{Arc, OnceLock};

use weir_config::Keyword;
use weir_expr::pattern::{PatternList, Which};
use weir_expr::{Format, PatternFiles, Purpose};

use super::{Action, ActionFn, Parse, Parsed, Run, Verdict, works};

/// The actions of this file.
pub(super) const LISTS: &[Keyword<ActionFn>] = &[
    works("http-request add-acl", ADD, |p| change(p, What::AddPattern)),
    works("http-response add-acl", ADD, |p| change(p, What::AddPattern)),
    works("http-request del-acl", DEL, |p| change(p, What::DeletePattern)),
    works("http-response del-acl", DEL, |p| change(p, What::DeletePattern)),
    works("http-after-response del-acl", DEL, |p| change(p, What::DeletePattern)),
    works("http-request set-map", SET, |p| change(p, What::SetKey)),
    works("http-response set-map", SET, |p| change(p, What::SetKey)),
    works("http-after-response set-map", SET, |p| change(p, What::SetKey)),
    works("http-request del-map", UNSET, |p| change(p, What::DeleteKey)),
    works("http-response del-map", UNSET, |p| change(p, What::DeleteKey)),
    works("http-after-response del-map", UNSET, |p| change(p, What::DeleteKey)),
];

const ADD: &str = "adds a pattern to an ACL";
const DEL: &str = "takes a pattern out of an ACL";
const SET: &str = "adds a key to a map, or gives it another value";
const UNSET: &str = "takes a key out of a map";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    AddPattern,
    DeletePattern,
    SetKey,
    DeleteKey,
}

#[derive(Debug)]
struct Change {
    what: What,
    files: PatternFiles,
    name: String,
    /// Found at the first use: the list may be named by a later line. There may be none.
    list: OnceLock<Option<Arc<PatternList>>>,
    key: Format,
    value: Option<Format>,
}

fn change(p: &mut Parse<'_, '_>, what: What) -> Parsed {
    let missing =
        if what == What::SetKey { "expects exactly 2 arguments" } else { "expects exactly 1 arguments" };
    let key = p.format(Purpose::Text, missing)?;
    let value = if what == What::SetKey { Some(p.format(Purpose::Text, missing)?) } else { None };
    let name = String::from_utf8_lossy(p.inner().unwrap_or_default()).into_owned();
    Ok(Box::new(Change { what, files: p.load.files.clone(), name, list: OnceLock::new(), key, value }))
}

impl Action for Change {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        let is_map = matches!(self.what, What::SetKey | What::DeleteKey);
        let Some(list) = self.list.get_or_init(|| self.files.find(&self.name, is_map)) else {
            return Verdict::Next;
        };
        run.render(&self.key);
        let mut key = std::mem::take(&mut run.bench.made);
        key.clear();
        key.extend_from_slice(&run.bench.text);
        if let Some(value) = &self.value {
            run.render(value);
        }
        // What cannot be, because a pattern or a value is not one, is left undone.
        let _ = match self.what {
            What::AddPattern => list.put_pattern(&key),
            What::SetKey => list.put(&key, &run.bench.text),
            What::DeletePattern | What::DeleteKey => list.delete(Which::Key(&key)),
        };
        run.bench.made = key;
        Verdict::Next
    }
}
