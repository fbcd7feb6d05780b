//! `tune.h2.*` of `global` (manual, 3.2).

use weir_config::values;
use weir_config::{Arity, Class, Entry, Keyword, Line, Sections, Word};
use weir_diag::Diagnostic;

use super::GlobalFn;
use super::process::put;

/// The words that mean something here.
pub(super) const TUNE_H2: &[Keyword<GlobalFn>] = &[
    Keyword::works(
        entry("tune.h2.be.glitches-threshold", "faults after which a server's connection is closed"),
        |c, l| put(positive(l)?, &mut c.global.tune.h2.be.glitches_threshold),
    ),
    Keyword::works(
        entry("tune.h2.fe.glitches-threshold", "faults after which a client's connection is closed"),
        |c, l| put(positive(l)?, &mut c.global.tune.h2.fe.glitches_threshold),
    ),
    Keyword::works(
        entry("tune.h2.be.initial-window-size", "window of a stream from a server, in bytes"),
        |c, l| put(given(l)?, &mut c.global.tune.h2.be.initial_window_size),
    ),
    Keyword::works(
        entry("tune.h2.fe.initial-window-size", "window of a stream from a client, in bytes"),
        |c, l| put(given(l)?, &mut c.global.tune.h2.fe.initial_window_size),
    ),
    Keyword::works(entry("tune.h2.initial-window-size", "window of a stream, in bytes"), |c, l| {
        put(given(l)?, &mut c.global.tune.h2.initial_window_size)
    }),
    Keyword::works(
        entry("tune.h2.be.max-concurrent-streams", "streams at once on a connection to a server"),
        |c, l| put(streams(l)?, &mut c.global.tune.h2.be.max_concurrent_streams),
    ),
    Keyword::works(
        Entry::new(
            Class::Global,
            "tune.h2.fe.max-concurrent-streams",
            Sections::GLOBAL,
            Arity::ANY,
            "streams at once on a connection of a client",
        ),
        |c, l| {
            judge_load(l)?;
            put(streams(l)?, &mut c.global.tune.h2.fe.max_concurrent_streams)
        },
    ),
    Keyword::works(entry("tune.h2.max-concurrent-streams", "streams at once on a connection"), |c, l| {
        put(streams(l)?, &mut c.global.tune.h2.max_concurrent_streams)
    }),
    Keyword::works(
        entry("tune.h2.fe.max-total-streams", "streams after which a client is asked for another connection"),
        |c, l| put(positive(l)?, &mut c.global.tune.h2.max_total_streams),
    ),
    Keyword::works(
        entry("tune.h2.be.rxbuf", "bytes that streams of a server's connection share for bodies"),
        |c, l| put(size(l)?, &mut c.global.tune.h2.be.rxbuf),
    ),
    Keyword::works(
        entry("tune.h2.fe.rxbuf", "bytes that streams of a client's connection share for bodies"),
        |c, l| put(size(l)?, &mut c.global.tune.h2.fe.rxbuf),
    ),
    Keyword::works(
        entry("tune.h2.header-table-size", "size of the dynamic table of header lines, in bytes"),
        |c, l| put(Some(between(l, 4096, 65536)?), &mut c.global.tune.h2.header_table_size),
    ),
    Keyword::works(entry("tune.h2.max-frame-size", "largest frame that is taken, in bytes"), |c, l| {
        put(Some(between(l, 16384, 16_777_215)?), &mut c.global.tune.h2.max_frame_size)
    }),
];

const fn entry(name: &'static str, help: &'static str) -> Entry {
    Entry::new(Class::Global, name, Sections::GLOBAL, Arity::between(0, 1), help)
}

fn number(line: &Line) -> i64 {
    line.arg(0).map_or(0, |w| i64::from(values::leading_integer(&w.bytes) as i32))
}

fn positive(line: &Line) -> Result<u32, Diagnostic> {
    u32::try_from(number(line))
        .map_err(|_| line.alert(format!("'{}' expects a positive numeric value.", line.name())))
}

fn given(line: &Line) -> Result<Option<u32>, Diagnostic> {
    Ok(Some(positive(line)?).filter(|n| *n > 0))
}

fn streams(line: &Line) -> Result<Option<u32>, Diagnostic> {
    Ok(Some(positive(line)?))
}

fn between(line: &Line, least: u32, most: u32) -> Result<u32, Diagnostic> {
    u32::try_from(number(line)).ok().filter(|n| (least..=most).contains(n)).ok_or_else(|| {
        line.alert(format!("'{}' expects a numeric value between {least} and {most}.", line.name()))
    })
}

fn size(line: &Line) -> Result<Option<u32>, Diagnostic> {
    let name = line.name();
    let Some(word) = line.arg(0) else {
        // What ends the empty word ends the message.
        return Err(line.alert(format!("'{name}': unexpected character '")));
    };
    super::inert::size_fault(line).map_or(Ok(()), Err)?;
    Ok(values::parse_size(&word.bytes).ok())
}

/// `rq-load` and `min` after the number: a worker has no queue of tasks whose length would tell its load, so that
/// the number alone holds.
fn judge_load(line: &Line) -> Result<(), Diagnostic> {
    let name = line.name();
    let mut words = line.args().iter().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().map(Word::text).unwrap_or_default();
        let counts = value.parse::<u32>().is_ok_and(|n| n > 0);
        match &*word.bytes {
            b"rq-load" if counts || matches!(&*value, "auto" | "ignore") => {}
            b"rq-load" => {
                return Err(line.alert(format!(
                    "'{name}' expects a strictly positive run-queue length, or 'auto' or 'ignore'."
                )));
            }
            b"min" if counts => {}
            b"min" => {
                return Err(
                    line.alert(format!("'{name}' expects a strictly positive minimum number of streams'."))
                );
            }
            _ => {
                return Err(line.alert(format!(
                    "'{name}' only supports 'rq-load' or 'min' after the numeric value, but found '{}'.",
                    word.text()
                )));
            }
        }
    }
    Ok(())
}
