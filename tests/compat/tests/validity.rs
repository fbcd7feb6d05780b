//! Where fetches may stand: each kind of fetch, by what it needs, in each kind of line. Both programs judge the line
//! with `-c` and must say the same of it, or nothing.

use std::sync::Mutex;

use weir_compat::{Subject, compat};

/// A fetch for each thing that fetches need of the moment.
const FETCHES: [&str; 22] = [
    "int(1)",
    "act_conn",
    "src",
    "fc_pp_authority",
    "fe_id",
    "req.len",
    "req.ssl_cipherlist",
    "path",
    "method",
    "bytes_in",
    "txn.timer.total",
    "req.hdr(x),lower",
    "payload(0,1)",
    "be_name",
    "srv_id",
    "bc_dst",
    "bs.id",
    "bytes_out",
    "res.len",
    "res.hdr(x)",
    "status",
    "txn.redispatched",
];

/// Lines in which an expression or a format may be out of place, and what speaks what there.
const LINES: &[(&str, &str)] = &[
    ("http", "http-request set-var(txn.x) EXPR"),
    ("http", "http-request set-header x %[EXPR]"),
    ("http", "http-request sc-set-gpt0(0) EXPR"),
    ("http", "http-request set-src EXPR"),
    ("http", "http-request set-fc-mark EXPR"),
    ("http", "http-request set-priority-class EXPR"),
    ("http", "http-request pause EXPR"),
    ("http", "http-request set-map(virt@m) %[EXPR] x"),
    ("http", "http-response set-var(txn.x) EXPR"),
    ("http", "http-response set-header x %[EXPR]"),
    ("http", "http-response set-fc-tos EXPR"),
    ("http", "http-after-response set-header x %[EXPR]"),
    ("http", "http-error status 403 content-type a lf-string %[EXPR]"),
    ("tcp", "tcp-request content set-var(txn.x) EXPR"),
    ("tcp", "tcp-request content set-dst EXPR"),
];

/// The same of proxies that take connections in.
const FRONT: &[(&str, &str)] = &[
    ("tcp", "tcp-request connection set-var(sess.x) EXPR"),
    ("tcp", "tcp-request connection set-src EXPR"),
    ("tcp", "tcp-request session set-var(sess.x) EXPR"),
    ("tcp", "tcp-request content capture EXPR len 9"),
    ("http", "http-request capture EXPR len 9"),
    ("http", "log-format \"%[EXPR]\""),
    ("http", "unique-id-format %[EXPR]"),
    ("http", "use_backend %[EXPR]"),
];

/// The same of proxies that have servers.
const BACK: &[(&str, &str)] = &[
    ("tcp", "tcp-response content set-var(txn.x) EXPR"),
    ("http", "use-server %[EXPR] if TRUE"),
    ("http", "stick on EXPR table T"),
    ("http", "stick store-response EXPR table T"),
    ("http", "balance hash EXPR"),
];

/// Lines with a condition, which is only warned about.
const CONDITIONS: &[(&str, &str, &str)] = &[
    ("frontend", "http", "http-request set-var(txn.x) int(1)"),
    ("backend", "http", "http-request set-var(txn.x) int(1)"),
    ("listen", "http", "http-request set-var(txn.x) int(1)"),
    ("frontend", "http", "http-response set-var(txn.x) int(1)"),
    ("listen", "http", "http-response set-var(txn.x) int(1)"),
    ("backend", "http", "http-after-response set-var(txn.x) int(1)"),
    ("frontend", "tcp", "tcp-request connection accept"),
    ("frontend", "tcp", "tcp-request session accept"),
    ("frontend", "tcp", "tcp-request content accept"),
    ("listen", "http", "tcp-request content accept"),
    ("backend", "tcp", "tcp-response content accept"),
    ("frontend", "http", "use_backend b"),
    ("listen", "http", "monitor fail"),
    ("listen", "http", "use-server s"),
    ("listen", "http", "force-persist"),
    ("listen", "http", "stick on src table T"),
    ("backend", "http", "stick store-response src table T"),
];

fn config(kind: &str, mode: &str, lines: &str) -> String {
    let side = match kind {
        "frontend" => "bind {fe}\n default_backend b",
        "backend" => "server s 127.0.0.1:1",
        _ => "bind {fe}\n server s 127.0.0.1:1",
    };
    format!(
        "defaults\n mode {mode}\n log 127.0.0.1:1 local0\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n\
         backend T\n stick-table type string len 9 size 1k store gpt0\n\
         backend b\n server s 127.0.0.1:1\n{kind} p\n {side}\n{lines}"
    )
}

/// What a program says of a configuration: its first lines, without what changes from run to run.
fn said(t: &Subject, config: &str) -> Vec<String> {
    let outcome = t.check(config);
    let graver = |line: &&str| line.starts_with("[ALERT]") || line.starts_with("[WARNING]");
    let about = |line: &str| line.split_once(") : ").map(|(_, text)| text.to_owned());
    let mut lines: Vec<String> = outcome.stderr.lines().filter(graver).filter_map(about).collect();
    lines.retain(|line| !line.contains("Error(s) found") && !line.starts_with("config : Fatal errors"));
    for line in &mut lines {
        if let Some((start, end)) = line.split_once(".cfg:") {
            let folder = start.rfind(['[', ' ', '(']).map_or(0, |at| at + 1);
            *line = format!("{}F:{end}", start.get(..folder).unwrap_or_default());
        }
    }
    lines.sort();
    lines
}

/// Each program's words for each case, which must be the same.
fn judged_alike(cases: &[String]) {
    let all: Mutex<Vec<Vec<Vec<String>>>> = Mutex::default();
    compat(|t| {
        let said: Vec<_> = cases.iter().map(|config| said(t, config)).collect();
        assert!(said.iter().any(|lines| !lines.is_empty()), "some of them are out of place");
        all.lock().unwrap().push(said);
    });
    if let [reference, weir] = all.into_inner().unwrap().as_slice() {
        let differ: Vec<String> = cases
            .iter()
            .zip(reference.iter().zip(weir))
            .filter(|(_, (reference, weir))| reference != weir)
            .map(|(case, (reference, weir))| {
                format!("{}\n   weir: {weir:#?}\n   reference: {reference:#?}", case.lines().last().unwrap())
            })
            .collect();
        assert!(differ.is_empty(), "{} differ\n{}", differ.len(), differ.join("\n"));
    }
}

fn cases(kinds: &[&str], lines: &[(&str, &str)]) -> Vec<String> {
    let mut cases = Vec::new();
    for kind in kinds {
        for (mode, line) in lines {
            for fetch in FETCHES {
                cases.push(config(kind, mode, &format!(" {}\n", line.replace("EXPR", fetch))));
            }
        }
    }
    cases
}

#[test]
fn expressions_out_of_place_are_refused_alike_in_frontends() {
    judged_alike(&cases(&["frontend"], &[LINES, FRONT].concat()));
}

#[test]
fn expressions_out_of_place_are_refused_alike_in_backends() {
    let lines: Vec<_> = [LINES, BACK].concat().into_iter().step_by(2).collect();
    judged_alike(&cases(&["backend"], &lines));
}

#[test]
fn expressions_out_of_place_are_refused_alike_where_one_proxy_is_both() {
    let lines: Vec<_> = [LINES, FRONT, BACK].concat().into_iter().step_by(3).collect();
    judged_alike(&cases(&["listen"], &lines));
}

#[test]
fn conditions_out_of_place_are_warned_about_alike() {
    let cases: Vec<String> = CONDITIONS
        .iter()
        .map(|(kind, mode, line)| {
            let conditions: String =
                FETCHES.iter().map(|fetch| format!(" {line} if {{ {fetch} -m found }}\n")).collect();
            config(kind, mode, &conditions)
        })
        .collect();
    judged_alike(&cases);
}
