//! Health checks: what they send, what they judge, who gets traffic then, and what is told of it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use weir_compat::compat;
use weir_testkit::h2::{Frame, H2Peer};
use weir_testkit::{Authority, Origin, Running, Wanted, mask};

const HTTP: &str = "
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
";

/// A server that answers what it is told to, and remembers what it was asked.
struct Switch {
    answer: Arc<Mutex<String>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Switch {
    fn on(origin: Origin, answer: &str) -> Switch {
        let answer = Arc::new(Mutex::new(answer.to_owned()));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (now, seen) = (answer.clone(), asked.clone());
        let serving = origin.serve(move |peer, _| {
            let head = peer.recv_head();
            seen.lock().unwrap().push(head.text());
            let answer = now.lock().unwrap().clone();
            // On a busy machine the check may have given up already; another follows.
            let _ = peer.try_send(answer);
            peer.close();
        });
        // The server runs until the test ends.
        std::mem::forget(serving);
        Switch { answer, asked }
    }

    fn set(&self, answer: &str) {
        answer.clone_into(&mut self.answer.lock().unwrap());
    }

    fn first(&self) -> String {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(head) = self.asked.lock().unwrap().first() {
                return head.clone();
            }
            assert!(Instant::now() < end, "no check came");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn status(proxy: &mut Running) -> u16 {
    let mut client = proxy.client("fe");
    client.send("GET / HTTP/1.0\r\n\r\n");
    client.recv_head().status()
}

/// Fields of the server `s` of a proxy in `show stat`.
fn shown(proxy: &Running, name: &str, fields: &[&str]) -> Vec<String> {
    let table = proxy.admin(&format!("show stat {name} 4 -1 typed"));
    let value = |field: &&str| {
        let line = table
            .lines()
            .find(|line| line.split('.').nth(4).is_some_and(|f| f.split(':').next() == Some(field)));
        line.and_then(|line| line.splitn(4, ':').nth(3)).unwrap_or_default().to_owned()
    };
    fields.iter().map(value).collect()
}

/// The lines about servers on standard error, times masked.
fn told(proxy: &Running, until: &str) -> Vec<String> {
    let text = proxy.stderr_until(until);
    let about = |l: &&str| {
        l.contains("erver ") && l.contains(" is ") || l.contains("available!") || l.contains("Health check")
    };
    let lines = text.lines().filter(about);
    lines
        .map(|l| {
            let l = l.split_once(") : ").map_or(l, |(_, text)| text);
            match l.split_once("check duration: ") {
                Some((head, tail)) => {
                    format!(
                        "{head}check duration: T{}",
                        tail.trim_start_matches(|c: char| c.is_ascii_digit())
                    )
                }
                None => l.to_owned(),
            }
        })
        .collect()
}

#[test]
fn a_server_that_refuses_connections_goes_down_and_503_is_answered() {
    compat(|t| {
        let mut proxy = t.start(&format!(
            "{HTTP}\nfrontend fe\n bind {{fe}}\n default_backend be\nbackend be\n server s1 {{dead}} check inter 200\n"
        ));
        assert_eq!(
            told(&proxy, "available!"),
            [
                "Server be/s1 is DOWN, reason: Layer4 connection problem, info: \"ECONNREFUSED returned by OS \
                 (Connection refused)\", check duration: Tms. 0 active and 0 backup servers left. 0 sessions \
                 active, 0 requeued, 0 remaining in queue.",
                "backend 'be' has no server available!",
            ]
        );
        assert_eq!(status(&mut proxy), 503);
    });
}

#[test]
fn the_request_of_a_check_is_what_the_lines_say() {
    let cases = [
        ("option httpchk", "OPTIONS / HTTP/1.0\r\n\r\n"),
        ("option httpchk /live", "OPTIONS /live HTTP/1.0\r\n\r\n"),
        ("option httpchk HEAD", "OPTIONS HEAD HTTP/1.0\r\n\r\n"),
        ("option httpchk GET /live", "GET /live HTTP/1.0\r\n\r\n"),
        (
            "option httpchk GET /live HTTP/1.1 www",
            "GET /live HTTP/1.1\r\nhost: www\r\nconnection: close\r\n\r\n",
        ),
        (
            "option httpchk GET /live HTTP/1.1 www\n http-check send hdr X y",
            "GET /live HTTP/1.1\r\nx: y\r\nconnection: close\r\n\r\n",
        ),
        (
            "option httpchk\n http-check send meth POST uri /p ver HTTP/1.1 hdr Foo bar hdr Host baz body abc",
            "POST /p HTTP/1.1\r\nfoo: bar\r\nhost: baz\r\ncontent-length: 3\r\nconnection: close\r\n\r\n",
        ),
        ("option httpchk\n http-check send ver HTTP/2.0", "OPTIONS / HTTP/1.1\r\nconnection: close\r\n\r\n"),
        (
            "option httpchk\n http-check send ver HTTP/1.1 hdr Connection keep-alive",
            "OPTIONS / HTTP/1.1\r\n\r\n",
        ),
        ("option httpchk\n http-check send meth POST", "POST / HTTP/1.0\r\ncontent-length: 0\r\n\r\n"),
    ];
    compat(|t| {
        let mut config = HTTP.to_owned();
        let mut servers = Vec::new();
        for (n, (lines, _)) in cases.iter().enumerate() {
            servers.push(Switch::on(t.origin(&format!("srv{n}")), "HTTP/1.0 200 OK\r\n\r\n"));
            config += &format!("backend b{n}\n {lines}\n server s {{srv{n}}} check inter 1s\n");
        }
        let _proxy = t.start(&format!("{config}listen fe\n bind {{fe}}\n"));
        for (server, (lines, wanted)) in servers.iter().zip(cases) {
            assert_eq!(server.first(), wanted, "{lines}");
        }
    });
}

#[test]
fn send_state_tells_the_server_its_state() {
    compat(|t| {
        let server = Switch::on(t.origin("srv"), "HTTP/1.0 200 OK\r\n\r\n");
        let _proxy = t.start(&format!(
            "global\n node n1\n{HTTP}\nlisten fe\n bind {{fe}}\n option httpchk\n http-check send-state\n server s {{srv}} check inter 200 weight 7\n"
        ));
        let head = mask::ports(&server.first());
        assert!(
            head.starts_with(
                "OPTIONS / HTTP/1.0\r\nx-haproxy-server-state: UP -1/3; address=127.0.0.1; port="
            ),
            "{head}"
        );
        assert!(head.ends_with("; name=fe/s; node=n1; weight=7/7; scur=0/0; qcur=0\r\n\r\n"), "{head}");
    });
}

#[test]
fn answers_are_judged_as_expected_and_the_reason_is_told() {
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    let cases = [
        ("", "HTTP/1.1 404 Not Found\r\n\r\n", "Layer7 wrong status, code: 404, info: \"Not Found\""),
        (
            "",
            "HTTP/1.1 503\r\n\r\n",
            "Layer7 wrong status, code: 503, info: \"TCPCHK did not match content(status codes) at step 2\"",
        ),
        ("", "garbage\r\n\r\n", "Socket error"),
        ("", "", "Socket error"),
        ("http-check expect status 404", ok, "Layer7 wrong status, code: 200, info: \"OK\""),
        ("http-check expect ! rstatus ^2", ok, "Layer7 wrong status, code: 200, info: \"OK\""),
        (
            "http-check expect string foo",
            ok,
            "Layer7 invalid response, info: \"HTTP content check did not match\"",
        ),
        (
            "http-check expect ! string hel",
            ok,
            "Layer7 invalid response, info: \"HTTP check matched unwanted content\"",
        ),
        (
            "http-check expect rstring f.o",
            ok,
            "Layer7 invalid response, info: \"HTTP content check did not match\"",
        ),
        (
            "http-check expect string x",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            "Layer7 invalid response, info: \"HTTP content check could not find a response body\"",
        ),
    ];
    for (line, answer, reason) in cases {
        compat(|t| {
            let _server = Switch::on(t.origin("srv"), answer);
            let proxy = t.start(&format!(
                "{HTTP}\nfrontend fe\n bind {{fe}}\nbackend be\n option httpchk\n {line}\n server s {{srv}} check inter 200\n"
            ));
            let lines = told(&proxy, "available!");
            let wanted = format!("Server be/s is DOWN, reason: {reason}, check duration: Tms. 0 active");
            assert!(lines.iter().any(|l| l.starts_with(&wanted)), "{line}: {lines:?} lacks {wanted}");
        });
    }
}

/// A check over HTTP/2, and what it meets.
struct Exchange {
    lines: &'static str,
    words: &'static str,
    /// Pseudo-headers and headers in their order, then the body.
    asked: &'static str,
    answer: Vec<Frame>,
    /// The server closes when it has said this.
    closes: bool,
    /// Status, code and text in `show stat`.
    found: &'static str,
}

fn exchanges() -> Vec<Exchange> {
    let get = "http-check send meth GET uri /p?q hdr Host foo hdr X-A b\n";
    let post = "http-check send meth POST uri / body hello\nhttp-check expect string hello\n";
    let (options, posted) = (
        ":method: OPTIONS, :scheme: https, :path: /",
        ":method: POST, :scheme: https, :path: /, content-length: 5; hello",
    );
    let got = ":method: GET, :scheme: https, :path: /p?q, host: foo, x-a: b";
    let head = |status, end| Frame::headers(1, &[(":status", status), ("x-b", "yes")], end);
    let case = |lines, words, asked, answer: &[Frame], closes, found| Exchange {
        lines,
        words,
        asked,
        answer: answer.to_vec(),
        closes,
        found,
    };
    let reset = |code: u32| Frame::new("RST_STREAM", 0, 1, code.to_be_bytes());
    let (h2, hel) = ("check-proto h2", || Frame::data(1, "hel", false));
    let wrong = "L7STS 503 TCPCHK did not match content(status codes) at step 2";
    let no_match = "L7RSP  HTTP content check did not match";
    let no_body = "L7RSP  HTTP content check could not find a response body";
    let connect = concat!(
        "http-check connect proto h2\n",
        "http-check send meth GET uri /p?q hdr Host foo hdr X-A b\n",
        "http-check expect hdr name x-b value yes\n",
    );
    vec![
        case("", h2, options, &[head("200", true)], false, "L7OK 200 "),
        case("", "proto h2", options, &[head("200", true)], false, "L7OK 200 "),
        case(get, h2, got, &[head("503", true)], false, wrong),
        case(connect, "", got, &[head("200", false), hel()], false, "L7OK 200 "),
        case(post, h2, posted, &[head("200", false), hel(), Frame::data(1, "lo", true)], false, "L7OK 200 "),
        case(post, h2, posted, &[head("200", false), hel(), reset(8)], false, no_match),
        case(post, h2, posted, &[head("200", false), hel()], true, no_match),
        case(post, h2, posted, &[head("200", true)], false, no_body),
        case(post, h2, posted, &[head("100", false), head("200", true)], false, no_body),
        case(
            post,
            h2,
            posted,
            &[head("100", false), head("200", false), Frame::data(1, "hello", true)],
            false,
            "L7OK 100 ",
        ),
        case("", h2, options, &[head("abc", true)], false, "SOCKERR  "),
        case("", h2, options, &[reset(7)], false, "SOCKERR  "),
        case("", h2, options, &[Frame::new("GOAWAY", 0, 0, [0; 8])], true, "SOCKERR  "),
        case("", h2, options, &[Frame::data(3, "x", true)], false, "SOCKERR  "),
        case("timeout check 1s\n", h2, options, &[Frame::new("GOAWAY", 0, 0, [0; 8])], false, "L7TOUT  "),
        case("http-check disable-on-404\n", h2, options, &[head("404", true)], false, "L7OKC 404 "),
    ]
}

#[test]
fn checks_over_http2_ask_on_one_stream_and_judge_what_comes_on_it() {
    compat(|t| {
        let mut config = format!(
            "global\n stats socket {{dir}}/admin.sock level admin\n max-spread-checks 500\n{HTTP}\n timeout check 8s\n\
             frontend fe\n bind {{fe}}\n"
        );
        let cases = exchanges();
        let origins: Vec<Origin> = (0..cases.len()).map(|n| t.origin(&format!("srv{n}"))).collect();
        for (n, case) in cases.iter().enumerate() {
            let (lines, words) = (case.lines.replace('\n', "\n "), case.words);
            config += &format!(
                "backend b{n}\n option httpchk\n {lines}\n server s {{srv{n}}} check inter 60s rise 1 fall 1 {words}\n"
            );
        }
        let proxy = t.start(&config);
        let mut open = Vec::new();
        for (origin, case) in origins.iter().zip(&cases) {
            let mut peer = H2Peer::server(origin.accept(), &[]);
            assert_eq!(asked(&mut peer), case.asked);
            // The check ends as soon as it knows enough.
            let answer = case.answer.iter().flat_map(Frame::bytes).collect::<Vec<u8>>();
            let _ = peer.peer().try_send(answer);
            if case.closes {
                peer.peer().shutdown_write();
            }
            open.push(peer);
        }
        for (n, case) in cases.iter().enumerate() {
            let fields = ["check_status", "check_code", "last_chk"];
            found(&proxy, &format!("b{n}"), &fields, case.found);
        }
    });
}

#[test]
fn what_is_agreed_on_by_alpn_or_said_decides_in_what_checks_speak() {
    let cases = [
        ("", "check-ssl check-alpn h2", "2.0"),
        ("", "ssl alpn h2", "2.0"),
        ("", "ssl alpn h2,http/1.1", "2.0"),
        ("", "ssl alpn h2 check-alpn http/1.1", "1.1"),
        ("", "ssl alpn http/1.1 check-proto h2", "2.0"),
        ("", "check-ssl check-proto h2", "2.0"),
        ("", "check-ssl", "1.1"),
        ("connect ssl alpn h2", "", "2.0"),
        ("connect ssl proto h2", "", "2.0"),
        ("connect ssl", "ssl alpn h2", "2.0"),
        ("connect ssl", "", "1.1"),
        // Where it is agreed on, the step has no say.
        ("connect ssl alpn h2 proto h1", "", "2.0"),
        ("connect ssl alpn http/1.1 proto h2", "", "1.1"),
        ("connect default proto h1", "ssl alpn h2 check-proto h2", "2.0"),
        ("connect default proto h1", "check-ssl check-proto h2", "1.1"),
    ];
    compat(|t| {
        let authority = Authority::new(&t.scratch("authority"));
        t.file("server.pem", authority.issue(Wanted::good("server")));
        let mut config = format!(
            "global\n stats socket {{dir}}/admin.sock level admin\n{HTTP}\nfrontend fe\n bind {{fe}} ssl crt \
             {{dir}}/server.pem alpn h2,http/1.1\n http-request return status 200 content-type text/plain lf-string %HV\n"
        );
        for (n, (connect, words, _)) in cases.iter().enumerate() {
            let connect = connect.replace("connect", "http-check connect");
            config += &format!(
                "backend b{n}\n option httpchk\n {connect}\n http-check send meth GET uri / ver HTTP/1.1 hdr host foo\n \
                 http-check expect string HTTP on-success %[res.body]\n \
                 server s {{fe}} check inter 1s verify none {words}\n"
            );
        }
        let proxy = t.start(&config);
        for (n, (.., version)) in cases.iter().enumerate() {
            let wanted = format!("L7OK HTTP/{version}");
            found(&proxy, &format!("b{n}"), &["check_status", "last_chk"], &wanted);
        }
    });
}

/// The request of the first stream: its lines, and its body after a semicolon.
fn asked(peer: &mut H2Peer) -> String {
    let mut frame = peer.recv_of("HEADERS");
    let lines = peer.lines(&frame).unwrap().unwrap();
    let lines: Vec<String> = lines.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let mut text = lines.join(", ");
    while !frame.ends() {
        frame = peer.recv_of("DATA");
        text += &format!("; {}", String::from_utf8_lossy(&frame.payload));
    }
    text
}

/// Waits until these fields of a server are as wanted.
#[track_caller]
fn found(proxy: &Running, name: &str, fields: &[&str], wanted: &str) {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let got = shown(proxy, name, fields).join(" ");
        if got == wanted {
            return;
        }
        assert!(Instant::now() < end, "{name}: {got:?} is not {wanted:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn rise_and_fall_are_counted_and_told_check_by_check() {
    compat(|t| {
        let server = Switch::on(t.origin("srv"), "HTTP/1.0 200 OK\r\n\r\n");
        let proxy = t.start(&format!(
            "{HTTP}\nfrontend fe\n bind {{fe}}\nbackend be\n option httpchk\n option log-health-checks\n server s {{srv}} check inter 100 rise 2 fall 2\n"
        ));
        proxy.stderr_until("status: 2/2 UP");
        server.set("HTTP/1.0 500 No\r\n\r\n");
        proxy.stderr_until("available!");
        server.set("HTTP/1.0 200 OK\r\n\r\n");
        assert_eq!(
            told(&proxy, "is UP"),
            [
                "Health check for server be/s succeeded, reason: Layer7 check passed, code: 200, check duration: Tms, status: 1/2 DOWN.",
                "Health check for server be/s succeeded, reason: Layer7 check passed, code: 200, check duration: Tms, status: 2/2 UP.",
                "Health check for server be/s failed, reason: Layer7 wrong status, code: 500, info: \"No\", check duration: Tms, status: 1/2 UP.",
                "Health check for server be/s failed, reason: Layer7 wrong status, code: 500, info: \"No\", check duration: Tms, status: 0/2 DOWN.",
                "Server be/s is DOWN. 0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.",
                "backend 'be' has no server available!",
                "Health check for server be/s succeeded, reason: Layer7 check passed, code: 200, check duration: Tms, status: 1/2 DOWN.",
                "Health check for server be/s succeeded, reason: Layer7 check passed, code: 200, check duration: Tms, status: 2/2 UP.",
                "Server be/s is UP. 1 active and 0 backup servers online. 0 sessions requeued, 0 total in queue.",
            ]
        );
    });
}

#[test]
fn a_backup_takes_over_and_gives_back_and_a_tracking_server_follows() {
    compat(|t| {
        let health = Switch::on(t.origin("health"), "HTTP/1.0 200 OK\r\n\r\n");
        let _one = t.origin("one").answer_all("HTTP/1.0 201 A\r\nContent-Length: 0\r\n\r\n");
        let _two = t.origin("two").answer_all("HTTP/1.0 202 B\r\nContent-Length: 0\r\n\r\n");
        let mut proxy = t.start(&format!(
            "{HTTP}
            frontend fe
                bind {{fe}}
                default_backend be
            backend hc
                option httpchk
                server h {{health}} check inter 100 rise 1 fall 1
            backend be
                server s1 {{one}} track hc/h
                server s2 {{two}} backup
            "
        ));
        assert_eq!(status(&mut proxy), 201);
        health.set("HTTP/1.0 500 No\r\n\r\n");
        proxy.stderr_until("s1 is DOWN via hc/h. 0 active and 1 backup servers left. Running on backup.");
        assert_eq!(status(&mut proxy), 202);
        health.set("HTTP/1.0 200 OK\r\n\r\n");
        proxy.stderr_until("s1 is UP via hc/h. 1 active and 1 backup servers online.");
        assert_eq!(status(&mut proxy), 201);
    });
}

#[test]
fn disable_on_404_takes_a_server_out_without_a_failure() {
    compat(|t| {
        let server = Switch::on(t.origin("srv"), "HTTP/1.0 200 OK\r\n\r\n");
        let proxy = t.start(&format!(
            "{HTTP}\nfrontend fe\n bind {{fe}}\nbackend be\n option httpchk\n http-check disable-on-404\n server s {{srv}} check inter 100\n"
        ));
        server.first();
        std::thread::sleep(Duration::from_millis(400));
        server.set("HTTP/1.0 404 Gone\r\n\r\n");
        assert_eq!(
            told(&proxy, "available!"),
            [
                "Server be/s is stopping, reason: Layer7 check conditionally passed, code: 404, check duration: Tms. 0 active and 0 backup servers online. 0 sessions requeued, 0 total in queue.",
                "backend 'be' has no server available!",
            ]
        );
        server.set("HTTP/1.0 200 OK\r\n\r\n");
        proxy.stderr_until("Server be/s is UP, reason: Layer7 check passed, code: 200");
    });
}

#[test]
fn a_check_goes_to_its_own_address_and_may_begin_with_a_proxy_header() {
    compat(|t| {
        let aside = t.origin("aside");
        let own = t.origin("own");
        let _proxy = t.start(&format!(
            "{HTTP}\n timeout check 10s\nlisten fe\n bind {{fe}}\n option httpchk\n server a {{dead}} send-proxy check inter 200 port {{aside.port}}\n server b {{own}} send-proxy check inter 200\n"
        ));
        aside.accept().expect("OPTIONS / HTTP/1.0\r\n\r\n");
        // The check waits: a connection that it had given up would not tell where it came from.
        let mut far = own.accept();
        let line =
            format!("PROXY TCP4 127.0.0.1 127.0.0.1 {} {}\r\n", far.remote().port(), own.address().port());
        far.expect(line).expect("OPTIONS / HTTP/1.0\r\n\r\n");
    });
}

#[test]
fn silence_is_a_timeout_and_the_next_check_comes_an_interval_later() {
    compat(|t| {
        let asked = Arc::new(AtomicUsize::new(0));
        let over = Arc::new(AtomicBool::new(false));
        let (count, end) = (asked.clone(), over.clone());
        let serving = t.origin("srv").serve(move |peer, _| {
            peer.recv_head();
            count.fetch_add(1, Relaxed);
            while !end.load(Relaxed) {
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        let proxy = t.start(&format!(
            "{HTTP}\n timeout check 200ms\nfrontend fe\n bind {{fe}}\nbackend be\n option httpchk\n server s {{srv}} check inter 300\n"
        ));
        let lines = told(&proxy, "available!");
        assert!(
            lines
                .iter()
                .any(|l| l.starts_with("Server be/s is DOWN, reason: Layer7 timeout, check duration: Tms.")),
            "{lines:?}"
        );
        over.store(true, Relaxed);
        assert!(asked.load(Relaxed) >= 1);
        std::mem::forget(serving);
    });
}

#[test]
fn observed_errors_mark_a_server_down() {
    compat(|t| {
        let _bad = t.origin("bad").answer_all("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n");
        let mut proxy = t.start(&format!(
            "{HTTP}\nfrontend fe\n bind {{fe}}\n default_backend be\nbackend be\n server s {{bad}} check inter 20s observe layer7 error-limit 2 on-error mark-down\n"
        ));
        assert_eq!((status(&mut proxy), status(&mut proxy)), (500, 500));
        assert_eq!(status(&mut proxy), 503);
        let lines = told(&proxy, "available!");
        assert!(lines.iter().any(|l| l.starts_with("Server be/s is DOWN, reason: Health analyze, info: \"Detected 2 consecutive errors, last one was: Wrong http response\". 0 active and 0 backup servers left.")), "{lines:?}");
    });
}

#[test]
fn changes_of_state_are_logged_with_their_levels() {
    compat(|t| {
        let server = Switch::on(t.origin("srv"), "HTTP/1.0 500 No\r\n\r\n");
        let log = t.sink("log");
        let _proxy = t.start(&format!(
            "{HTTP}\nfrontend fe\n bind {{fe}}\nbackend be\n log {{log}} local0\n option httpchk\n server s {{srv}} check inter 100 rise 1\n"
        ));
        assert!(log.next().starts_with("<129>"));
        let nobody = log.next();
        assert!(
            nobody.starts_with("<128>")
                && nobody.trim_end().ends_with(": backend be has no server available!"),
            "{nobody}"
        );
        server.set("HTTP/1.0 200 OK\r\n\r\n");
        assert!(log.next().starts_with("<133>"));
    });
}

/// The header before a check says `LOCAL`, or names its own ends under `pp2-never-send-local`.
#[test]
fn checks_speak_for_themselves_in_a_proxy_header() {
    compat(|t| {
        for (global, command, length) in [("", 0x20, 0), ("pp2-never-send-local", 0x21, 12)] {
            let server = t.origin("srv");
            let _proxy = t.start(&format!(
                "global
                    {global}
                defaults
                    mode tcp
                    timeout connect 5s
                    timeout client 5s
                    timeout server 5s
                listen fe
                    bind {{fe}}
                    server s {{srv}} check inter 100ms send-proxy-v2
            "
            ));
            let head = server.accept().recv_exactly(16);
            assert_eq!(head[..12], *b"\r\n\r\n\0\r\nQUIT\n", "{global}");
            assert_eq!((head[12], head[15]), (command, length), "{global}");
        }
    });
}

#[test]
fn errors_of_traffic_are_told_and_counted() {
    const CLOSE: &str = "\r\n\r\n";
    // What the server says and then closes, `observe`, `on-error`; then the fields of `show stat`.
    let rows = [
        ("HTTP/1.1 500 X", "layer7", "mark-down", "DOWN 1 1 HANA 0", "Wrong http response"),
        ("HTTP/1.1 500 X", "layer7", "fail-check", "UP 2/3 1 1 HANA 3", "Wrong http response"),
        ("HTTP/1.1 500 X", "layer7", "sudden-death", "UP 1/3 1 1 HANA 2", "Wrong http response"),
        ("HTTP/1.1 500 X", "layer7", "fastinter", "UP 1 0 L4OK 4", ""),
        ("HTTP/1.1 500 X", "layer4", "mark-down", "UP 0 0 L4OK 4", ""),
        ("HTTP/1.1 501 X", "layer7", "mark-down", "UP 0 0 L4OK 4", ""),
        ("", "layer7", "mark-down", "DOWN 1 1 HANA 0", "Read error (http)"),
        ("junk", "layer7", "mark-down", "DOWN 1 1 HANA 0", "Invalid http response (headers)"),
        ("dead", "layer7", "mark-down", "DOWN 1 1 HANA 0", "L4 unsuccessful connection"),
        ("dead", "layer4", "mark-down", "DOWN 1 1 HANA 0", "L4 unsuccessful connection"),
    ];
    compat(|t| {
        let health = t.origin("health").answer_all("");
        let mut text =
            format!("global\n stats socket {{dir}}/admin.sock level admin\n max-spread-checks 50\n{HTTP}");
        let mut serving = Vec::new();
        for (number, (says, observe, on_error, ..)) in rows.iter().enumerate() {
            let answer = format!("{says}{CLOSE}");
            let own = format!("srv{number}");
            let silent = says.is_empty();
            serving.push(t.origin(&own).serve(move |peer, _| {
                peer.recv_head();
                if !silent {
                    let _ = peer.try_send(&answer);
                }
                peer.close();
            }));
            let at = if *says == "dead" { format!("dead{number}") } else { own };
            text += &format!(
                "listen f{number}\n bind {{f{number}}}\n retries 0\n server s {{{at}}} check inter 1h fastinter 1h init-state fully-up \
                 addr 127.0.0.1 port {{health.port}} observe {observe} error-limit 1 on-error {on_error}\n"
            );
        }
        let mut proxy = t.start(&text);
        for (number, (says, observe, on_error, fields, last)) in rows.iter().enumerate() {
            let name = format!("f{number}");
            let end = Instant::now() + Duration::from_secs(20);
            while shown(&proxy, &name, &["check_status"]) != ["L4OK"] && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(20));
            }
            let mut client = proxy.client(&name);
            client.send("GET / HTTP/1.0\r\n\r\n").recv_to_close();
            let seen = shown(
                &proxy,
                &name,
                &["status", "hanafail", "chkfail", "check_status", "check_health", "last_chk"],
            );
            let (fields_seen, told) = seen.split_at(5);
            let wanted = if last.is_empty() {
                String::new()
            } else {
                format!("Detected 1 consecutive errors, last one was: {last}")
            };
            assert_eq!(
                (fields_seen.join(" ").as_str(), told[0].as_str()),
                (*fields, wanted.as_str()),
                "{says} {observe} {on_error}"
            );
        }
        drop(health);
    });
}
