//! Actions that decide how a request comes to a server: its place in queues, how often it is tried (manual, 4.4
//! "set-priority-class", "set-priority-offset", "set-retries", "disable-l7-retry").

use weir_config::Keyword;
use weir_expr::{Expr, Type, Value};

use super::parse::integer;
use super::{Action, ActionFn, Parse, Parsed, Run, Verdict, works};
use crate::conf::Caps;
use crate::scope::View;

/// The actions of this file.
pub(super) const RETRY: &[Keyword<ActionFn>] = &[
    works("http-request disable-l7-retry", "a request that is not sent twice", |_| Ok(Box::new(NoReplay))),
    works("tcp-request content set-retries", RETRIES, retries),
    works("http-request set-retries", RETRIES, retries),
    works("tcp-request content set-priority-class", CLASS, |p| priority(p, Of::Class)),
    works("http-request set-priority-class", CLASS, |p| priority(p, Of::Class)),
    works("tcp-request content set-priority-offset", OFFSET, |p| priority(p, Of::Offset)),
    works("http-request set-priority-offset", OFFSET, |p| priority(p, Of::Offset)),
];

const RETRIES: &str = "how often a connection is tried again";
const CLASS: &str = "which requests leave a queue first";
const OFFSET: &str = "the time that a request is ahead in a queue";

#[derive(Clone, Copy, Debug)]
struct NoReplay;

impl Action for NoReplay {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        run.t.facts.not_replayed = true;
        Verdict::Next
    }
}

#[derive(Debug)]
enum Retries {
    Fixed(u32),
    Computed(Expr),
}

fn retries(p: &mut Parse<'_, '_>) -> Parsed {
    let Some(word) = p.words.get(p.at) else {
        return Err(p.error("expects exactly 1 argument (an expression or an integer between 1 and 100)"));
    };
    if !p.caps.contains(Caps::BACKEND) {
        // As the reference names it.
        let name = if p.set.is_http() { "set-retries" } else { "tcp-request" };
        return Err(p.error(format!("'{name}' only available in backend or listen section")));
    }
    match integer(&word.text()) {
        Some(n) => {
            p.at += 1;
            match u32::try_from(n) {
                Ok(n @ 0..=100) => Ok(Box::new(Retries::Fixed(n))),
                _ => Err(p.error("expects an expression or an integer between 1 and 100")),
            }
        }
        None => Ok(Box::new(Retries::Computed(p.expr()?))),
    }
}

impl Action for Retries {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        let wanted = match self {
            Self::Fixed(n) => Some(*n),
            Self::Computed(expr) => number(expr, run).and_then(|n| u32::try_from(n).ok()),
        };
        if let Some(n) = wanted.filter(|n| *n <= 100) {
            run.t.facts.own_retries = Some(n);
        }
        Verdict::Next
    }
}

#[derive(Clone, Copy, Debug)]
enum Of {
    Class,
    Offset,
}

#[derive(Debug)]
struct SetPriority(Expr, Of);

fn priority(p: &mut Parse<'_, '_>, of: Of) -> Parsed {
    Ok(Box::new(SetPriority(p.expr()?, of)))
}

impl Action for SetPriority {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        let Some(n) = number(&self.0, run) else { return Verdict::Next };
        // The reference keeps the low half of it.
        let n = n as i32;
        let priority = &mut run.t.facts.priority;
        match self.1 {
            Of::Class => priority.class = n.clamp(-2047, 2047) as i16,
            Of::Offset => priority.offset = n.clamp(-524_287, 524_287),
        }
        Verdict::Next
    }
}

fn number(expr: &Expr, run: &Run<'_>) -> Option<i64> {
    let view = View::of_rules(run.t, run.set);
    expr.eval_as(Type::Sint, &view, &run.bench.scratch).some().and_then(Value::to_sint)
}
