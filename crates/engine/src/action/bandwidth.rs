//! `set-bandwidth-limit`: a limit that the proxy declares takes part from here on (manual, 4.4 and 9.7).

use std::sync::Arc;

use weir_config::{Keyword, values};
use weir_expr::{Expr, Type, Value, WordsError};
use weir_table::Rate;

use super::{Action, ActionFn, Parse, Parsed, Run, Verdict, works};
use crate::filter::{Limit, Meter, Share, Shared};
use crate::scope::View;
use crate::tables;

/// The actions of this file.
pub(super) const BANDWIDTH: &[Keyword<ActionFn>] = &[
    works("tcp-request content set-bandwidth-limit", HELP, parse),
    works("tcp-response content set-bandwidth-limit", HELP, parse),
    works("http-request set-bandwidth-limit", HELP, parse),
    works("http-response set-bandwidth-limit", HELP, parse),
];

const HELP: &str = "limits how fast bytes pass";

/// Puts a limit to work.
#[derive(Debug)]
struct SetLimit {
    limit: Arc<Limit>,
    bytes: Option<Amount>,
    period: Option<Amount>,
}

/// A number that is written or computed.
#[derive(Debug)]
enum Amount {
    Fixed(u32),
    Computed(Expr),
}

fn parse(p: &mut Parse<'_, '_>) -> Parsed {
    let Some(name) = p.take() else { return Err(p.error("missing bwlim filter name")) };
    let at = p.at - 1;
    let (mut bytes, mut period) = (None, None);
    loop {
        if p.eat("limit") {
            bytes = Some(amount(p, "limit", "size", |w| values::parse_size(w).ok())?);
        } else if p.eat("period") {
            let time = |w: &[u8]| values::parse_time(w, values::Unit::Milliseconds).ok();
            let millis = |t: values::Time| u32::try_from(t.duration.as_millis()).unwrap_or(u32::MAX);
            period = Some(amount(p, "period", "time", |w| time(w).map(millis))?);
        } else {
            break;
        }
    }
    let said = |what: String| Err(WordsError::new(at, format!("set-bandwidth-limit: {what}")));
    let shown = name.text();
    let Some(limit) = p.filters.iter().find_map(|f| f.limit(&name.bytes)) else {
        return said(format!("unable to find bwlim filter '{shown}' referenced by set-bandwidth-limit rule"));
    };
    for (option, amount) in [("limit", &bytes), ("period", &period)] {
        let Some(Amount::Computed(expr)) = amount else { continue };
        if let Err(reason) = expr.check_place(p.load) {
            let needs = reason.split('\'').nth(1).unwrap_or_default();
            return said(format!(
                "set-bandwidth-limit rule uses a {option} extracting information from '{needs}', none of which is \
                 available here"
            ));
        }
    }
    if let Share::Key { .. } = limit.share {
        let defined = [("limit", &bytes), ("period", &period)].into_iter().find(|(_, a)| a.is_some());
        if let Some((option, _)) = defined {
            return said(format!(
                "set-bandwidth-limit rule cannot define a {option} for a shared bwlim filter"
            ));
        }
    }
    Ok(Box::new(SetLimit { limit: limit.clone(), bytes, period }))
}

/// A number as `read` knows it, else an expression.
fn amount(
    p: &mut Parse<'_, '_>,
    option: &str,
    kind: &str,
    read: impl Fn(&[u8]) -> Option<u32>,
) -> Result<Amount, WordsError> {
    let written = p.words.get(p.at).map(|w| w.bytes.clone()).unwrap_or_default();
    if let Some(n) = read(&written).filter(|_| !written.is_empty()) {
        p.at += 1;
        return Ok(Amount::Fixed(n));
    }
    match p.lax_expr() {
        Ok(expr) => Ok(Amount::Computed(expr)),
        Err(_) => {
            let shown = String::from_utf8_lossy(&written);
            Err(p.error(format!("'{option}': invalid {kind} value or unknown fetch method '{shown}'")))
        }
    }
}

// === impl SetLimit ===

impl SetLimit {
    /// What is measured, by what the expressions say now.
    fn meter(&self, run: &Run<'_>) -> Option<Meter> {
        let view = View::of_rules(run.t, run.set);
        let scratch = &run.bench.scratch;
        match &self.limit.share {
            Share::Own { period } => {
                let value = |amount: &Option<Amount>| match amount {
                    None => None,
                    Some(Amount::Fixed(n)) => Some(*n),
                    Some(Amount::Computed(expr)) => {
                        let n = expr.eval_as(Type::Sint, &view, scratch).some().and_then(Value::to_sint);
                        n.and_then(|n| u32::try_from(n).ok())
                    }
                };
                // Nothing and zero leave it as it is declared.
                let bytes = value(&self.bytes).filter(|n| *n > 0).unwrap_or(self.limit.bytes);
                let period = value(&self.period).filter(|n| *n > 0).unwrap_or(*period);
                Some(Meter::Own { bytes, period, rate: Rate::new(tables::now() as u32) })
            }
            Share::Key { key, table, data } => {
                let table = run.t.client.frontend.shared.tables.get(table.0 as usize)?;
                let key = key.eval(&view, scratch).some()?;
                let held = tables::with_key(table, key, scratch, |k| {
                    Shared::hold(table, k, *data, self.limit.bytes)
                });
                Some(Meter::Shared(held.flatten()?))
            }
        }
    }
}

impl Action for SetLimit {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        let Some(meter) = self.meter(run) else { return Verdict::Next };
        let of = Arc::as_ptr(&self.limit).cast();
        let worker = run.t.client.worker.clone();
        run.t.messages.filters.put(&worker, of, self.limit.outgoing, self.limit.min_size, meter);
        Verdict::Next
    }
}
