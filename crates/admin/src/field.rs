//! Values with a type and tags, as `show info` and `show stat` print them (management manual, 9.2).

use std::io::Write as _;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A whole number.
    Number(u64),
    /// A whole number that may be negative.
    Signed(i64),
    /// A number with a fraction, where it was asked for.
    Fraction(f64),
    /// Text.
    Text(String),
}

/// What stands around a value in typed and JSON output.
#[derive(Clone, Copy, Debug)]
pub struct Label<'a> {
    /// The position of its field.
    pub position: usize,
    /// The name of its field.
    pub name: &'a str,
    /// Origin, nature, scope, persistence.
    pub tags: &'a str,
    /// The type: `u32`.
    pub kind: &'a str,
}

// === impl Value ===

impl Value {
    /// The value alone.
    pub fn write(&self, out: &mut Vec<u8>) {
        let _ = match self {
            Self::Number(n) => write!(out, "{n}"),
            Self::Signed(n) => write!(out, "{n}"),
            Self::Fraction(n) => write!(out, "{}", rounded(*n)),
            Self::Text(text) => write!(out, "{text}"),
        };
    }

    /// The value as a field of CSV: quoted where it must be.
    pub fn write_csv(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) if text.contains([',', '"', '\n', '\r']) => {
                let _ = write!(out, "\"{}\"", text.replace('"', "\"\""));
            }
            _ => self.write(out),
        }
    }

    /// The value in JSON.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => write_json_text(text, out),
            // What follows is no whole number for JSON.
            Self::Number(n) => Self::Signed(i64::try_from(*n).unwrap_or(i64::MAX).min(JSON_MOST)).write(out),
            Self::Signed(_) | Self::Fraction(_) => self.write(out),
        }
    }
}

impl From<u64> for Value {
    fn from(n: u64) -> Self {
        Self::Number(n)
    }
}

impl From<u32> for Value {
    fn from(n: u32) -> Self {
        Self::Number(n.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

// === impl Label ===

impl Label<'_> {
    /// `17.status.1:SGPV:str:UP`, without its end of line.
    pub fn write_typed(&self, value: &Value, out: &mut Vec<u8>) {
        let Self { position, name, tags, kind } = self;
        let _ = write!(out, "{position}.{name}.1:{tags}:{kind}:");
        value.write(out);
    }

    /// `"field":{...},"processNum":1,"tags":{...},"value":{...}`
    pub fn write_json(&self, value: &Value, out: &mut Vec<u8>) {
        let Self { position, name, tags, kind } = self;
        let mut letters = tags.chars();
        let origin = origin(letters.next());
        let nature = nature(letters.next());
        let scope = scope(letters.next());
        let _ = write!(
            out,
            "\"field\":{{\"pos\":{position},\"name\":\"{name}\"}},\"processNum\":1,\"tags\":{{\"origin\":\"{origin}\",\"nature\":\"{nature}\",\"scope\":\"{scope}\"}},\"value\":{{\"type\":\"{kind}\",\"value\":"
        );
        value.write_json(out);
        out.push(b'}');
    }
}

/// Six digits, without zeros at the end.
fn rounded(n: f64) -> String {
    let text = format!("{n:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn write_json_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for c in text.chars() {
        let _ = match c {
            '"' => write!(out, "\\\""),
            '\\' => write!(out, "\\\\"),
            c if c < ' ' => write!(out, "\\u{:04x}", u32::from(c)),
            c => write!(out, "{c}"),
        };
    }
    out.push(b'"');
}

fn origin(letter: Option<char>) -> &'static str {
    match letter {
        Some('M') => "Metric",
        Some('S') => "Status",
        Some('K') => "Key",
        Some('C') => "Config",
        Some('P') => "Product",
        _ => "Unknown",
    }
}

fn nature(letter: Option<char>) -> &'static str {
    match letter {
        Some('A') => "Age",
        Some('a') => "Avg",
        Some('C') => "Counter",
        Some('D') => "Duration",
        Some('G') => "Gauge",
        Some('L') => "Limit",
        Some('M') => "Max",
        Some('m') => "Min",
        Some('N') => "Name",
        Some('O') => "Output",
        Some('R') => "Rate",
        Some('T') => "Time",
        _ => "Unknown",
    }
}

fn scope(letter: Option<char>) -> &'static str {
    match letter {
        Some('C') => "Cluster",
        Some('P') => "Process",
        Some('S') => "Service",
        Some('s') => "System",
        _ => "Unknown",
    }
}

/// The largest whole number that JSON's readers keep.
const JSON_MOST: i64 = (1 << 53) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_each_format_wants_them() {
        for (value, plain, csv, json) in [
            (Value::Number(5), "5", "5", "5"),
            (Value::Number(u64::MAX), "18446744073709551615", "18446744073709551615", "9007199254740991"),
            (Value::Signed(-1), "-1", "-1", "-1"),
            (Value::Fraction(85.97), "85.97", "85.97", "85.97"),
            (Value::Fraction(2.0), "2", "2", "2"),
            (Value::from("a b"), "a b", "a b", "\"a b\""),
            (Value::from("a,\"b"), "a,\"b", "\"a,\"\"b\"", "\"a,\\\"b\""),
            (Value::from("a\tb\\"), "a\tb\\", "a\tb\\", "\"a\\u0009b\\\\\""),
        ] {
            let written = |write: &dyn Fn(&Value, &mut Vec<u8>)| {
                let mut out = Vec::new();
                write(&value, &mut out);
                String::from_utf8(out).unwrap()
            };
            assert_eq!(written(&Value::write), plain);
            assert_eq!(written(&Value::write_csv), csv);
            assert_eq!(written(&Value::write_json), json);
        }
    }
}
