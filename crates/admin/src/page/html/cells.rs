//! How numbers, times and texts look in the page.

use std::io::Write as _;

use crate::field::Value;
use crate::stat::columns::Column;
use crate::stat::row::Row;

/// What a row holds, for cells.
#[derive(Clone, Copy)]
pub(super) struct Cells<'a>(pub(super) &'a Row);

// === impl Cells ===

impl Cells<'_> {
    /// A whole number; 0 where there is none.
    pub(super) fn number(self, column: Column) -> u64 {
        self.limit(column).unwrap_or(0)
    }

    /// A whole number, where there is one.
    pub(super) fn limit(self, column: Column) -> Option<u64> {
        match self.0.value(column)? {
            Value::Number(n) => Some(*n),
            Value::Signed(n) => u64::try_from(*n).ok(),
            Value::Fraction(_) | Value::Text(_) => None,
        }
    }

    /// A text; empty where there is none.
    pub(super) fn text(&self, column: Column) -> &str {
        match self.0.value(column) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    /// Whether the row has the column.
    pub(super) fn has(self, column: Column) -> bool {
        self.0.value(column).is_some()
    }
}

/// A cell with a number.
pub(super) fn count(n: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"<td>");
    grouped(n, out);
    out.extend_from_slice(b"</td>");
}

/// A cell with a limit, or a dash for none.
pub(super) fn limit(n: Option<u64>, out: &mut Vec<u8>) {
    match n {
        Some(n) => count(n, out),
        None => out.extend_from_slice(b"<td>-</td>"),
    }
}

/// A number whose groups of three digits are set apart by style, so that it is copied as a number.
pub(super) fn grouped(n: u64, out: &mut Vec<u8>) {
    let digits = n.to_string();
    let last = digits.len();
    for (at, digit) in digits.bytes().enumerate() {
        let rest = last - at - 1;
        if rest > 0 && rest.is_multiple_of(3) {
            let _ = write!(out, "<span class=\"rls\">{}</span>", char::from(digit));
        } else {
            out.push(digit);
        }
    }
}

/// Seconds in the two largest units that they have.
pub(super) fn period(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match () {
        () if days > 0 => format!("{days}d{:02}h", hours % 24),
        () if hours > 0 => format!("{hours}h{:02}m", minutes % 60),
        () if minutes > 0 => format!("{minutes}m{:02}s", seconds % 60),
        () => format!("{seconds}s"),
    }
}

/// Text without the meaning that some of its characters have in HTML.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_look_as_people_read_them() {
        for (n, shown) in [
            (0, "0"),
            (997, "997"),
            (9984, "<span class=\"rls\">9</span>984"),
            (1_234_567, "<span class=\"rls\">1</span>23<span class=\"rls\">4</span>567"),
        ] {
            let mut out = Vec::new();
            grouped(n, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), shown);
        }
        for (seconds, shown) in [(0, "0s"), (59, "59s"), (514, "8m34s"), (7384, "2h03m"), (90_000, "1d01h")] {
            assert_eq!(period(seconds), shown);
        }
        assert_eq!(escaped("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
    }
}
