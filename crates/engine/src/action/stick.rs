//! `stick on`, `stick match`, `stick store-request`, `stick store-response`: which entry of a table keeps a client
//! with its server (manual, 4.2). The stage `stick` runs them.

use weir_config::Line;
use weir_diag::{Diagnostic, Form};
use weir_expr::scope::TableId;
use weir_expr::{Condition, Expr, Place, Side, WordsError};

use super::compile::{Compiler, Draft, RuleLine};
use super::judge::Reader;
use super::parse::is_condition;
use crate::tables;

/// A rule of persistence.
#[derive(Debug)]
pub(crate) struct Stick {
    pub(crate) condition: Option<Condition>,
    pub(crate) key: Expr,
    pub(crate) table: TableId,
    /// It looks for the server in the table.
    pub(crate) matches: bool,
    /// It writes the server into the table, when the request or the response is there.
    pub(crate) stores: Option<Side>,
}

impl Compiler<'_> {
    /// Reads a line of these.
    pub(super) fn stick(&mut self, draft: &mut Draft, rule: &RuleLine) -> Result<(), Diagnostic> {
        let line = &rule.line;
        let (matches, stores) = match line.name().as_str() {
            "stick match" => (true, None),
            "stick store-request" => (false, Some(Side::Client)),
            "stick store-response" => (false, Some(Side::Server)),
            _ => (true, Some(Side::Client)),
        };
        let response = stores == Some(Side::Server);
        let place = if response { Place::StickStore } else { Place::UseServer };
        if line.args().is_empty() {
            return Err(line.alert("'stick' expects a fetch method."));
        }
        let (key, taken) = self.key(draft, line, place)?;
        let mut rest = line.args().get(taken..).unwrap_or_default();
        let mut name = draft.name.clone();
        if let [first, tail @ ..] = rest
            && first.is("table")
        {
            name = tail.first().map(|w| w.text().into_owned()).unwrap_or_default();
            rest = tail.get(1..).unwrap_or_default();
        }
        if let Some(extra) = rest.first().filter(|w| !is_condition(w)) {
            return Err(extra.alert(format!("'stick': unknown keyword '{}'.", extra.text())));
        }
        let prefix = "'stick': error detected while parsing sticking condition : ";
        let condition = self.condition(draft, rule, place, rest, prefix)?;
        let proxy = &draft.name;
        let Some(at) = self.tables.iter().position(|t| t.spec.name == name) else {
            let message = format!("Proxy '{proxy}': unable to find stick-table '{name}'.");
            return Err(line.alert(message).form(Form::Bare));
        };
        let fits =
            self.tables.get(at).is_some_and(|t| key.output().casts_to(tables::type_of(t.spec.key_type)));
        if !fits {
            let message =
                format!("Proxy '{proxy}': type of fetch not usable with type of stick-table '{name}'.");
            return Err(line.alert(message).form(Form::Bare));
        }
        if !response {
            self.note_bytes(Reader::Stick, condition.as_ref(), line);
        }
        self.sticky.push(at);
        draft.rules.sticks.push(Stick { condition, key, table: TableId(at as u32), matches, stores });
        Ok(())
    }

    /// The key, and how many words it has.
    fn key(&mut self, draft: &Draft, line: &Line, place: Place) -> Result<(Expr, usize), Diagnostic> {
        let compiled = self.with(draft, line, place, |load| {
            let (key, taken) = Expr::of_words(line.args(), load)?;
            match key.check_place(load) {
                Ok(()) => Ok((key, taken)),
                Err(reason) => {
                    let needs = reason.split('\'').nth(1).unwrap_or_default();
                    let when =
                        if place == Place::StickStore { "for 'store-response'" } else { "during request" };
                    let message = format!(
                        "fetch method '{}' extracts information from '{needs}', none of which is available {when}.",
                        key.fetch_name()
                    );
                    Err(WordsError::new(0, message))
                }
            }
        });
        compiled.map_err(|e| {
            let unresolved = self.unresolved(line, &e);
            let at = line.args().get(e.word).map_or(line.span, |word| word.span);
            unresolved.unwrap_or_else(|| Diagnostic::alert(at, format!("'stick': {}", e.error.message)))
        })
    }
}
