//! Checks by steps and by protocols, and agents: what they say, and what is told of the answers.
//!
//! The tables hold, for each case, the lines of a backend, the words of its server, the script of what answers, and
//! below them what `show stat` tells and the bytes that the first connection brought. One start serves many cases.
//! A script is a list of actions: `s:TEXT` and `x:HEX` send, `r` waits for bytes, `R:TEXT` takes all up to a text, `e`
//! takes all to the end, `z:SECONDS` pauses, `c` closes, `k` resets; `||` parts the scripts of connections.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use weir_compat::compat;
use weir_testkit::{Peer, Running};

#[test]
fn checks_find_what_the_table_says() {
    judge(include_str!("checks.steps.txt"), &["status", "check_status", "check_code", "last_chk"]);
}

#[test]
fn agents_are_obeyed_as_the_table_says() {
    let columns = ["status", "agent_status", "agent_code", "last_agt", "weight", "slim"];
    judge(include_str!("checks.agents.txt"), &columns);
}

/// A case of a table.
struct Case {
    name: &'static str,
    lines: &'static str,
    server: &'static str,
    script: &'static str,
    row: &'static str,
    got: &'static str,
}

fn cases(text: &'static str) -> Vec<Case> {
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let mut cases = Vec::new();
    while let Some(head) = lines.next() {
        let parts: Vec<&str> = head.split(" | ").map(str::trim).collect();
        let [name, lines_of, server, script] = parts[..] else { panic!("no case: {head}") };
        let (row, got) = (lines.next().unwrap().trim(), lines.next().unwrap().trim());
        cases.push(Case { name, lines: lines_of, server, script, row, got });
    }
    cases
}

fn judge(text: &'static str, columns: &[&str]) {
    let cases = cases(text);
    assert!(cases.len() > 20, "only {} cases were found", cases.len());
    compat(|t| {
        let mut config = HEAD.to_owned();
        let (mut brought, mut serving) = (Vec::new(), Vec::new());
        for (number, case) in cases.iter().enumerate() {
            let own = format!("srv{number}");
            let origin = t.origin(&own);
            let seen = Arc::new(Mutex::new(None));
            brought.push(seen.clone());
            let script = case.script;
            serving.push(origin.serve(move |peer, nth| {
                let bytes = play(peer, script, nth);
                if nth == 0 {
                    *seen.lock().unwrap() = Some(bytes);
                }
            }));
            let port = format!("{{{own}.port}}");
            let _ = writeln!(config, "backend {}", case.name);
            for line in case.lines.split(";;").filter(|line| !line.is_empty()) {
                let _ = writeln!(config, " {}", line.trim().replace("$P", &port));
            }
            let words = case.server.replace("CHECK", CHECK).replace("AGENT", AGENT).replace("$P", &port);
            let _ = writeln!(config, " server s {{{own}}} {words}");
        }
        let proxy = t.start(&config);
        let wrong = rows_settle(&proxy, &cases, columns);
        assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
        // Where a script takes all that comes, it is what the table says.
        for (case, seen) in cases.iter().zip(&brought).filter(|(case, _)| case.script.ends_with("/ e")) {
            let Some(bytes) = seen.lock().unwrap().clone() else { continue };
            let (bytes, wanted) = (bytes.escape_ascii(), unescape(case.got));
            assert_eq!(bytes.to_string(), wanted.escape_ascii().to_string(), "{}", case.name);
        }
    });
}

/// Looks at the servers until all stand as the table says; those that do not in time.
fn rows_settle(proxy: &Running, cases: &[Case], columns: &[&str]) -> Vec<String> {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let rows = rows(&proxy.admin("show stat"), columns);
        let wrong: Vec<String> = cases
            .iter()
            .filter(|case| rows.get(case.name).map(String::as_str) != Some(case.row))
            .map(|case| format!("{}\n  wanted {}\n  got    {:?}", case.name, case.row, rows.get(case.name)))
            .collect();
        if wrong.is_empty() || Instant::now() > end {
            return wrong;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The columns of each server, by the name of its backend.
fn rows(stat: &str, columns: &[&str]) -> HashMap<String, String> {
    let mut records = records(stat.trim_start_matches("# ")).into_iter();
    let names = records.next().unwrap_or_default();
    let place = |name: &str| names.iter().position(|n| n == name).unwrap();
    let wanted: Vec<usize> = columns.iter().map(|name| place(name)).collect();
    let servers = records.filter(|record| record.get(1).is_some_and(|name| name == "s"));
    let shown = |record: &[String]| {
        let fields = wanted.iter().zip(columns).map(|(at, name)| match name.starts_with("last") {
            true => quoted(&record[*at]),
            false => record[*at].clone(),
        });
        fields.collect::<Vec<_>>().join(" ").trim_end().to_owned()
    };
    servers.map(|record| (record[0].clone(), shown(&record))).collect()
}

/// A text as the tables write it.
fn quoted(text: &str) -> String {
    if text.contains('\'') && !text.contains('"') {
        format!("\"{text}\"")
    } else {
        format!("'{}'", text.replace('\'', "\\'"))
    }
}

/// The records of a table of comma-separated values.
fn records(text: &str) -> Vec<Vec<String>> {
    let (mut all, mut record, mut field) = (Vec::new(), Vec::new(), String::new());
    let (mut inside, mut chars) = (false, text.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '"' if inside && chars.peek() == Some(&'"') => field.extend(chars.next()),
            '"' => inside = !inside,
            ',' if !inside => record.push(std::mem::take(&mut field)),
            '\n' if !inside => {
                record.push(std::mem::take(&mut field));
                all.push(std::mem::take(&mut record));
            }
            _ => field.push(c),
        }
    }
    all
}

/// Plays the script of the `nth` connection; the bytes that came.
fn play(peer: &mut Peer, script: &str, nth: usize) -> Vec<u8> {
    let scripts: Vec<&str> = script.split(" || ").collect();
    let mut got = Vec::new();
    for action in scripts[nth.min(scripts.len() - 1)].split(" / ").map(str::trim) {
        let (name, text) = action.split_once(':').unwrap_or((action, ""));
        match name {
            // What the check does not wait for may meet a closed connection.
            "s" => drop(peer.try_send(unescape(text))),
            "x" => drop(peer.try_send(hex(text))),
            "r" => drop(peer.wait_for_bytes()),
            "R" => got.extend(peer.recv_until(unescape(text))),
            "e" => got.extend(peer.recv_to_close()),
            "z" => drop(peer.pause(Duration::from_secs_f64(text.parse().unwrap()))),
            "c" => {
                peer.close();
                return got;
            }
            "k" => {
                peer.reset();
                return got;
            }
            _ => panic!("no such action: {action}"),
        }
    }
    got
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().map(|c| c.to_digit(16).unwrap()).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

/// Bytes from a text with `\n`, `\x00` and the like.
fn unescape(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'\\', [b'x', high, low, tail @ ..]) => {
                bytes.extend(hex(std::str::from_utf8(&[*high, *low]).unwrap()));
                rest = tail;
            }
            (b'\\', [c, tail @ ..]) => {
                bytes.push(match c {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    other => *other,
                });
                rest = tail;
            }
            _ => bytes.push(*first),
        }
    }
    bytes
}

/// Each server is checked once, soon after the start.
const HEAD: &str = "
global
    stats socket {dir}/admin.sock level admin
    max-spread-checks 500
defaults
    mode http
    timeout connect 2s
    timeout client 2s
    timeout server 2s
    timeout check 4s
frontend fe
    bind {fe}
";
const CHECK: &str = "check inter 60s fastinter 1s rise 1 fall 1";
const AGENT: &str = "agent-check agent-port $P agent-inter 60s";
