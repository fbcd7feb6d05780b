use proptest::prelude::*;

use super::*;
use crate::h1::{self, Outgoing};

const LIMITS: Limits = Limits {
    max_headers: 101,
    max_bytes: 16384,
    max_weight: 15320,
    lenient: false,
    payload_with_any_method: false,
};

/// What goes out for what came in, `~` standing for line ends; else the status of the fault.
fn passed(kind: Kind, input: &[u8], limits: &Limits) -> Result<String, u16> {
    let mut head = Head::default();
    match Parser::default().run(kind, input, &mut head, limits) {
        Parse::Complete { .. } => {
            h1::settle_te(&mut head);
            Ok(written(&head))
        }
        Parse::Partial => Err(0),
        Parse::Invalid(fault) => Err(if fault.silent { 1000 + fault.status } else { fault.status }),
    }
}

fn written(head: &Head) -> String {
    let mut out = Vec::new();
    h1::write_head(head, &Outgoing::default(), &mut out);
    String::from_utf8_lossy(&out).replace("\r\n", "~")
}

#[track_caller]
fn check(kind: Kind, limits: &Limits, cases: &[(&str, Result<&str, u16>)]) {
    for (input, wanted) in cases {
        let bytes = input.replace('~', "\r\n").into_bytes();
        let got = passed(kind, &bytes, limits);
        assert_eq!(got.as_deref().map_err(|e| *e), *wanted, "{input:?}");
    }
}

#[test]
fn request_lines() {
    let plain = Ok("GET / HTTP/1.1~~");
    check(
        Kind::Request,
        &LIMITS,
        &[
            ("GET / HTTP/1.1~~", plain),
            ("~~\nGET / HTTP/1.1\n\n", plain),
            ("GET  /\tHTTP/1.1~~", plain),
            ("GET / HTTP/1.2~~", plain),
            ("GET / HTTP/2.0~~", plain),
            ("GET / HTTP/0.9~~", Ok("GET / HTTP/0.9~~")),
            ("get / HTTP/1.0~~", Ok("get / HTTP/1.0~~")),
            ("GET /\"<>\\^`{|}%zz HTTP/1.1~~", Ok("GET /\"<>\\^`{|}%zz HTTP/1.1~~")),
            ("OPTIONS * HTTP/1.1~~", Ok("OPTIONS * HTTP/1.1~~")),
            ("\rGET / HTTP/1.1~~", Err(400)),
            ("GET /~", Err(400)),
            ("GET / HTTP/1.10~~", Err(400)),
            ("GET / HTTP/1.1 ~~", Err(400)),
            ("GET / HTTP/1.1\r~~", Err(400)),
            (" GET / HTTP/1.1~~", Err(400)),
            ("GET /a b HTTP/1.1~~", Err(400)),
            ("GET /a#b HTTP/1.1~~", Err(400)),
            ("GET /\x01 HTTP/1.1~~", Err(400)),
            ("GET /é HTTP/1.1~~", Err(400)),
            ("GET / RTSP/1.0~~", Err(400)),
            ("GET * HTTP/1.1~~", Err(400)),
            ("GET a HTTP/1.1~~", Err(400)),
            ("G@T / HTTP/1.1~~", Err(400)),
        ],
    );
}

#[test]
fn what_can_never_be_a_request_is_refused_before_its_end() {
    check(
        Kind::Request,
        &LIMITS,
        &[
            ("\x16\x03\x01", Err(400)),
            ("GET / junk", Err(400)),
            ("GET /\x01", Err(400)),
            ("GET / HTTP/1.1~A@", Err(400)),
            ("GET / HTTP/1.1~A~", Err(400)),
            ("GET / HTTP/1.1~ A", Err(400)),
            ("GET / HTTP/1.1~A: \0", Err(400)),
            ("GET / HTTP/1.1~Content-Length: x~A", Err(400)),
            ("junk junk", Err(0)),
            ("GET", Err(0)),
            ("GET / HTTP/1.1~A: b~", Err(0)),
            ("GET a HTTP/1.1~A", Err(0)),
        ],
    );
}

#[test]
fn header_lines() {
    let cases: &[(&str, Result<&str, u16>)] = &[
        ("A:", Ok("a: ")),
        ("A: \t v \t", Ok("a: v")),
        ("UPPER-Case: Value", Ok("upper-case: Value")),
        ("X: 1~x: 2~X: 3", Ok("x: 1~x: 2~x: 3")),
        ("A: b~ c", Ok("a: b   c")),
        ("A: b\n c", Ok("a: b  c")),
        ("A: b~ ~ c", Ok("a: b      c")),
        ("A:~ b", Ok("a: b")),
        ("A!#$%&'*+-.^_`|9: v", Ok("a!#$%&'*+-.^_`|9: v")),
        (": v", Err(400)),
        ("A : v", Err(400)),
        (" A: v", Err(400)),
        ("A", Err(400)),
        ("A b: v", Err(400)),
        ("A\"b: v", Err(400)),
        ("A: a\0b", Err(400)),
        ("A: b\rc", Err(400)),
        ("Connection: close, foo", Ok("connection: foo")),
        ("Connection: foo, close, bar", Ok("connection: foo,bar")),
        ("Connection: a , close,b", Ok("connection: a ,b")),
        ("Keep-Alive: 300~Connection: keep-alive", Ok("keep-alive: 300")),
        ("TE: gzip;q=0.5, trailers", Ok("te: trailers")),
        ("Upgrade: h2c, foo~Connection: upgrade", Ok("upgrade: foo~connection: upgrade")),
        ("Upgrade: websocket~Connection: upgrade", Err(400)),
        ("Host: a~Host: A", Ok("host: a")),
        ("Host: a~Host: b", Err(400)),
        ("Host: [::1]:80", Ok("host: [::1]:80")),
        ("Host: a:b", Ok("host: a:b")),
        ("Host: a b", Err(400)),
        ("Host: a/b", Err(400)),
        ("Host: u@a", Err(400)),
        ("Host: [::1", Err(400)),
        ("Host: [::1]x", Err(400)),
    ];
    for (lines, wanted) in cases {
        let input = format!("GET / HTTP/1.1~{lines}~~").replace('~', "\r\n");
        let got = passed(Kind::Request, input.as_bytes(), &LIMITS);
        let wanted = wanted.map(|w| format!("GET / HTTP/1.1~{w}~~"));
        assert_eq!(got, wanted, "{lines:?}");
    }
    for gone in
        ["Connection: upgrade", "Upgrade: foo", "TE: gzip", "Connection:", "Connection: close, keep-alive"]
    {
        let input = format!("GET / HTTP/1.1~{gone}~~").replace('~', "\r\n");
        assert_eq!(
            passed(Kind::Request, input.as_bytes(), &LIMITS).as_deref(),
            Ok("GET / HTTP/1.1~~"),
            "{gone}"
        );
    }
}

#[test]
fn lengths_and_codings() {
    let three = Ok("content-length: 3");
    let chunked = Ok("transfer-encoding: chunked");
    let cases: &[(&str, Result<&str, u16>)] = &[
        ("Content-Length: 3", three),
        ("Content-Length: 03", three),
        ("Content-Length: 3, 3", three),
        ("Content-Length: 3~Content-Length: 03", three),
        ("Content-Length: 3,4", Err(400)),
        ("Content-Length: 3~Content-Length: 4", Err(1400)),
        ("Content-Length: 0~Content-Length: 4", Err(400)),
        ("Content-Length: 3~A b: x", Err(1400)),
        ("Content-Length: +3", Err(400)),
        ("Content-Length: ", Err(400)),
        ("Content-Length: 3,", Err(400)),
        ("Content-Length: 18446744073709551616", Err(400)),
        ("Transfer-Encoding: Chunked", chunked),
        ("Transfer-Encoding:~ chunked", chunked),
        ("Content-Length: 3~Transfer-Encoding: chunked", chunked),
        ("Transfer-Encoding: chunked~Content-Length: 3", chunked),
        ("Content-Length: x~Transfer-Encoding: chunked", Err(400)),
        ("Transfer-Encoding: gzip", Err(400)),
        ("Transfer-Encoding: identity", Err(400)),
        ("Transfer-Encoding: gzip, chunked", Err(422)),
        ("Transfer-Encoding: gzip~Transfer-Encoding: chunked", Err(422)),
        ("Transfer-Encoding: chunked, chunked", Err(400)),
        ("Transfer-Encoding: chunked~Transfer-Encoding: chunked", Err(400)),
        ("Transfer-Encoding: chunked, gzip", Err(400)),
        ("Transfer-Encoding: , chunked", Err(400)),
        ("Transfer-Encoding: chunked;q=1", Err(400)),
        ("Transfer-Encoding: xchunked", Err(400)),
        ("Transfer-Encoding: \x0bchunked", Err(400)),
        ("Transfer-Encoding : chunked", Err(400)),
    ];
    for (lines, wanted) in cases {
        let input = format!("POST / HTTP/1.1~{lines}~~").replace('~', "\r\n");
        let got = passed(Kind::Request, input.as_bytes(), &LIMITS);
        assert_eq!(got, wanted.map(|w| format!("POST / HTTP/1.1~{w}~~")), "{lines:?}");
    }
    check(
        Kind::Request,
        &LIMITS,
        &[
            ("GET / HTTP/1.0~Content-Length: 3~~", Err(1413)),
            ("GET / HTTP/1.0~Transfer-Encoding: chunked~~", Err(413)),
            ("PUT / HTTP/1.0~Content-Length: 3~~", Ok("PUT / HTTP/1.0~content-length: 3~~")),
        ],
    );
}

/// The start line up to the target and the host, as they are passed on; or the status of the refusal.
type Passed = Result<(&'static str, &'static str), u16>;

#[test]
fn targets_and_hosts() {
    let cases: &[(&str, &str, Passed)] = &[
        ("GET http://a/x", "a", Ok(("GET http://a/x", "a"))),
        ("GET http://a", "a", Ok(("GET http://a/", "a"))),
        ("GET http://a?x", "a", Ok(("GET http://a?x", "a"))),
        ("GET http://a:80/x", "a:80", Ok(("GET http://a/x", "a"))),
        ("GET http://a/x", "a:80", Ok(("GET http://a/x", "a:80"))),
        ("GET http://A:80/x", "a:80", Ok(("GET http://A/x", "A"))),
        ("GET http://u@a:80/x", "a:80", Ok(("GET http://u@a/x", "a"))),
        ("GET https://a:80/x", "a:80", Ok(("GET https://a:80/x", "a:80"))),
        ("GET http://a:/x", "a", Ok(("GET http://a/x", "a"))),
        ("GET http://[::1]/", "[::1]", Ok(("GET http://[::1]/", "[::1]"))),
        ("GET ftp://a/x", "a", Ok(("GET ftp://a/x", "a"))),
        ("OPTIONS http://a", "a", Ok(("OPTIONS http://a", "a"))),
        ("GET http://a/x", "b", Err(400)),
        ("GET http://a:8080/x", "a", Err(400)),
        ("GET http:///x", "a", Err(400)),
        ("GET http:/a/x", "a", Err(400)),
        ("GET 1a://a/", "a", Err(400)),
        ("CONNECT a:443", "a:443", Ok(("CONNECT a:443", "a"))),
        ("CONNECT a:443", "a", Ok(("CONNECT a:443", "a"))),
        ("CONNECT a:8443", "a:8443", Ok(("CONNECT a:8443", "a:8443"))),
        ("CONNECT a:443", "b:443", Err(400)),
        ("CONNECT a", "a", Err(400)),
        ("CONNECT a:x", "a:x", Err(400)),
        ("CONNECT /", "a", Err(400)),
        ("CONNECT http://a/", "a", Err(400)),
    ];
    for (target, host, wanted) in cases {
        let input = format!("{target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let got = passed(Kind::Request, input.as_bytes(), &LIMITS);
        let wanted = wanted.map(|(target, host)| format!("{target} HTTP/1.1~host: {host}~~"));
        assert_eq!(got, wanted, "{target} {host}");
    }
}

#[test]
fn violations_that_a_user_accepts() {
    let lenient = Limits { lenient: true, ..LIMITS };
    check(
        Kind::Request,
        &lenient,
        &[
            ("GET /a#b HTTP/1.1~~", Ok("GET /a#b HTTP/1.1~~")),
            ("OPTIONS * RTSP/1.0~CSeq: 1~~", Ok("OPTIONS * RTSP/1.0~cseq: 1~~")),
            ("GET / FOOO/1.1~~", Ok("GET / HTTP/1.1~~")),
            ("GET http://a/ HTTP/1.1~Host: b~~", Ok("GET http://a/ HTTP/1.1~host: b~~")),
            ("GET / HTTP/1.1~A : x~B: y~~", Ok("GET / HTTP/1.1~b: y~~")),
            ("CONNECT a HTTP/1.1~Host: a~~", Ok("CONNECT a HTTP/1.1~host: a~~")),
            ("GET / HTTP/1.1~: x~~", Err(400)),
            ("GET / HTTP/1.1~Host: a~Host: b~~", Err(400)),
            ("GET / HTTP/1.1~Host: a/b~~", Err(400)),
        ],
    );
}

#[test]
fn responses() {
    check(
        Kind::Response,
        &LIMITS,
        &[
            ("HTTP/1.1 200 OK~~", Ok("HTTP/1.1 200 OK~~")),
            ("HTTP/1.1 200~~", Ok("HTTP/1.1 200 OK~~")),
            ("HTTP/1.1\t200  Fine ~~", Ok("HTTP/1.1 200 Fine ~~")),
            ("HTTP/1.0 200 OK~~", Ok("HTTP/1.0 200 OK~~")),
            ("HTTP/1.1 20 OK~~", Ok("HTTP/1.1 20 OK~~")),
            ("HTTP/1.1 099 X~~", Ok("HTTP/1.1 099 X~~")),
            ("HTTP/1.1 200 OK~Host: x~Host: y~~", Ok("HTTP/1.1 200 OK~host: x~host: y~~")),
            ("HTTP/1.1 200 OK~Upgrade: foo~~", Ok("HTTP/1.1 200 OK~upgrade: foo~~")),
            ("HTTP/1.1 2000 OK~~", Err(502)),
            ("HTTP/1.1 2xx OK~~", Err(502)),
            ("HTTP/1.10 200 OK~~", Err(502)),
            ("HTTP/1.1 200 a\rb~~", Err(502)),
            ("HTTP/1.1~~", Err(502)),
            ("junk~~", Err(502)),
            ("HTTP/1.1 200 OK~A : v~~", Err(502)),
            ("HTTP/1.1 200 OK~Transfer-Encoding: gzip, chunked~~", Err(502)),
            ("HTTP/1.1 200 OK~Content-Length: 3~Content-Length: 4~~", Err(502)),
        ],
    );
}

#[test]
fn sizes_and_counts() {
    let request = |lines: usize, value: usize| {
        format!("GET / HTTP/1.1\r\n{}A: {}\r\n\r\n", "A: b\r\n".repeat(lines - 1), "x".repeat(value))
    };
    for (lines, value, wanted) in [
        (100, 1, None),
        (101, 1, Some(400)),
        (1, 15262, None),
        (1, 15263, Some(431)),
        (4, 15232, None),
        (4, 15233, Some(431)),
    ] {
        let got = passed(Kind::Request, request(lines, value).as_bytes(), &LIMITS);
        assert_eq!(got.err(), wanted, "{lines} {value}");
    }
    let endless = format!("GET /{}", "x".repeat(20000));
    assert_eq!(passed(Kind::Request, endless.as_bytes(), &LIMITS), Err(414));
    let endless = format!("GET / HTTP/1.1\r\nA: {}", "x".repeat(20000));
    assert_eq!(passed(Kind::Request, endless.as_bytes(), &LIMITS), Err(431));
}

/// Text of a head in the making: mostly words that a head is made of.
fn words() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        Just("\r\n".to_owned()),
        Just("\n".to_owned()),
        Just(": ".to_owned()),
        Just(" ".to_owned()),
        Just("Host: a".to_owned()),
        Just("Content-Length: 3".to_owned()),
        Just("Transfer-Encoding: chunked".to_owned()),
        Just("Connection: close, upgrade".to_owned()),
        Just("Upgrade: x, h2c".to_owned()),
        "[ -~]{0,6}",
    ];
    prop::collection::vec(word, 0..12).prop_map(|words| {
        let mut text = b"GET http://a:80/ HTTP/1.1\r\n".to_vec();
        text.extend(words.concat().bytes());
        text.extend_from_slice(b"\r\n\r\n");
        text
    })
}

proptest! {
    #[test]
    fn a_head_is_the_same_however_it_is_cut(text in words(), step in 1usize..9) {
        let mut whole = Head::default();
        let at_once = parse_request(&mut Parser::default(), &text, &mut whole, &LIMITS);
        let (mut parser, mut head) = (Parser::default(), Head::default());
        let mut end = 0;
        let in_parts = loop {
            end = (end + step).min(text.len());
            match parse_request(&mut parser, &text[..end], &mut head, &LIMITS) {
                Parse::Partial if end < text.len() => {}
                other => break other,
            }
        };
        match (at_once, in_parts) {
            (Parse::Invalid(a), Parse::Invalid(b)) => prop_assert_eq!(a.status, b.status),
            (a, b) => prop_assert_eq!(a, b),
        }
        if matches!(at_once, Parse::Complete { .. }) {
            prop_assert_eq!(written(&whole), written(&head));
        }
    }

    #[test]
    fn what_went_out_comes_in_unchanged(text in words()) {
        let mut head = Head::default();
        if let Parse::Complete { .. } = parse_request(&mut Parser::default(), &text, &mut head, &LIMITS) {
            let mut out = Vec::new();
            h1::write_head(&head, &Outgoing::default(), &mut out);
            let mut again = Head::default();
            let parsed = parse_request(&mut Parser::default(), &out, &mut again, &LIMITS);
            prop_assert_eq!(parsed, Parse::Complete { consumed: out.len() });
            prop_assert_eq!(written(&head), written(&again));
        }
    }
}
