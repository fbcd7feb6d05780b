//! Times (manual 2.5): a number with an optional unit (`us`, `ms`, `s`, `m`, `h`, `d`).

use std::time::Duration;

use weir_diag::{Diagnostic, Diagnostics, Form, Severity};

use crate::Word;

/// The unit of a number without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// `us`
    Microseconds,
    /// `ms`: what nearly all timeouts take.
    Milliseconds,
    /// `s`
    Seconds,
}

/// A time as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    /// How long. Parts finer than the default unit are rounded up.
    pub duration: Duration,
    /// A character behind the unit, which HAProxy ignores with a warning (`5m5s` means `5m`).
    pub trailing: Option<char>,
}

/// Why a word is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeFault {
    /// More than 2147483647 of the default unit.
    Overflow,
    /// This character cannot stand there.
    Unexpected(char),
}

/// The time that `word` means for keyword `name`, with the messages that most keywords print.
pub fn time(name: &str, word: &Word, unit: Unit, out: &mut Diagnostics) -> Option<Duration> {
    let text = word.text();
    match parse_time(&word.bytes, unit) {
        Ok(time) => {
            if let Some(c) = time.trailing {
                out.push(trailing_warning(word, c));
            }
            Some(time.duration)
        }
        Err(TimeFault::Overflow) => {
            let most = match unit {
                Unit::Microseconds => "2147483647 us or ~35.8 minutes",
                Unit::Milliseconds => "2147483647 ms or ~24.8 days",
                Unit::Seconds => "2147483647 s or ~68 years",
            };
            out.push(
                word.alert(format!(
                    "timer overflow in argument '{text}' to '{name}' (maximum value is {most})"
                )),
            );
            None
        }
        Err(TimeFault::Unexpected(c)) => {
            out.push(word.alert(format!("unexpected character '{c}' in '{name}'")));
            None
        }
    }
}

/// The warning for a character behind the unit.
pub fn trailing_warning(word: &Word, c: char) -> Diagnostic {
    let text = word.text();
    Diagnostic::new(
        Severity::Warning,
        Some(word.span),
        format!(
            "unexpected character '{c}' after the timer value '{text}', only (us=microseconds,ms=milliseconds,\
             s=seconds,m=minutes,h=hours,d=days) are supported. This will be reported as an error in next versions."
        ),
    )
    .form(Form::Config)
}

/// The time that `text` means, `unit` where it names none.
pub fn parse_time(text: &[u8], unit: Unit) -> Result<Time, TimeFault> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (number, rest) = text.split_at_checked(digits).unwrap_or((text, &[]));
    if number.is_empty() {
        return Err(TimeFault::Unexpected(rest.first().map_or('\0', |&b| char::from(b))));
    }
    let number = number.iter().try_fold(0u128, |n, b| {
        let n = n * 10 + u128::from(b - b'0');
        (n <= u128::from(u64::MAX)).then_some(n)
    });
    let (scale, rest) = match rest {
        [b'u', b's', rest @ ..] => (1, rest),
        [b'm', b's', rest @ ..] => (1_000, rest),
        [b's', rest @ ..] => (1_000_000, rest),
        [b'm', rest @ ..] => (60_000_000, rest),
        [b'h', rest @ ..] => (3_600_000_000, rest),
        [b'd', rest @ ..] => (86_400_000_000, rest),
        [] => (unit.micros(), rest),
        [other, ..] => return Err(TimeFault::Unexpected(char::from(*other))),
    };
    let whole = number.map(|n| (n * scale).div_ceil(unit.micros())).filter(|&n| n <= MAX);
    let Some(whole) = whole.and_then(|n| u64::try_from(n * unit.micros()).ok()) else {
        return Err(TimeFault::Overflow);
    };
    Ok(Time { duration: Duration::from_micros(whole), trailing: rest.first().map(|&b| char::from(b)) })
}

// === impl Unit ===

impl Unit {
    const fn micros(self) -> u128 {
        match self {
            Self::Microseconds => 1,
            Self::Milliseconds => 1_000,
            Self::Seconds => 1_000_000,
        }
    }
}

/// HAProxy counts in signed 32 bits of the default unit.
const MAX: u128 = 2_147_483_647;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_the_reference_reads_them() {
        use TimeFault::{Overflow, Unexpected};
        let ms = |n| Ok(Time { duration: Duration::from_millis(n), trailing: None });
        let trail = |n, c| Ok(Time { duration: Duration::from_millis(n), trailing: Some(c) });
        for (text, expected) in [
            ("5", ms(5)),
            ("5ms", ms(5)),
            ("5s", ms(5_000)),
            ("0", ms(0)),
            ("1d", ms(86_400_000)),
            ("10us", ms(1)),
            ("1500us", ms(2)),
            ("2147483647", ms(2_147_483_647)),
            ("2147483648", Err(Overflow)),
            ("25d", Err(Overflow)),
            ("99999999999999999999", Err(Overflow)),
            ("5S", Err(Unexpected('S'))),
            ("5x", Err(Unexpected('x'))),
            ("1u", Err(Unexpected('u'))),
            ("-1", Err(Unexpected('-'))),
            ("+5", Err(Unexpected('+'))),
            ("1.5s", Err(Unexpected('.'))),
            ("s", Err(Unexpected('s'))),
            ("5m5s", trail(300_000, '5')),
            ("5sx", trail(5_000, 'x')),
        ] {
            assert_eq!(parse_time(text.as_bytes(), Unit::Milliseconds), expected, "{text}");
        }
    }
}
