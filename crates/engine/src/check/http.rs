//! What a check says and hears of HTTP (manual, 4.2 "option httpchk", "http-check send", "http-check send-state").

use weir_balance::health::Progress;
use weir_http::Head;
use weir_http::h1::{self, BodyLength, ChunkDecoder, ChunkStep, Limits, Parse, Parser};

use super::Place;
use crate::conf::{Endpoint, HttpSend};
use std::sync::LazyLock;
use std::sync::atomic::Ordering::Relaxed;

/// A request, but for the server's state in it.
#[derive(Debug)]
pub(super) struct Request {
    /// Request line and the headers that were asked for.
    start: Vec<u8>,
    /// The lines about body and connection, the empty line, and the body.
    end: Vec<u8>,
    /// `http-check send-state`
    state: bool,
    head_only: bool,
}

/// An answer as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Response {
    parser: Parser,
    head: Head,
    /// Where the body begins, once the head is there.
    body: Option<usize>,
}

// === impl Request ===

impl Request {
    pub(super) fn new(send: &HttpSend, state: bool) -> Self {
        let version: &[u8] = if is_modern(&send.version) { b"HTTP/1.1" } else { b"HTTP/1.0" };
        let mut start = [&send.method, b" ".as_slice(), &send.uri, b" ", version, b"\r\n"].concat();
        let is = |name: &[u8], other: &[u8]| name.eq_ignore_ascii_case(other);
        // Framing and connection are the program's own affair.
        let own = |name: &[u8]| {
            is(name, b"connection") || is(name, b"content-length") || is(name, b"transfer-encoding")
        };
        for (name, value) in send.headers.iter().filter(|(name, _)| !own(name)) {
            start.extend([&name.to_ascii_lowercase(), b": ".as_slice(), value, b"\r\n"].concat());
        }
        let mut end = Vec::new();
        if !send.body.is_empty() || [b"POST".as_slice(), b"PUT"].contains(&send.method.as_slice()) {
            end.extend(format!("content-length: {}\r\n", send.body.len()).into_bytes());
        }
        let said = send.headers.iter().any(|(name, _)| is(name, b"connection"));
        if version == b"HTTP/1.1" && !said {
            end.extend_from_slice(b"connection: close\r\n");
        }
        end.extend_from_slice(b"\r\n");
        end.extend_from_slice(&send.body);
        Self { start, end, state, head_only: send.method == b"HEAD" }
    }

    /// Adds the request for this server.
    pub(super) fn write(&self, place: &Place, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.start);
        if self.state {
            out.extend(format!("x-haproxy-server-state: {}\r\n", server_state(place)).into_bytes());
        }
        out.extend_from_slice(&self.end);
    }

    /// Whether the answer has no body whatever it says (RFC 9110, 9.3.2).
    pub(super) fn head_only(&self) -> bool {
        self.head_only
    }
}

/// HTTP/1.1 or later, which all become HTTP/1.1.
fn is_modern(version: &[u8]) -> bool {
    let number = version.strip_prefix(b"HTTP/").unwrap_or_default();
    !number.is_empty() && number != b"1.0" && !number.starts_with(b"0")
}

/// `UP 2/3; address=192.0.2.1; port=80; name=b/s; node=n; weight=1/2; scur=0/0; qcur=0`
fn server_state(place: &Place) -> String {
    let (proxy, server) = (&place.proxy, &place.server);
    let rt = &server.runtime;
    let (address, port) = match &server.conf.endpoint {
        Some(Endpoint::Inet(a)) => (a.ip().to_string(), a.port().to_string()),
        Some(_) => ("unix".to_owned(), String::new()),
        None => (String::new(), String::new()),
    };
    let node = place.snapshot.global.node.as_deref().unwrap_or(&HOST);
    let total = proxy.farm.active().1.div_ceil(16);
    format!(
        "{}; address={address}; port={port}; name={}/{}; node={node}; weight={}/{total}; scur={}/{}; qcur={}",
        progress(rt.stopping.load(Relaxed), rt.health.lock().counter.progress()),
        proxy.conf.name,
        server.conf.name,
        rt.effective().shown(),
        rt.serving.now(),
        proxy.runtime.backend.sessions.now(),
        rt.queued.now(),
    )
}

/// `UP`, `UP 1/3`, `NOLB`, `DOWN 1/2`
fn progress(stopping: bool, progress: Progress) -> String {
    let word = match (progress.up, stopping) {
        (true, true) => "NOLB",
        (true, false) => "UP",
        (false, _) => "DOWN",
    };
    if progress.is_partial() { format!("{word} {}/{}", progress.count, progress.of) } else { word.to_owned() }
}

static HOST: LazyLock<String> = LazyLock::new(|| {
    let name = nix::unistd::gethostname().unwrap_or_default();
    name.to_string_lossy().into_owned()
});

// === impl Response ===

impl Response {
    /// Looks at all that came: whether the head is there, or never will be one; none as long as it is open.
    pub(super) fn read(&mut self, input: &[u8]) -> Option<bool> {
        if self.body.is_some() {
            return Some(true);
        }
        let limits = Limits {
            max_headers: MAX_HEADERS,
            max_bytes: usize::MAX,
            max_weight: usize::MAX,
            lenient: false,
            payload_with_any_method: false,
        };
        match h1::parse_response(&mut self.parser, input, &mut self.head, &limits) {
            Parse::Complete { consumed } => {
                self.body = Some(consumed);
                Some(true)
            }
            Parse::Partial => None,
            Parse::Invalid(_) => Some(false),
        }
    }

    /// The status; 0 before the head is there.
    pub(super) fn status(&self) -> u16 {
        if self.body.is_some() { self.head.status() } else { 0 }
    }

    pub(super) fn reason(&self) -> String {
        String::from_utf8_lossy(self.head.reason()).into_owned()
    }

    /// The body as far as it has come, without chunks' framing, and whether that is all of it.
    pub(super) fn body(&self, input: &[u8], head_only: bool) -> (Vec<u8>, bool) {
        let rest = self.body.and_then(|at| input.get(at..)).unwrap_or_default();
        let mut request = Head::default();
        request.set_request(if head_only { b"HEAD" } else { b"GET" }, b"/", (1, 1));
        match h1::response_body(&self.head, &request) {
            Ok(BodyLength::Known(n)) => {
                let n = usize::try_from(n).unwrap_or(usize::MAX);
                (rest.iter().take(n).copied().collect(), rest.len() >= n)
            }
            Ok(BodyLength::Chunked) => chunks(rest),
            Ok(BodyLength::UntilClose | BodyLength::Tunnel) => (rest.to_vec(), false),
            Ok(BodyLength::None) | Err(_) => (Vec::new(), true),
        }
    }
}

fn chunks(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let (mut decoder, mut body) = (ChunkDecoder::default(), Vec::new());
    loop {
        match decoder.step(rest) {
            ChunkStep::Data { skip, len } if len > 0 => {
                body.extend(rest.iter().skip(skip).take(len));
                decoder.passed(len);
                rest = rest.get(skip + len..).unwrap_or_default();
            }
            ChunkStep::End { .. } | ChunkStep::Invalid => return (body, true),
            _ => return (body, false),
        }
    }
}

/// Header lines of an answer at most.
const MAX_HEADERS: usize = 101;
