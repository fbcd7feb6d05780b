//! Answers that rules make: the words of `deny`, `return`, `tarpit` and `http-error` that describe one, and the
//! answer itself (manual, 4.4 "return").

use std::path::Path;
use std::sync::Arc;

use weir_config::Word;
use weir_expr::{Format, Purpose, WordsError};
use weir_http::answers::{self, Answer, NoAnswer};

use super::header::lower;
use super::parse::number;
use super::{Bench, Parse, Run};
use crate::answers::Answers;
use crate::conf::HttpErrors;
use crate::transaction::Messages;

/// An answer that a rule gives.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    content: Content,
    content_type: Option<Box<[u8]>>,
    headers: Vec<(Box<[u8]>, Format)>,
}

/// What its body is.
#[derive(Debug)]
enum Content {
    /// There is none.
    Nothing,
    /// The proxy's own answer for the status.
    Default,
    /// This file, head and body.
    File(Box<Answer>),
    /// This section's answer for the status.
    Section(Answers),
    /// These bytes.
    Bytes(Box<[u8]>),
    /// What this gives.
    Format(Box<Format>),
}

/// Which words may begin an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `deny`, `tarpit`
    Denial,
    /// `return`
    Return,
}

// === impl Reply ===

impl Reply {
    /// The proxy's own answer for a status.
    pub(crate) const fn default(status: u16) -> Self {
        Self { status, content: Content::Default, content_type: None, headers: Vec::new() }
    }

    /// Reads the words up to the condition.
    pub(crate) fn parse(p: &mut Parse<'_, '_>, kind: Kind, status: u16) -> Result<Self, WordsError> {
        let mut draft = Draft {
            reply: Self { content: Content::Nothing, ..Self::default(status) },
            given: None,
            unknown: None,
            denies: false,
            at: p.at,
        };
        if p.peek().is_none() && kind == Kind::Denial {
            return Ok(Self::default(status));
        }
        while let Some(word) = p.peek() {
            if !draft.word(p, kind, word)? {
                break;
            }
        }
        draft.finish(p)
    }

    /// Makes it the response of the transaction.
    pub(crate) fn apply(&self, run: &mut Run<'_>) {
        // What it says knows nothing of the answer whose place it takes.
        let answered = run.t.facts.answered.take().filter(|_| run.set.is_response());
        let status = std::mem::replace(&mut run.t.facts.status, self.status);
        self.make(run);
        run.t.facts.status = status;
        run.t.facts.answered = answered;
    }

    fn make(&self, run: &mut Run<'_>) {
        match &self.content {
            Content::Default => return answer(run, self.status),
            Content::Section(answers) => {
                return match answers.find(self.status) {
                    Some(found) => ready(run, found, self.status),
                    None => self.empty(run),
                };
            }
            Content::File(answer) => return ready(run, answer, self.status),
            Content::Nothing | Content::Bytes(_) | Content::Format(_) => {}
        }
        match &self.content {
            Content::Format(format) => run.render(format),
            _ => run.bench.text.clear(),
        }
        let mut body = std::mem::take(&mut run.t.messages.body);
        body.clear();
        match &self.content {
            Content::Bytes(bytes) => body.extend_from_slice(bytes),
            _ => body.extend_from_slice(&run.bench.text),
        }
        run.t.messages.body = body;
        self.head(run);
    }

    /// The answer of a section that has none for this status.
    fn empty(&self, run: &mut Run<'_>) {
        run.t.messages.body.clear();
        self.head(run);
    }

    fn head(&self, run: &mut Run<'_>) {
        // The lines may show what the response was; the new head takes its place when they are made.
        let mut made = run.new_head(self.status);
        for (name, value) in &self.headers {
            run.render(value);
            if !run.bench.text.is_empty() {
                made.append(name, &run.bench.text);
            }
        }
        let Bench { text, .. } = &mut *run.bench;
        let length = run.t.messages.body.len();
        text.clear();
        decimal(length, text);
        made.append(b"content-length", text);
        made.facts_mut().content_length = Some(length as u64);
        if let Some(content_type) = self.content_type.as_ref().filter(|_| length > 0) {
            made.append(b"content-type", content_type);
        }
        run.put_head(made);
    }
}

/// Makes the answer for a status the response: that of `http-error`, the proxy's own, or the built-in one.
pub(crate) fn answer(run: &mut Run<'_>, status: u16) {
    let (front, back) = (run.t.client.frontend.clone(), run.t.backend.clone());
    let custom = back.as_ref().and_then(|b| b.conf().rules.error(status));
    match custom.or_else(|| front.conf().rules.error(status)) {
        Some(reply) if !matches!(reply.content, Content::Default) => reply.apply(run),
        _ => {
            if let Some(answer) = run.t.own_answer(status).cloned() {
                ready(run, &answer, status);
            }
        }
    }
}

fn ready(run: &mut Run<'_>, answer: &Answer, status: u16) {
    run.t.facts.meant = Some((answer.head().status(), status));
    let Messages { response, body, .. } = &mut *run.t.messages;
    response.clone_from(answer.head());
    body.clear();
    body.extend_from_slice(answer.body());
}

/// Appends a number in decimal digits.
pub(crate) fn decimal(n: usize, out: &mut Vec<u8>) {
    use std::io::Write as _;
    let _ = write!(out, "{n}");
}

/// An answer while its words are read.
struct Draft {
    reply: Reply,
    /// The word that gave the content.
    given: Option<&'static str>,
    /// A section of answers that is not there, and the word that names it.
    unknown: Option<(usize, String)>,
    /// `deny_status` and nothing else: the proxy's own answer.
    denies: bool,
    at: usize,
}

// === impl Draft ===

impl Draft {
    /// Reads one word and its values; whether it belongs to the answer.
    fn word(&mut self, p: &mut Parse<'_, '_>, kind: Kind, word: &Word) -> Result<bool, WordsError> {
        let name = word.text().into_owned();
        match name.as_str() {
            "status" => self.status(p)?,
            "deny_status" if kind == Kind::Denial && p.at == self.at => {
                self.status(p)?;
                self.denies = p.peek().is_none();
            }
            "content-type" => {
                p.at += 1;
                let word = p.expect("'content-type' expects <ctype> as argument")?;
                self.reply.content_type = Some(word.bytes.clone());
            }
            "default-errorfiles" => {
                p.at += 1;
                self.only(p, "default-errorfiles")?;
                self.reply.content = Content::Default;
            }
            "errorfiles" => {
                p.at += 1;
                self.only(p, "errorfiles")?;
                let section = p.expect("'errorfiles' expects <name> as argument")?;
                let found = p.http_errors.iter().find(|s| s.name.as_bytes() == &*section.bytes);
                match found {
                    Some(found) => self.reply.content = Content::Section(Answers::compile(&found.files)),
                    // Whether it is there is known at the end; what is wrong with the line comes first.
                    None => {
                        self.unknown = Some((p.at - 1, section.text().into_owned()));
                        self.reply.content = Content::Section(Answers::compile(&[]));
                    }
                }
            }
            "errorfile" => self.file(p, "errorfile")?,
            "file" => self.file(p, "file")?,
            "lf-file" => self.file(p, "lf-file")?,
            "string" => {
                p.at += 1;
                self.only(p, "string")?;
                let text = p.expect("'string' expects <str> as argument")?;
                self.reply.content = Content::Bytes(text.bytes.clone());
            }
            "lf-string" => {
                p.at += 1;
                self.only(p, "lf-string")?;
                let text = p.expect("'lf-string' expects <fmt> as argument")?;
                self.reply.content = Content::Format(Box::new(format(p, &text.bytes)?));
            }
            "hdr" => {
                const MISSING: &str = "'hdr' expects <name> and <value> as arguments";
                p.at += 1;
                let word = p.expect(MISSING)?;
                let name = lower(word);
                let value = p.format(Purpose::Http, MISSING)?;
                if matches!(&*name, b"content-length" | b"content-type" | b"transfer-encoding") {
                    let said = format!("header '{}' always ignored by the http reply.", word.text());
                    p.load.warnings.push(said);
                } else {
                    self.reply.headers.push((name, value));
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The content from a file: a whole answer, bytes, or a log-format.
    fn file(&mut self, p: &mut Parse<'_, '_>, name: &'static str) -> Result<(), WordsError> {
        p.at += 1;
        self.only(p, name)?;
        let path = p.expect(&format!("'{name}' expects <file> as argument"))?;
        let text = path.text().into_owned();
        let dot = if name == "errorfile" { "." } else { "" };
        let bytes = p
            .outside
            .read(Path::new(&text))
            .map_err(|_| p.error(format!("error opening file '{text}'{dot}")))?;
        self.reply.content = match name {
            "errorfile" => Content::File(Box::new(Answer::parse(&bytes).map_err(|e| p.error(fault(e)))?)),
            "file" => Content::Bytes(bytes.into()),
            _ => Content::Format(Box::new(format(p, &bytes)?)),
        };
        Ok(())
    }

    fn status(&mut self, p: &mut Parse<'_, '_>) -> Result<(), WordsError> {
        p.at += 1;
        let word = p.expect("'status' expects <status_code> as argument")?;
        let status = u16::try_from(number(word)).ok().filter(|s| (200..=599).contains(s));
        match status {
            Some(status) => self.reply.status = status,
            None => return Err(p.error(format!("Unexpected status code '{}'", number(word)))),
        }
        Ok(())
    }

    /// There is one content only.
    fn only(&mut self, p: &Parse<'_, '_>, name: &'static str) -> Result<(), WordsError> {
        match self.given.replace(name) {
            None => Ok(()),
            Some(given) => Err(p.error(format!("unexpected '{name}' argument, '{given}' already defined"))),
        }
    }

    fn finish(self, p: &mut Parse<'_, '_>) -> Result<Reply, WordsError> {
        let Self { mut reply, unknown, denies, at, .. } = self;
        if denies {
            reply.content = Content::Default;
        }
        let status = reply.status;
        if matches!(reply.content, Content::Default)
            && status != 0
            && !answers::statuses().any(|s| s == status)
        {
            return Err(WordsError::new(
                at,
                format!("status code '{status}' not handled by default with 'default-errorfiles' argument."),
            ));
        }
        let has_error_file =
            matches!(reply.content, Content::Default | Content::File(_) | Content::Section(_));
        if has_error_file && !reply.headers.is_empty() {
            reply.headers.clear();
            let message = "hdr parameters ignored by the http reply when used with an errorfile.";
            p.load.warnings.push(message.to_owned());
        }
        let has_payload = match &reply.content {
            Content::Bytes(bytes) => !bytes.is_empty(),
            Content::Format(_) => true,
            _ => false,
        };
        if has_payload && reply.content_type.is_none() {
            let message = "a content type must be defined when non-empty payload is configured";
            return Err(WordsError::new(at, message));
        }
        if !has_payload && let Some(ctype) = reply.content_type.take() {
            let ctype = String::from_utf8_lossy(&ctype);
            let why = match &reply.content {
                Content::Bytes(_) => "because configured with an empty payload",
                Content::Nothing => "because neither errorfile nor payload defined",
                _ => "because the response is configured with an errorfile",
            };
            p.load.warnings.push(format!("content-type '{ctype}' ignored by the http reply {why}."));
        }
        if let Some((word, name)) = unknown {
            let message = format!("unknown http-errors section '{name}' referenced by an http reply ");
            return Err(WordsError::new(word, message));
        }
        Ok(reply)
    }
}

fn format(p: &mut Parse<'_, '_>, text: &[u8]) -> Result<Format, WordsError> {
    let at = p.at - 1;
    Format::compile(text, Purpose::Text, p.load).map_err(|error| WordsError { word: at, error })
}

fn fault(fault: NoAnswer) -> &'static str {
    match fault {
        NoAnswer::Truncated => "truncated HTTP message",
        NoAnswer::Invalid(_) => "unable to parse the HTTP message",
        NoAnswer::BodyLength => "payload size does not match the announced content-length",
    }
}

/// The sections that answers are taken from.
pub(crate) type Sections<'a> = &'a [Arc<HttpErrors>];
