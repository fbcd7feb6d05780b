//! Actions on many header lines at once, in the binary form that `req.hdrs_bin` gives (manual, 4.4
//! "add-headers-bin", "del-headers-bin", "set-headers-bin").

use weir_config::Keyword;
use weir_expr::{Expr, Type};
use weir_http::block::{self, Fault};

use super::header::Match;
use super::{Action, ActionFn, Bench, LINE, Parse, Parsed, Run, Verdict, has_room, works};
use crate::scope::View;

/// The actions of this file.
pub(super) const HEADER_BIN: &[Keyword<ActionFn>] = &[
    works("http-request add-headers-bin", ADD, |p| put(p, false)),
    works("http-response add-headers-bin", ADD, |p| put(p, false)),
    works("http-after-response add-headers-bin", ADD, |p| put(p, false)),
    works("http-request set-headers-bin", SET, |p| put(p, true)),
    works("http-response set-headers-bin", SET, |p| put(p, true)),
    works("http-after-response set-headers-bin", SET, |p| put(p, true)),
    works("http-request del-headers-bin", DEL, del),
    works("http-response del-headers-bin", DEL, del),
    works("http-after-response del-headers-bin", DEL, del),
];

const ADD: &str = "adds the header lines of a block at the end";
const SET: &str = "puts the header lines of a block in the place of those of their names";
const DEL: &str = "takes out the header lines whose names a block lists";

#[derive(Debug)]
struct Put {
    block: Expr,
    /// Only names that begin so.
    prefix: Box<[u8]>,
    alone: bool,
}

fn put(p: &mut Parse<'_, '_>, alone: bool) -> Parsed {
    if p.is_over() {
        return Err(p.error("expects exactly one argument or three arguments <headers> prefix <pfx>"));
    }
    let block = p.expr()?;
    let mut prefix = Box::default();
    if p.eat("prefix") {
        prefix =
            p.expect("expects 1 argument: <headers>; or 3 arguments: <headers> prefix <pfx>")?.bytes.clone();
    }
    Ok(Box::new(Put { block, prefix, alone }))
}

impl Action for Put {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        if !keep(&self.block, run) {
            return Verdict::Next;
        }
        let (head, Bench { text, made, room, .. }) = run.head();
        let mut fault = None;
        for line in block::lines(made) {
            let (name, value) = match line {
                Ok(line) => line,
                Err(found) => {
                    fault = Some(found);
                    break;
                }
            };
            if !name.starts_with(&self.prefix) {
                continue;
            }
            text.clear();
            text.extend(name.iter().map(u8::to_ascii_lowercase));
            if self.alone {
                head.remove(|_, name, _| name == text.as_slice());
            }
            if !has_room(head, *room, text.len() + value.len() + LINE) {
                fault = Some(Fault::Broken);
                break;
            }
            head.append(text, value);
        }
        failed(run, fault)
    }
}

#[derive(Debug)]
struct Del {
    block: Expr,
    how: Match,
}

fn del(p: &mut Parse<'_, '_>) -> Parsed {
    if p.is_over() {
        return Err(p.error("expects at least 1 argument"));
    }
    let block = p.expr()?;
    let mut how = Match::Is;
    if p.eat("-m") {
        let named = p.expect("-m flag expects exactly 1 argument")?.text();
        how = match &*named {
            "reg" => {
                return Err(p.error("-m reg is unsupported with del-headers-bin due to performance reasons"));
            }
            other => match Match::named(other) {
                Some(how) => how,
                None => return Err(p.error(format!("-m with unsupported matching method '{other}'"))),
            },
        };
    }
    Ok(Box::new(Del { block, how }))
}

impl Action for Del {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        if !keep(&self.block, run) {
            return Verdict::Next;
        }
        let (head, Bench { made, .. }) = run.head();
        let mut fault = None;
        for wanted in block::names(made) {
            match wanted {
                Ok(wanted) => head.remove(|_, name, _| self.how.fits(name, wanted)),
                Err(found) => fault = Some(found),
            }
        }
        failed(run, fault)
    }
}

/// Keeps what the expression gives where the head may be changed meanwhile.
fn keep(expr: &Expr, run: &mut Run<'_>) -> bool {
    let Bench { scratch, made, .. } = &mut *run.bench;
    let view = View::of_rules(run.t, run.set);
    let Some(value) = expr.eval_as(Type::Bin, &view, scratch).some() else { return false };
    made.clear();
    made.extend_from_slice(value.bytes().unwrap_or_default());
    true
}

/// What follows when a block was read.
fn failed(run: &mut Run<'_>, fault: Option<Fault>) -> Verdict {
    match fault {
        None => Verdict::Next,
        Some(Fault::Broken) => run.rewrite_failed(),
        Some(Fault::Endless) => run.internal_error(),
    }
}
