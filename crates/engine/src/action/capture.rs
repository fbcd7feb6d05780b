//! What is kept of messages for the log: `capture request header`, `declare capture`, and the `capture` actions
//! (manual, 4.2 and 4.4).

use weir_config::Keyword;
use weir_expr::{Expr, Side, Type, WordsError};
use weir_http::Head;

use super::parse::{is_condition, number};
use super::{Action, ActionFn, Parse, Parsed, RuleSet, Run, Verdict, works};
use crate::conf::Caps;
use crate::scope::View;

/// The actions of this file.
pub(super) const CAPTURE: &[Keyword<ActionFn>] = &[
    works("http-request capture", KEEP, |p| capture(p, Side::Client)),
    works("tcp-request content capture", KEEP, |p| capture(p, Side::Client)),
    works("http-response capture", KEEP, |p| capture(p, Side::Server)),
    works("http-after-response capture", KEEP, |p| capture(p, Side::Server)),
];

const KEEP: &str = "keeps a sample for the log";

/// A place that something is kept in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    /// The header that fills it, in lower case.
    pub(crate) header: Option<Box<[u8]>>,
    /// How many bytes it takes.
    pub(crate) length: usize,
}

/// What was kept of one side's message; the storage is recycled.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    slots: Vec<(bool, Vec<u8>)>,
}

// === impl Kept ===

impl Kept {
    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        for (set, bytes) in &mut self.slots {
            *set = false;
            bytes.clear();
        }
    }

    /// What is in a place.
    pub(crate) fn slot(&self, n: usize) -> Option<&[u8]> {
        self.slots.get(n).filter(|(set, _)| *set).map(|(_, bytes)| bytes.as_slice())
    }

    fn put(&mut self, n: usize, bytes: &[u8], length: usize) {
        if self.slots.len() <= n {
            self.slots.resize_with(n + 1, Default::default);
        }
        if let Some((set, kept)) = self.slots.get_mut(n) {
            *set = true;
            kept.clear();
            kept.extend_from_slice(bytes.get(..length).unwrap_or(bytes));
        }
    }

    /// Keeps the headers that slots name; the last line of a name counts.
    pub(crate) fn take(&mut self, slots: &[Slot], head: &Head) {
        for (n, slot) in slots.iter().enumerate() {
            let Some(name) = &slot.header else { continue };
            if let Some(line) = head.lines().iter().rev().find(|l| *head.name(l) == **name) {
                self.put(n, head.value(line), slot.length);
            }
        }
    }
}

#[derive(Debug)]
struct Capture {
    expr: Expr,
    side: Side,
    /// The slot, and its length where the rule made it.
    slot: usize,
    length: usize,
}

fn capture(p: &mut Parse<'_, '_>, side: Side) -> Parsed {
    if p.set != RuleSet::TcpContent {
        return capture_http(p, side);
    }
    capture_content(p).map_err(|mut e| {
        e.error.message.insert_str(0, "'tcp-request content capture' : ");
        e
    })
}

/// Of contents only what has a place of its own is kept.
fn capture_content(p: &mut Parse<'_, '_>) -> Parsed {
    if !p.caps.contains(Caps::FRONTEND) {
        return Err(p.error(format!("proxy '{}' has no frontend capability", p.load.proxy)));
    }
    let expr = sample(p)?;
    if !p.eat("len") {
        return Err(p.error("a positive 'len' argument is mandatory"));
    }
    let length = p.take().map_or(0, number);
    p.late.captures += usize::from(!expr.validity().at(weir_expr::Place::FrontTcpSession));
    place(p, expr, Side::Client, length)
}

fn capture_http(p: &mut Parse<'_, '_>, side: Side) -> Parsed {
    let expects = match side {
        Side::Client => "expects <expression> [ 'len' <length> | id <idx> ]",
        Side::Server => "expects <expression> id <idx>",
    };
    let written = p.words.get(p.at..).unwrap_or_default().iter().take_while(|w| !is_condition(w)).count();
    if written < 3 {
        return Err(p.error(expects));
    }
    let expr = sample(p)?;
    let (Some(word), Some(value)) = (p.take(), p.take()) else { return Err(p.error(expects)) };
    if word.is("len") && side == Side::Client {
        if !p.caps.contains(Caps::FRONTEND) {
            return Err(p.error(format!("proxy '{}' has no frontend capability", p.load.proxy)));
        }
        return place(p, expr, side, number(value));
    }
    if !word.is("id") {
        let expected = if side == Side::Client { "'len' or 'id'" } else { "'id'" };
        return Err(p.error(format!("expects {expected}, found '{}'", word.text())));
    }
    let shown = value.text();
    if shown.is_empty() || !shown.bytes().all(|c| c.is_ascii_digit()) {
        return Err(p.error(format!("cannot parse id '{shown}'")));
    }
    let written = number(value);
    let slot = usize::try_from(written).unwrap_or(usize::MAX);
    // Which frontend's slots a backend's rule means is known when it runs.
    if p.caps.contains(Caps::FRONTEND) {
        p.late.slots.push((side, written, p.set));
    }
    Ok(Box::new(Capture { expr, side, slot, length: usize::MAX }))
}

fn sample(p: &mut Parse<'_, '_>) -> Result<Expr, WordsError> {
    let expr = if p.set == RuleSet::TcpContent { p.expr() } else { p.as_frontend(Parse::expr) }?;
    if !expr.output().casts_to(Type::Str) {
        return Err(p.error(format!("fetch method '{}' cannot be captured", expr.fetch_name())));
    }
    Ok(expr)
}

/// A capture with a place of its own.
fn place(p: &mut Parse<'_, '_>, expr: Expr, side: Side, length: i64) -> Parsed {
    let length = usize::try_from(length).unwrap_or(0);
    if length == 0 {
        return Err(p.error("length must be > 0"));
    }
    let slots = p.slots(side);
    slots.push(Slot { header: None, length });
    let slot = slots.len() - 1;
    Ok(Box::new(Capture { expr, side, slot, length }))
}

impl Action for Capture {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        let declared = run.t.client.frontend.conf().rules.slots(self.side).get(self.slot).map(|s| s.length);
        let Some(length) = declared else { return Verdict::Next };
        let mut kept = std::mem::take(run.t.messages.kept(self.side));
        let view = View::of_rules(run.t, run.set);
        if let Some(text) = self.expr.eval_as(Type::Str, &view, &run.bench.scratch).some() {
            kept.put(self.slot, text.bytes().unwrap_or_default(), length.min(self.length));
        }
        *run.t.messages.kept(self.side) = kept;
        Verdict::Next
    }
}
