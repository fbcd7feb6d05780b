//! The messages of distcc, a compiler that is spread over machines (manual, 7.3.5): tokens of four letters with a number
//! in eight hexadecimal digits, behind most of them as many bytes as it says.

use crate::args::{ArgType, Args};
use crate::keyword::{Eval, Fetch, fetch, prepared_fetch};
use crate::place::Needs;
use crate::{Load, Lookup, Type, Value};

const TOKEN: (u8, &[ArgType]) = (1, &[ArgType::Str, ArgType::Int]);

/// The table.
pub(super) const FETCHES: &[Fetch] = &[
    prepared_fetch(
        fetch(
            "distcc_param",
            TOKEN,
            Type::Sint,
            Needs::AnyBytes,
            |e, a| find(e, a).map(|t| Value::Sint(t.number.into())),
            "The number of a token of distcc.",
        ),
        prepare,
    ),
    prepared_fetch(
        fetch(
            "distcc_body",
            TOKEN,
            Type::Bin,
            Needs::AnyBytes,
            |e, a| find(e, a).map(|t| Value::Bin(t.body)),
            "What follows a token of distcc.",
        ),
        prepare,
    ),
];

struct Token<'a> {
    number: u32,
    /// As much of it as came.
    body: &'a [u8],
}

fn prepare(args: &mut Args, _: &mut Load<'_>) -> Result<(), String> {
    match args.str(0) {
        Some(token) if token.len() == 4 => Ok(()),
        _ => Err("token name must be exactly 4 characters".into()),
    }
}

fn find<'a>(eval: &Eval<'a>, args: &Args) -> Lookup<Token<'a>> {
    let wanted = args.str(0).unwrap_or_default();
    let occurrence = args.int(1).unwrap_or(0);
    let (scratch, last) = (eval.scratch, eval.scope.is_final());
    match eval.scope.raw(eval.scope.side()) {
        Lookup::Value(bytes) | Lookup::Partial(bytes) => {
            match token(bytes.joined(scratch), wanted, occurrence) {
                Lookup::NotYet if last || bytes.complete || bytes.full => Lookup::Absent,
                found => found,
            }
        }
        Lookup::Absent => Lookup::Absent,
        Lookup::NotYet => Lookup::NotYet,
    }
}

/// The token of that name, the `occurrence`th or, for 0, the first. It is waited for where all tokens before it are
/// whole.
fn token<'a>(mut rest: &'a [u8], wanted: &[u8], occurrence: i64) -> Lookup<Token<'a>> {
    let mut seen = 0;
    loop {
        let Some((start, after)) = rest.split_at_checked(12) else { return Lookup::NotYet };
        let (name, digits) = start.split_at(4);
        let Some(number) = number(digits) else { return Lookup::Absent };
        let size = if WITHOUT_BODY.contains(&name) { 0 } else { number as usize };
        let whole = after.split_at_checked(size);
        if name == wanted {
            seen += 1;
            if occurrence == 0 || occurrence == seen {
                return Lookup::Value(Token { number, body: whole.map_or(after, |(body, _)| body) });
            }
        }
        let Some((_, next)) = whole else { return Lookup::Absent };
        rest = next;
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |n: u32, c| Some(n << 4 | char::from(*c).to_digit(16)?))
}

const WITHOUT_BODY: [&[u8]; 5] = [b"ARGC", b"DIST", b"DONE", b"NFIL", b"STAT"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_behind_the_bodies_of_others() {
        let message = b"DIST00000001ARGC00000002ARGV00000002ccARGV00000003-o\0DOTI00000005hel";
        for (name, occurrence, expected) in [
            ("DIST", 0, Some((1, ""))),
            ("ARGC", 1, Some((2, ""))),
            ("ARGV", 0, Some((2, "cc"))),
            ("ARGV", 2, Some((3, "-o\0"))),
            ("DOTI", 0, Some((5, "hel"))),
            ("ARGV", 3, None),
            ("NAME", 0, None),
        ] {
            let found = token(message, name.as_bytes(), occurrence).some();
            let found = found.map(|t| (t.number, std::str::from_utf8(t.body).unwrap()));
            assert_eq!(found, expected, "{name} {occurrence}");
        }
        let waits = |bytes: &[u8]| matches!(token(bytes, b"DOTI", 0), Lookup::NotYet);
        assert!(waits(b"DIST00000001ARGC0000000") && waits(b""));
        assert!(!waits(message) && !waits(b"DIST0000000gA") && !waits(b"ARGV00000009cc"));
    }
}
