//! When lines are written: `log-steps`, formats that wait for little, `do-log`, and the profiles that say what
//! becomes of the lines of a step.

use std::time::Duration;

use weir_compat::{Proxy, compat, table};
use weir_testkit::{LogSink, Origin, Running};

const GET: &str = "GET /p HTTP/1.1\r\nHost: h\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

/// One exchange, and all lines that it leaves, joined by `; `; what precedes the text is cut off.
fn lines_of(proxy: &mut Running, server: &Origin, log: &LogSink, answered: bool) -> String {
    let mut client = proxy.client("fe");
    client.send(GET);
    if answered {
        let mut far = server.accept();
        far.recv_head();
        far.send(OK);
    }
    client.recv_message();
    client.close();
    let mut lines = vec![log.next()];
    while let Some(line) = log.try_next(Duration::from_millis(60)) {
        lines.push(line);
    }
    let texts: Vec<&str> = lines.iter().map(|l| l.trim_end()).collect();
    texts.join("; ")
}

/// A frontend whose lines are their text alone.
fn frontend(lines: &str, format: &str) -> Proxy {
    Proxy::http().frontend(&format!("log {{log}} format raw local0\nlog-format \"{format}\"\n{lines}"))
}

#[test]
fn a_format_is_written_as_soon_as_all_of_it_is_known() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let rows = [
            ("%OG %HM", "txn_request GET; txn_response GET"),
            ("%OG %r %f %b %T", "txn_request GET"),
            ("%OG %HM %tsc", "txn_request GET ----; txn_response GET ----"),
            ("%OG %HM %ci", "txn_response GET 127.0.0.1"),
            ("%OG %HM %[int(3)]", "txn_response GET 3"),
            ("%OG", "txn_response"),
            ("%OG %ST", "txn_response 200"),
            ("%OG %tsc", "txn_response ----"),
            ("%OG %ts", "txn_close --"),
            ("%OG %U", "txn_close 39"),
            ("%OG %ID", "txn_close -"),
            ("%OG %[bytes_in]", "txn_close 39"),
            ("%OG %[txn.sess_term_state]", "txn_response --"),
        ];
        table(&rows, |format| {
            let mut proxy = t.start(&frontend("", format).text());
            let lines = lines_of(&mut proxy, &server, &log, true);
            if format.contains("%T") { lines.chars().take(15).collect() } else { lines }
        });
    });
}

#[test]
fn steps_that_are_asked_for() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let rows = [
            (
                "log-steps all",
                "txn_accept <BADREQ> 0 0 -1 be/<NOSRV> 0; txn_request GET /p HTTP/1.1 -1 0 -1 be/<NOSRV> 1",
            ),
            ("log-steps close", "txn_close <BADREQ> 200 51 0 be/s 0"),
            ("log-steps request", "txn_request GET /p HTTP/1.1 -1 0 -1 be/<NOSRV> 0"),
            (
                "log-steps connect,response",
                "txn_connect <BADREQ> -1 0 0 be/s 0; txn_response <BADREQ> 200 51 0 be/s 1",
            ),
            ("log-steps all\noption logasap", "txn_response GET /p HTTP/1.1 200 +51 0 be/s 0"),
        ];
        table(&rows, |lines| {
            let mut proxy = t.start(&frontend(lines, "%OG %r %ST %B %TR %b/%s %lc").text());
            let all = lines_of(&mut proxy, &server, &log, true).replace("fe/<NOSRV>", "be/<NOSRV>");
            match all.find("; txn_connect").filter(|at| *at > 0) {
                Some(at) => all[..at].to_owned(),
                None => all,
            }
        });
    });
}

#[test]
fn rules_write_lines() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let rows = [
            (
                "tcp-request connection do-log\ntcp-request session do-log\ntcp-request content do-log\nhttp-request do-log",
                "tcp-req-conn <BADREQ> 0 PR 0; tcp-req-sess <BADREQ> 0 PR 0; tcp-req-cont <BADREQ> -1 -- 0; http-req GET /p HTTP/1.1 -1 -- 0; txn_close GET /p HTTP/1.1 200 -- 0",
            ),
            (
                "http-response do-log\nhttp-after-response do-log",
                "http-res GET /p HTTP/1.1 200 -- 0; http-after-res GET /p HTTP/1.1 200 -- 0; txn_close GET /p HTTP/1.1 200 -- 0",
            ),
            ("http-request do-log if FALSE", "txn_close GET /p HTTP/1.1 200 -- 0"),
            ("option dontlog-normal\nhttp-request do-log", "http-req GET /p HTTP/1.1 -1 -- 0"),
            (
                "http-request do-log\nhttp-request set-log-level silent\nhttp-response do-log",
                "http-req GET /p HTTP/1.1 -1 -- 0",
            ),
        ];
        table(&rows, |lines| {
            let mut proxy = t.start(&frontend(lines, "%OG %r %ST %ts %lc").text());
            lines_of(&mut proxy, &server, &log, true)
        });
    });
}

#[test]
fn answers_of_our_own_are_seen_by_the_rules_after_them() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let lines = "http-request deny\nhttp-after-response do-log";
        let mut proxy = t.start(&frontend(lines, "%OG %ST %ts").text());
        assert_eq!(lines_of(&mut proxy, &server, &log, false), "http-after-res 403 PR; txn_close 403 PR");
    });
}

#[test]
fn profiles_override_the_lines_of_steps() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let rows = [
            ("on any format \"any %OG\"", "<6>any txn_accept; <6>any txn_close"),
            ("on close drop\non any format \"any %OG\"", "<6>any txn_accept"),
            ("on any format \"any %OG\"\non close format \"end %ST\"", "<6>any txn_accept; <6>end 200"),
            ("on close format a\non close format b", "<6>own txn_accept; <6>b"),
            ("on error format x", "<6>own txn_accept; <6>own txn_close"),
            ("on any sd \"[x]\"", "<6>own txn_accept; <6>own txn_close"),
        ];
        table(&rows, |profile| {
            let lines =
                "log {log} format short profile p local0\nlog-format \"own %OG\"\nlog-steps accept,close";
            let profile = format!("log-profile p\n{profile}\n");
            let mut proxy = t.start(&Proxy::http().frontend(lines).sections(&profile).text());
            lines_of(&mut proxy, &server, &log, true)
        });
    });
}

#[test]
fn a_rule_may_name_its_own_profile() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let lines = "log {log} format rfc5424 local0\nlog-format \"own %OG\"\nlog-format-sd \"[a]\"\n\
                     http-request do-log profile p\nhttp-request do-log\nlog-steps connect";
        let profile =
            "log-profile p\nlog-tag tagged\non http-req format \"mine %OG\" sd \"[b c=\\\"%OG\\\"]\"\n";
        let text = Proxy::http().frontend(lines).sections(profile).text();
        let mut proxy = t.start(&text);
        let pid = proxy.pid().to_string();
        let lines = lines_of(&mut proxy, &server, &log, true).replace(&pid, "PID");
        let texts: Vec<&str> = lines.split("; ").filter_map(|l| l.splitn(4, ' ').nth(3)).collect();
        assert_eq!(
            texts,
            [
                "tagged PID - [b c=\"http-req\"] mine http-req",
                "haproxy PID - [a] own http-req",
                "haproxy PID - [a] own txn_connect"
            ]
        );
    });
}

#[test]
fn connections_that_fail_have_lines_of_their_own() {
    compat(|t| {
        let log = t.sink("log");
        let rows = [
            ("log-steps close", "own sess_error 400 <BADREQ>"),
            ("error-log-format \"bad %OG %ST\"", "bad sess_error 400"),
        ];
        table(&rows, |lines| {
            let mut proxy = t.start(&frontend(lines, "own %OG %ST %r").servers("").text());
            let mut client = proxy.client("fe");
            client.send("bad\r\n\r\n").recv_to_close();
            log.next().trim_end().to_owned()
        });
    });
}
