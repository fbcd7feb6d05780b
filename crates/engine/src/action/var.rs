//! Actions on variables (manual, 2.8 and 4.4 "set-var", "set-var-fmt", "unset-var").

use weir_config::Keyword;
use weir_expr::{Expr, Format, Purpose, Scope, Value, VarRef, When};

use super::{Action, ActionFn, Bench, Parse, Parsed, Run, Verdict, works};
use crate::scope::View;

/// The actions of this file.
pub(super) const VAR: &[Keyword<ActionFn>] = &[
    works("tcp-request connection set-var", SET, set),
    works("tcp-request session set-var", SET, set),
    works("tcp-request content set-var", SET, set),
    works("tcp-response content set-var", SET, set),
    works("http-request set-var", SET, set),
    works("http-response set-var", SET, set),
    works("http-after-response set-var", SET, set),
    works("tcp-request connection set-var-fmt", FMT, set_fmt),
    works("tcp-request session set-var-fmt", FMT, set_fmt),
    works("tcp-request content set-var-fmt", FMT, set_fmt),
    works("tcp-response content set-var-fmt", FMT, set_fmt),
    works("http-request set-var-fmt", FMT, set_fmt),
    works("http-response set-var-fmt", FMT, set_fmt),
    works("http-after-response set-var-fmt", FMT, set_fmt),
    works("tcp-request connection unset-var", UNSET, unset),
    works("tcp-request session unset-var", UNSET, unset),
    works("tcp-request content unset-var", UNSET, unset),
    works("tcp-response content unset-var", UNSET, unset),
    works("http-request unset-var", UNSET, unset),
    works("http-response unset-var", UNSET, unset),
    works("http-after-response unset-var", UNSET, unset),
];

const SET: &str = "keeps a sample in a variable";
const FMT: &str = "keeps a text in a variable";
const UNSET: &str = "forgets a variable";

#[derive(Debug)]
struct SetVar {
    var: VarRef,
    when: Vec<When>,
    what: What,
}

#[derive(Debug)]
enum What {
    Sample(Expr),
    Text(Format),
    Nothing,
}

fn set(p: &mut Parse<'_, '_>) -> Parsed {
    let (var, when) = named(p)?;
    let what = What::Sample(p.expr()?);
    Ok(Box::new(SetVar { var, when, what }))
}

fn set_fmt(p: &mut Parse<'_, '_>) -> Parsed {
    let (var, when) = named(p)?;
    let what = match p.is_over() {
        false => What::Text(p.format(Purpose::Text, "")?),
        true => What::Text(Format::compile(b"", Purpose::Text, p.load).map_err(|e| p.error(e.message))?),
    };
    Ok(Box::new(SetVar { var, when, what }))
}

fn unset(p: &mut Parse<'_, '_>) -> Parsed {
    let (var, when) = named(p)?;
    Ok(Box::new(SetVar { var, when, what: What::Nothing }))
}

/// The variable and the conditions that stand in the parentheses.
fn named(p: &Parse<'_, '_>) -> Result<(VarRef, Vec<When>), weir_expr::WordsError> {
    const EXPECTS: &str =
        "Expects 'set-var(<var-name>)', 'set-var-fmt(<var-name>)' or 'unset-var(<var-name>)'";
    let written = p.words.get(p.name).map(|w| w.text().into_owned()).unwrap_or_default();
    let called =
        written.split_once('(').map(|(name, _)| matches!(name, "set-var" | "set-var-fmt" | "unset-var"));
    let Some(inner) = p.inner().filter(|_| called == Some(true)) else {
        let what = if called == Some(true) { "incomplete argument after" } else { "invalid or incomplete" };
        return Err(weir_expr::WordsError::new(p.name, format!("{what} action '{written}'. {EXPECTS}")));
    };
    variable(inner).map_err(|message| weir_expr::WordsError::new(p.name, message))
}

/// What stands in the parentheses of `set-var`: the variable and its conditions.
pub(crate) fn variable(text: &[u8]) -> Result<(VarRef, Vec<When>), String> {
    let mut parts = text.split(|c| *c == b',');
    let name = parts.next().unwrap_or_default();
    if name.is_empty() {
        return Err("Empty variable name cannot be accepted".to_owned());
    }
    let when: Result<Vec<When>, String> = parts.map(|part| When::named(part.trim_ascii())).collect();
    let when = when?;
    Ok((VarRef::parse(name)?, when))
}

impl Action for SetVar {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        if let What::Text(format) = &self.what {
            run.render(format);
        }
        let Bench { scratch, text, .. } = &*run.bench;
        let view = View::of_rules(run.t, run.set);
        let value = match &self.what {
            What::Nothing => {
                view.set_var(&self.var, None);
                return Verdict::Next;
            }
            What::Text(_) => Some(Value::Str(text)),
            What::Sample(expr) => expr.eval(&view, scratch).some(),
        };
        let Some(value) = value else { return Verdict::Next };
        if self.when.iter().all(|when| when.holds(&view, &self.var, value, scratch)) {
            view.set_var(&self.var, Some(value));
        }
        Verdict::Next
    }
}
