//! `filter trace`: tells on standard error of the bodies that pass, and may hand them on in pieces of random
//! sizes, to see how the other filters and the two sides take that (manual, 9.1).

use std::fmt::Write as _;
use std::sync::Arc;

use weir_expr::WordsError;

use super::Filter;
use crate::action::Parse;
use crate::action::number;
use crate::clock;

/// What is told, and how bodies are handed on.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    /// The name that it is told under, and the proxy's.
    pub(crate) label: String,
    pub(crate) quiet: bool,
    /// The bytes are told, too.
    pub(crate) hexdump: bool,
    /// Pieces are of random sizes.
    pub(crate) random: bool,
    /// The largest piece; any where it is 0.
    pub(crate) largest: usize,
}

pub(super) fn parse(p: &mut Parse<'_, '_>) -> Result<Filter, WordsError> {
    let mut trace = Trace::default();
    let mut name = "TRACE".to_owned();
    while let Some(word) = p.words.get(p.at) {
        p.at += 1;
        let value = p.words.get(p.at);
        match &*word.text() {
            option @ ("name" | "max-fwd") => {
                let Some(value) = value else {
                    return Err(p.error(format!("'filter' : 'trace' : '{option}' option without value")));
                };
                p.at += 1;
                match option {
                    "name" => name = value.text().into_owned(),
                    _ => trace.largest = usize::try_from(number(value)).unwrap_or(0),
                }
            }
            "random-parsing" => {}
            "random-forwarding" => trace.random = true,
            "hexdump" => trace.hexdump = true,
            "quiet" => trace.quiet = true,
            other => return Err(p.error(format!("'filter trace' : unknown keyword '{other}'."))),
        }
    }
    trace.label = format!("{name}/{}", p.load.proxy);
    Ok(Filter::Trace(Arc::new(trace)))
}

// === impl Trace ===

impl Trace {
    /// Tells of an event.
    pub(crate) fn tell(&self, event: &str, what: std::fmt::Arguments<'_>) {
        if self.quiet {
            return;
        }
        let now = clock::wall();
        let (seconds, micros) = (now / 1_000_000, now % 1_000_000);
        eprintln!("{seconds}.{micros:06} [{:<20}] {event:<25}: {what}", self.label);
    }

    /// Tells the bytes that pass.
    pub(crate) fn dump(&self, data: &[u8]) {
        if self.quiet || !self.hexdump {
            return;
        }
        for (line, row) in data.chunks(ROW).enumerate() {
            let mut text = format!("{:06X}: ", line * ROW);
            for place in 0..ROW {
                // Writing to a string cannot fail.
                let _ = match row.get(place) {
                    Some(byte) => write!(text, "{byte:02X} "),
                    None => write!(text, "   "),
                };
            }
            text.push(' ');
            text.extend(row.iter().map(|&b| if b.is_ascii_graphic() { char::from(b) } else { '.' }));
            eprintln!("\t{text}");
        }
    }
}

/// Bytes in a row of what is told.
const ROW: usize = 16;
