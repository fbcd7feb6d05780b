//! Expectations: whether the bytes that came are what a check waits for (manual, 4.2 "http-check expect",
//! "tcp-check expect").

use std::borrow::Cow;

use weir_balance::health::{CheckStatus, agent};
use weir_expr::regex::Regex;
use weir_http::Head;
use weir_wire::checks;

use super::http::Response;
use super::script::{Outcome, Run};
use crate::conf::{Answer, CheckExpect, HeaderMatch, HeaderWant, Want};
use crate::keywords::binary;

/// What has come of an answer.
pub(super) struct Heard<'h> {
    pub(super) run: &'h Run<'h>,
    pub(super) response: &'h Response,
    pub(super) input: &'h [u8],
    /// No more will come.
    pub(super) ended: bool,
    /// The answer has no body whatever it says.
    pub(super) head_only: bool,
    /// The comment that stands before the expectation.
    pub(super) comment: Option<&'h String>,
}

/// What is known of an expectation.
pub(super) enum Met {
    Yes,
    No(Outcome),
    /// More bytes may still decide.
    Open,
}

/// `string 'PONG'`
pub(super) fn describe(want: &Want) -> String {
    match want {
        Want::Text(text) => format!("string '{}'", String::from_utf8_lossy(text)),
        Want::TextFormat(_) => "log-format string".to_owned(),
        Want::Binary(bytes) => format!("binary '{}'", hex(bytes)),
        Want::BinaryFormat(_) => "log-format binary".to_owned(),
        Want::Regex(_) => "regex".to_owned(),
        Want::BinaryRegex(_) => "binary regex".to_owned(),
        Want::Status(_) => "status codes".to_owned(),
        Want::StatusRegex(_) => "status regex".to_owned(),
        Want::Header(_) => "HTTP header pattern".to_owned(),
        Want::Answer(_) => "custom function".to_owned(),
    }
}

/// What is looked for among bytes.
enum Needle<'n> {
    Bytes(Cow<'n, [u8]>),
    Regex(&'n Regex),
    HexRegex(&'n Regex),
}

// === impl Heard ===

impl Heard<'_> {
    /// Judges an answer by its bytes. `step` is the number that messages tell.
    pub(super) fn judge_bytes(&self, expect: &CheckExpect, step: u32) -> Met {
        if self.input.is_empty() {
            if !self.ended {
                return Met::Open;
            }
            if expect.negated {
                return Met::Yes;
            }
            return self.mismatch(expect, format!("TCPCHK got an empty response at step {step}"));
        }
        if let Want::Answer(answer) = &expect.want {
            return self.judge_answer(expect, *answer);
        }
        let least = expect.min_recv.unwrap_or(0);
        if !self.ended && self.input.len() < least {
            return Met::Open;
        }
        let needle = match self.needle(expect) {
            Ok(needle) => needle,
            Err(met) => return met,
        };
        let content = match &expect.want {
            Want::Text(text) => format!("content '{}'", String::from_utf8_lossy(text)),
            want => match describe(want).split_once(" '") {
                Some((kind, _)) => format!("content ({kind})"),
                None => format!("content ({})", describe(want)),
            },
        };
        let conclusive = self.ended || expect.min_recv.is_some();
        match (needle.is_in(self.input), expect.negated) {
            (true, false) => Met::Yes,
            (true, true) => {
                self.mismatch(expect, format!("TCPCHK matched unwanted {content} at step {step}"))
            }
            (false, _) if !conclusive => Met::Open,
            (false, true) => Met::Yes,
            (false, false) => self.mismatch(expect, format!("TCPCHK did not match {content} at step {step}")),
        }
    }

    /// Judges a response whose head is there.
    pub(super) fn judge_http(&self, expect: &CheckExpect, step: u32) -> Met {
        let code = self.response.status();
        let told = match &expect.want {
            Want::Status(ranges) => {
                let code = i64::from(code);
                Ok((ranges.iter().any(|(low, high)| (*low..=*high).contains(&code)), "(status codes)"))
            }
            Want::StatusRegex(regex) => Ok((regex.is_match(code.to_string().as_bytes()), " (regex)")),
            Want::Header(header) => self.has_header(header).map(|found| (found, " (header pattern)")),
            _ => return self.judge_body(expect),
        };
        match told {
            Ok((found, _)) if found != expect.negated => Met::Yes,
            Ok((_, what)) => self.wrong_head(expect, what, step),
            Err(()) => self.mismatch(expect, NOTHING.to_owned()),
        }
    }

    fn wrong_head(&self, expect: &CheckExpect, what: &str, step: u32) -> Met {
        let reason = self.response.reason();
        let text = match reason.is_empty() {
            true => format!("TCPCHK did not match content{what} at step {step}"),
            false => reason,
        };
        let Met::No(mut outcome) = self.mismatch(expect, text) else { return Met::Open };
        outcome.status = expect.error_status.unwrap_or(CheckStatus::L7Status);
        outcome.code = self.run.code(expect).or(Some(self.response.status().into()));
        Met::No(outcome)
    }

    fn judge_body(&self, expect: &CheckExpect) -> Met {
        let (body, whole) = self.response.body(self.input, self.head_only);
        let whole = whole || self.ended;
        let no = |text: &str| match self.mismatch(expect, text.to_owned()) {
            Met::No(mut outcome) => {
                let answered = matches!(outcome.status, CheckStatus::L7Status | CheckStatus::L7OkConditional);
                let code = answered.then(|| i32::from(self.response.status()));
                outcome.code = self.run.code(expect).or(code);
                Met::No(outcome)
            }
            other => other,
        };
        if body.is_empty() && whole {
            return no("HTTP content check could not find a response body");
        }
        if !whole && body.len() < expect.min_recv.unwrap_or(0) {
            return Met::Open;
        }
        let needle = match self.needle(expect) {
            Ok(needle) => needle,
            Err(met) => return met,
        };
        let conclusive = whole || expect.min_recv.is_some();
        match (needle.is_in(&body), expect.negated) {
            (true, false) => Met::Yes,
            (true, true) => no("HTTP check matched unwanted content"),
            (false, _) if !conclusive => Met::Open,
            (false, true) => Met::Yes,
            (false, false) => no("HTTP content check did not match"),
        }
    }

    fn judge_answer(&self, expect: &CheckExpect, answer: Answer) -> Met {
        let judge = match answer {
            Answer::MysqlGreeting => checks::mysql_greeting,
            Answer::MysqlLogin => checks::mysql_login_answer,
            Answer::Ldap => checks::ldap_bind,
            Answer::Spop => checks::spop_hello,
            Answer::Tls => checks::ssl_hello_answer,
            Answer::Agent => return self.judge_agent(),
        };
        match judge(self.input, self.ended) {
            checks::Answer::Open => Met::Open,
            checks::Answer::Good => Met::Yes,
            checks::Answer::Malformed(text) => self.mismatch(expect, text.to_owned()),
            checks::Answer::Refused(code, text) => {
                let outcome = Outcome::new(CheckStatus::L7Status, text);
                Met::No(Outcome { code: i32::try_from(code).ok(), ..outcome })
            }
        }
    }

    /// An agent says what it has to say in one line; what follows from it is not judged here.
    fn judge_agent(&self) -> Met {
        if agent::read(self.input).is_some() {
            let outcome = Outcome::new(CheckStatus::Checked, "");
            return Met::No(Outcome { agent: Some(self.input.to_vec()), ..outcome });
        }
        if !self.ended {
            return Met::Open;
        }
        Met::No(Outcome::new(CheckStatus::L7Timeout, "Ignoring incomplete line from agent"))
    }

    /// What is looked for; texts that are made for each check may come to nothing.
    fn needle<'n>(&self, expect: &'n CheckExpect) -> Result<Needle<'n>, Met> {
        let made = |format| match self.run.render(format) {
            bytes if bytes.is_empty() => Err(self.mismatch(expect, NOTHING.to_owned())),
            bytes => Ok(bytes),
        };
        Ok(match &expect.want {
            Want::Text(bytes) | Want::Binary(bytes) => Needle::Bytes(Cow::Borrowed(bytes)),
            Want::TextFormat(format) => Needle::Bytes(Cow::Owned(made(format)?)),
            Want::BinaryFormat(format) => {
                let bytes = binary(&made(format)?).map_err(|_| {
                    let text = "Failed to parse hexastring resulting of eval of a log-format string";
                    self.mismatch(expect, text.to_owned())
                })?;
                Needle::Bytes(Cow::Owned(bytes))
            }
            Want::Regex(regex) => Needle::Regex(regex),
            Want::BinaryRegex(regex) => Needle::HexRegex(regex),
            Want::Status(_) | Want::StatusRegex(_) | Want::Header(_) | Want::Answer(_) => {
                return Err(Met::Open);
            }
        })
    }

    /// Whether a header is there that is as wanted; an error where a text comes to nothing.
    fn has_header(&self, want: &HeaderWant) -> Result<bool, ()> {
        let name = self.pattern(&want.name)?;
        let value = want.value.as_ref().map(|value| self.pattern(value)).transpose()?;
        let head: &Head = self.response.head();
        let good = |text: &[u8]| value.as_ref().is_none_or(|value| value.fits(text, false));
        Ok(head.lines().iter().filter(|line| name.fits(head.name(line), true)).any(|line| {
            let text = head.value(line);
            match want.whole {
                true => good(text.trim_ascii()),
                false => text.split(|b| *b == b',').any(|part| good(part.trim_ascii())),
            }
        }))
    }

    fn pattern<'p>(&self, pattern: &'p HeaderMatch) -> Result<Pattern<'p>, ()> {
        let (how, text) = match pattern {
            HeaderMatch::Regex(regex) => return Ok(Pattern::Regex(regex)),
            HeaderMatch::Exact(text) => (How::Exact, text),
            HeaderMatch::Prefix(text) => (How::Prefix, text),
            HeaderMatch::Suffix(text) => (How::Suffix, text),
            HeaderMatch::Part(text) => (How::Part, text),
        };
        let bytes = self.run.text(text);
        let made = matches!(text, crate::conf::CheckText::Format(_));
        if made && bytes.is_empty() { Err(()) } else { Ok(Pattern::Text(how, bytes)) }
    }

    fn mismatch(&self, expect: &CheckExpect, text: String) -> Met {
        let status = expect.error_status.unwrap_or(CheckStatus::L7Response);
        let message = match &expect.on_error {
            Some(own) => self.run.told(own),
            None => match expect.comment.as_ref().or(self.comment) {
                Some(comment) => format!("{text} comment: {comment}"),
                None => text,
            },
        };
        let default = matches!(status, CheckStatus::L7Status | CheckStatus::L7OkConditional).then_some(0);
        let code = self.run.code(expect).or(default);
        Met::No(Outcome { code, ..Outcome::new(status, message) })
    }
}

/// A name or a value that is looked for.
enum Pattern<'p> {
    Text(How, Cow<'p, [u8]>),
    Regex(&'p Regex),
}

#[derive(Clone, Copy)]
enum How {
    Exact,
    Prefix,
    Suffix,
    Part,
}

// === impl Pattern ===

impl Pattern<'_> {
    fn fits(&self, text: &[u8], ignore_case: bool) -> bool {
        let (how, wanted) = match self {
            Self::Regex(regex) => return regex.is_match(text),
            Self::Text(how, wanted) => (how, wanted.as_ref()),
        };
        let same = |a: &[u8]| if ignore_case { a.eq_ignore_ascii_case(wanted) } else { a == wanted };
        let length = wanted.len();
        match how {
            How::Exact => same(text),
            How::Prefix => text.get(..length).is_some_and(same),
            How::Suffix => text.len().checked_sub(length).and_then(|at| text.get(at..)).is_some_and(same),
            How::Part => length == 0 || text.windows(length).any(same),
        }
    }
}

// === impl Needle ===

impl Needle<'_> {
    fn is_in(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Bytes(part) => part.is_empty() || bytes.windows(part.len()).any(|w| w == part.as_ref()),
            Self::Regex(regex) => regex.is_match(bytes),
            Self::HexRegex(regex) => regex.is_match(hex(bytes).as_bytes()),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02X}")).collect()
}

const NOTHING: &str = "log-format string evaluated to an empty string";
