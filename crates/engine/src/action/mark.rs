//! Actions that mark packets to clients and to servers (manual, 4.4 "set-fc-mark", "set-fc-tos", "set-bc-mark",
//! "set-bc-tos").

use weir_config::Keyword;
use weir_expr::{Expr, Type, Value, WordsError};
use weir_sys::connect;

use super::parse::integer;
use super::{Action, ActionFn, Parse, Parsed, Run, Verdict, works};
use crate::scope::View;

/// The actions of this file.
pub(super) const MARK: &[Keyword<ActionFn>] = &[
    works("tcp-request connection set-mark", FC_MARK, |p| mark(p, End::Client)),
    works("tcp-request session set-mark", FC_MARK, |p| mark(p, End::Client)),
    works("tcp-request content set-mark", FC_MARK, |p| mark(p, End::Client)),
    works("tcp-response content set-mark", FC_MARK, |p| mark(p, End::Client)),
    works("http-request set-mark", FC_MARK, |p| mark(p, End::Client)),
    works("http-response set-mark", FC_MARK, |p| mark(p, End::Client)),
    works("tcp-request connection set-fc-mark", FC_MARK, |p| mark(p, End::Client)),
    works("tcp-request session set-fc-mark", FC_MARK, |p| mark(p, End::Client)),
    works("tcp-request content set-fc-mark", FC_MARK, |p| mark(p, End::Client)),
    works("tcp-response content set-fc-mark", FC_MARK, |p| mark(p, End::Client)),
    works("http-request set-fc-mark", FC_MARK, |p| mark(p, End::Client)),
    works("http-response set-fc-mark", FC_MARK, |p| mark(p, End::Client)),
    works("tcp-request content set-bc-mark", BC_MARK, |p| mark(p, End::Server)),
    works("http-request set-bc-mark", BC_MARK, |p| mark(p, End::Server)),
    works("tcp-request connection set-tos", FC_TOS, |p| tos(p, End::Client)),
    works("tcp-request session set-tos", FC_TOS, |p| tos(p, End::Client)),
    works("tcp-request content set-tos", FC_TOS, |p| tos(p, End::Client)),
    works("tcp-response content set-tos", FC_TOS, |p| tos(p, End::Client)),
    works("http-request set-tos", FC_TOS, |p| tos(p, End::Client)),
    works("http-response set-tos", FC_TOS, |p| tos(p, End::Client)),
    works("tcp-request connection set-fc-tos", FC_TOS, |p| tos(p, End::Client)),
    works("tcp-request session set-fc-tos", FC_TOS, |p| tos(p, End::Client)),
    works("tcp-request content set-fc-tos", FC_TOS, |p| tos(p, End::Client)),
    works("tcp-response content set-fc-tos", FC_TOS, |p| tos(p, End::Client)),
    works("http-request set-fc-tos", FC_TOS, |p| tos(p, End::Client)),
    works("http-response set-fc-tos", FC_TOS, |p| tos(p, End::Client)),
    works("tcp-request content set-bc-tos", BC_TOS, |p| tos(p, End::Server)),
    works("http-request set-bc-tos", BC_TOS, |p| tos(p, End::Server)),
];

const FC_MARK: &str = "marks the packets to the client";
const FC_TOS: &str = "the type of service of the packets to the client";
const BC_MARK: &str = "marks the packets to the server";
const BC_TOS: &str = "the type of service of the packets to the server";

/// Whose packets are marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Client,
    Server,
}

/// A number that is written or computed.
#[derive(Debug)]
enum Amount {
    Fixed(u32),
    Computed(Expr),
}

fn amount(p: &mut Parse<'_, '_>) -> Result<Amount, WordsError> {
    let Some(word) = p.words.get(p.at) else { return Err(p.error("expects an argument")) };
    match integer(&word.text()) {
        Some(n) => {
            p.at += 1;
            Ok(Amount::Fixed(n as u32)) // As C cuts it.
        }
        None => Ok(Amount::Computed(p.request_expr()?)),
    }
}

// === impl Amount ===

impl Amount {
    fn now(&self, run: &Run<'_>) -> Option<u32> {
        match self {
            Self::Fixed(n) => Some(*n),
            Self::Computed(expr) => {
                let view = View::of_rules(run.t, run.set);
                let value = expr.eval_as(Type::Sint, &view, &run.bench.scratch).some();
                value.and_then(Value::to_sint).and_then(|n| u32::try_from(n).ok())
            }
        }
    }
}

#[derive(Debug)]
struct Mark(Amount, End);

fn mark(p: &mut Parse<'_, '_>, end: End) -> Parsed {
    Ok(Box::new(Mark(amount(p)?, end)))
}

impl Action for Mark {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        match (self.0.now(run), self.1) {
            // Without the right to mark packets they go as they are.
            (Some(mark), End::Client) => drop(connect::set_mark(&run.t.client.stream, mark)),
            (Some(mark), End::Server) => run.t.facts.marks.mark = Some(mark),
            (None, _) => {}
        }
        Verdict::Next
    }
}

#[derive(Debug)]
struct Tos(Amount, End);

fn tos(p: &mut Parse<'_, '_>, end: End) -> Parsed {
    Ok(Box::new(Tos(amount(p)?, end)))
}

impl Action for Tos {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        let ip = run.t.client.source.ip();
        // The field has eight bits.
        match (self.0.now(run).map(|n| n as u8), self.1, ip) {
            (Some(tos), End::Client, Some(ip)) => drop(connect::set_tos(&run.t.client.stream, ip, tos)),
            (Some(tos), End::Server, _) => run.t.facts.marks.tos = Some(tos),
            _ => {}
        }
        Verdict::Next
    }
}
