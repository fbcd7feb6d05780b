//! `stick-table` of proxies and `table` of `peers` sections (manual, 11.1).

use weir_config::values::{self, TimeFault, Unit};
use weir_config::{Arity, Class, Entry, Keyword, Line, Sections, Word};
use weir_diag::{Diagnostic, Diagnostics};
use weir_table::{Data, KeyType, Schema, SchemaError, Shape, Spec};

use super::resolve::place;
use super::{ProxyCtx, ProxyFn};
use crate::conf::StickTable;

/// The line of proxies.
pub(super) const STICK_TABLE: &[Keyword<ProxyFn>] = &[Keyword::works(
    Entry::new(
        Class::Proxy,
        "stick-table",
        Sections::PROXIES,
        Arity::ANY,
        "a table of what is known of clients",
    ),
    stick_table,
)];

fn stick_table(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    if ctx.section == Sections::DEFAULTS {
        return Err(line.alert("'stick-table' is not supported in 'defaults' section."));
    }
    let name = ctx.draft.proxy.name.clone();
    if let Some(first) = &ctx.draft.table {
        let at = place(ctx.sources, first.at);
        return Err(line.alert(format!(
            "stick-table name '{name}' conflicts with table declared in proxy '{name}' at {at}."
        )));
    }
    let mut table = read(line, line.args(), "stick-table", name, ctx.out)?;
    table.at = line.span;
    ctx.draft.table = Some(table);
    Ok(())
}

/// Reads the words behind the name; `what` begins messages.
pub(super) fn read(
    line: &Line,
    words: &[Word],
    what: &str,
    name: String,
    out: &mut Diagnostics,
) -> Result<StickTable, Diagnostic> {
    let mut reader = Reader { line, what, rest: words, out, schema: Schema::default() };
    let (mut key_type, mut size, mut expire, mut factor) = (None, 0, None, 1);
    let (mut nopurge, mut recv_only, mut server_by_address) = (false, false, false);
    let (mut write_to, mut peers) = (None, None);
    while let Some(word) = reader.next() {
        match &*word.bytes {
            b"type" => key_type = Some(reader.key_type()?),
            b"size" => size = reader.number(word)?,
            b"expire" => expire = Some(reader.time(word)?),
            b"nopurge" => nopurge = true,
            b"recv-only" => recv_only = true,
            b"brates-factor" => {
                factor = u32::try_from(reader.number(word)?).unwrap_or(0);
                if !(1..=1024).contains(&factor) {
                    return Err(reader.error(
                        word,
                        "argument 'brates-factor' must be greater than 0 and lower or equal than 1024.",
                    ));
                }
            }
            b"peers" if what == "stick-table" => peers = Some(reader.value(word)?.text().into_owned()),
            b"srvkey" => server_by_address = reader.server_key()?,
            b"write-to" => {
                let Some(table) = reader.next() else {
                    return Err(line.alert(format!("{what} : write-to requires table name.")));
                };
                write_to = Some(table.text().into_owned());
            }
            b"store" => reader.store()?,
            _ => return Err(reader.error(word, &format!("unknown argument '{}'.", word.text()))),
        }
    }
    if size == 0 {
        return Err(line.alert(format!("{what}: missing size.")));
    }
    let Some(key_type) = key_type else { return Err(line.alert(format!("{what}: missing type."))) };
    let spec = Spec {
        name,
        key_type,
        size,
        // Without a time, rows stay until they must make room.
        expire: expire.filter(|ms| *ms > 0),
        nopurge,
        recv_only,
        write_to,
        byte_rate_factor: factor,
        schema: reader.schema,
        server_by_address,
        logged: false,
    };
    Ok(StickTable { spec, peers, section: None, at: line.span })
}

/// The words of a line while they are read.
struct Reader<'l, 'o> {
    line: &'l Line,
    what: &'l str,
    rest: &'l [Word],
    out: &'o mut Diagnostics,
    schema: Schema,
}

// === impl Reader ===

impl<'l> Reader<'l, '_> {
    fn next(&mut self) -> Option<&'l Word> {
        let (word, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(word)
    }

    fn error(&self, word: &Word, message: &str) -> Diagnostic {
        word.alert(format!("{}: {message}", self.what))
    }

    fn value(&mut self, of: &Word) -> Result<&'l Word, Diagnostic> {
        let missing = self.error(of, &format!("missing argument after '{}'.", of.text()));
        self.next().ok_or(missing)
    }

    fn number(&mut self, of: &Word) -> Result<usize, Diagnostic> {
        let word = self.value(of)?;
        size(&word.bytes).map_err(|bad| {
            self.error(word, &format!("unexpected character '{bad}' in argument of '{}'.", of.text()))
        })
    }

    fn time(&mut self, of: &Word) -> Result<u64, Diagnostic> {
        let word = self.value(of)?;
        match values::parse_time(&word.bytes, Unit::Milliseconds) {
            Ok(time) => Ok(time.duration.as_millis() as u64),
            Err(TimeFault::Unexpected(c)) => {
                Err(self.error(word, &format!("unexpected character '{c}' in argument of 'expire'.")))
            }
            Err(TimeFault::Overflow) => Err(self
                .error(
                    word,
                    &format!(
                        "timer overflow in argument <{}> to <expire>, maximum value is 2147483647 ms (~24.8 days).",
                        word.text()
                    ),
                )
                .tight()),
        }
    }

    fn key_type(&mut self) -> Result<KeyType, Diagnostic> {
        let word = self.next();
        let mut text = |or: fn(usize) -> KeyType, default: usize| -> Result<KeyType, Diagnostic> {
            if !self.rest.first().is_some_and(|w| w.is("len")) {
                return Ok(or(default));
            }
            let len = self.rest.get(1);
            self.rest = self.rest.get(2..).unwrap_or_default();
            let length = len.map_or(0, |w| values::leading_integer(&w.bytes));
            match usize::try_from(length) {
                Ok(n) if n > 0 => Ok(or(n)),
                _ => Err(len.map_or_else(|| self.line.alert(POSITIVE), |w| w.alert(POSITIVE))),
            }
        };
        match word.map(|w| &*w.bytes) {
            Some(b"ip" | b"ipv4") => Ok(KeyType::Ipv4),
            Some(b"ipv6") => Ok(KeyType::Ipv6),
            Some(b"integer") => Ok(KeyType::Integer),
            // One byte of the default belongs to the end of the text.
            Some(b"string") => text(KeyType::String, DEFAULT_LENGTH - 1),
            Some(b"binary") => text(KeyType::Binary, DEFAULT_LENGTH),
            _ => {
                let shown = word.map(Word::text).unwrap_or_default();
                let message = format!("{}: unknown type '{shown}'.", self.what);
                Err(word.map_or_else(|| self.line.alert(&message), |w| w.alert(&message)))
            }
        }
    }

    fn server_key(&mut self) -> Result<bool, Diagnostic> {
        let word = self.next();
        match word.map(|w| &*w.bytes) {
            Some(b"addr") => Ok(true),
            Some(b"name") => Ok(false),
            _ => {
                let shown = word.map(Word::text).unwrap_or_default();
                Err(self.line.alert(format!("{} : unknown server key type '{shown}'.", self.what)))
            }
        }
    }

    /// `store TYPE[,TYPE...]`
    fn store(&mut self) -> Result<(), Diagnostic> {
        let Some(word) = self.next() else { return Ok(()) };
        let text = word.text();
        let mut rest = &*text;
        while !rest.is_empty() {
            let end = rest.find(['(', ',']).unwrap_or(rest.len());
            let (name, tail) = rest.split_at(end);
            let (argument, tail) = match tail.strip_prefix('(') {
                None => (None, tail),
                Some(inner) => match inner.split_once(')') {
                    Some((argument, tail)) => (Some(argument), tail),
                    None => {
                        let message = format!("missing closing parenthesis after store option '{name}'.");
                        return Err(self.error(word, &message));
                    }
                },
            };
            self.column(word, name, argument)?;
            rest = tail.trim_start_matches(',');
        }
        Ok(())
    }

    fn column(&mut self, word: &Word, name: &str, argument: Option<&str>) -> Result<(), Diagnostic> {
        let Some(data) = Data::named(name) else {
            return Err(self.error(word, &format!("unknown store option '{name}'.")));
        };
        let rate = data.shape() == Shape::Rate;
        let missing = || self.error(word, &format!("missing argument to store option '{name}'."));
        let unexpected = || self.error(word, &format!("unexpected argument to store option '{name}'."));
        let (count, period) = match (data.is_array(), rate, argument) {
            (false, false, None) => (None, None),
            (false, false, Some(_)) => return Err(unexpected()),
            (_, _, None) => return Err(missing()),
            (false, true, Some(period)) => (None, Some(period.split_once(',').map_or(period, |(p, _)| p))),
            (true, false, Some(count)) if count.contains(',') => return Err(unexpected()),
            (true, false, Some(count)) => (Some(count), None),
            (true, true, Some(both)) => match both.split_once(',') {
                Some((count, period)) => (Some(count), Some(period)),
                None => return Err(missing()),
            },
        };
        let count = count.map_or(1, |c| u32::try_from(values::leading_integer(c.as_bytes())).unwrap_or(0));
        if !(1..=MOST_ELEMENTS).contains(&count) {
            let message = format!("array size is out of allowed range (1-100) for store option '{name}'.");
            return Err(self.error(word, &message));
        }
        let period = match period.map(|p| values::parse_time(p.as_bytes(), Unit::Milliseconds)) {
            None => 0,
            Some(Ok(time)) => u32::try_from(time.duration.as_millis()).unwrap_or(u32::MAX),
            Some(Err(_)) => {
                return Err(self.error(word, &format!("error when processing store option '{name}'.")));
            }
        };
        match self.schema.store(data, count, period) {
            Ok(()) => Ok(()),
            Err(SchemaError::Duplicate(_)) => {
                let message = format!("{}: store option '{name}' already enabled, ignored.", self.what);
                self.out.push(Diagnostic::warning(word.span, message).tight());
                Ok(())
            }
            Err(SchemaError::Excluded(one, other)) => {
                let array = if one.is_array() { one } else { other };
                let single = match array {
                    Data::Gpt => "gpt0",
                    Data::Gpc => "gpc[0/1]",
                    _ => "gpc[0/1]_rate",
                };
                let array = array.name();
                Err(self.error(
                    word,
                    &format!(
                        "simultaneous usage of '{array}' and '{single}' in a same table is not permitted as '{array}' \
                         overrides '{single}'."
                    ),
                ))
            }
            Err(SchemaError::Count(_)) => Err(unexpected_count(word, name)),
        }
    }
}

fn unexpected_count(word: &Word, name: &str) -> Diagnostic {
    word.alert(format!("array size is out of allowed range (1-100) for store option '{name}'."))
}

/// A number with a suffix `k`, `m` or `g`; the character that has no place in it otherwise.
fn size(text: &[u8]) -> Result<usize, char> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (number, suffix) = text.split_at_checked(digits).unwrap_or((text, &[]));
    let number: usize = std::str::from_utf8(number).ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    let bad = |b: &u8| char::from(*b);
    let (shift, rest) = match suffix {
        [b'k' | b'K', rest @ ..] => (10, rest),
        [b'm' | b'M', rest @ ..] => (20, rest),
        [b'g' | b'G', rest @ ..] => (30, rest),
        rest => (0, rest),
    };
    if let Some(extra) = rest.first() {
        return Err(bad(extra));
    }
    let value = number.checked_shl(shift).filter(|n| n >> shift == number && u32::try_from(*n).is_ok());
    value.ok_or_else(|| suffix.first().map_or('0', bad))
}

const POSITIVE: &str = "'len' expects a positive integer argument.";
const DEFAULT_LENGTH: usize = 32;
const MOST_ELEMENTS: u32 = 100;
