//! Every action in its sets of rules: what the server sees, what the client gets, what the log says.
//!
//! A file holds cases: lines for the frontend (`front`) and the backend (`back`), the request where it is not the
//! usual one (`send`), `shut` where the connection ends after the answer; then what came of it: the answer (`got`)
//! and the line in the log (`log`). `~` stands for CR LF, `^` for LF alone.

use weir_compat::{Proxy, Subject, compat};
use weir_testkit::{Origin, mask};

#[test]
fn requests_and_answers_are_what_actions_make_of_them() {
    compat(|t| check(t, include_str!("actions.requests.txt")));
}

#[test]
fn responses_are_what_actions_make_of_them() {
    compat(|t| check(t, include_str!("actions.responses.txt")));
}

#[test]
fn targets_are_brought_into_one_form() {
    compat(|t| check(t, include_str!("actions.targets.txt")));
}

#[test]
fn plain_sessions_become_http() {
    let rows = [
        ("", "/a", "200 / host: h"),
        ("tcp-request content switch-mode http\nhttp-request set-header x y", "/a", "200 / host: h / x: y"),
        ("tcp-request content switch-mode http\nhttp-request deny", "/a", "403 / "),
        (
            "tcp-request inspect-delay 1s\ntcp-request content switch-mode http if HTTP\n\
             tcp-request content reject\nhttp-request set-header x %[path]",
            "/a",
            "200 / host: h / x: /a",
        ),
        (
            "tcp-request content set-var(txn.v) str(z)\nhttp-request set-header x %[var(txn.v)]",
            "/a",
            "200 / host: h / x: z",
        ),
    ];
    compat(|t| {
        let served = serve(t.origin("srv"));
        for (rules, target, expected) in rows {
            let mut proxy = t.start(&Proxy::tcp().frontend(rules).backend("mode http").text());
            let mut client = proxy.client("fe");
            client.send(format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n"));
            let answer = client.recv_message();
            let seen = String::from_utf8_lossy(&answer.body).into_owned();
            let seen = if answer.head.status() == 200 { seen } else { String::new() };
            let lines: Vec<&str> = seen.split("\r\n").skip(1).filter(|l| !l.is_empty()).collect();
            assert_eq!(format!("{} / {}", answer.head.status(), lines.join(" / ")), expected, "{rules}");
        }
        served.finish();
    });
}

#[test]
fn rules_say_what_persistence_is_worth() {
    let rows = [
        ("", "a 200 --DI"),
        ("force-persist if { path /a }", "b 200 --DN"),
        ("force-persist if { path /z }", "a 200 --DI"),
        ("ignore-persist if { path /a }", "a 200 --UN"),
        ("ignore-persist if { path /a }\nforce-persist if TRUE", "a 200 --UN"),
        ("force-persist unless { path /z }\nignore-persist if TRUE", "b 200 --DN"),
    ];
    compat(|t| {
        let served = t.origin("srv").answer_all(CANNED);
        let log = t.sink("log");
        for (rules, expected) in rows {
            let proxy = Proxy::http()
                .frontend("log {log} local0\nlog-format \"%s %ST %tsc\"")
                .backend(&format!("cookie S insert\n{rules}"))
                .servers("server a {srv} cookie aa\n server b {srv} cookie bb disabled");
            let mut proxy = t.start(&proxy.text());
            let mut client = proxy.client("fe");
            client.send("GET /a HTTP/1.1\r\nHost: h\r\nCookie: S=bb\r\n\r\n");
            client.recv_message();
            let line = log.next();
            assert_eq!(line.split_once("]: ").map(|(_, said)| said.trim_end()), Some(expected), "{rules}");
        }
        served.finish();
    });
}

#[test]
fn rewrites_that_do_not_fit_a_buffer_are_errors_where_rules_are_strict() {
    let rows = [
        ("http-request set-header a %[req.hdr(b)]", 200),
        ("http-request set-header a %[req.hdr(b)]%[req.hdr(b)]", 500),
        ("http-request strict-mode off\nhttp-request set-header a %[req.hdr(b)]%[req.hdr(b)]", 200),
        (
            "http-request strict-mode off\nhttp-request strict-mode on\nhttp-request set-path /%[req.hdr(b)]%[req.hdr(b)]",
            500,
        ),
        ("http-request replace-header b (.*) \\\\1\\\\1\\\\1", 500),
        ("http-request add-headers-bin bin(0161)", 500),
        ("http-request strict-mode off\nhttp-request add-headers-bin bin(0161)", 200),
        ("http-response set-header a %[var(txn.b)]%[var(txn.b)]%[var(txn.b)]", 500),
        ("http-after-response set-header a %[var(txn.b)]%[var(txn.b)]%[var(txn.b)]", 500),
    ];
    compat(|t| {
        let served = t.origin("srv").answer_all(CANNED);
        for (rules, status) in rows {
            let keep = "http-request set-var(txn.b) req.hdr(b)";
            let mut proxy = t.start(&Proxy::http().frontend(&format!("{keep}\n{rules}")).text());
            let mut client = proxy.client("fe");
            client.send(format!("GET / HTTP/1.1\r\nHost: h\r\nB: {}\r\n\r\n", "y".repeat(8000)));
            assert_eq!(client.recv_message().head.status(), status, "{rules}");
        }
        served.finish();
    });
}

#[test]
fn rules_of_plain_sessions_see_requests() {
    const DELAY: &str = "tcp-request inspect-delay 300ms\ntcp-request content accept if";
    let rows = ["HTTP", "{ path /a/b }", "{ hdr(host) h.com:80 }", "METH_GET", "{ req.hdr_cnt(x) eq 4 }"];
    compat(|t| {
        for condition in rows {
            let server = t.origin("srv");
            let rules = format!("{DELAY} {condition}\ntcp-request content reject");
            let mut proxy = t.start(&Proxy::tcp().frontend(&rules).text());
            let (request, other) = (USUAL.replace('~', "\r\n"), "hello\r\n\r\n");
            let mut client = proxy.client("fe");
            client.send(&*request);
            server.accept().expect(&*request);
            proxy.client("fe").send(other).expect_eof();
        }
    });
}

/// A case, up to what came of it.
#[derive(Default)]
struct Case<'a> {
    lines: Vec<&'a str>,
    front: String,
    back: String,
    send: Option<&'a str>,
    shut: bool,
}

/// Runs the cases of a file in one program, each in a frontend and a backend of its own.
fn check(t: &mut Subject, file: &str) {
    let server = t.origin("srv");
    let log = t.sink("log");
    let served = serve(server);
    let cases = cases(file);
    let mut sections = String::new();
    for (n, case) in cases.iter().enumerate() {
        let Case { front, back, .. } = case;
        sections += &format!(
            "frontend front{n}\n bind {{front{n}}}\n log {{log}} local0\n option httplog\n{front} \
             default_backend back{n}\nbackend back{n}\n{back} server s {{srv}}\n"
        );
    }
    let defaults = "option accept-unsafe-violations-in-http-request\ntimeout tarpit 50ms";
    let proxy = Proxy::http().global("expose-experimental-directives").defaults(defaults);
    let mut proxy = t.start(&proxy.sections(&sections).text());
    let mut shown = String::new();
    for (n, case) in cases.iter().enumerate() {
        let mut client = proxy.client(&format!("front{n}"));
        client.send(case.send.unwrap_or(USUAL).replace('~', "\r\n"));
        let answer = match case.shut {
            true => String::from_utf8_lossy(&client.recv_to_close()).into_owned(),
            false => client.recv_message().text(),
        };
        let answer = answer.replace('\n', "^").replace("\r^", "~");
        let line = mask::log_line(&log.next());
        let result = format!("got {answer}\nlog {}\n", line.trim_end());
        let result = result.replace(&format!("front{n}"), "fe").replace(&format!("back{n}"), "be");
        shown += &format!("{}\n{result}\n", case.lines.join("\n"));
    }
    served.finish();
    let expected: String = file.lines().filter(|l| !l.starts_with('#')).map(|l| format!("{l}\n")).collect();
    for (shown, expected) in shown.split("\n\n").zip(expected.split("\n\n")) {
        assert_eq!(shown.trim(), expected.trim());
    }
    assert_eq!(shown.trim(), expected.trim());
}

fn cases(file: &str) -> Vec<Case<'_>> {
    let mut cases = Vec::new();
    let mut case = Case::default();
    for line in file.lines().filter(|l| !l.starts_with('#')) {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("front", rest) => case.front += &format!(" {rest}\n"),
            ("back", rest) => case.back += &format!(" {rest}\n"),
            ("send", rest) => case.send = Some(rest),
            ("shut", _) => case.shut = true,
            ("", _) if !case.lines.is_empty() => cases.push(std::mem::take(&mut case)),
            _ => continue,
        }
        if !line.is_empty() {
            case.lines.push(line);
        }
    }
    if !case.lines.is_empty() {
        cases.push(case);
    }
    cases
}

/// Sends back what it got; to `/canned` an answer with many lines.
fn serve(server: Origin) -> weir_testkit::Serving {
    server.serve(|far, _| {
        let seen = far.recv_message().text();
        if seen.contains("/canned") {
            far.send(CANNED);
        } else {
            far.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{seen}", seen.len()));
        }
    })
}

const USUAL: &str =
    "GET /a/b?c=d&e=f HTTP/1.1~Host: h.com:80~Cookie: A=1; B=2~X: a, b ,c;q=1~X: d~Accept: */*~~";

const CANNED: &str = "HTTP/1.1 200 Fine\r\nContent-Length: 2\r\nX: a, b ,c\r\nX: d\r\nSet-Cookie: A=1; path=/\r\n\
                      Cache-Control: no-cache\r\nServer: z\r\n\r\nhi";
