//! Actions on stick counters: what is tracked, and the counters and tags of its entry (manual, 4.4 "track-sc0",
//! "sc-inc-gpc", "sc-add-gpc", "sc-set-gpt").

use weir_config::{Keyword, Word, values};
use weir_expr::scope::TableId;
use weir_expr::{Expr, Type, Value, WordsError};
use weir_table::{Data, Row};

use super::{Action, ActionFn, Parse, Parsed, RuleSet, Run, Verdict, works};
use crate::conf::Mode;
use crate::scope::View;
use crate::tables::{self, Event, Held};

/// One action in all sets of rules that see a client.
macro_rules! everywhere {
    ($name:literal, $help:expr, $parse:expr) => {
        [
            works(concat!("tcp-request connection ", $name), $help, $parse),
            works(concat!("tcp-request session ", $name), $help, $parse),
            works(concat!("tcp-request content ", $name), $help, $parse),
            works(concat!("tcp-response content ", $name), $help, $parse),
            works(concat!("http-request ", $name), $help, $parse),
            works(concat!("http-response ", $name), $help, $parse),
            works(concat!("http-after-response ", $name), $help, $parse),
        ]
    };
}

/// One action in the sets of rules that may track.
macro_rules! tracking {
    ($name:literal) => {
        [
            works(concat!("tcp-request connection ", $name), TRACK, track),
            works(concat!("tcp-request session ", $name), TRACK, track),
            works(concat!("tcp-request content ", $name), TRACK, track),
            works(concat!("http-request ", $name), TRACK, track),
            works(concat!("http-response ", $name), TRACK, track),
        ]
    };
}

/// The actions of this file.
pub(super) const COUNTERS: [&[Keyword<ActionFn>]; 10] = [
    &tracking!("track-sc0"),
    &tracking!("track-sc1"),
    &tracking!("track-sc2"),
    &tracking!("track-sc"),
    &everywhere!("sc-inc-gpc", "adds 1 to a counter of the array", inc_gpc),
    &everywhere!("sc-inc-gpc0", "adds 1 to the first counter", |p| inc_gpc01(p, Data::Gpc0)),
    &everywhere!("sc-inc-gpc1", "adds 1 to the second counter", |p| inc_gpc01(p, Data::Gpc1)),
    &everywhere!("sc-add-gpc", "adds to a counter of the array", add_gpc),
    &everywhere!("sc-set-gpt", "sets a tag of the array", set_gpt),
    &everywhere!("sc-set-gpt0", "sets the first tag", set_gpt0),
];

const TRACK: &str = "counts what happens in the entry of a key";

/// How tables name the action that a word is: what is right behind these names is for the action to judge.
pub(super) fn canonical(name: &str) -> Option<&'static str> {
    OPEN.into_iter().find(|open| name.starts_with(open)).filter(|open| name.len() > open.len())
}

/// Names with something behind them, the longer ones of a kind first.
const OPEN: [&str; 15] = [
    "add-acl",
    "del-acl",
    "del-map",
    "do-resolve",
    "sc-add-gpc",
    "sc-inc-gpc0",
    "sc-inc-gpc1",
    "sc-inc-gpc",
    "sc-set-gpt0",
    "sc-set-gpt",
    "set-map",
    "set-var-fmt",
    "set-var",
    "track-sc",
    "unset-var",
];

/// Tracks the entry of a key.
#[derive(Debug)]
pub(super) struct Track {
    counter: usize,
    key: Expr,
    table: TableId,
}

fn track(p: &mut Parse<'_, '_>) -> Parsed {
    let (counter, name) = counter_of_track(p)?;
    let at = p.at;
    let key = p.lax_expr().map_err(|e| tagged(p, e))?;
    if let (Err(reason), Some(word)) = (key.check_place(p.load), p.words.get(at)) {
        return Err(tagged(p, p.misplaced_word(at, word, &reason)));
    }
    let mut table = None;
    if p.eat("table") {
        match p.words.get(p.at) {
            Some(word) => {
                table = Some(word.text().into_owned());
                p.at += 1;
            }
            None if p.set.is_http() => return Err(p.error("missing table name")),
            None => table = Some(String::new()),
        }
    }
    let shown = table.unwrap_or_else(|| p.load.proxy.clone());
    let found = p.tables.iter().position(|t| t.spec.name == shown);
    let Some(found) = found else {
        return Err(WordsError::new(at, format!("unable to find table '{shown}' referenced by {name}")));
    };
    let kind = p.tables.get(found).map(|t| tables::type_of(t.spec.key_type));
    if kind.is_some_and(|kind| !key.output().casts_to(kind)) {
        let message = format!("stick-table '{shown}' uses a type incompatible with the '{name}' rule");
        return Err(WordsError::new(at, message));
    }
    if p.set == RuleSet::TcpContent {
        p.late.tracks.push(key.validity().at(weir_expr::Place::FrontTcpSession));
    }
    Ok(Box::new(Track { counter, key, table: TableId(found as u32) }))
}

/// The number of the counter, and the action's name.
fn counter_of_track(p: &Parse<'_, '_>) -> Result<(usize, String), WordsError> {
    let name = p.words.get(p.name).map(|w| w.text().into_owned()).unwrap_or_default();
    let number = name.strip_prefix("track-sc").unwrap_or_default();
    let counter = if number.is_empty() { Ok(0) } else { number.parse::<u32>() };
    let limit = p.counters;
    let message = match counter {
        Err(_) => format!("Wrong track-sc number '{number}'"),
        Ok(n) if limit == 0 => {
            format!("{n} track-sc number not usable, stick-counters are disabled by tune.stick-counters")
        }
        Ok(n) if n >= limit => {
            format!("{n} track-sc number exceeding {} (tune.stick-counters-1) value", limit - 1)
        }
        Ok(n) => return Ok((n as usize, name)),
    };
    Err(tagged(p, WordsError::new(p.name, message)))
}

/// Rules of TCP name themselves in these messages.
fn tagged(p: &Parse<'_, '_>, mut error: WordsError) -> WordsError {
    if !p.set.is_http() {
        let name = p.words.get(p.name).map(Word::text).unwrap_or_default();
        error.error.message.insert_str(0, &format!("'{} {name}' : ", p.set.name()));
    }
    error
}

impl Action for Track {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        let of_connection = matches!(run.set, RuleSet::TcpConnection | RuleSet::TcpSession);
        // The first rule that applies decides.
        if tables::tracked(run.t, self.counter).is_some() {
            return Verdict::Next;
        }
        let view = View::undecided(run.t, run.set);
        let scratch = &run.bench.scratch;
        let (value, table) = match self.key.eval(&view, scratch) {
            weir_expr::Lookup::NotYet | weir_expr::Lookup::Partial(_) if !run.t.messages.inspected => {
                return Verdict::Inspect;
            }
            value => (value.some(), run.t.client.frontend.shared.tables.get(self.table.0 as usize)),
        };
        let held = value.zip(table).and_then(|(value, table)| {
            tables::with_key(table, value, scratch, |key| Held::track(table, key)).flatten()
        });
        let Some(held) = held else { return Verdict::Next };
        if of_connection {
            run.t.client.tracking.put(self.counter, held);
            return Verdict::Next;
        }
        // In rules for the first bytes of a frontend the request is still to be counted.
        let is_counted = run.set != RuleSet::TcpContent || run.t.backend.is_some();
        if is_counted && run.t.client.frontend.conf().mode == Mode::Http {
            held.count(Event::Request);
        }
        if run.set == RuleSet::HttpResponse {
            held.count_status(run.t, run.t.messages.response.status());
        }
        run.t.messages.tracking.put(self.counter, held);
        Verdict::Next
    }
}

/// Where a counter or a tag is, and in which way it changes.
#[derive(Debug)]
struct Change {
    counter: usize,
    what: What,
}

#[derive(Debug)]
enum What {
    /// Adds to a counter and its rate.
    Add(Data, Data, u32, Amount),
    /// Sets a tag.
    Set(Data, u32, Amount),
}

/// A number that is written or computed.
#[derive(Debug)]
enum Amount {
    Fixed(u32),
    Computed(Expr),
}

impl Action for Change {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        let amount = match &self.what {
            What::Add(_, _, _, amount) | What::Set(_, _, amount) => amount.now(run),
        };
        let (Some(amount), Some(held)) = (amount, tables::tracked(run.t, self.counter)) else {
            return Verdict::Next;
        };
        held.update(|row: &mut Row<'_>| match self.what {
            What::Add(count, rate, index, _) => {
                row.count(count, rate, index, amount.into());
            }
            What::Set(tag, index, _) => {
                row.set(tag, index, amount.into());
            }
        });
        Verdict::Next
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
                // As C does it: the low half.
                value.and_then(Value::to_sint).map(|n| n as u32)
            }
        }
    }
}

fn amount(p: &mut Parse<'_, '_>) -> Result<Amount, WordsError> {
    let Some(word) = p.words.get(p.at) else { return Ok(Amount::Fixed(0)) };
    let at = p.at;
    if let Some(n) = whole(&word.text()) {
        p.at += 1;
        return Ok(Amount::Fixed(n as u32));
    }
    let expr = p.lax_expr()?;
    match p.as_frontend(|p| expr.check_place(p.load)) {
        Ok(()) => Ok(Amount::Computed(expr)),
        Err(reason) => Err(p.misplaced_word(at, word, &reason)),
    }
}

fn whole(text: &str) -> Option<i64> {
    text.parse::<i128>().ok().map(|n| n.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
}

/// What stands in the parentheses of an action.
struct Inside<'p> {
    name: String,
    /// `None` where there are no parentheses, or other characters before them than the action's name.
    text: Option<&'p str>,
    /// There are other characters behind the action's name.
    is_odd: bool,
    limit: u32,
    at: usize,
}

// === impl Inside ===

impl<'p> Inside<'p> {
    fn of(p: &Parse<'p, '_>) -> Self {
        let word = p.words.get(p.name);
        let written = word.and_then(|w| std::str::from_utf8(&w.bytes).ok()).unwrap_or_default();
        let (name, inner) =
            written.split_once('(').map_or((written, None), |(name, inner)| (name, Some(inner)));
        let is_odd = !OPEN.contains(&name);
        let text = inner.filter(|_| !is_odd);
        Self { name: written.to_owned(), text, is_odd, limit: p.counters, at: p.name }
    }

    fn error(&self, message: String) -> WordsError {
        WordsError::new(self.at, message)
    }

    /// `INDEX,COUNTER)`: the index, and what follows its comma.
    fn index(&self) -> Option<(u32, &'p str)> {
        let text = self.text?;
        let end = number_end(text);
        let rest = text.get(end..)?.strip_prefix(',')?;
        Some((values::leading_integer(text.as_bytes()) as u32, rest))
    }

    /// `COUNTER)` and anything; 0 where there is nothing. Whether it is one that there is, too.
    fn counter(&self, text: &str) -> Option<Result<usize, u32>> {
        let end = number_end(text);
        if !text.get(end..)?.starts_with(')') {
            return None;
        }
        let n = usize::try_from(values::leading_integer(text.as_bytes())).unwrap_or(usize::MAX);
        Some(if n < self.limit as usize { Ok(n) } else { Err(self.limit.saturating_sub(1)) })
    }
}

fn number_end(text: &str) -> usize {
    let sign = usize::from(text.starts_with(['-', '+']));
    let digits = text.bytes().skip(sign).take_while(u8::is_ascii_digit).count();
    if digits == 0 { 0 } else { sign + digits }
}

/// `NAME(INDEX,COUNTER)` of the array's actions; `missing` and `expects` make the messages.
fn element(p: &Parse<'_, '_>, no_index: impl Fn(&Inside<'_>) -> String) -> Result<(u32, usize), WordsError> {
    let inside = Inside::of(p);
    let kind = if inside.name.starts_with("sc-set-gpt") { "gpt" } else { "gpc" };
    let plain = inside.name.split('(').next().unwrap_or_default().to_owned();
    let upper = kind.to_ascii_uppercase();
    let expects = format!("Expects {plain}(<{upper} ID>,<Track ID>)");
    let Some((index, rest)) = inside.index() else { return Err(inside.error(no_index(&inside))) };
    match inside.counter(rest) {
        Some(Ok(counter)) => Ok((index, counter)),
        Some(Err(most)) => {
            let tune = if kind == "gpt" { "" } else { " (tune.stick-counters)" };
            Err(inside.error(format!(
                "invalid stick table track ID '{}'. The max allowed ID is {most}{tune}",
                inside.name
            )))
        }
        // As the reference words it.
        None if plain == "sc-add-gpc" => Err(inside.error(format!(
            "invalid stick table track ID '{rest}'. Expects {}(<GPC ID>,<Track ID>)",
            inside.name
        ))),
        None => Err(inside.error(format!("invalid stick table track ID '{}'. {expects}", inside.name))),
    }
}

fn inc_gpc(p: &mut Parse<'_, '_>) -> Parsed {
    let (index, counter) = element(p, |inside| {
        let what = if inside.text.is_some() { "Missing" } else { "invalid" };
        format!("{what} gpc ID '{}'. Expects sc-inc-gpc(<GPC ID>,<Track ID>)", inside.name)
    })?;
    let what = What::Add(Data::Gpc, Data::GpcRate, index, Amount::Fixed(1));
    Ok(Box::new(Change { counter, what }))
}

fn add_gpc(p: &mut Parse<'_, '_>) -> Parsed {
    let (index, counter) = element(p, |inside| match inside.text {
        None => format!(
            "Missing or invalid arguments for '{}'. Expects sc-add-gpc(<GPC ID>,<Track ID>)",
            inside.name
        ),
        Some(_) => format!("Missing gpc ID. Expects {}(<GPC ID>,<Track ID>)", inside.name),
    })?;
    let what = What::Add(Data::Gpc, Data::GpcRate, index, amount(p)?);
    Ok(Box::new(Change { counter, what }))
}

fn set_gpt(p: &mut Parse<'_, '_>) -> Parsed {
    let (index, counter) = element(p, |inside| {
        let what = if inside.text.is_some() { "Missing" } else { "invalid" };
        format!("{what} gpt ID '{}'. Expects sc-set-gpt(<GPT ID>,<Track ID>)", inside.name)
    })?;
    Ok(Box::new(Change { counter, what: What::Set(Data::Gpt, index, amount(p)?) }))
}

fn set_gpt0(p: &mut Parse<'_, '_>) -> Parsed {
    let inside = Inside::of(p);
    let counter = match inside.text.map(|text| inside.counter(text)) {
        None if !inside.is_odd => 0,
        Some(Some(Ok(counter))) => counter,
        Some(Some(Err(most))) => {
            return Err(inside.error(format!(
                "invalid stick table track ID '{}'. The max allowed ID is {most}",
                inside.name
            )));
        }
        Some(None) | None => {
            return Err(inside.error(format!(
                "invalid stick table track ID '{}'. Expects sc-set-gpt0(<Track ID>)",
                inside.name
            )));
        }
    };
    Ok(Box::new(Change { counter, what: What::Set(Data::Gpt0, 0, amount(p)?) }))
}

fn inc_gpc01(p: &mut Parse<'_, '_>, count: Data) -> Parsed {
    let inside = Inside::of(p);
    let counter = match inside.text.map(|text| inside.counter(text)) {
        None if !inside.is_odd => 0,
        Some(Some(Ok(counter))) => counter,
        Some(Some(Err(most))) => {
            return Err(inside.error(format!(
                "invalid stick table track ID. The max allowed ID is {most} (tune.stick-counters)"
            )));
        }
        Some(None) | None => {
            return Err(
                inside.error(format!("invalid stick table track ID. Expects {}(<Track ID>)", inside.name))
            );
        }
    };
    let rate = if count == Data::Gpc0 { Data::Gpc0Rate } else { Data::Gpc1Rate };
    Ok(Box::new(Change { counter, what: What::Add(count, rate, 0, Amount::Fixed(1)) }))
}
