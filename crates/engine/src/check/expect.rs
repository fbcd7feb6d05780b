//! Expectations: whether the bytes that came are what a check waits for (manual, 4.2 "http-check expect",
//! "tcp-check expect").

use weir_balance::health::CheckStatus;
use weir_expr::regex::Regex;

use super::http::Response;
use super::script::Outcome;
use crate::conf::{self, CheckExpect};

/// What is expected.
#[derive(Debug)]
pub(super) struct Expect {
    want: Want,
    options: CheckExpect,
}

#[derive(Debug)]
enum Want {
    Status(Vec<(u16, u16)>),
    StatusRegex(Regex),
    Text(Vec<u8>),
    Regex(Regex),
    Binary(Vec<u8>),
    BinaryRegex(Regex),
}

/// What has come of an answer.
pub(super) struct Heard<'a> {
    pub(super) response: &'a Response,
    pub(super) input: &'a [u8],
    /// No more will come.
    pub(super) ended: bool,
    /// The answer has no body whatever it says.
    pub(super) head_only: bool,
    /// The comment that stands before the expectation.
    pub(super) comment: Option<&'a String>,
}

/// What is known of an expectation.
pub(super) enum Met {
    Yes,
    No(Outcome),
    /// More bytes may still decide.
    Open,
}

// === impl Expect ===

impl Expect {
    /// None where a regex does not compile, which the load has refused already.
    pub(super) fn of(conf: &CheckExpect) -> Option<Self> {
        let regex = |text: &str| Regex::compile(text.as_bytes(), true).ok();
        let want = match &conf.want {
            conf::Want::Status(ranges) => Want::Status(ranges.clone()),
            conf::Want::StatusRegex(text) => Want::StatusRegex(regex(text)?),
            conf::Want::Text(text) => Want::Text(text.clone()),
            conf::Want::Regex(text) => Want::Regex(regex(text)?),
            conf::Want::Binary(bytes) => Want::Binary(bytes.clone()),
            conf::Want::BinaryRegex(text) => Want::BinaryRegex(regex(text)?),
        };
        Some(Self { want, options: conf.clone() })
    }

    pub(super) fn on_success(&self) -> Option<&String> {
        self.options.on_success.as_ref()
    }

    pub(super) fn ok_status(&self) -> Option<CheckStatus> {
        self.options.ok_status
    }

    pub(super) fn timeout_status(&self) -> CheckStatus {
        self.options.timeout_status.unwrap_or(CheckStatus::L7Timeout)
    }

    pub(super) fn comment(&self) -> Option<&String> {
        self.options.comment.as_ref()
    }

    /// `string 'PONG'`
    pub(super) fn describe(&self) -> String {
        match &self.want {
            Want::Text(text) => format!("string '{}'", String::from_utf8_lossy(text)),
            Want::Binary(bytes) => format!("binary '{}'", hex(bytes)),
            Want::Regex(_) => "regex".to_owned(),
            Want::BinaryRegex(_) => "binary regex".to_owned(),
            Want::Status(_) => "status codes".to_owned(),
            Want::StatusRegex(_) => "status regex".to_owned(),
        }
    }

    /// Judges an answer by its bytes. `step` is the number that messages tell.
    pub(super) fn judge_bytes(&self, heard: &Heard<'_>, step: usize) -> Met {
        if heard.input.is_empty() {
            if !heard.ended {
                return Met::Open;
            }
            return Met::No(self.mismatch(heard, format!("TCPCHK got an empty response at step {step}")));
        }
        if !heard.ended && heard.input.len() < self.options.min_recv {
            return Met::Open;
        }
        let what = match &self.want {
            Want::Text(text) => format!("content '{}'", String::from_utf8_lossy(text)),
            Want::Binary(bytes) => format!("content '{}'", hex(bytes)),
            _ => "content (regex)".to_owned(),
        };
        match (self.is_in(heard.input), self.options.negated) {
            (true, false) => Met::Yes,
            (true, true) => {
                Met::No(self.mismatch(heard, format!("TCPCHK matched unwanted {what} at step {step}")))
            }
            (false, _) if !heard.ended => Met::Open,
            (false, true) => Met::Yes,
            (false, false) => {
                Met::No(self.mismatch(heard, format!("TCPCHK did not match {what} at step {step}")))
            }
        }
    }

    /// Judges a response whose head is there.
    pub(super) fn judge_http(&self, heard: &Heard<'_>, step: usize) -> Met {
        let code = heard.response.status();
        match &self.want {
            Want::Status(ranges) => {
                let found = ranges.iter().any(|(low, high)| (*low..=*high).contains(&code));
                self.judge_status(found, heard, "status codes", step)
            }
            Want::StatusRegex(regex) => {
                self.judge_status(regex.is_match(code.to_string().as_bytes()), heard, "status regex", step)
            }
            _ => self.judge_body(heard),
        }
    }

    fn judge_status(&self, found: bool, heard: &Heard<'_>, what: &str, step: usize) -> Met {
        if found != self.options.negated {
            return Met::Yes;
        }
        let reason = heard.response.reason();
        let mut outcome =
            self.mismatch(heard, format!("TCPCHK did not match content({what}) at step {step}"));
        outcome.status = self.options.error_status.unwrap_or(CheckStatus::L7Status);
        outcome.code = Some(heard.response.status().into());
        if !reason.is_empty() && self.options.on_error.is_none() {
            outcome.message = self.with_comment(heard, reason);
        }
        Met::No(outcome)
    }

    fn judge_body(&self, heard: &Heard<'_>) -> Met {
        let (body, whole) = heard.response.body(heard.input, heard.head_only);
        let whole = whole || heard.ended;
        let no = |text: &str| {
            let mut outcome = self.mismatch(heard, text.to_owned());
            if outcome.status == CheckStatus::L7Status {
                outcome.code = Some(heard.response.status().into());
            }
            Met::No(outcome)
        };
        if body.is_empty() && whole {
            return no("HTTP content check could not find a response body");
        }
        if !whole && body.len() < self.options.min_recv {
            return Met::Open;
        }
        match (self.is_in(&body), self.options.negated) {
            (true, false) => Met::Yes,
            (true, true) => no("HTTP check matched unwanted content"),
            (false, _) if !whole => Met::Open,
            (false, true) => Met::Yes,
            (false, false) => no("HTTP content check did not match"),
        }
    }

    fn is_in(&self, bytes: &[u8]) -> bool {
        let contains = |part: &[u8]| part.is_empty() || bytes.windows(part.len()).any(|w| w == part);
        match &self.want {
            Want::Text(part) | Want::Binary(part) => contains(part),
            Want::Regex(regex) => regex.is_match(bytes),
            Want::BinaryRegex(regex) => regex.is_match(hex(bytes).as_bytes()),
            Want::Status(_) | Want::StatusRegex(_) => false,
        }
    }

    fn mismatch(&self, heard: &Heard<'_>, text: String) -> Outcome {
        let status = self.options.error_status.unwrap_or(CheckStatus::L7Response);
        let message = match &self.options.on_error {
            Some(own) => own.clone(),
            None => self.with_comment(heard, text),
        };
        Outcome::new(status, message)
    }

    fn with_comment(&self, heard: &Heard<'_>, text: String) -> String {
        match self.comment().or(heard.comment) {
            Some(comment) => format!("{text} comment: {comment}"),
            None => text,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02X}")).collect()
}
