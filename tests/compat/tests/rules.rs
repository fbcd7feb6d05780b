//! Rules: what is answered, what servers and clients see after edits, and in which order sets are run.

use std::time::Duration;
use weir_compat::{Proxy, compat, judge, relay, table};
use weir_testkit::{Running, mask};

const GET: &str = "GET /a?b=c HTTP/1.1\r\nHost: h\r\nX: q, ab ,ab\r\nY-1: 1\r\n\r\n";
const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Origin: one, two\r\n\r\nhi";

#[test]
fn rules_answer_in_the_place_of_servers() {
    let rows = [
        (
            "http-request deny",
            "HTTP/1.1 403 Forbidden\r\ncontent-length: 93\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n\r\n<html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n</body></html>\n",
        ),
        (
            "http-request deny deny_status 404",
            "HTTP/1.1 404 Not Found\r\ncontent-length: 83\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n\r\n<html><body><h1>404 Not Found</h1>\nThe resource could not be found.\n</body></html>\n",
        ),
        ("http-request deny status 404", "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"),
        (
            "http-request deny if { path /b }\nhttp-request deny deny_status 429 if { path /a } !{ hdr(x) -m found } or { method GET }",
            "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 117\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n\r\n<html><body><h1>429 Too Many Requests</h1>\nYou have sent too many requests in a given amount of time.\n</body></html>\n",
        ),
        (
            "http-request deny status 429 content-type text/plain lf-string \"no %[path]\" hdr x-a b%[path]",
            "HTTP/1.1 429 Too Many Requests\r\nx-a: b/a\r\ncontent-length: 5\r\ncontent-type: text/plain\r\n\r\nno /a",
        ),
        ("http-request return status 200", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
        (
            "http-request return status 418 content-type text/plain string hello hdr x 1",
            "HTTP/1.1 418 I'm a teapot\r\nx: 1\r\ncontent-length: 5\r\ncontent-type: text/plain\r\n\r\nhello",
        ),
        (
            "http-request return status 404 default-errorfiles",
            "HTTP/1.1 404 Not Found\r\ncontent-length: 83\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n\r\n<html><body><h1>404 Not Found</h1>\nThe resource could not be found.\n</body></html>\n",
        ),
        (
            "http-request redirect location /x",
            "HTTP/1.1 302 Found\r\ncontent-length: 0\r\nlocation: /x\r\ncache-control: no-cache\r\n\r\n",
        ),
        (
            "http-request redirect prefix http://x code 301 drop-query append-slash set-cookie a=b",
            "HTTP/1.1 301 Moved Permanently\r\ncontent-length: 0\r\nlocation: http://x/a/\r\nset-cookie: a=b; path=/;\r\n\r\n",
        ),
        (
            "http-request redirect scheme https code 308",
            "HTTP/1.1 308 Permanent Redirect\r\ncontent-length: 0\r\nlocation: https://h/a?b=c\r\n\r\n",
        ),
        (
            "http-request redirect prefix / clear-cookie a=",
            "HTTP/1.1 302 Found\r\ncontent-length: 0\r\nlocation: /a?b=c\r\ncache-control: no-cache\r\nset-cookie: a=; path=/; Max-Age=0;\r\n\r\n",
        ),
        (
            "redirect prefix /p if { path /a }\nhttp-request deny if { path /b }",
            "HTTP/1.1 302 Found\r\ncontent-length: 0\r\nlocation: /p/a?b=c\r\ncache-control: no-cache\r\n\r\n",
        ),
        (
            "http-request auth",
            "HTTP/1.1 401 Unauthorized\r\ncontent-length: 112\r\ncache-control: no-cache\r\ncontent-type: text/html\r\nwww-authenticate: Basic realm=\"fe\"\r\n\r\n<html><body><h1>401 Unauthorized</h1>\nYou need a valid user and password to access this content.\n</body></html>\n",
        ),
        (
            "http-request auth realm \"a b\"",
            "HTTP/1.1 401 Unauthorized\r\ncontent-length: 112\r\ncache-control: no-cache\r\ncontent-type: text/html\r\nwww-authenticate: Basic realm=\"a b\"\r\n\r\n<html><body><h1>401 Unauthorized</h1>\nYou need a valid user and password to access this content.\n</body></html>\n",
        ),
        (
            "http-error status 403 content-type text/plain string denied hdr x y\nhttp-request deny",
            "HTTP/1.1 403 Forbidden\r\nx: y\r\ncontent-length: 6\r\ncontent-type: text/plain\r\n\r\ndenied",
        ),
        (
            "http-request deny\nhttp-after-response set-header x %[status]\nhttp-after-response del-header content-type",
            "HTTP/1.1 403 Forbidden\r\ncontent-length: 93\r\ncache-control: no-cache\r\nx: 403\r\n\r\n<html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n</body></html>\n",
        ),
        (
            "http-request allow if { path /a }\nhttp-request deny",
            "HTTP/1.1 200 OK\r\ncontent-length: 54\r\nx-origin: one, two\r\nserver: o\r\nset-cookie: a=b\r\n\r\nGET /a?b=c HTTP/1.1\r\nhost: h\r\nx: q, ab ,ab\r\ny-1: 1\r\n\r\n",
        ),
    ];
    compat(|t| {
        let origin = t.origin("srv");
        let served = origin.serve(|far, _| {
            let seen = far.recv_message().text();
            let length = seen.len();
            far.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nX-Origin: one, two\r\nServer: o\r\n\
                 Set-Cookie: a=b\r\n\r\n{seen}"
            ));
        });
        table(&rows, |lines| {
            let mut proxy = t.start(&Proxy::http().frontend(lines).text());
            let mut client = proxy.client("fe");
            client.send(GET).recv_message().text()
        });
        served.finish();
    });
}

#[test]
fn servers_see_the_request_as_rules_left_it() {
    let rows = [
        (
            "http-request set-header x-a %[path]\nhttp-request add-header X-A 2",
            "GET /a?b=c HTTP/1.1\r\nhost: h\r\nx: q, ab ,ab\r\ny-1: 1\r\nx-a: /a\r\nx-a: 2\r\n\r\n",
        ),
        ("http-request del-header y- -m beg", "GET /a?b=c HTTP/1.1\r\nhost: h\r\nx: q, ab ,ab\r\n\r\n"),
        (
            "http-request replace-header x (a)(b) [\\2%[path]\\1]",
            "GET /a?b=c HTTP/1.1\r\nhost: h\r\nx: [b/aa]\r\ny-1: 1\r\n\r\n",
        ),
        (
            "http-request replace-value x (a)(b) [\\2\\1]",
            "GET /a?b=c HTTP/1.1\r\nhost: h\r\nx: q,[ba],[ba]\r\ny-1: 1\r\n\r\n",
        ),
        (
            "http-request set-path /x%[path]",
            "GET /x/a?b=c HTTP/1.1\r\nhost: h\r\nx: q, ab ,ab\r\ny-1: 1\r\n\r\n",
        ),
        (
            "http-request set-query x=%[path]",
            "GET /a?x=/a HTTP/1.1\r\nhost: h\r\nx: q, ab ,ab\r\ny-1: 1\r\n\r\n",
        ),
        ("http-request set-pathq /x?y", "GET /x?y HTTP/1.1\r\nhost: h\r\nx: q, ab ,ab\r\ny-1: 1\r\n\r\n"),
        (
            "http-request set-uri http://foo/bar",
            "GET http://foo/bar HTTP/1.1\r\nhost: foo\r\nx: q, ab ,ab\r\ny-1: 1\r\n\r\n",
        ),
        ("http-request set-method PUT", "PUT /a?b=c HTTP/1.1\r\nhost: h\r\nx: q, ab ,ab\r\ny-1: 1\r\n\r\n"),
        (
            "http-request replace-path (.*)a(.*) /\\2-\\1",
            "GET /-/?b=c HTTP/1.1\r\nhost: h\r\nx: q, ab ,ab\r\ny-1: 1\r\n\r\n",
        ),
        (
            "http-request replace-pathq (.*)b(.*) \\2-\\1",
            "GET =c-/a? HTTP/1.1\r\nhost: h\r\nx: q, ab ,ab\r\ny-1: 1\r\n\r\n",
        ),
        (
            "http-request set-var(txn.a) path\nhttp-request set-var-fmt(req.b) %[var(txn.a)]-%[method]\nhttp-request set-var(txn.a,ifnotexists) str(no)\nhttp-request set-header q %[var(txn.a)]_%[var(req.b)]",
            "GET /a?b=c HTTP/1.1\r\nhost: h\r\nx: q, ab ,ab\r\ny-1: 1\r\nq: /a_/a-GET\r\n\r\n",
        ),
        (
            "acl one hdr(x) ab\nacl two path /b\nacl two path /c\nhttp-request set-header c 1 if one !two\nhttp-request set-header c 2 if two or !one",
            "GET /a?b=c HTTP/1.1\r\nhost: h\r\nx: q, ab ,ab\r\ny-1: 1\r\nc: 1\r\n\r\n",
        ),
    ];
    compat(|t| {
        let server = t.origin("srv");
        table(&rows, |lines| {
            let mut proxy = t.start(&Proxy::http().frontend(lines).text());
            judge(&mut proxy, &server, GET)
        });
    });
}

#[test]
fn clients_see_the_response_as_rules_left_it() {
    let rows = [
        (
            "http-response set-header x-a 1\nhttp-response replace-value x-origin (.*)o(.*) \\1u\\2\nhttp-after-response set-header z yes",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-origin: une,twu\r\nx-a: 1\r\nz: yes\r\n\r\nhi",
        ),
        (
            "http-response deny",
            "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 107\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n\r\n<html><body><h1>502 Bad Gateway</h1>\nThe server returned an invalid or incomplete response.\n</body></html>\n",
        ),
        (
            "http-response return status 418 content-type text/plain string hello",
            "HTTP/1.1 418 I'm a teapot\r\ncontent-length: 5\r\ncontent-type: text/plain\r\n\r\nhello",
        ),
        (
            "http-response redirect location /foo",
            "HTTP/1.1 302 Found\r\ncontent-length: 0\r\nlocation: /foo\r\ncache-control: no-cache\r\n\r\n",
        ),
        (
            "http-response set-status 503 reason busy",
            "HTTP/1.1 503 busy\r\ncontent-length: 2\r\nx-origin: one, two\r\n\r\nhi",
        ),
        (
            "http-request set-var(txn.a) path\nhttp-request set-var(req.b) path\nhttp-response set-header q |%[var(txn.a)]|%[var(req.b)]|%[status]",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-origin: one, two\r\nq: |/a||200\r\n\r\nhi",
        ),
    ];
    compat(|t| {
        let server = t.origin("srv");
        table(&rows, |lines| {
            let mut proxy = t.start(&Proxy::http().frontend(lines).text());
            relay(&mut proxy, &server, GET, ANSWER).1.text()
        });
    });
}

#[test]
fn the_frontend_comes_first_for_requests_and_last_for_responses() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(
            &Proxy::http()
                .frontend(
                    "http-request set-header a fe\nhttp-response set-header a %[res.hdr(a)]fe\n\
                     http-after-response add-header b fe",
                )
                .backend(
                    "http-request set-header a %[req.hdr(a)]be\nhttp-response set-header a be\n\
                     http-after-response add-header b be",
                )
                .text(),
        );
        let (seen, got) = relay(&mut proxy, &server, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", ANSWER);
        assert_eq!(seen.text(), "GET / HTTP/1.1\r\nhost: h\r\na: febe\r\n\r\n");
        assert_eq!(
            got.text(),
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-origin: one, two\r\na: befe\r\nb: be\r\nb: fe\r\n\r\nhi"
        );
    });
}

#[test]
fn backends_are_chosen_by_condition_and_by_name() {
    compat(|t| {
        let (default, other) = (t.origin("srv"), t.origin("two"));
        let mut proxy = t.start(
            &Proxy::http()
                .frontend(
                    "use_backend other if { path /a }\nuse_backend %[path,field(2,/)] if { path_beg /o /z }\n\
                     use_backend other unless { path_beg / }",
                )
                .sections("backend other\n server s {two}\n")
                .text(),
        );
        for (path, expected) in [("/a", &other), ("/other", &other), ("/zzz", &default), ("/x", &default)] {
            let seen = judge(&mut proxy, expected, &format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"));
            assert_eq!(seen, format!("GET {path} HTTP/1.1\r\nhost: h\r\n\r\n"));
        }
    });
}

#[test]
fn refusals_stand_in_the_log_with_who_refused() {
    let rows = [
        ("http-request deny", "fe fe/<NOSRV> T/-1/-1/-1/T 403 0 - - PR-- "),
        ("http-request return status 200", "fe fe/<NOSRV> T/-1/-1/-1/T 200 0 - - LR-- "),
        ("http-request redirect location /x", "fe fe/<NOSRV> T/-1/-1/-1/T 302 0 - - LR-- "),
        ("http-request tarpit", "fe fe/<NOSRV> -1/T/-1/-1/T 500 0 - - PT-- "),
        ("http-request reject", "fe fe/<NOSRV> -1/-1/-1/-1/T -1 0 - - PR-- "),
        ("tcp-request content reject", "fe fe/<NOSRV> -1/-1/-1/-1/T -1 0 - - PR-- "),
    ];
    compat(|t| {
        let _server = t.origin("srv");
        let log = t.sink("log");
        table(&rows, |lines| {
            let proxy = Proxy::http().defaults("timeout tarpit 200ms").logged().frontend(lines);
            let mut proxy = t.start(&proxy.text());
            let mut client = proxy.client("fe");
            client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").recv_to_close();
            let line = mask::log_line(&log.next());
            let (_, rest) = line.split_once("] ").unwrap();
            let end = rest.find("-- ").map_or(rest.len(), |at| at + 3);
            rest.get(..end).unwrap().to_owned()
        });
    });
}

/// In the log `T` stands for a timer of more than half a second, and what follows is `txn.n`.
#[test]
fn what_rules_wait_for_is_time_of_their_message() {
    const INSPECT: &str = "tcp-request inspect-delay 1s\n";
    const COUNT: &str = "tcp-request content set-var(txn.n) int(0) unless { var(txn.n) -m found }\n\
                         tcp-request content set-var(txn.n) var(txn.n),add(1)\n";
    let rows = [
        ("http-request pause 1s", "T/0/0/0/0 -"),
        ("http-request pause 600ms\nhttp-request pause int(600)\nhttp-response pause 1s", "T/0/0/0/T -"),
        ("http-request pause 1s\nhttp-request deny", "T/-1/-1/-1/-1 -"),
        ("timeout tarpit 1s\nhttp-request tarpit", "-1/T/-1/-1/-1 -"),
        ("timeout tarpit 100ms\nhttp-request pause 1s\nhttp-request tarpit", "-1/T/-1/-1/-1 -"),
        ("use_backend pauses if TRUE", "T/0/0/0/0 -"),
        ("use_backend inspects if TRUE", "T/0/0/0/0 -"),
        ("http-request wait-for-body time 10s", "T/0/0/0/0 -"),
        ("option http-buffer-request", "T/0/0/0/0 -"),
        (&*format!("{INSPECT}tcp-request content accept if WAIT_END"), "T/0/0/0/0 -"),
        (&*format!("{INSPECT}tcp-request content accept if {{ req.len gt 1000 }}"), "T/0/0/0/0 -"),
        (&*format!("{INSPECT}tcp-request content accept if {{ req.body_len gt 1000 }}"), "0/0/0/T/0 -"),
        (&*format!("{INSPECT}tcp-request content accept if {{ path /other }}"), "0/0/0/T/0 -"),
        ("tcp-response inspect-delay 1s\ntcp-response content accept if WAIT_END", "0/0/0/T/0 -"),
        ("http-response pause 1s", "0/0/0/T/T -"),
        // The rules before one that waits are run again with it.
        (&*format!("{INSPECT}{COUNT}tcp-request content accept if WAIT_END"), "T/0/0/0/0 3"),
        (&*format!("{COUNT}http-request pause 1s"), "T/0/0/0/0 1"),
    ];
    compat(|t| {
        let served = t.origin("srv").serve(|far, _| {
            far.recv_message();
            far.send(ANSWER);
        });
        let log = t.sink("log");
        let mut sections = String::from(
            "backend pauses\n http-request pause 1s\n server s {srv}\nbackend inspects\n tcp-request inspect-delay 1s\n \
             tcp-request content accept if WAIT_END\n server s {srv}\n",
        );
        for (n, (rules, _)) in rows.iter().enumerate() {
            sections += &format!(
                "listen case{n}\n bind {{case{n}}}\n log {{log}} local0\n log-format \"%f %TR/%Tw/%Tc/%Tr/%Td \
                 %[var(txn.n)]\"\n{rules}\n server s {{srv}}\n"
            );
        }
        let mut proxy = t.start(&Proxy::http().sections(&sections).text());
        let mut clients: Vec<_> = (0..rows.len()).map(|n| proxy.client(&format!("case{n}"))).collect();
        for client in &mut clients {
            client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
        }
        std::thread::sleep(Duration::from_millis(700));
        for client in &mut clients {
            // Who was refused takes no body.
            let _ = client.try_send("hello");
        }
        for client in &mut clients {
            client.recv_message();
        }
        let coarse = |timer: &str| match timer.parse() {
            Ok(500..) => "T".to_owned(),
            Ok(0..) => "0".to_owned(),
            _ => timer.to_owned(),
        };
        for _ in rows {
            let line = log.next();
            let (_, said) = line.trim_end().split_once("]: case").unwrap_or_else(|| panic!("{line}"));
            let words: Vec<&str> = said.split(' ').collect();
            let (rules, wanted) = rows[words[0].parse::<usize>().unwrap()];
            let timers: Vec<String> = words[1].split('/').map(coarse).collect();
            assert_eq!(format!("{} {}", timers.join("/"), words[2]), wanted, "{rules}");
        }
        served.finish();
    });
}

/// What answers in the place of a server stays the last rule; one that only refuses does not.
#[test]
fn the_rule_that_answers_stays_the_last_one() {
    let rows = [
        ("http-request return status 200", "http-request return"),
        ("http-request redirect location /x", "http-request redirect"),
        ("http-response return status 404", "http-response return"),
        ("http-request deny", "http-after-response allow"),
        ("http-response deny", "http-after-response allow"),
        ("http-request allow", "http-after-response allow"),
    ];
    compat(|t| {
        let served = t.origin("srv").answer_all(ANSWER);
        let log = t.sink("log");
        table(&rows, |rule| {
            let format = "log {log} local0\nlog-format \"%ST %[last_rule_line]\"";
            let lines = format!("{format}\n{rule}\nhttp-after-response allow");
            let text = Proxy::http().frontend(&lines).text();
            let mut proxy = t.start(&text);
            proxy.client("fe").send(GET).recv_message();
            let line = log.next();
            let last: usize = line.trim_end().rsplit(' ').next().unwrap().parse().unwrap();
            let words: Vec<&str> = text.lines().nth(last - 1).unwrap().split_whitespace().take(2).collect();
            words.join(" ")
        });
        served.finish();
    });
}

#[test]
fn who_asks_with_head_gets_no_body_whatever_rules_make_of_it() {
    let rows = [
        ("", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-origin: one, two\r\n\r\n"),
        (
            "http-request return status 200 content-type text/plain string hi",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: text/plain\r\n\r\n",
        ),
    ];
    compat(|t| {
        let served = t.origin("srv").answer_all(ANSWER);
        table(&rows, |rule| {
            let rules = format!("http-request set-method GET\n{rule}");
            let mut proxy = t.start(&Proxy::http().frontend(&rules).text());
            let mut client = proxy.client("fe");
            let mut ask = || client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n").recv_head().text();
            let first = ask();
            assert_eq!(first, ask(), "a body would stand before the second answer");
            first
        });
        served.finish();
    });
}

/// Rules that wait for nothing but time end when the client has left.
#[test]
fn nobody_waits_for_who_has_left() {
    let rows = [
        ("http-response pause 30s", "GET /", 200, "200 --"),
        ("http-response wait-for-body time 30s", "GET /half", 200, "200 CD"),
        ("http-request pause 30s", "POST /", 0, "400 CR"),
    ];
    compat(|t| {
        let served = t.origin("srv").serve(|far, _| {
            let half = far.recv_head().start_line().contains("/half");
            far.send(if half { "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello" } else { ANSWER });
            far.recv_to_close();
        });
        let log = t.sink("log");
        let log_format = "log {log} local0\nlog-format \"%ST %ts\"";
        for (rule, request, status, wanted) in rows {
            let mut proxy = t.start(&Proxy::http().frontend(log_format).frontend(rule).text());
            let mut client = proxy.client("fe");
            let framing = if request.starts_with("POST") { "Content-Length: 5\r\n\r\nh" } else { "\r\n" };
            client.send(format!("{request} HTTP/1.1\r\nHost: h\r\n{framing}"));
            std::thread::sleep(Duration::from_millis(300));
            client.shutdown_write();
            let answer = String::from_utf8_lossy(&client.recv_to_close()).into_owned();
            assert_eq!(
                answer.split(' ').nth(1).map_or(0, |code| code.parse().unwrap()),
                status,
                "{rule}: {answer}"
            );
            let line = log.next();
            assert!(line.trim_end().ends_with(wanted), "{rule}: {line}");
        }
        served.finish();
    });
}

#[test]
fn contents_are_waited_for() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(
            &Proxy::tcp()
                .frontend(
                    "tcp-request inspect-delay 3s\ntcp-request content reject if { req.len gt 20 }\n\
                     tcp-request content accept if { req.payload(0,3) -m str GET }\ntcp-request content reject",
                )
                .text(),
        );
        let mut client = proxy.client("fe");
        client.send("G").pause(Duration::from_millis(250)).send("ET");
        client.shutdown_write();
        server.accept().expect("GET");
        client.close();
        for refused in ["POST", "GET 01234567890123456789"] {
            proxy.client("fe").send(refused).expect_closed();
        }
        server.expect_nobody(Duration::from_millis(100));
    });
}

#[test]
fn sessions_are_refused_before_their_first_byte() {
    compat(|t| {
        let _server = t.origin("srv");
        let rule = "tcp-request session reject if { src 127.0.0.1 }";
        let mut proxy = t.start(&Proxy::http().frontend(rule).text());
        proxy.client("fe").expect_closed();
    });
}

#[test]
fn a_password_that_takes_long_holds_up_nobody_else() {
    compat(|t| {
        let _server = t.origin("srv");
        let mut proxy = t.start(
            &Proxy::http()
                .sections(
                    "userlist u\n user slow password $6$rounds=300000$saltsalt$x\n user quick password \
                     $5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5\n",
                )
                .frontend(
                    "http-request return status 200 if { path /free }\n\
                     http-request return status 401 hdr x <%[http_auth(u)]> if { path /action }\nhttp-request auth unless { http_auth(u) }\n\
                     http-request set-header x %[http_auth_group(u)]\nhttp-request return status 200 hdr x %[req.hdr(x)]",
                )
                .text(),
        );
        let ask = |path: &str, login: &str| {
            format!("GET {path} HTTP/1.1\r\nHost: h\r\nAuthorization: Basic {login}\r\n\r\n")
        };
        let mut waits = proxy.client("fe");
        // A condition asks, and an action.
        for path in ["/", "/action"] {
            waits.send(ask(path, "c2xvdzpw"));
            let mut others: Vec<_> = (0..8).map(|_| proxy.client("fe")).collect();
            for other in &mut others {
                assert_eq!(other.send(ask("/free", "c2xvdzpw")).recv_message().head.status(), 200);
            }
            if t.differs("Weir hashes beside its event loops, the reference on them") {
                waits.expect_silence(Duration::from_millis(1));
            }
            assert_eq!(waits.recv_message().head.status(), 401);
        }
        // The same connection asks again, with a password that is right ("Hello world!").
        let head = waits.send(ask("/", "cXVpY2s6SGVsbG8gd29ybGQh")).recv_message().head;
        assert_eq!((head.status(), head.header("x")), (200, Some("quick".to_owned())));
    });
}

/// Who left while a rule waited is served on, and the line says which rule that was.
#[test]
fn the_rule_that_waited_is_named_when_its_client_leaves() {
    compat(|t| {
        let log = t.sink("log");
        let mut proxy = t.start(
            "
            global
                log {log} local0
            defaults
                mode http
                log global
                timeout connect 5s
                timeout client 5s
                timeout server 5s
                log-format \"%HU %ST %tsc %[waiting_entity,field(-1,:)] %[last_entity,field(-1,:)]\"
            frontend fe
                bind {fe}
                http-request wait-for-body time 10s if { path /body }
                http-request deny if { path /deny }
                http-request return status 200
            ",
        );
        let said = |request: &str, proxy: &mut Running| {
            let mut client = proxy.client("fe");
            client.send(request);
            // The reference does not begin to wait where the end has come with the request.
            std::thread::sleep(std::time::Duration::from_millis(100));
            client.shutdown_write();
            let line = log.next();
            line.rsplit("]: ").next().unwrap().trim_end().to_owned()
        };
        let body = "POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc";
        assert_eq!(said(body, &mut proxy), "/body 200 LR-- 13 15");
        let deny = "GET /deny HTTP/1.1\r\nHost: h\r\n\r\n";
        assert_eq!(said(deny, &mut proxy), "/deny 403 PR-- - 14");
    });
}
