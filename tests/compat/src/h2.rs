//! Dialogues in HTTP/2, frame by frame, written down as tables.
//!
//! A file holds cases. `== 6.9.1 a title` begins one, with the section of the RFC. `c>` and `s>` say what the client
//! and the server send, a frame a line; `c<` and `s<` what each gets, in order within a stream. After `weir REASON`
//! come the lines that hold for Weir instead. `log` is the line in the log, `c< nothing` an empty answer, `bare` an
//! end without a greeting, `settings 8=1` what a server says of itself, `show KIND` frames that are otherwise passed over. A case ends with a PING that must be
//! answered, unless the connection was closed.
//!
//! A frame is its name, its stream, `+flags`, then what it holds: lines `name=value` (and `get`, `post`, `ok` for
//! the usual ones, `3*x-%=1` for many) in a block, else bytes: `"text"`, `x:00ff`, `u32:5`, `900*"a"`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use weir_testkit::h2::{self, Came, Frame, H2Peer};
use weir_testkit::{LogSink, Origin, PATIENCE, Peer, Running};

use crate::Subject;

/// Runs the cases of a file against a program whose frontend is `fe`.
///
/// # Panics
/// With all cases that went otherwise, as the file would have to say it.
#[track_caller]
pub fn play(t: &Subject, stage: &mut Stage<'_>, text: &str) {
    let wrong: Vec<String> = cases(text).filter_map(|case| Play::new(t, stage).run(&case)).collect();
    assert!(wrong.is_empty(), "{} cases went otherwise:\n{}", wrong.len(), wrong.join("\n\n"));
}

/// Where a dialogue takes place.
#[derive(Debug)]
pub struct Stage<'a> {
    /// The program.
    pub proxy: &'a mut Running,
    /// The server, where the file scripts it.
    pub origin: Option<&'a Origin>,
    /// Log lines that begin with the client's port.
    pub log: Option<&'a LogSink>,
    /// The client speaks HTTP/2; else bytes are what it says.
    pub client_h2: bool,
    /// The server speaks HTTP/2.
    pub server_h2: bool,
}

/// A server that answers each request with its bytes.
pub fn mirror(origin: Origin) -> weir_testkit::Serving {
    origin.serve(|peer, _| {
        while peer.wait_for_bytes() {
            // A request that breaks off gets no answer.
            let Ok(message) = catch_unwind(AssertUnwindSafe(|| peer.recv_message())) else { return };
            let body = message.text();
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            if peer.try_send(answer).is_err() {
                return;
            }
        }
    })
}

/// One case: its title and its steps.
struct Case<'a> {
    title: &'a str,
    steps: Vec<&'a str>,
}

fn cases(text: &str) -> impl Iterator<Item = Case<'_>> {
    let only = std::env::var("WEIR_CASE").unwrap_or_default();
    let parts = text.split("\n== ").skip(1).map(|part| {
        let mut lines = part.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
        Case { title: lines.next().unwrap_or_default(), steps: lines.collect() }
    });
    parts.filter(move |case| case.title.contains(&only))
}

/// An end in a dialogue.
enum End {
    Frames(Box<H2Peer>),
    Bytes(Peer),
}

struct Play<'a, 'b> {
    is_weir: bool,
    stage: &'a mut Stage<'b>,
    ends: [Option<End>; 2],
    bare: bool,
    settings: Vec<(u16, u32)>,
    port: u16,
    shown: Vec<String>,
    closed: [bool; 2],
}

// === impl Play ===

impl<'a, 'b> Play<'a, 'b> {
    fn new(t: &Subject, stage: &'a mut Stage<'b>) -> Self {
        let is_weir = t.is_weir;
        Self {
            is_weir,
            stage,
            ends: [None, None],
            bare: false,
            settings: Vec::new(),
            port: 0,
            shown: Vec::new(),
            closed: [false; 2],
        }
    }

    /// What went otherwise.
    fn run(mut self, case: &Case<'_>) -> Option<String> {
        let mut told = vec![format!("== {}", case.title)];
        let (mut right, mut asked) = (true, false);
        let mut steps = case.steps.iter().copied().peekable();
        while let Some(step) = steps.next() {
            let (verb, rest) = step.split_once(' ').unwrap_or((step, ""));
            match verb {
                "c>" | "s>" => {
                    told.push(step.to_owned());
                    let mut said = vec![rest];
                    while let Some(more) = steps.next_if(|s| s.split(' ').next() == Some(verb)) {
                        told.push(more.to_owned());
                        said.extend(more.split_once(' ').map(|(_, rest)| rest));
                    }
                    self.say(usize::from(verb == "s>"), &said);
                }
                "bare" => {
                    told.push(step.to_owned());
                    self.bare = true;
                }
                "settings" => {
                    told.push(step.to_owned());
                    let pairs = rest.split(' ').filter_map(|pair| pair.split_once('='));
                    self.settings = pairs
                        .map(|(id, value)| (number_of(Some(id)) as u16, number_of(Some(value))))
                        .collect();
                }
                "show" => {
                    told.push(step.to_owned());
                    self.shown = rest.split(' ').map(str::to_owned).collect();
                }
                "c<" | "s<" | "log" => {
                    let mut wanted = vec![rest];
                    while let Some(more) = steps.next_if(|s| s.split(' ').next() == Some(verb)) {
                        wanted.extend(more.split_once(' ').map(|(_, rest)| rest));
                    }
                    if let Some(reason) = steps.next_if(|s| s.starts_with("weir ")) {
                        let mut other = Vec::new();
                        while let Some(more) = steps.next_if(|s| s.split(' ').next() == Some(verb)) {
                            other.extend(more.split_once(' ').map(|(_, rest)| rest));
                        }
                        if self.is_weir {
                            told.push(reason.to_owned());
                            wanted = other;
                        }
                    }
                    let got = self.hear(verb, &wanted);
                    asked |= wanted.contains(&"?");
                    right &= got == wanted.iter().copied().filter(|w| *w != "nothing").collect::<Vec<_>>();
                    told.extend(got.iter().map(|line| format!("{verb} {line}")));
                    if got.is_empty() {
                        told.push(format!("{verb} nothing"));
                    }
                }
                other => panic!("{}: no step is called {other}", case.title),
            }
            if !right && !asked {
                break;
            }
        }
        if right {
            right = self.still_lives(&mut told);
        }
        (!right).then(|| told.join("\n"))
    }

    fn end(&mut self, which: usize) -> &mut End {
        if self.ends[which].is_none() {
            let (mut peer, framed) = if which == 0 {
                let peer = self.stage.proxy.client("fe");
                self.port = peer.local().port();
                (peer, self.stage.client_h2)
            } else {
                (self.stage.origin.expect("a scripted server").accept(), self.stage.server_h2)
            };
            self.ends[which] = Some(match (framed, self.bare, which) {
                (false, ..) => End::Bytes(peer),
                (true, true, 0) => End::Frames(Box::new(H2Peer::new(peer))),
                (true, true, _) => {
                    peer.expect(h2::PREFACE);
                    End::Frames(Box::new(H2Peer::new(peer)))
                }
                (true, false, 0) => End::Frames(Box::new(H2Peer::client(peer, &[]))),
                (true, false, _) => End::Frames(Box::new(H2Peer::server(peer, &self.settings))),
            });
        }
        self.ends[which].as_mut().expect("an end")
    }

    /// Says what is to be said in one go, as far as there is no end in it: nobody judges the first frame before the
    /// others are there.
    fn say(&mut self, which: usize, whats: &[&str]) {
        self.closed[which] |= whats.iter().any(|what| matches!(*what, "CLOSE" | "RESET"));
        let peer = match self.end(which) {
            End::Frames(frames) => frames.peer(),
            End::Bytes(peer) => peer,
        };
        let mut bytes = Vec::new();
        // What is sent to one who closed already is lost, and that is told by what comes.
        let flush = |peer: &mut Peer, bytes: &mut Vec<u8>| {
            if !bytes.is_empty() {
                let _ = peer.try_send(std::mem::take(bytes));
            }
        };
        for what in whats {
            if matches!(*what, "EOF" | "CLOSE" | "RESET") {
                flush(peer, &mut bytes);
            }
            match *what {
                "EOF" => drop(peer.shutdown_write()),
                "CLOSE" => peer.close(),
                "RESET" => peer.reset(),
                _ if what.starts_with('"') => bytes.extend(bytes_of(what)),
                _ => bytes.extend(frame_of(what)),
            }
        }
        flush(peer, &mut bytes);
    }

    fn hear(&mut self, verb: &str, wanted: &[&str]) -> Vec<String> {
        if verb == "log" {
            return vec![self.log_line()];
        }
        let which = usize::from(verb == "s<");
        let shown = self.shown.clone();
        let asks = wanted.contains(&"?");
        let wanted: Vec<&str> = wanted.iter().copied().filter(|w| *w != "nothing").collect();
        let (got, closed) = match self.end(which) {
            End::Bytes(peer) => hear_bytes(peer, &wanted),
            End::Frames(frames) => {
                if wanted.is_empty() && !asks {
                    return Vec::new();
                }
                hear_frames(frames, &wanted, &shown)
            }
        };
        self.closed[which] |= closed;
        got
    }

    fn log_line(&mut self) -> String {
        let Some(log) = self.stage.log else { panic!("no log is kept") };
        let start = format!("{} ", self.port);
        loop {
            let Some(line) = log.try_next(PATIENCE) else { return "nothing".to_owned() };
            let text = line.split_once("]: ").map_or(line.as_str(), |(_, text)| text).trim_end();
            if let Some(rest) = text.strip_prefix(&start) {
                return rest.to_owned();
            }
        }
    }

    /// Ends that were not closed answer a PING, and say nothing else; a server's may be closed where it is not
    /// shared.
    fn still_lives(&mut self, told: &mut Vec<String>) -> bool {
        for (which, verb) in [(0, "c<"), (1, "s<")] {
            let closed = self.closed[which];
            let Some(End::Frames(frames)) = &mut self.ends[which] else { continue };
            if closed {
                continue;
            }
            let _ = frames.peer().try_send(Frame::new("PING", 0, 0, *b"the end.").bytes());
            let (got, _) = hear_frames(frames, &["PING +ack \"the end.\""], &self.shown);
            let over = which == 1 && got.last().is_some_and(|line| line == "CLOSE");
            let got: Vec<_> = got.into_iter().filter(|line| !(over && line == "CLOSE")).collect();
            if got != ["PING +ack \"the end.\""] && !(over && got.is_empty()) {
                told.extend(got.iter().map(|line| format!("{verb} {line}")));
                return false;
            }
        }
        true
    }
}

/// What came as bytes; each wanted line is a text or `EOF`.
fn hear_bytes(peer: &mut Peer, wanted: &[&str]) -> (Vec<String>, bool) {
    let mut got = Vec::new();
    for want in wanted {
        match *want {
            "EOF" => {
                let rest = peer.recv_to_close();
                if !rest.is_empty() {
                    got.push(quoted(&rest));
                }
                got.push("EOF".to_owned());
            }
            "?" => {
                got.push(quoted(&peer.recv_until_silence(QUIET)));
                if peer.has_ended() {
                    got.push("EOF".to_owned());
                }
            }
            text => {
                let bytes = bytes_of(text);
                match peer.try_exactly(bytes.len(), PATIENCE) {
                    Some(came) => got.push(quoted(&came)),
                    None => got.push(quoted(&peer.recv_until_silence(QUIET))),
                }
            }
        }
    }
    (got, true)
}

/// What came as frames until it is what is wanted, or nothing more comes.
fn hear_frames(frames: &mut H2Peer, wanted: &[&str], shown: &[String]) -> (Vec<String>, bool) {
    let mut heard = Heard::default();
    let known = !wanted.contains(&"?");
    loop {
        if known && heard.lines() == wanted {
            return (heard.lines(), heard.closed);
        }
        let time = if known { PATIENCE } else { QUIET };
        match frames.next_within(time) {
            Came::Frame(frame) => heard.take(frames, &frame, shown),
            Came::Close(rest) => {
                if !rest.is_empty() {
                    heard.push(u32::MAX, quoted(&rest));
                }
                heard.push(u32::MAX, "CLOSE".to_owned());
                heard.closed = true;
                return (heard.lines(), true);
            }
            Came::Silence => {
                let rest = frames.peer().recv_until_silence(Duration::from_millis(1));
                if !rest.is_empty() {
                    heard.push(u32::MAX, quoted(&rest));
                }
                return (heard.lines(), false);
            }
        }
    }
}

/// Frames as a case tells them.
#[derive(Default)]
struct Heard {
    /// The stream, and what came; data of a stream is one line.
    lines: Vec<(u32, Line)>,
    failed: bool,
    closed: bool,
}

enum Line {
    Text(String),
    Data(Vec<u8>, bool),
}

// === impl Heard ===

impl Heard {
    fn push(&mut self, stream: u32, text: String) {
        self.lines.push((stream, Line::Text(text)));
    }

    fn take(&mut self, from: &mut H2Peer, frame: &Frame, shown: &[String]) {
        let lines = from.lines(frame);
        let name = frame.name();
        let end = if frame.ends() { " +end" } else { "" };
        let hidden = match name {
            "SETTINGS" | "WINDOW_UPDATE" => !shown.iter().any(|s| s == name),
            // Streams of a connection that failed are over, whether that is said or not.
            "RST_STREAM" => self.failed,
            _ => false,
        };
        if hidden {
            return;
        }
        let stream = frame.stream;
        let code = |at| h2::CODES.get(frame.number(at) as usize).copied().unwrap_or("UNKNOWN");
        match name {
            "DATA" => match self.lines.iter_mut().rev().find(|(s, _)| *s == stream) {
                Some((_, Line::Data(bytes, ended))) if !*ended => {
                    bytes.extend(&frame.payload);
                    *ended = frame.ends();
                }
                _ => self.lines.push((stream, Line::Data(frame.payload.clone(), frame.ends()))),
            },
            "HEADERS" | "CONTINUATION" => match lines {
                Some(Ok(lines)) => {
                    let lines: Vec<String> = lines.iter().map(|(n, v)| format!("{n}={}", word(v))).collect();
                    self.push(stream, format!("HEADERS {stream}{end} {}", lines.join(" ")));
                }
                Some(Err(what)) => self.push(stream, format!("{name} {stream} broken: {what}")),
                None => {}
            },
            "RST_STREAM" => self.push(stream, format!("RST_STREAM {stream} {}", code(0))),
            "GOAWAY" => {
                self.failed |= frame.number(4) != 0;
                self.push(u32::MAX, format!("GOAWAY {} {}", frame.number(0), code(4)));
            }
            "WINDOW_UPDATE" => self.push(stream, format!("WINDOW_UPDATE {stream} {}", frame.number(0))),
            "SETTINGS" if frame.flags & 1 != 0 => self.push(0, "SETTINGS +ack".to_owned()),
            "SETTINGS" => {
                let values: Vec<String> =
                    frame.payload.chunks(6).map(|c| format!("{}={}", c[1], number(&c[2..]))).collect();
                self.push(0, format!("SETTINGS {}", values.join(" ")));
            }
            "PING" if frame.flags & 1 != 0 => self.push(0, format!("PING +ack {}", quoted(&frame.payload))),
            _ => self.push(stream, format!("{name} {stream} {}", quoted(&frame.payload))),
        }
    }

    /// One stream after the other; what ends the connection last.
    fn lines(&self) -> Vec<String> {
        let mut lines: Vec<_> = self.lines.iter().collect();
        lines.sort_by_key(|(stream, _)| *stream);
        let told = lines.iter().map(|(stream, line)| match line {
            Line::Text(text) => text.clone(),
            Line::Data(bytes, end) => {
                let end = if *end { " +end" } else { "" };
                let what = if bytes.len() > 600 { format!("{} bytes", bytes.len()) } else { quoted(bytes) };
                format!("DATA {stream}{end} {what}")
            }
        });
        told.collect()
    }
}

/// The bytes of a frame that is written down.
fn frame_of(text: &str) -> Vec<u8> {
    let words = words(text);
    let mut words = words.iter().map(String::as_str).peekable();
    let name = words.next().unwrap_or_default();
    if name == "PREFACE" {
        return h2::PREFACE.to_vec();
    }
    let kind = if name == "FRAME" {
        number_of(words.next()) as u8
    } else {
        h2::KINDS.iter().position(|k| *k == name).unwrap_or_else(|| panic!("no frame: {text}")) as u8
    };
    let stream = number_of(words.next());
    let block = matches!(name, "HEADERS" | "CONTINUATION");
    let mut flags = if block { h2::END_HEADERS } else { 0 };
    let mut payload = Vec::new();
    for word in words {
        match word {
            "+end" | "+ack" => flags |= 1,
            "+padded" => flags |= 8,
            "+priority" => flags |= 0x20,
            "-eh" => flags &= !h2::END_HEADERS,
            word => payload.extend(part_of(word, block)),
        }
    }
    Frame { kind, flags, stream, payload }.bytes()
}

/// The bytes of a part of what a frame holds.
fn part_of(word: &str, block: bool) -> Vec<u8> {
    if let Some((count, rest)) = word.split_once('*').filter(|(n, _)| n.parse::<u32>().is_ok()) {
        let count = number_of(Some(count));
        return (0..count).flat_map(|i| part_of(&rest.replace('%', &i.to_string()), block)).collect();
    }
    if let Some(hex) = word.strip_prefix("x:") {
        return hex.as_bytes().chunks(2).map(|pair| byte_of(&String::from_utf8_lossy(pair))).collect();
    }
    if let Some(n) = word.strip_prefix("u32:") {
        return number_of(Some(n)).to_be_bytes().to_vec();
    }
    if let Some(code) = h2::CODES.iter().position(|c| *c == word) {
        return (code as u32).to_be_bytes().to_vec();
    }
    if word.starts_with('"') && !word.contains("\"=") {
        return bytes_of(word);
    }
    let usual: &[(&str, &str)] = match word {
        "get" => &GET,
        "post" => &POST,
        "ok" => &[(":status", "200")],
        _ => &[],
    };
    let mut out = Vec::new();
    usual.iter().for_each(|(n, v)| h2::literal(&mut out, n.as_bytes(), v.as_bytes()));
    if usual.is_empty() {
        let quote = word.find("\"=").filter(|_| word.starts_with('"')).map(|at| at + 1);
        let at = quote.or_else(|| word.find('=')).unwrap_or_else(|| panic!("no part of a frame: {word}"));
        let (name, value) = (&word[..at], &word[at + 1..]);
        if block {
            h2::literal(&mut out, &bytes_of(name), &bytes_of(value));
        } else {
            out.extend((number_of(Some(name)) as u16).to_be_bytes());
            out.extend(number_of(Some(value)).to_be_bytes());
        }
    }
    out
}

/// Words between blanks; what is quoted holds together.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let (mut within, mut escaped) = (false, false);
    for c in text.chars() {
        within ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        match words.last_mut() {
            Some(word) if c != ' ' || within => word.push(c),
            _ => words.push(String::new()),
        }
    }
    words.retain(|w| !w.is_empty());
    words
}

/// The bytes of a text, quotes and escapes undone.
fn bytes_of(text: &str) -> Vec<u8> {
    let text = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text);
    let mut out = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.next() } else { None }) {
            (_, Some('r')) => out.push(b'\r'),
            (_, Some('n')) => out.push(b'\n'),
            (_, Some('t')) => out.push(b'\t'),
            (_, Some('x')) => out.push(byte_of(&chars.by_ref().take(2).collect::<String>())),
            (_, Some(other)) => out.push(other as u8),
            (c, None) => out.extend(c.to_string().bytes()),
        }
    }
    out
}

fn word(value: &str) -> String {
    let plain = value.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
    if plain { value.to_owned() } else { quoted(&value.chars().map(|c| c as u8).collect::<Vec<u8>>()) }
}

fn quoted(bytes: &[u8]) -> String {
    let escaped = bytes.iter().flat_map(|b| std::ascii::escape_default(*b)).map(char::from);
    format!("\"{}\"", escaped.collect::<String>().replace("\\'", "'"))
}

fn byte_of(hex: &str) -> u8 {
    u8::from_str_radix(hex, 16).unwrap_or_else(|_| panic!("no byte: {hex}"))
}

fn number_of(text: Option<&str>) -> u32 {
    let text = text.unwrap_or_default();
    text.parse().unwrap_or_else(|_| panic!("no number: {text}"))
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |n, b| n << 8 | u32::from(*b))
}

/// How long nothing comes before a line `?` is told.
const QUIET: Duration = Duration::from_millis(500);
const GET: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "http"), (":path", "/x"), (":authority", "a.example")];
const POST: [(&str, &str); 4] = [(":method", "POST"), GET[1], GET[2], GET[3]];
