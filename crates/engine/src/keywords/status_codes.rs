//! Which statuses count as errors and failures: `http-err-codes`, `http-fail-codes` (manual, 3.1).

use weir_config::{Arity, Class, Entry, Keyword, Line, Sections, Word};
use weir_diag::Diagnostic;

use super::GlobalFn;
use crate::conf::StatusSet;

/// The lines of this file.
pub(super) const STATUS_CODES: &[Keyword<GlobalFn>] = &[
    Keyword::works(entry("http-err-codes", "statuses that count as errors of clients"), |ctx, line| {
        read(line, &mut ctx.global.counted.errors)
    }),
    Keyword::works(entry("http-fail-codes", "statuses that count as failures of servers"), |ctx, line| {
        read(line, &mut ctx.global.counted.failures)
    }),
];

const fn entry(name: &'static str, help: &'static str) -> Entry {
    Entry::new(Class::Global, name, Sections::GLOBAL, Arity::ANY, help)
}

fn read(line: &Line, set: &mut StatusSet) -> Result<(), Diagnostic> {
    if line.args().is_empty() {
        return Err(line.alert(format!("Missing status codes range for '{}'.", line.name())));
    }
    line.args().iter().try_for_each(|word| ranges(line, word, set))
}

/// `[+-]LOW[-HIGH][,...]`: without a sign, these statuses alone.
fn ranges(line: &Line, word: &Word, set: &mut StatusSet) -> Result<(), Diagnostic> {
    let text = &*word.bytes;
    let mut at = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let inside = text.first() != Some(&b'-');
    if at == 0 {
        set.put(0, u16::MAX, false);
    }
    loop {
        let low = number(text, &mut at).ok_or_else(|| malformed(line, word, at))?;
        let high = match text.get(at) {
            Some(b'-') => {
                at += 1;
                number(text, &mut at).ok_or_else(|| malformed(line, word, at))?
            }
            _ => low,
        };
        if low > high || !(100..=599).contains(&low) || high > 599 {
            return Err(word.alert(format!(
                "Invalid status codes range '{}' in '{}'.\n Codes must be between 100 and 599 and ranges in ascending \
                 order.",
                word.text(),
                line.name()
            )));
        }
        set.put(low, high, inside);
        match text.get(at) {
            None => return Ok(()),
            Some(b',') => at += 1,
            Some(_) => return Err(malformed(line, word, at)),
        }
    }
}

fn number(text: &[u8], at: &mut usize) -> Option<u16> {
    let digits = text.get(*at..)?.iter().take_while(|b| b.is_ascii_digit()).count();
    let number = std::str::from_utf8(text.get(*at..*at + digits)?).ok()?;
    *at += digits;
    if number.is_empty() { None } else { Some(number.parse().unwrap_or(u16::MAX)) }
}

fn malformed(line: &Line, word: &Word, at: usize) -> Diagnostic {
    word.alert(format!(
        "Invalid status codes range '{}' in '{}' at position {at}. Ranges must be in the form [+-]{{low[-{{high}}]}}[,...].",
        word.text(),
        line.name()
    ))
}
