//! Conditions of `.if`, `.elif` and `-cc` (manual 2.4).
//!
//! All of an expression is judged, so that a fault behind a decided `||` is reported, too. What the program can do
//! comes from outside in [`Features`]; answers are honest: a feature that is not there is not claimed.

use crate::Environment;

/// What the program is, for conditions to ask.
#[derive(Clone, Debug, Default)]
pub struct Features {
    /// The version of HAProxy whose language and behaviour this is: `3.4.7`.
    pub version: String,
    /// Names that `feature()` knows: `THREAD`, `LINUX_SPLICE`.
    pub names: Vec<String>,
    /// Names that `enabled()` knows: `EPOLL`, `SPLICE`.
    pub enabled: Vec<String>,
    /// The name of the TLS library: `AWS-LC`; empty where there is none.
    pub ssl_library: String,
    /// The version of OpenSSL whose interface the library has: `1.1.1`; empty where there is none.
    pub openssl_version: String,
    /// The number of the AWS-LC interface, 0 where there is none.
    pub awslc_api: u32,
}

/// Why a condition cannot be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionFault {
    /// In HAProxy's words, without place: `unparsable conditional expression 'x'`.
    pub message: String,
    /// Where in the expression, from 0.
    pub at: usize,
}

/// Judges a condition that stands by itself (`-cc`): quotes, escapes and variables in it mean what they mean on a line.
///
/// # Errors
/// What is wrong with it, as HAProxy says it.
pub fn evaluate_alone(text: &[u8], environment: &Environment, features: &Features) -> Result<bool, String> {
    let (words, fault) = crate::lexer::words_alone(text, environment);
    if let Some(kind) = fault {
        let mut named = kind.text().to_owned();
        named.get_mut(..1).into_iter().for_each(str::make_ascii_uppercase);
        return Err(format!("Syntax Error in condition: {named}."));
    }
    if words.len() > crate::loader::MAX_WORDS {
        return Err("Error in condition: Too many words.".to_owned());
    }
    evaluate(&words.join(" "), environment, features)
        .map_err(|fault| format!("Failed to evaluate condition: {}", fault.message))
}

/// Judges a condition. Nothing at all is false.
pub fn evaluate(text: &str, environment: &Environment, features: &Features) -> Result<bool, ConditionFault> {
    let mut parser = Parser { text, at: 0, depth: 0, environment, features };
    parser.blanks();
    if parser.rest().is_empty() {
        return Ok(false);
    }
    let verdict = parser.any()?;
    parser.blanks();
    match parser.rest().chars().next() {
        None => Ok(verdict),
        Some(c) => Err(ConditionFault {
            message: format!("unexpected character '{c}' at the end of conditional expression '{text}'"),
            at: parser.at,
        }),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    environment: &'a Environment,
    features: &'a Features,
}

// === impl Parser ===

impl<'a> Parser<'a> {
    /// `all || all || ...`
    fn any(&mut self) -> Result<bool, ConditionFault> {
        let mut verdict = false;
        loop {
            let start = self.at;
            verdict |= self.all()?;
            self.blanks();
            let operator = self.at;
            if !self.skip("||") {
                return Ok(verdict);
            }
            self.blanks();
            if self.rest().is_empty() {
                return Err(self.unparsable(start, operator));
            }
        }
    }

    /// `term && term && ...`
    fn all(&mut self) -> Result<bool, ConditionFault> {
        let mut verdict = true;
        loop {
            verdict &= self.term()?;
            self.blanks();
            let operator = self.at;
            if !self.skip("&&") {
                return Ok(verdict);
            }
            self.blanks();
            if self.rest().is_empty() {
                return Err(self.unparsable(operator, operator));
            }
        }
    }

    fn term(&mut self) -> Result<bool, ConditionFault> {
        let start = self.at;
        let (mut negated, mut last) = (false, start);
        loop {
            let sign = self.at;
            if !self.skip("!") {
                break;
            }
            last = sign;
            negated = !negated;
            self.blanks();
        }
        if self.rest().starts_with('(') {
            return Ok(self.group(start, last)? ^ negated);
        }
        if let Some(number) = self.number() {
            return Ok(number ^ negated);
        }
        match self.predicate()? {
            Some(verdict) => Ok(verdict ^ negated),
            None => Err(self.unparsable(start, start)),
        }
    }

    /// What stands in parentheses. Faults name the term from its `start`, or from the sign before the parenthesis.
    fn group(&mut self, start: usize, sign: usize) -> Result<bool, ConditionFault> {
        self.at += 1;
        self.depth += 1;
        self.blanks();
        if self.rest().is_empty() || self.depth > MAX_DEPTH {
            return Err(self.unparsable(start, start));
        }
        let verdict = self.any()?;
        self.depth -= 1;
        self.blanks();
        if self.skip(")") {
            return Ok(verdict);
        }
        let shown = self.text.get(sign..).unwrap_or_default();
        Err(ConditionFault {
            message: format!("expected ')' after conditional expression '{shown}'"),
            at: sign,
        })
    }

    /// A number: true unless zero. `None` where none stands.
    fn number(&mut self) -> Option<bool> {
        let rest = self.rest();
        let unsigned = rest.strip_prefix(['-', '+']).unwrap_or(rest);
        let (digits, radix) = match unsigned.strip_prefix("0x") {
            Some(hex) if hex.starts_with(|c: char| c.is_ascii_hexdigit()) => (hex, 16),
            _ => (unsigned, 10),
        };
        let length = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
        let digits = digits.get(..length).filter(|d| !d.is_empty())?;
        self.at = self.text.len() - rest.len() + (rest.len() - unsigned.len());
        self.at += length + if radix == 16 { 2 } else { 0 };
        Some(digits.bytes().any(|b| b != b'0'))
    }

    fn predicate(&mut self) -> Result<Option<bool>, ConditionFault> {
        let rest = self.rest();
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = rest.get(..length).unwrap_or_default();
        let Some(&(name, count)) = PREDICATES.iter().find(|(known, _)| *known == name) else {
            return Ok(None);
        };
        self.at += length;
        let args = self.arguments(name, count)?;
        let (first, second) = (args.first().map_or("", |s| s), args.get(1).map_or("", |s| s));
        let features = self.features;
        let known = |list: &[String]| list.iter().any(|n| n == first);
        let invalid = ConditionFault {
            message: format!("invalid argument to conditional expression predicate '{name}': '{first}'"),
            at: self.at,
        };
        Ok(Some(match name {
            "defined" => self.environment.value(first.as_bytes()).is_some(),
            "feature" => known(&features.names),
            "enabled" => known(&features.enabled),
            "streq" => first == second,
            "strneq" => first != second,
            "strstr" => first.contains(second),
            "version_atleast" => Version::parse(&features.version) >= Version::parse(first),
            "version_before" => Version::parse(&features.version) < Version::parse(first),
            "openssl_version_atleast" => {
                openssl(&features.openssl_version) >= Some(openssl(first).ok_or(invalid)?)
            }
            "openssl_version_before" => {
                openssl(&features.openssl_version) < Some(openssl(first).ok_or(invalid)?)
            }
            "ssllib_name_startswith" => features.ssl_library.starts_with(first),
            "awslc_api_atleast" => features.awslc_api >= self.awslc(first).ok_or(invalid)?,
            "awslc_api_before" => features.awslc_api < self.awslc(first).ok_or(invalid)?,
            _ => return Ok(None),
        }))
    }

    /// The number that `awslc_api_*` compares with. Without AWS-LC every argument is wrong, as HAProxy has it.
    fn awslc(&self, text: &str) -> Option<u32> {
        if self.features.awslc_api == 0 { None } else { text.parse().ok() }
    }

    /// What stands in the parentheses behind a predicate, `count` strings between commas. A single argument may be
    /// missing altogether.
    fn arguments(&mut self, name: &str, count: usize) -> Result<Vec<String>, ConditionFault> {
        let place = format!("in argument 1 of predicate '{name}' used in conditional expression");
        let missing =
            |got: usize| format!("missing arguments (got {got}/{count}), type 'string' expected {place}");
        let mut args = Vec::new();
        if !self.skip("(") || self.rest().is_empty() {
            if count > 1 {
                return Err(ConditionFault { message: missing(1), at: self.at });
            }
            let open = self.at > 0 && self.text.as_bytes().get(self.at - 1) == Some(&b'(');
            return if open {
                Err(ConditionFault { message: format!("expected ')' {place}"), at: self.at })
            } else {
                Ok(args)
            };
        }
        loop {
            args.push(self.argument());
            if args.len() < count && self.skip(",") {
                continue;
            }
            break;
        }
        let rest = self.rest();
        if rest.starts_with(')') && args.len() < count {
            return Err(ConditionFault { message: missing(args.len()), at: self.at });
        }
        if self.skip(")") {
            return Ok(args);
        }
        let before = if rest.is_empty() { String::new() } else { format!("before '{rest}' ") };
        Err(ConditionFault { message: format!("expected ')' {before}{place}"), at: self.at })
    }

    /// One argument: up to a comma or closing parenthesis that no quote or backslash protects.
    fn argument(&mut self) -> String {
        let mut out = String::new();
        let mut quote = None;
        let mut chars = self.rest().char_indices();
        let mut end = self.text.len();
        while let Some((offset, c)) = chars.next() {
            match (c, quote) {
                (',' | ')', None) => {
                    end = self.at + offset;
                    break;
                }
                ('"' | '\'', None) => quote = Some(c),
                (_, Some(q)) if q == c => quote = None,
                ('\\', None | Some('"')) => {
                    let escaped = chars.clone().next().map(|(_, c)| c);
                    match escaped {
                        Some(c @ ('\\' | '"' | '\'' | ' ')) => out.push(c),
                        Some('n') => out.push('\n'),
                        Some('r') => out.push('\r'),
                        Some('t') => out.push('\t'),
                        _ => {
                            out.push('\\');
                            continue;
                        }
                    }
                    chars.next();
                }
                _ => out.push(c),
            }
        }
        self.at = end;
        out
    }

    fn unparsable(&self, from: usize, at: usize) -> ConditionFault {
        let shown = self.text.get(from..).unwrap_or_default();
        ConditionFault { message: format!("unparsable conditional expression '{shown}'"), at }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t']).len();
    }

    fn skip(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }
}

/// `3.4-dev12`, `3.4.7-1`: missing parts count as zero, and a development version comes before its release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version {
    major: u64,
    minor: u64,
    released: bool,
    patch: u64,
    commits: u64,
}

impl Version {
    fn parse(text: &str) -> Self {
        let (major, rest) = leading(text);
        let (minor, rest) = leading(rest.strip_prefix('.').unwrap_or(rest));
        let (released, rest) = match rest.strip_prefix("-dev") {
            Some(rest) => (false, rest),
            None => (true, rest.strip_prefix('.').unwrap_or(rest)),
        };
        let (patch, rest) = if rest.starts_with('-') { (0, rest) } else { leading(rest) };
        let (commits, _) = leading(rest.strip_prefix('-').unwrap_or_default());
        Self { major, minor, released, patch, commits }
    }
}

fn leading(text: &str) -> (u64, &str) {
    let length = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(length).unwrap_or((text, ""));
    (digits.parse().unwrap_or(0), rest)
}

/// `1.1.1w`, `3.5.0`; `None` where it is no version: two numbers and a dot are the least. What follows three numbers
/// and is no letter counts for nothing.
fn openssl(text: &str) -> Option<(u64, u64, u64, u8)> {
    let number = |text: &'_ str| -> Option<(u64, usize)> {
        let (number, rest) = leading(text);
        (rest.len() < text.len()).then_some((number, text.len() - rest.len()))
    };
    let text = text.trim_start();
    let (major, length) = number(text)?;
    let rest = text.get(length..)?.strip_prefix('.')?;
    let (minor, length) = number(rest)?;
    let rest = rest.get(length..)?.strip_prefix('.')?;
    let (fix, rest) = leading(rest);
    let letter = rest.bytes().next().filter(u8::is_ascii_lowercase).unwrap_or(0);
    Some((major, minor, fix, letter))
}

/// Parentheses within parentheses, at most.
const MAX_DEPTH: usize = 100;

/// Predicates and how many arguments they take.
const PREDICATES: [(&str, usize); 13] = [
    ("defined", 1),
    ("feature", 1),
    ("enabled", 1),
    ("streq", 2),
    ("strneq", 2),
    ("strstr", 2),
    ("version_atleast", 1),
    ("version_before", 1),
    ("openssl_version_atleast", 1),
    ("openssl_version_before", 1),
    ("ssllib_name_startswith", 1),
    ("awslc_api_atleast", 1),
    ("awslc_api_before", 1),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(text: &str) -> Result<bool, (String, usize)> {
        let environment: Environment = [("FOO", "bar")].into_iter().collect();
        let features = Features {
            version: "3.4.7-1".into(),
            names: vec!["THREAD".into(), "OPENSSL".into()],
            enabled: vec!["EPOLL".into()],
            ssl_library: "OpenSSL".into(),
            openssl_version: "3.6.4".into(),
            ..Features::default()
        };
        evaluate(text, &environment, &features).map_err(|f| (f.message, f.at + 1))
    }

    #[test]
    fn conditions_are_judged_as_the_reference_judges_them() {
        for (text, expected) in [
            ("", false),
            ("0", false),
            ("00", false),
            ("1", true),
            ("-1", true),
            ("+1", true),
            ("0x10", true),
            ("99999999999999999999", true),
            ("!0", true),
            ("!!1", true),
            ("! defined(X)", true),
            ("((1))", true),
            ("( 1 )", true),
            ("1&&1", true),
            ("1 && 0", false),
            ("0 || 1", true),
            ("0 || 0 || 1 && 0", false),
            ("1||0&&0", true),
            ("!(1) || 1", true),
            ("defined(FOO)", true),
            ("defined( FOO )", false),
            ("defined", false),
            ("defined()", false),
            ("feature(THREAD)", true),
            ("feature(thread)", false),
            ("enabled(EPOLL)", true),
            ("streq(a,a)", true),
            ("streq(a, a)", false),
            ("streq(\"a,b\",\"a,b\")", true),
            ("streq(( a,b)", false),
            ("strneq(a,b)", true),
            ("strstr(abc,b)", true),
            ("strstr(,)", true),
            ("version_atleast(3.4.7-1)", true),
            ("version_atleast(3.4.7-2)", false),
            ("version_atleast(3.4.8)", false),
            ("version_atleast(2.4-dev19)", true),
            ("version_atleast(3.4-dev1)", true),
            ("version_atleast(x)", true),
            ("version_before(3.5)", true),
            ("version_before(3.4.7)", false),
            ("openssl_version_atleast(1.1.1)", true),
            ("openssl_version_before(3.5.0)", false),
            ("openssl_version_atleast( 1.1.)", true),
            ("openssl_version_atleast(3.6.4a)", false),
            ("openssl_version_atleast(3.6.4-x)", true),
            ("ssllib_name_startswith(Open)", true),
        ] {
            assert_eq!(judged(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn faults_are_worded_and_placed_as_the_reference_does() {
        for (text, message, at) in [
            ("x", "unparsable conditional expression 'x'", 1),
            ("!", "unparsable conditional expression '!'", 1),
            ("(1", "expected ')' after conditional expression '(1'", 1),
            ("1)", "unexpected character ')' at the end of conditional expression '1)'", 2),
            ("()", "unparsable conditional expression ')'", 2),
            ("(", "unparsable conditional expression '('", 1),
            ("!(", "unparsable conditional expression '!('", 1),
            ("! !(1", "expected ')' after conditional expression '!(1'", 3),
            ("true", "unparsable conditional expression 'true'", 1),
            ("1 ||", "unparsable conditional expression '1 ||'", 3),
            ("1 && 1 ||", "unparsable conditional expression '1 && 1 ||'", 8),
            ("1 &&", "unparsable conditional expression '&&'", 3),
            ("1 || 1 &&", "unparsable conditional expression '&&'", 8),
            ("(1 ||)", "unparsable conditional expression ')'", 6),
            ("1 && (", "unparsable conditional expression '('", 6),
            ("1 &&& 1", "unparsable conditional expression '& 1'", 5),
            ("0 && x", "unparsable conditional expression 'x'", 6),
            ("1 || x", "unparsable conditional expression 'x'", 6),
            (
                "defined(",
                "expected ')' in argument 1 of predicate 'defined' used in conditional expression",
                9,
            ),
            (
                "defined(FOO",
                "expected ')' in argument 1 of predicate 'defined' used in conditional expression",
                12,
            ),
            (
                "defined(FOO) x",
                "unexpected character 'x' at the end of conditional expression 'defined(FOO) x'",
                14,
            ),
            (
                "streq(a)",
                "missing arguments (got 1/2), type 'string' expected in argument 1 of predicate 'streq' used in conditional expression",
                8,
            ),
            (
                "streq",
                "missing arguments (got 1/2), type 'string' expected in argument 1 of predicate 'streq' used in conditional expression",
                6,
            ),
            (
                "streq(",
                "missing arguments (got 1/2), type 'string' expected in argument 1 of predicate 'streq' used in conditional expression",
                7,
            ),
            ("streq(a,", "expected ')' in argument 1 of predicate 'streq' used in conditional expression", 9),
            (
                "streq(a,b,c)",
                "expected ')' before ',c)' in argument 1 of predicate 'streq' used in conditional expression",
                10,
            ),
            (
                "openssl_version_atleast(x)",
                "invalid argument to conditional expression predicate 'openssl_version_atleast': 'x'",
                27,
            ),
            (
                "openssl_version_atleast(3.0)",
                "invalid argument to conditional expression predicate 'openssl_version_atleast': '3.0'",
                29,
            ),
            (
                "awslc_api_atleast(35)",
                "invalid argument to conditional expression predicate 'awslc_api_atleast': '35'",
                22,
            ),
        ] {
            assert_eq!(judged(text), Err((message.to_owned(), at)), "{text}");
        }
    }
}
