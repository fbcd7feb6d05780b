//! Every action in every set of rules that has it: what the rule changes.
//!
//! A case of the table is an action (`do`) and its sets (`in`), tried in each of them: a proxy with the rule and one
//! without it get the same request. What differs is written down, and a case without a difference fails:
//!
//! - `with` is a line of configuration before the rule, `then` one after it; `SET` stands there for the set of the
//!   rule, `NAME` for the name of the proxy. `server` stands for the usual line of the server.
//! - `send` is what the client sends instead of the usual request, `~` for CR LF and `\x00` for a byte.
//! - `see` is a log format. Lines of the log are `PRIORITY: STATUS TERMINATION` and what the format says.
//! - `within` is how long the client waits where the rule keeps it waiting.
//! - `got` is the answer, `log` a line of the log or `none`, `sockets` how the proxy's sockets are marked (looked at
//!   where `marks` is asked for).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use weir_compat::{Line, Proxy, Subject, blocks, compat};
use weir_testkit::{LogSink, Marks, PATIENCE, Peer, Program, Serving};

#[test]
fn actions_do_the_same_in_every_set_of_rules() {
    compat(|t| {
        let mut cases = cases();
        // To mark packets is a right that not everybody has.
        cases.retain(|case| !case.marks || Marks::can_be_set());
        let outcomes = outcomes(t, &cases);
        let wrong: Vec<String> = cases
            .iter()
            .zip(&outcomes)
            .filter(|(case, outcome)| case.outcome != **outcome)
            .map(|(case, outcome)| format!("{}\n{outcome}  wanted\n{}", case.lines.join("\n"), case.outcome))
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

#[test]
fn every_action_that_works_has_a_case() {
    let Some(weir) = Program::weir() else { panic!("weir is not built") };
    let cases = cases();
    let tried = |set: &str, action: &str| {
        let is_it = |case: &&Case<'_>| {
            let rest = case.action.strip_prefix(action);
            let ends = |rest: &str| action == "track-sc" || rest.is_empty() || rest.starts_with([' ', '(']);
            case.sets.contains(&set) && rest.is_some_and(ends)
        };
        cases.iter().find(is_it).is_some()
            || EXCEPT.iter().any(|(name, _)| *name == format!("{set} {action}"))
    };
    let listing = weir.run(&["keywords"]).stdout;
    let works = listing.lines().filter_map(|line| line.strip_prefix("action\t")?.strip_suffix("\tworks"));
    let missing: Vec<&str> = works
        .filter(|name| {
            let set = SETS.iter().find(|(_, set)| name.starts_with(set));
            let (short, set) = set.unwrap_or_else(|| panic!("{name} is in no set of rules"));
            !tried(short, name.get(set.len() + 1..).unwrap_or_default())
        })
        .collect();
    assert!(missing.is_empty(), "no case for:\n{}", missing.join("\n"));
}

/// Actions without a case, with the reason.
const EXCEPT: [(&str, &str); 1] = [(
    "http-request wait-for-handshake",
    "waits only where data came early (0-RTT), which no client here sends",
)];

/// The sets of rules by the names that the table has for them.
const SETS: [(&str, &str); 7] = [
    ("connection", "tcp-request connection"),
    ("session", "tcp-request session"),
    ("content", "tcp-request content"),
    ("tcp-response", "tcp-response content"),
    ("http-request", "http-request"),
    ("http-response", "http-response"),
    ("http-after-response", "http-after-response"),
];

/// A case: its lines, what they say, and what is to come of it.
#[derive(Default)]
struct Case<'a> {
    lines: Vec<&'a str>,
    action: &'a str,
    sets: Vec<&'a str>,
    with: Vec<&'a str>,
    then: Vec<&'a str>,
    server: Option<&'a str>,
    send: Option<&'a str>,
    see: &'a str,
    within: Option<Duration>,
    marks: bool,
    outcome: String,
}

/// One proxy: the case that it stands for, its set of rules, and whether the rule is there.
struct Trial<'a> {
    name: String,
    case: &'a Case<'a>,
    set: &'a str,
    ruled: bool,
}

/// What a client and the log saw of a proxy.
#[derive(Clone, Default)]
struct Seen {
    got: String,
    sockets: String,
    log: Vec<String>,
}

/// Runs all cases in one program and writes down what came of them.
fn outcomes(t: &mut Subject, cases: &[Case<'_>]) -> Vec<String> {
    let served = serve(t);
    let log = t.sink("log");
    let mut trials: Vec<Trial<'_>> = Vec::new();
    for (n, case) in cases.iter().enumerate() {
        for set in &case.sets {
            for ruled in [true, false] {
                let name = case.proxy(n, set, ruled);
                if trials.iter().all(|trial| trial.name != name) {
                    trials.push(Trial { name, case, set, ruled });
                }
            }
        }
    }
    let sections: String = trials.iter().map(Trial::section).collect();
    let proxy = Proxy::http()
        .global("expose-experimental-directives\ntune.stick-counters 4")
        .defaults("timeout tarpit 50ms\noption accept-unsafe-violations-in-http-request")
        .frontend("log {log} local0\nlog-format \"fe -\"\nhttp-request return status 200")
        .sections(&(sections + OTHERS));
    let mut proxy = t.start(&proxy.text());
    let clients: Vec<SocketAddr> = trials.iter().map(|trial| proxy.address(&trial.name)).collect();
    let process = proxy.pids();
    let work = Mutex::new(trials.iter().zip(clients));
    let seen = Mutex::new(BTreeMap::new());
    let lines = std::thread::scope(|scope| {
        let run = || {
            while let Some((trial, address)) = { work.lock().unwrap().next() } {
                let outcome = trial.ask(address, &process);
                seen.lock().unwrap().insert(trial.name.clone(), outcome);
            }
        };
        let clients: Vec<_> = (0..16).map(|_| scope.spawn(run)).collect();
        let mut lines = gather(&log, || clients.iter().all(ScopedJoinHandle::is_finished));
        // What was said before this was said before.
        proxy.client("fe").send(bytes(USUAL)).recv_message();
        lines.push(said(&log.next_with("fe -")));
        lines
    });
    let mut seen = seen.into_inner().unwrap();
    for line in lines.iter().filter(|line| !line.starts_with("fe\t")) {
        let (name, line) = line.split_once('\t').unwrap_or_else(|| panic!("a line of no proxy: {line}"));
        let seen = seen.get_mut(name).unwrap_or_else(|| panic!("a line of no proxy: {name} {line}"));
        seen.log.push(line.to_owned());
    }
    served.finish();
    let outcome = |(n, case): (usize, &Case<'_>)| {
        let seen = |set: &str, ruled: bool| &seen[&case.proxy(n, set, ruled)];
        case.outcome_of(|set| changes(seen(set, true), seen(set, false)))
    };
    cases.iter().enumerate().map(outcome).collect()
}

/// What the rule made different, a line for each thing.
fn changes(ruled: &Seen, plain: &Seen) -> String {
    let mut text = String::new();
    if ruled.got != plain.got {
        text += &format!("got {}\n", ruled.got);
    }
    if ruled.sockets != plain.sockets {
        text += &format!("sockets {}\n", ruled.sockets);
    }
    if ruled.log != plain.log {
        let none = ["none".to_owned()];
        let lines = if ruled.log.is_empty() { &none[..] } else { &ruled.log };
        text.extend(lines.iter().map(|line| format!("log {line}\n")));
    }
    if text.is_empty() { "no difference\n".to_owned() } else { text }
}

/// The lines of the log, `NAME<TAB>LINE`, until all clients are done and none comes any more.
fn gather(log: &LogSink, done: impl Fn() -> bool) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        match log.try_next(Duration::from_millis(100)) {
            Some(line) => lines.push(said(&line)),
            None if done() => return lines,
            None => {}
        }
    }
}

/// What a line of the log says, behind the name of the proxy.
fn said(line: &str) -> String {
    let (head, text) = line.trim_end().split_once("]: ").unwrap_or_else(|| panic!("not a line: {line}"));
    let priority = head.split(['<', '>']).nth(1).unwrap_or_default();
    let (name, text) = text.split_once(' ').unwrap_or((text, ""));
    format!("{name}\t{priority}: {text}")
}

// === impl Case ===

impl Case<'_> {
    /// The name of the proxy for a set; where no line depends on the set, one without the rule serves them all.
    fn proxy(&self, n: usize, set: &str, ruled: bool) -> String {
        let depends = self.with.iter().chain(&self.then).any(|line| line.contains("SET"));
        match (ruled, depends) {
            (true, _) => format!("c{n}_{}", set.replace('-', "_")),
            (false, true) => format!("c{n}_{}_without", set.replace('-', "_")),
            (false, false) => format!("c{n}_without"),
        }
    }

    /// What the rule changes in each of its sets, those together in which it changes the same.
    fn outcome_of(&self, changes: impl Fn(&str) -> String) -> String {
        let mut by_change: Vec<(String, Vec<&str>)> = Vec::new();
        for set in &self.sets {
            let changes = changes(set);
            match by_change.iter_mut().find(|(known, _)| *known == changes) {
                Some((_, sets)) => sets.push(set),
                None => by_change.push((changes, vec![set])),
            }
        }
        let several = by_change.len() > 1;
        let of = |sets: &[&str]| if several { format!("of {}\n", sets.join(" ")) } else { String::new() };
        by_change.iter().map(|(changes, sets)| of(sets) + changes).collect()
    }
}

// === impl Trial ===

impl Trial<'_> {
    /// The section of the proxy.
    fn section(&self) -> String {
        let Trial { name, case, .. } = self;
        let set = SETS.iter().find(|(short, _)| *short == self.set);
        let (_, set) = set.unwrap_or_else(|| panic!("{} is no set of rules", self.set));
        let mut text = format!("listen {name}\n bind {{{name}}}\n log {{log}} local0\n");
        text += &format!(" log-format \"%f %ST %ts {}\"\n", case.see.replace("NAME", name));
        let rule = self.ruled.then(|| format!("{set} {}", case.action));
        let lines = case.with.iter().map(|l| (*l).to_owned()).chain(rule);
        for line in lines.chain(case.then.iter().map(|l| (*l).to_owned())) {
            text += &format!(" {}\n", line.replace("SET", set).replace("NAME", name));
        }
        text + &format!(" server s {}\n", case.server.unwrap_or("{srv}"))
    }

    /// Asks the proxy.
    fn ask(&self, address: SocketAddr, process: &[u32]) -> Seen {
        let case = self.case;
        // Who is refused at once may find the connection closed.
        let Ok(mut client) = Peer::try_connect(address, None) else {
            return Seen { got: "closed".to_owned(), ..Seen::default() };
        };
        let _ = client.try_send(bytes(case.send.unwrap_or(USUAL)));
        client.patience(case.within.filter(|_| self.ruled).unwrap_or(PATIENCE));
        let got = if !client.wait_for_bytes() {
            if client.has_ended() { "closed" } else { "nothing" }.to_owned()
        } else if let Some(time) = case.within {
            String::from_utf8_lossy(&client.recv_until_silence(time)).into_owned()
        } else {
            let mut text = String::new();
            loop {
                let message = client.recv_message();
                text += &message.text();
                if message.head.status() >= 200 {
                    break text;
                }
            }
        };
        let mut seen = Seen { got: got.replace("\r\n", "~").replace('\n', "^"), ..Seen::default() };
        if case.marks {
            let far = seen.got.split("via: ").nth(1).and_then(|rest| rest.split('~').next());
            let far =
                far.and_then(|port| port.parse().ok()).map(|port| SocketAddr::from((address.ip(), port)));
            let near = Marks::of(process, address, Some(client.local()));
            seen.sockets = format!(
                "client {near} server {}",
                far.map_or(Marks::default(), |far| Marks::of(process, far, None))
            );
        }
        seen.got = without_ports(&seen.got);
        seen
    }
}

/// The text without the ports that servers see.
fn without_ports(text: &str) -> String {
    let Some((before, after)) = text.split_once("via: ") else { return text.to_owned() };
    format!("{before}{}", after.split_once('~').map_or("", |(_, rest)| rest))
}

/// The bytes that a line of the table stands for.
fn bytes(text: &str) -> Vec<u8> {
    let mut pieces = text.split("\\x");
    let mut bytes = pieces.next().unwrap_or_default().replace('~', "\r\n").into_bytes();
    for piece in pieces {
        bytes.extend(u8::from_str_radix(&piece[..2], 16));
        bytes.extend(piece[2..].replace('~', "\r\n").bytes());
    }
    bytes
}

/// Sends back what it got, but for `/fail` (closes), `/stall` (half an answer), `/early` (does not wait for a body)
/// and `/via` (says which port it sees).
fn serve(t: &mut Subject) -> Serving {
    t.origin("srv").serve(|far, _| {
        while far.wait_for_bytes() {
            let head = far.recv_head().text();
            if head.contains("/fail") {
                return;
            }
            if head.contains("/early") {
                // Who gave up may have taken the proxy with it.
                let _ = far.try_send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
                far.try_exactly(5, PATIENCE);
                return;
            }
            if head.contains("/stall") {
                let _ = far.try_send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
                continue;
            }
            let length = if head.contains("content-length: 5") { 5 } else { 0 };
            let Some(body) = far.try_exactly(length, PATIENCE) else { return };
            let via = if head.contains("/via") {
                format!("via: {}\r\n", far.remote().port())
            } else {
                String::new()
            };
            let (body, length) = (String::from_utf8_lossy(&body), head.len() + body.len());
            let _ = far.try_send(format!(
                "HTTP/1.1 200 OK\r\n{via}x: y\r\ncontent-length: {length}\r\n\r\n{head}{body}"
            ));
        }
    })
}

fn cases() -> Vec<Case<'static>> {
    let case = |lines: Vec<Line<'static>>| {
        let mut case = Case::default();
        for Line { whole, word, rest } in lines {
            match word {
                "do" => case.action = rest,
                "in" => case.sets = rest.split(' ').collect(),
                "with" => case.with.push(rest),
                "then" => case.then.push(rest),
                "server" => case.server = Some(rest),
                "send" => case.send = Some(rest),
                "see" => case.see = rest,
                "within" => case.within = Some(Duration::from_millis(rest.parse().unwrap())),
                "marks" => case.marks = true,
                "of" | "got" | "log" | "sockets" => {
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

/// What the cases name beside their own proxies.
const OTHERS: &str = "backend web\n server s {srv}\nbackend other\n stick-table type integer size 10 store gpc0\n\
                      log-profile p\n on any format \"%f profile %OG\"\n";

const USUAL: &str = "GET /a?b=c HTTP/1.1~Host: h~X: d~~";

const TABLE: &str = include_str!("actions_everywhere.txt");
