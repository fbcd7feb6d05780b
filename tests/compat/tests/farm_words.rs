//! Every word about servers, and about how a backend chooses, checks and keeps to them: what it changes.
//!
//! A case of the table adds a word to the line of a server (`do server`) or a line to a proxy (`do proxy`). A proxy
//! with the word and one without it go through the same steps; what differs is written down, and a case without a
//! difference fails:
//!
//! - `with` is a line of both proxies, `then` one behind that of the case, `server` one of their servers, where `WORDS` stands for the words of the case;
//!   the usual ones are `a` and `b`, of which `a` has the words. `NAME` stands for the name of the proxy.
//! - `ask 2 GET /a x: y` sends a request twice, on connections of their own; `again` on the last one; `hold` sends it
//!   and does not wait; `leave` closes the connections that are held, `answers` waits for their answers.
//! - `tell` is a command of the runtime API, `await FIELD VALUE` waits for a field of the server `a` in `show stat`,
//!   with the word and without it, and `pause` waits so many milliseconds.
//! - `sockets` looks at the connection to the server: how the kernel watches over it.
//! - `unbalanced` has no `balance roundrobin`; `see` is a log format, `stat` names fields of `a` in `show stat`, `state` fields of it in `show servers state`.
//! - `got` is what came of the requests, `log` the lines of the log, `stat` and `state` are the fields.
//!
//! Servers answer with their name; see [`serve`].

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use weir_compat::{Line, Subject, blocks, compat};
use weir_testkit::{Authority, FullBacklog, KeepAlive, LogSink, PATIENCE, Peer, Running, Serving, Wanted};

#[test]
fn words_about_servers_change_what_the_table_says() {
    compat(|t| {
        let cases = cases();
        let outcomes = outcomes(t, &cases);
        let wrong: Vec<String> = cases
            .iter()
            .zip(&outcomes)
            .filter(|(case, outcome)| case.outcome != **outcome)
            .map(|(case, outcome)| format!("{}\n{outcome}  wanted\n{}", case.lines.join("\n"), case.outcome))
            .collect();
        assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    });
}

/// A case: its lines, what they say, and what is to come of it.
#[derive(Default)]
struct Case<'a> {
    lines: Vec<&'a str>,
    class: &'a str,
    what: &'a str,
    with: Vec<&'a str>,
    then: Vec<&'a str>,
    servers: Vec<&'a str>,
    steps: Vec<(&'a str, &'a str)>,
    see: Option<&'a str>,
    unbalanced: bool,
    stat: Vec<&'a str>,
    state: Vec<&'a str>,
    outcome: String,
}

/// One proxy of a case, and whether it has the word.
struct Trial<'a> {
    name: String,
    case: &'a Case<'a>,
    worded: bool,
}

/// What came of a proxy.
#[derive(Clone, Default)]
struct Seen {
    got: String,
    stat: String,
    state: String,
    log: Vec<String>,
}

/// Runs all cases in one program and writes down what came of them.
fn outcomes(t: &mut Subject, cases: &[Case<'_>]) -> Vec<String> {
    let _servers: Vec<Serving> = ["a", "b", "c"].map(|name| serve(t, name)).into();
    let _agent = answer_as_agent(t);
    let log = t.sink("log");
    let full = FullBacklog::new();
    t.set("full", full.address().to_string());
    let authority = Authority::new(&t.scratch("authority"));
    let own = ["server", "c1"].map(|name| authority.issue(Wanted::good(name)));
    t.file("ca.pem", authority.text("ca.pem")).file("server.pem", &own[0]).file("c1.pem", &own[1]);
    t.file("probe", "#!/bin/sh\nexit 0\n");
    let trials: Vec<Trial<'_>> = cases
        .iter()
        .enumerate()
        .flat_map(|(n, case)| {
            [("with", true), ("less", false)].map(|(word, worded)| Trial {
                name: format!("c{n}{word}"),
                case,
                worded,
            })
        })
        .collect();
    let sections: String = trials.iter().map(Trial::section).collect();
    let mut proxy = t.start(&format!("{HEAD}{sections}{OTHERS}"));
    let clients: Vec<SocketAddr> = trials.iter().map(|trial| proxy.address(&trial.name)).collect();
    let work = Mutex::new(trials.iter().zip(clients));
    let seen: Mutex<BTreeMap<String, Seen>> = Mutex::default();
    let mut lines = Vec::new();
    std::thread::scope(|scope| {
        let run = || {
            while let Some((trial, address)) = { work.lock().unwrap().next() } {
                let outcome = trial.run(address, &proxy);
                seen.lock().unwrap().insert(trial.name.clone(), outcome);
            }
        };
        let clients: Vec<_> = (0..24).map(|_| scope.spawn(run)).collect();
        while !clients.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            lines.extend(gathered(&log));
        }
        lines.extend(gathered(&log));
    });
    let mut seen = seen.into_inner().unwrap();
    for (name, line) in lines {
        if let Some(seen) = seen.get_mut(&name) {
            seen.log.push(line);
        }
    }
    let outcome = |pair: &[Trial<'_>]| changes(&seen[&pair[0].name], &seen[&pair[1].name]);
    trials.chunks(2).map(outcome).collect()
}

/// What the word made different, a line for each thing.
fn changes(worded: &Seen, plain: &Seen) -> String {
    let mut text = String::new();
    if worded.got != plain.got {
        text += &format!("got {}\n", worded.got);
    }
    if worded.log != plain.log {
        text.extend(worded.log.iter().map(|line| format!("log {line}\n")));
    }
    if worded.stat != plain.stat {
        text += &format!("{}\n", format!("stat = {}", worded.stat).trim_end());
    }
    if worded.state != plain.state {
        text += &format!("state = {}\n", worded.state);
    }
    if text.is_empty() { format!("no difference: {}\n", plain.got) } else { text }
}

/// Lines of the log that are there: the name of the proxy, and what it said.
fn gathered(log: &LogSink) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    while let Some(line) = log.try_next(Duration::from_millis(100)) {
        let (_, text) = line.trim_end().split_once("]: ").unwrap_or_else(|| panic!("not a line: {line}"));
        let (name, text) = text.split_once(' ').unwrap_or((text, ""));
        lines.push((name.to_owned(), text.to_owned()));
    }
    lines
}

// === impl Trial ===

impl Trial<'_> {
    /// The section of the proxy.
    fn section(&self) -> String {
        let Trial { name, case, worded } = self;
        let mut text = format!("listen {name}\n bind {{{name}}}\n");
        if let Some(format) = case.see {
            text += &format!(" log {{log}} local0\n log-format \"%f {format}\"\n");
        }
        let mut lines: Vec<&str> = case.with.clone();
        if !case.unbalanced {
            lines.insert(0, "balance roundrobin");
        }
        if *worded && case.class == "proxy" {
            lines.push(case.what);
        }
        lines.extend(&case.then);
        let servers = if case.servers.is_empty() { USUAL } else { &case.servers };
        let words = if *worded && case.class == "server" { case.what } else { "" };
        let servers: Vec<String> = servers.iter().map(|line| line.replace("WORDS", words)).collect();
        for line in lines.into_iter().chain(servers.iter().map(String::as_str)).filter(|line| *line != "none")
        {
            text += &format!(" {}\n", line.replace("NAME", name));
        }
        text
    }

    /// Goes through the steps.
    fn run(&self, address: SocketAddr, proxy: &Running) -> Seen {
        let mut got: Vec<String> = Vec::new();
        let (mut last, mut held): (Option<Peer>, Vec<Peer>) = (None, Vec::new());
        for (step, rest) in &self.case.steps {
            let rest = rest.replace("NAME", &self.name);
            match *step {
                "ask" | "again" => {
                    let (count, request) = rest.split_once(' ').unwrap_or((&rest, "GET /"));
                    for _ in 0..count.parse::<usize>().unwrap() {
                        if *step == "ask" || last.is_none() {
                            last = Some(Peer::connect(address));
                        }
                        got.extend(last.as_mut().map(|client| exchange(client, request)));
                    }
                }
                "hold" => {
                    let mut client = Peer::connect(address);
                    client.send(request(&rest));
                    held.push(client);
                }
                "leave" => held.clear(),
                "answers" => got.extend(held.drain(..).map(|mut client| answer(&mut client))),
                "tell" => got.push(proxy.admin(&rest).trim().replace('\n', "^")),
                "await" => self.settles(proxy, &rest),
                "sockets" => got.push(watched(proxy, address)),
                "pause" => std::thread::sleep(Duration::from_millis(rest.parse().unwrap())),
                _ => panic!("no such step: {step}"),
            }
        }
        let stat = stat(&proxy.admin(&format!("show stat {} -1 -1", self.name)), &self.case.stat);
        let state = state(&proxy.admin(&format!("show servers state {}", self.name)), &self.case.state);
        let got = got.join(" | ").replace(&self.name, "NAME");
        Seen { got, stat: stat.replace(&self.name, "NAME"), state, log: Vec::new() }
    }

    /// Waits until a field of the server is as wanted: that with the word before `/`, that without it behind it.
    fn settles(&self, proxy: &Running, wanted: &str) {
        let (field, values) = wanted.split_once(' ').unwrap();
        let (with, less) = values.split_once(" / ").unwrap_or((values, values));
        let value = if self.worded { with } else { less };
        let end = Instant::now() + PATIENCE;
        while stat(&proxy.admin(&format!("show stat {} -1 -1", self.name)), &[field]) != value
            && Instant::now() < end
        {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A request in short: method, target and headers parted by `~`.
fn request(text: &str) -> String {
    let mut words = text.splitn(3, ' ');
    let (method, target) = (words.next().unwrap_or("GET"), words.next().unwrap_or("/"));
    let headers: String = words
        .next()
        .unwrap_or_default()
        .split('~')
        .filter(|h| !h.is_empty())
        .map(|h| format!("{h}\r\n"))
        .collect();
    format!("{method} {target} HTTP/1.1\r\nHost: h\r\n{headers}\r\n")
}

fn exchange(client: &mut Peer, text: &str) -> String {
    if client.try_send(request(text)).is_err() {
        return "closed".to_owned();
    }
    answer(client)
}

/// The answer in short: its status, who gave it, its `set-cookie`, `location` and body.
fn answer(client: &mut Peer) -> String {
    if !client.wait_for_bytes() {
        return if client.has_ended() { "closed" } else { "nothing" }.to_owned();
    }
    let message = client.recv_message();
    let status = message.head.status().to_string();
    let headers = ["who", "set-cookie", "location"];
    let headers = headers.iter().filter_map(|name| message.head.header(name)).map(|value| {
        match value.split_once("S=") {
            // Dynamic values are made of addresses.
            Some(("", rest)) if rest.chars().take_while(char::is_ascii_hexdigit).count() == 16 => {
                format!("S=HASH{}", &rest[16..])
            }
            _ => value,
        }
    });
    let body = String::from_utf8_lossy(&message.body).replace("\r\n", "~");
    let body = if message.head.header("who").is_some() { body } else { String::new() };
    std::iter::once(status)
        .chain(headers)
        .chain((!body.is_empty()).then_some(body))
        .collect::<Vec<_>>()
        .join(" ")
}

/// How the kernel watches over the connection to a server.
fn watched(proxy: &Running, address: SocketAddr) -> String {
    let mut client = Peer::connect(address);
    let head = client.send(request("GET /via")).recv_head();
    let of = |name: &str| head.header(name).unwrap_or_default().parse::<SocketAddr>().expect("an address");
    let kept = KeepAlive::of(&proxy.pids(), of("via"), of("at"));
    format!("{:?} {:?}", kept.probes, kept.user_timeout)
}

/// Fields of the server `a` in a table of statistics.
fn stat(table: &str, fields: &[&str]) -> String {
    let mut lines = table.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().trim_start_matches("# ").split(',').collect();
    let row = lines.find(|line| line.split(',').nth(1) == Some("a")).unwrap_or_default();
    let row: Vec<&str> = row.split(',').collect();
    let value =
        |field: &&str| names.iter().position(|name| name == field).and_then(|at| row.get(at).copied());
    fields.iter().map(|field| value(field).unwrap_or("?")).collect::<Vec<_>>().join(" ")
}

/// Fields of the server `a` in a table of states.
fn state(table: &str, fields: &[&str]) -> String {
    let mut lines = table.lines().skip(1);
    let names: Vec<&str> = lines.next().unwrap_or_default().trim_start_matches("# ").split(' ').collect();
    let row = lines.find(|line| line.split(' ').nth(3) == Some("a")).unwrap_or_default();
    let row: Vec<&str> = row.split(' ').collect();
    let value =
        |field: &&str| names.iter().position(|name| name == field).and_then(|at| row.get(at).copied());
    fields.iter().map(|field| value(field).unwrap_or("?")).collect::<Vec<_>>().join(" ")
}

/// A server that answers with its name: to `/404` and the like with that status, to `/see` with what it saw, to `/who`
/// with whom it saw, to `/nth` with how many requests came before on this connection; `/close` it closes, to `/slow` it
/// answers after a while, to `/hold` not at all, to `/flip/` and
/// anything with 500 the first time.
fn serve(t: &mut Subject, name: &'static str) -> Serving {
    let flipped: Mutex<BTreeSet<String>> = Mutex::default();
    t.origin(name).serve(move |far, _| {
        let mut before = 0;
        while let Some(mut seen) = head(far) {
            // A header of PROXY version 2 begins with that, and may be all that comes before it.
            if seen == b"\r\n\r\n" {
                seen.extend(head(far).unwrap_or_default());
            }
            let text = String::from_utf8_lossy(&seen).into_owned();
            let target = text.split(" /").nth(1).and_then(|t| t.split([' ', '?']).next()).unwrap_or_default();
            let (mut status, mut body) = ("200", String::new());
            match target {
                "close" => return,
                "hold" => {
                    far.try_exactly(1, PATIENCE);
                    return;
                }
                "slow" => drop(far.pause(Duration::from_millis(600))),
                "see" => body = shown(&seen),
                "who" => body = far.remote().ip().to_string(),
                "nth" => body = before.to_string(),
                "via" => {
                    let (via, at) = (far.remote(), far.local());
                    let _ = far.try_send(format!(
                        "HTTP/1.1 200 OK\r\nvia: {via}\r\nat: {at}\r\ncontent-length: 1\r\n\r\n"
                    ));
                    far.try_exactly(1, PATIENCE);
                    return;
                }
                _ if target.starts_with("flip/") && flipped.lock().unwrap().insert(target.to_owned()) => {
                    status = "500";
                }
                _ if target.len() == 3 && target.parse::<u16>().is_ok() => status = target,
                _ => {}
            }
            before += 1;
            let length = body.len();
            let answer =
                format!("HTTP/1.1 {status} X\r\nwho: {name}\r\ncontent-length: {length}\r\n\r\n{body}");
            if far.try_send(answer).is_err() {
                return;
            }
        }
    })
}

/// An agent: half of the weight, and to who says something a tenth, or a fifth from the second time on.
fn answer_as_agent(t: &mut Subject) -> Serving {
    let heard: Mutex<BTreeSet<Vec<u8>>> = Mutex::default();
    t.origin("agent").serve(move |far, _| {
        let mut said = Vec::new();
        while let Some(byte) = far.try_exactly(1, Duration::from_millis(300)) {
            said.extend(&byte);
            if byte == b"\n" {
                break;
            }
        }
        let answer = match said.is_empty() {
            true => "50%\n",
            false if said == b"hello\n" || heard.lock().unwrap().insert(said) => "10%\n",
            false => "20%\n",
        };
        let _ = far.try_send(answer);
    })
}

/// What was seen, without the ports and addresses of PROXY headers.
fn shown(seen: &[u8]) -> String {
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string().replace("\\r\\n", "~");
    if let Some(header) = seen.strip_prefix(b"\r\n\r\n\0\r\nQUIT\n") {
        return format!("v2 {} {}", text(&header[..4]), text(&header[16..]));
    }
    match seen.strip_prefix(b"PROXY ") {
        Some(rest) => {
            let ports = |word: &str| word.parse::<u16>().is_ok();
            let kept = |word: &&str| !ports(word.split('~').next().unwrap_or_default());
            format!("PROXY {}", text(rest).split(' ').filter(kept).collect::<Vec<_>>().join(" "))
        }
        None => text(seen),
    }
}

/// All up to an empty line; absent where no more comes.
fn head(far: &mut Peer) -> Option<Vec<u8>> {
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        seen.extend(far.try_exactly(1, PATIENCE)?);
    }
    Some(seen)
}

fn cases() -> Vec<Case<'static>> {
    let case = |lines: Vec<Line<'static>>| {
        let mut case = Case::default();
        for Line { whole, word, rest } in lines {
            match word {
                "do" => (case.class, case.what) = rest.split_once(' ').unwrap(),
                "with" => case.with.push(rest),
                "then" => case.then.push(rest),
                "server" => case.servers.push(whole),
                "servers" => case.servers.push(rest),
                "unbalanced" => case.unbalanced = true,
                "see" => case.see = Some(rest),
                "stat" if !rest.starts_with('=') => case.stat = rest.split(' ').collect(),
                "state" if !rest.starts_with('=') => case.state = rest.split(' ').collect(),
                "ask" | "again" | "hold" | "leave" | "answers" | "tell" | "await" | "pause" | "sockets" => {
                    case.steps.push((word, rest));
                }
                "got" | "log" | "stat" | "state" => {
                    case.outcome += &format!("{whole}\n");
                    continue;
                }
                _ => panic!("{whole}"),
            }
            case.lines.push(whole);
        }
        case
    };
    blocks(TABLE).map(case).collect()
}

const HEAD: &str = "
global
    nbthread 1
    stats socket {dir}/admin.sock level admin
    max-spread-checks 100
    external-check
    insecure-fork-wanted
defaults
    mode http
    option httpclose
    timeout connect 2s
    timeout client 5s
    timeout server 5s
    retries 0
";

/// What the cases name beside their own proxies.
const OTHERS: &str = "
listen tls
    bind {tls} ssl crt {dir}/server.pem alpn h2,http/1.1 ca-file {dir}/ca.pem verify optional
    http-request return status 200 hdr who tls content-type text/plain lf-string \"%[ssl_fc_sni] %[ssl_fc_alpn] %[ssl_fc_protocol] %[ssl_fc_cipher] %[ssl_fc_has_sni] %[ssl_c_used] %[ssl_fc_is_resumed]\"
listen tls12
    bind {tls12} ssl crt {dir}/server.pem ssl-max-ver TLSv1.2
    http-request return status 200 hdr who tls12
listen h2c
    bind {h2c} proto h2
    http-request return status 200 hdr who h2c content-type text/plain lf-string %[req.ver]
backend be1
    server z {b}
backend beun
    be-unpublished
    server z {c}
healthcheck hc
    type httpchk
    http-check send uri /404
";

const USUAL: &[&str] = &["server a {a} WORDS", "server b {b}"];

const TABLE: &str = include_str!("farm_words.txt");
