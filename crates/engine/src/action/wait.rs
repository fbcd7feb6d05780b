//! Actions that wait (manual, 4.4 "pause", "wait-for-body").

use std::time::Duration;

use weir_config::{Keyword, values};
use weir_expr::{Expr, Type};

use super::{Action, ActionFn, Parse, Parsed, Reason, Run, Verdict, works};
use crate::scope::View;
use crate::stage::body;

/// The actions of this file.
pub(super) const WAIT: &[Keyword<ActionFn>] = &[
    works("http-request pause", "waits for a while", pause),
    works("http-response pause", "waits for a while", pause),
    works("http-request wait-for-body", "waits for the body, or some of it", wait_for_body),
];

#[derive(Debug)]
enum Pause {
    For(Duration),
    Computed(Expr),
}

fn pause(p: &mut Parse<'_, '_>) -> Parsed {
    let word = p.peek().cloned();
    let digits = word.as_ref().is_some_and(|w| w.bytes.first().is_some_and(u8::is_ascii_digit));
    let Some(word) = word.filter(|_| digits) else {
        let text = p.peek().map(|w| w.text().into_owned()).unwrap_or_default();
        let at = text.chars().next().map(String::from).unwrap_or_default();
        let known = p.expr();
        return match known {
            Ok(expr) => Ok(Box::new(Pause::Computed(expr))),
            Err(_) => Err(p.error(format!("unexpected character '{at}' in rule 'pause'"))),
        };
    };
    p.at += 1;
    let time = values::parse_time(&word.bytes, values::Unit::Milliseconds)
        .map_err(|_| p.error(format!("unexpected time '{}' in rule 'pause'", word.text())))?;
    Ok(Box::new(Pause::For(time.duration)))
}

impl Action for Pause {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        if run.since.is_some() {
            return Verdict::Next;
        }
        let delay = match self {
            Self::For(delay) => Some(*delay),
            Self::Computed(expr) => {
                let view = View::of_rules(run.t, run.set);
                let value = expr.eval_as(Type::Sint, &view, &run.bench.scratch).some();
                let millis = value.and_then(|v| v.to_sint()).and_then(|n| u64::try_from(n).ok());
                millis.filter(|n| *n > 0).map(Duration::from_millis)
            }
        };
        delay.map_or(Verdict::Next, |delay| Verdict::Wait(Reason::Time(delay)))
    }
}

#[derive(Debug)]
struct WaitForBody {
    delay: Duration,
    least: Option<u64>,
}

fn wait_for_body(p: &mut Parse<'_, '_>) -> Parsed {
    const EXPECTS: &str = "expects time <time> [ at-least <bytes> ]";
    if !p.eat("time") {
        return Err(p.error(EXPECTS));
    }
    let word = p.expect("missing time value")?;
    let time = values::parse_time(&word.bytes, values::Unit::Milliseconds)
        .map_err(|_| p.error(format!("unexpected time '{}'", word.text())))?;
    let mut least = None;
    if p.eat("at-least") {
        let word = p.expect("missing size value")?;
        least = values::parse_size(&word.bytes).ok().map(u64::from).filter(|n| *n > 0);
    }
    Ok(Box::new(WaitForBody { delay: time.duration, least }))
}

impl Action for WaitForBody {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        let client = &run.t.client;
        let input = client.input.data();
        let enough = self.least.is_some_and(|least| input.len() as u64 >= least);
        let late = run.since.is_some_and(|since| since.after(Some(self.delay)) <= run.t.now());
        if enough || late || client.input.is_full() || body::is_whole(run.t.front.request, input) {
            return Verdict::Next;
        }
        Verdict::Wait(Reason::Bytes { delay: Some(self.delay) })
    }
}
