//! `weir explain -f CFG 'GET https://host/path'`: what would become of a request, rule by rule.
//!
//! The engine that serves live traffic runs the request: only servers are replaced, by one that says what it was sent,
//! and an observer listens ([`weir_engine::observe`]). Health is not asked for: every server that the file does not
//! disable is taken to be up. Nothing but loopback is opened, and no log line is sent.

mod bench;
mod client;
mod report;
mod sink;
pub(crate) mod suite;

use std::net::SocketAddr;
use std::path::PathBuf;

use weir_admin::Entry;
use weir_engine::observe::Event;

use crate::access::Access;
use crate::cli::Options;
use crate::finish::Finish;
use crate::load;
use crate::say::{self, Voice};

use bench::Bench;

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Question {
    /// The files of the configuration.
    pub(crate) files: Vec<PathBuf>,
    /// The request.
    pub(crate) request: Request,
    /// JSON instead of text.
    pub(crate) json: bool,
}

/// A request, as a person writes it down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    /// `GET`
    pub(crate) method: String,
    /// Whether it comes over TLS.
    pub(crate) tls: bool,
    /// The host of the URL.
    pub(crate) host: String,
    /// The port of the URL.
    pub(crate) port: u16,
    /// Path and query.
    pub(crate) path: String,
    /// Header lines beside `Host`.
    pub(crate) headers: Vec<(String, String)>,
    /// Where it comes from.
    pub(crate) source: Option<SocketAddr>,
    /// The frontend that takes it; the one that listens on the port, where none is named.
    pub(crate) frontend: Option<String>,
    /// Its body.
    pub(crate) body: Vec<u8>,
}

/// What became of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    /// The frontend that took it.
    pub(crate) frontend: String,
    /// What happened, in order.
    pub(crate) events: Vec<Event>,
    /// The head of the request as it came.
    pub(crate) asked: Vec<String>,
    /// The head of the request as the server got it.
    pub(crate) sent: Option<Vec<String>>,
    /// The head of the answer as the client got it; nothing where the connection was closed.
    pub(crate) answered: Vec<String>,
    /// What was written to stick tables: the table's name and the entry.
    pub(crate) entries: Vec<(String, Entry)>,
}

/// Explains one request.
pub(crate) fn run(question: &Question, voice: &Voice) -> Finish {
    let options = Options { files: question.files.clone(), check: true, ..Options::default() };
    let configuration = load::load(&options, &Access::Own);
    if configuration.diagnostics.is_fatal() {
        load::announce(&configuration, &options, voice);
        return Finish::Exit(1);
    }
    let answer = Bench::start(configuration.conf).and_then(|bench| {
        let answer = bench.ask(&question.request)?;
        Ok(Answer { entries: bench.entries(), ..answer })
    });
    match answer {
        Ok(answer) if question.json => say::print(report::json(&answer)),
        Ok(answer) => say::print(report::text(&answer, &configuration.sources)),
        Err(fault) => {
            voice.alert(fault);
            return Finish::Exit(1);
        }
    }
    Finish::Exit(0)
}

// === impl Request ===

impl Request {
    /// Reads `GET https://host:port/path`, the method being optional.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (method, url) = match text.trim().split_once(' ') {
            Some((method, url)) => (method.to_owned(), url.trim()),
            None => ("GET".to_owned(), text.trim()),
        };
        let (tls, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return Err(format!("'{url}' is no URL: it begins with http:// or https://")),
        };
        let (authority, path) = match rest.find(['/', '?']) {
            Some(at) => rest.split_at_checked(at).unwrap_or((rest, "")),
            None => (rest, ""),
        };
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let port = authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        Ok(Self {
            method,
            tls,
            host: authority.to_owned(),
            port: port.unwrap_or(if tls { 443 } else { 80 }),
            path,
            ..Self::default()
        })
    }

    /// The head as it is sent.
    fn head(&self) -> Vec<String> {
        let mut lines = vec![format!("{} {} HTTP/1.1", self.method, self.path)];
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            lines.push(format!("host: {}", self.host));
        }
        lines.extend(
            self.headers.iter().map(|(name, value)| format!("{}: {value}", name.to_ascii_lowercase())),
        );
        if !self.body.is_empty() {
            lines.push(format!("content-length: {}", self.body.len()));
        }
        lines
    }
}

// === impl Answer ===

impl Answer {
    /// The status; 0 where the connection was closed without one.
    pub(crate) fn status(&self) -> u16 {
        self.answered.first().and_then(|l| l.split(' ').nth(1)?.parse().ok()).unwrap_or(0)
    }

    /// The backend that was chosen last.
    pub(crate) fn backend(&self) -> Option<&str> {
        self.events
            .iter()
            .rev()
            .find_map(|e| if let Event::Backend(name) = e { Some(name.as_str()) } else { None })
    }

    /// The server that was chosen last, and why.
    pub(crate) fn server(&self) -> Option<(&str, &str)> {
        self.events.iter().rev().find_map(|e| match e {
            Event::Server { name, why } => Some((name.as_str(), why.as_str())),
            _ => None,
        })
    }

    /// The variables, each with its last value.
    pub(crate) fn variables(&self) -> Vec<(&str, &str)> {
        let mut all: Vec<(&str, &str)> = Vec::new();
        for event in &self.events {
            let Event::Variable(name, value) = event else { continue };
            match all.iter_mut().find(|(known, _)| known == name) {
                Some(known) => known.1 = value,
                None => all.push((name, value)),
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_as_a_person_writes_it() {
        let request = Request::parse("POST https://a.example:8443/x?y=1").unwrap();
        assert_eq!((request.method.as_str(), request.tls, request.port), ("POST", true, 8443));
        assert_eq!((request.host.as_str(), request.path.as_str()), ("a.example:8443", "/x?y=1"));
        let request = Request::parse("http://a").unwrap();
        assert_eq!((request.method.as_str(), request.port, request.path.as_str()), ("GET", 80, "/"));
        assert!(Request::parse("/x").is_err());
    }
}
