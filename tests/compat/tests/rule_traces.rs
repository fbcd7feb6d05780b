//! What decisions of rules leave behind: in answers of our own, in lines of the log and in what later rules see.

use weir_compat::compat;
use weir_testkit::{LogSink, Running};

/// A case: the proxy, the request, the answer (`y`, then its body), and the lines of the log.
type Case = (&'static str, &'static str, &'static str, &'static [&'static str]);

#[test]
fn decisions_are_seen_in_answers_lines_and_later_rules() {
    compat(|t| {
        let served = t.origin("srv").serve(|far, _| {
            let request = far.recv_message();
            let status = if request.head.start_line().contains("/later") { "404 Nope" } else { "200 OK" };
            far.send(format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\nSet-Cookie: s=1\r\n\r\nhi"));
        });
        let log = t.sink("log");
        let mut proxy = t.start(CONFIGURATION);
        let wrong: Vec<String> = CASES
            .iter()
            .filter_map(|case| {
                let (answer, lines) = outcome(&mut proxy, &log, case);
                let as_wanted = answer == case.2 && lines == case.3;
                (!as_wanted).then(|| format!("{} {}: {answer:?}, {lines:?}", case.0, case.1))
            })
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        served.finish();
    });
}

/// What the client got, and what was logged until the line of the end; nothing more where none is awaited.
fn outcome(proxy: &mut Running, log: &LogSink, case: &Case) -> (String, Vec<String>) {
    let (name, request, _, lines) = case;
    let mut client = proxy.client(name);
    let answer = match client.try_send(format!("{request}\r\nHost: h\r\nConnection: close\r\n\r\n")) {
        Ok(()) => String::from_utf8_lossy(&client.recv_to_close()).into_owned(),
        Err(_) => String::new(),
    };
    let y = answer.lines().find_map(|line| line.strip_prefix("y: ")).unwrap_or("-");
    let location = answer.lines().find_map(|line| line.strip_prefix("location: "));
    let body = answer.split_once("\r\n\r\n").map_or("nothing", |(_, body)| body);
    let said = |line: String| {
        let line = line.trim_end();
        let end = line.rsplit_once("]: ").or_else(|| line.rsplit_once(" - "));
        end.map_or(line, |(_, said)| said).to_owned()
    };
    let lines = (0..lines.len()).map(|_| said(log.next())).collect();
    (format!("{y} {}", location.unwrap_or(body)), lines)
}

const CONFIGURATION: &str = r#"
defaults
    mode http
    timeout connect 7s
    timeout client 5s
    timeout server 6s
frontend answers
    bind {answers}
    log {log} local0
    log-format "%ST %ts %b/%s %CC %CS %[last_rule_line]"
    capture cookie c len 5
    http-request return status 404 content-type a/b lf-string "%ST %ts" hdr y "%ST %ts" if { path /return }
    http-request deny status 410 content-type a/b lf-string "%ST %ts" hdr y "%ST %ts" if { path /deny }
    http-error status 403 content-type a/b lf-string "%ST %ts" hdr y "%ST"
    http-request deny if { path /plain }
    redirect location /x if { path /legacy }
    http-after-response set-header y "%[last_rule_line]" if { capture.req.uri /traced }
    http-request return status 200 if { path /traced }
    default_backend servers
backend servers
    cookie SRV insert
    http-request deny if { path /cookie }
    http-request return status 200 if { path /none }
    http-response return status 404 content-type a/b lf-string "%ST %ts" hdr y "%ST %ts" if { status 404 }
    server one {srv} cookie k1
    server two {srv} cookie k2
frontend steps
    bind {steps}
    log {log} local0
    log-format "%ST %[be_name] %U"
    http-request do-log
    default_backend plain
backend plain
    tcp-response content do-log
    http-response do-log
    server s {srv}
frontend timeouts
    bind {timeouts}
    http-request set-var-fmt(txn.a) "%[cur_client_timeout] %[fe_tarpit_timeout] %[cur_tarpit_timeout]"
    http-after-response set-header y "%[var(txn.a)] | %[var(txn.b)] | %[var(txn.c)] | %[cur_server_timeout]"
    default_backend timed
backend timed
    http-request set-var-fmt(txn.b) "%[cur_server_timeout] %[cur_tunnel_timeout] %[cur_queue_timeout] %[be_tunnel_timeout]"
    http-request set-timeout server 8s if { path /set }
    http-request set-timeout tunnel 9s if { path /set }
    http-request set-var-fmt(txn.c) "%[cur_server_timeout] %[cur_tunnel_timeout]"
    server s {srv}
listen both
    bind {both}
    http-request set-var-fmt(txn.a) "%[cur_server_timeout] %[cur_queue_timeout] %[be_queue_timeout]"
    http-after-response set-header y "%[var(txn.a)] | %[cur_server_timeout] %[cur_queue_timeout]"
    server s {srv}
frontend usual
    bind {usual}
    log {log} local0
    log-format "usual %ST"
    option dontlog-normal
    http-request return status 503 if { path /error }
    http-request deny if { path /denied }
    http-request return status 200
frontend words
    bind {words}
    acl inner str(A) lower a
    acl other str(A) lower b
    acl pattern str(lower) lower
    http-request set-var(txn.a) path upper
    http-request set-var(txn.b) path upper lower,length
    http-request return status 200 hdr y "%[var(txn.a)] %[var(txn.b)] %[acl(inner)]%[acl(other)]%[acl(pattern)]"
frontend methods
    bind {methods}
    http-request set-method PUT
    http-request return status 200 hdr y "%[method] put" if METH_PUT
    http-request return status 200 hdr y "%[method]"
frontend moved
    bind {moved}
    redirect scheme https append-slash if { path /scheme }
    redirect scheme https drop-query append-slash if { path /query }
    redirect location /x keep-query code 301-1
frontend ids
    bind {ids}
    log {log} local0
    unique-id-format "%b %s %ST %ts %{+json}[str(x)] %{+Q}[src]%[var(txn.none)]|%CC|%{+X}ci"
    log-format "%ID %[unique-id]"
    use_backend timed if { path /a }
    http-request return if { path /b }
frontend lines
    bind {lines}
    log {log} format rfc5424 local0
    capture request header none len 4
    log-format-sd "[x %ci]"
    log-format "%{+json,+Q}hrl %{+Q}hrl"
    http-request return
frontend encoded
    bind {encoded}
    log {log} format raw local0
    log-format "%{+cbor}o %(b:str)ST %(c:str)[int(3)] %(d:bool)ST"
    http-request return
frontend counted
    bind {counted}
    log {log} local0
    log-format "%[sc0_http_req_cnt] %[sc1_http_req_cnt]"
    stick-table type ip size 10 store http_req_cnt
    tcp-request session track-sc0 src
    tcp-request content track-sc1 src,ipmask(8)
    tcp-request content do-log
    tcp-request content reject if { path /content }
    http-request return
listen kept
    bind {kept}
    http-response redirect location /x keep-query
    server s {srv}
frontend early
    bind {early}
    tcp-request session reject unless { path /never }
    http-request return
"#;

const BAD_REQUEST: &str =
    "- <html><body><h1>400 Bad request</h1>\nYour browser sent an invalid request.\n</body></html>\n";

const CASES: [Case; 32] = [
    ("answers", "GET /return HTTP/1.1\r\nCookie: c=1", "404 LR 404 LR", &["404 LR answers/<NOSRV> - - 12"]),
    ("answers", "GET /deny HTTP/1.1\r\nCookie: c=1", "410 PR 410 PR", &["410 PR answers/<NOSRV> c=1 - 13"]),
    ("answers", "GET /plain HTTP/1.1\r\nCookie: c=1", "403 403 PR", &["403 PR answers/<NOSRV> c=1 - 15"]),
    ("answers", "GET /legacy HTTP/1.1\r\nCookie: c=1", "- /x", &["302 LR answers/<NOSRV> - - -"]),
    ("answers", "GET /traced HTTP/1.1\r\nCookie: c=1", " ", &["200 LR answers/<NOSRV> - - 18"]),
    (
        "answers",
        "GET /cookie HTTP/1.1\r\nCookie: c=1; SRV=k2",
        "403 403 PR",
        &["403 PR servers/two c=1 - 22"],
    ),
    ("answers", "GET /none HTTP/1.1\r\nCookie: c=1; SRV=k2", "- ", &["200 LR servers/<NOSRV> - - 23"]),
    ("answers", "GET /ok HTTP/1.1\r\nCookie: c=1; SRV=k2", "- hi", &["200 -- servers/two c=1 - -"]),
    (
        "answers",
        "GET /later HTTP/1.1\r\nCookie: c=1; SRV=k2",
        "404 LH 404 LH",
        &["404 LH servers/two c=1 - 24"],
    ),
    ("steps", "GET /a HTTP/1.1", "- hi", &["-1 steps 0", "-1 plain 0", "200 plain 0", "200 plain 39"]),
    ("timeouts", "GET /a HTTP/1.1", "5000 0 0 | 0 0 7000 0 | 0 0 | 6000 hi", &[]),
    ("timeouts", "GET /set HTTP/1.1", "5000 0 0 | 0 0 7000 0 | 8000 9000 | 8000 hi", &[]),
    ("both", "GET /a HTTP/1.1", "0 0 7000 | 6000 7000 hi", &[]),
    ("usual", "GET /a HTTP/1.1", "- ", &[]),
    ("usual", "GET /error HTTP/1.1", "- ", &["usual 503"]),
    (
        "usual",
        "GET /denied HTTP/1.1",
        "- <html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n</body></html>\n",
        &["usual 403"],
    ),
    ("words", "GET /Abc HTTP/1.1", "/ABC 4 101 ", &[]),
    ("methods", "GET /a HTTP/1.1", "GET ", &[]),
    ("moved", "GET /scheme?q HTTP/1.1", "- https://h/scheme?q/", &[]),
    ("moved", "GET /query?q HTTP/1.1", "- https://h/query/", &[]),
    ("moved", "GET /other? HTTP/1.1", "- /x", &[]),
    ("moved", "GET /other?q HTTP/1.1", "- /x?q", &[]),
    (
        "ids",
        "GET /a HTTP/1.1",
        "- hi",
        &["timed <NOSRV> -1 -- x 127.0.0.1||7F000001 timed <NOSRV> -1 -- x 127.0.0.1||7F000001"],
    ),
    (
        "ids",
        "GET /b HTTP/1.1",
        "- ",
        &["ids <NOSRV> 200 LR x 127.0.0.1||7F000001 ids <NOSRV> 200 LR x 127.0.0.1||7F000001"],
    ),
    ("ids", "BAD", BAD_REQUEST, &["- -"]),
    ("lines", "GET /b HTTP/1.1", "- ", &["[x 127.0.0.1] [\"\"] \"\""]),
    ("lines", "BAD", BAD_REQUEST, &["[x 127.0.0.1] null"]),
    ("encoded", "GET /b HTTP/1.1", "- ", &["BF616218C8616361336164F5FF"]),
    ("counted", "GET /a HTTP/1.1", "- ", &["0 0", "1 1"]),
    ("counted", "GET /content HTTP/1.1", "- nothing", &["1 1", "1 1"]),
    ("kept", "GET /a?q HTTP/1.1", "- /x", &[]),
    ("early", "GET /a HTTP/1.1", "- nothing", &[]),
];
