//! HTTP/1: what is refused, what is repaired and what passes, where smuggling would live (RFC 9112 §2.2, 3, 6, 7).

use weir_compat::{Proxy, compat, judge, table};

/// Judges requests by their first line of outcome: the refusal's status line, or the whole message that passed.
fn verdicts(options: &str, rows: &[(&str, &str)]) {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy =
            t.start(&Proxy::http().defaults("timeout http-keep-alive 100ms").defaults(options).text());
        table(rows, |request| {
            let outcome = judge(&mut proxy, &server, request);
            if outcome.starts_with("HTTP/1.1 4") || outcome.starts_with("HTTP/1.1 5") {
                return outcome.lines().next().unwrap_or_default().to_owned();
            }
            outcome
        });
    });
}

#[test]
fn request_lines_are_judged() {
    verdicts(
        "",
        &[
            ("GET  / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nhost: h\r\n\r\n"),
            ("GET / HTTP/1.1 \r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad request"),
            (" GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nhost: h\r\n\r\n"),
            ("GET / HTTP/1.2\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nhost: h\r\n\r\n"),
            ("GET / HTTP/2.0\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nhost: h\r\n\r\n"),
            ("GET / HTTP/3.7\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nhost: h\r\n\r\n"),
            ("GET / http/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("GET / HTTP/1.11\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("GET / RTSP/1.0\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("GET /\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("GET\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("GET / \r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("G@T / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("GET /\"<>\\^`{|} HTTP/1.1\r\nHost: h\r\n\r\n", "GET /\"<>\\^`{|} HTTP/1.1\r\nhost: h\r\n\r\n"),
            ("GET /\u{e9} HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("GET * HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("GET a HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n", "GET ftp://h/ HTTP/1.1\r\nhost: h\r\n\r\n"),
            ("OPTIONS http://h HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS http://h HTTP/1.1\r\nhost: h\r\n\r\n"),
            ("CONNECT / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("CONNECT h HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("PRI /x HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("PRI / HTTP/1.0\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("CONNECT /u HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("GET / HTTP/1.1\r\nHost: h\r\nA: b\r\r\n", "HTTP/1.1 400 Bad request"),
            ("GET / HTTP/1.1\nHost: h\n\n", "GET / HTTP/1.1\r\nhost: h\r\n\r\n"),
            ("\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nhost: h\r\n\r\n"),
            ("\r\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad request"),
        ],
    );
}

#[test]
fn header_lines_are_judged() {
    verdicts(
        "",
        &[
            ("GET / HTTP/1.1\r\nHost: h\r\nA : b\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("GET / HTTP/1.1\r\nHost: h\r\n: b\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("GET / HTTP/1.1\r\nHost: h\r\nA\r\n\r\n", "HTTP/1.1 400 Bad request"),
            (
                "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n",
                "GET / HTTP/1.1\r\nhost: h\r\na: b   c\r\n\r\n",
            ),
            (
                "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n\tc\r\n\r\n",
                "GET / HTTP/1.1\r\nhost: h\r\na: b  \tc\r\n\r\n",
            ),
            ("GET / HTTP/1.1\r\n A: b\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("GET / HTTP/1.1\r\nHost: h\r\nA: b\rc\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("GET / HTTP/1.1\r\nHost: h\r\nA: b\x00c\r\n\r\n", "HTTP/1.1 400 Bad request"),
            (
                "GET / HTTP/1.1\r\nHost: h\r\nA: b\x01c\x7f\r\n\r\n",
                "GET / HTTP/1.1\r\nhost: h\r\na: b\u{1}c\u{7f}\r\n\r\n",
            ),
            ("GET / HTTP/1.1\r\nHost: h\r\nA: \u{e9}\r\n\r\n", "GET / HTTP/1.1\r\nhost: h\r\na: é\r\n\r\n"),
            ("GET / HTTP/1.1\r\nHost: h\r\nA(: b\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("GET / HTTP/1.1\r\nHost: h\r\nA\u{e9}: b\r\n\r\n", "HTTP/1.1 400 Bad request"),
            (
                "GET / HTTP/1.1\r\nHost: h\r\nA_b: c\r\nd.e: f\r\n\r\n",
                "GET / HTTP/1.1\r\nhost: h\r\na_b: c\r\nd.e: f\r\n\r\n",
            ),
            (
                "GET / HTTP/1.1\r\nHost: h\r\nA:b\nC: d\r\n\r\n",
                "GET / HTTP/1.1\r\nhost: h\r\na: b\r\nc: d\r\n\r\n",
            ),
            ("GET / HTTP/1.1\r\nHost: h\r\nA: \t b \t\r\n\r\n", "GET / HTTP/1.1\r\nhost: h\r\na: b\r\n\r\n"),
            ("GET / HTTP/1.1\r\nHost: h\r\nA: b\r\r\n\r\n", "HTTP/1.1 400 Bad request"),
        ],
    );
}

#[test]
fn hosts_are_judged_against_the_target() {
    verdicts(
        "",
        &[
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nhost: a\r\n\r\n"),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("GET http://a/ HTTP/1.1\r\n\r\n", "GET http://a/ HTTP/1.1\r\n\r\n"),
            ("GET http://a:80/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET http://a/ HTTP/1.1\r\nhost: a\r\n\r\n"),
            ("GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("GET http://a/ HTTP/1.1\r\nHost: A\r\n\r\n", "GET http://a/ HTTP/1.1\r\nhost: A\r\n\r\n"),
            (
                "GET https://a/ HTTP/1.1\r\nHost: a:443\r\n\r\n",
                "GET https://a/ HTTP/1.1\r\nhost: a:443\r\n\r\n",
            ),
            (
                "GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
                "GET http://u:p@a/ HTTP/1.1\r\nhost: a\r\n\r\n",
            ),
            ("GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", "GET / HTTP/1.1\r\nhost: a:b\r\n\r\n"),
            ("GET / HTTP/1.1\r\nHost: a:80\r\n\r\n", "GET / HTTP/1.1\r\nhost: a:80\r\n\r\n"),
            ("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET / HTTP/1.1\r\nhost: [::1]:80\r\n\r\n"),
            ("GET / HTTP/1.1\r\nHost: @a\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("CONNECT a:1 HTTP/1.1\r\nHost: b:1\r\n\r\n", "HTTP/1.1 400 Bad request"),
            (
                "CONNECT a:70000 HTTP/1.1\r\nHost: a:70000\r\n\r\n",
                "CONNECT a:70000 HTTP/1.1\r\nhost: a:70000\r\n\r\n",
            ),
        ],
    );
}

#[test]
fn lengths_and_encodings_are_judged() {
    verdicts(
        "",
        &[
            ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", ""),
            ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3, 4\r\n\r\nabcd", "HTTP/1.1 400 Bad request"),
            ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc", "HTTP/1.1 400 Bad request"),
            ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -3\r\n\r\nabc", "HTTP/1.1 400 Bad request"),
            ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x3\r\n\r\nabc", "HTTP/1.1 400 Bad request"),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3 \r\n\r\nabc",
                "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\nabc",
            ),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 003\r\n\r\nabc",
                "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\nabc",
            ),
            ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3,\r\n\r\nabc", "HTTP/1.1 400 Bad request"),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\nabc",
                "HTTP/1.1 400 Bad request",
            ),
            ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3 3\r\n\r\nabc", "HTTP/1.1 400 Bad request"),
            (
                "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
                "GET / HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\nabc",
            ),
            ("GET / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc", ""),
            ("POST / HTTP/1.0\r\n\r\n", "POST / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"),
            ("POST / HTTP/1.1\r\nHost: h\r\n\r\n", "POST / HTTP/1.1\r\nhost: h\r\n\r\n"),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            ),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
                "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            ),
            (
                "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            ),
            (
                "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "GET / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            ),
            ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 400 Bad request"),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
                "HTTP/1.1 422 Unprocessable Content",
            ),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
                "HTTP/1.1 400 Bad request",
            ),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
                "HTTP/1.1 400 Bad request",
            ),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "HTTP/1.1 400 Bad request",
            ),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc",
                "HTTP/1.1 400 Bad request",
            ),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
                "HTTP/1.1 400 Bad request",
            ),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
                "HTTP/1.1 400 Bad request",
            ),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
                "HTTP/1.1 400 Bad request",
            ),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
                "HTTP/1.1 400 Bad request",
            ),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
                "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            ),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\nContent-Length: 3\r\n\r\nabc",
                "HTTP/1.1 400 Bad request",
            ),
        ],
    );
}

#[test]
fn chunks_are_judged_before_the_head_leaves_when_the_body_is_awaited() {
    verdicts(
        "option http-buffer-request",
        &[
            (
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            ),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
                "HTTP/1.1 400 Bad request",
            ),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n",
                "HTTP/1.1 400 Bad request",
            ),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n 3\r\nabc\r\n0\r\n\r\n",
                "HTTP/1.1 400 Bad request",
            ),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n",
                "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            ),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
                "HTTP/1.1 400 Bad request",
            ),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
                "HTTP/1.1 400 Bad request",
            ),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc0\r\n\r\n",
                "HTTP/1.1 400 Bad request",
            ),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;a=\"\r\n\"\r\nabc\r\n0\r\n\r\n",
                "HTTP/1.1 400 Bad request",
            ),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;a\nb\r\nabc\r\n0\r\n\r\n",
                "HTTP/1.1 400 Bad request",
            ),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\nabc\r\n0\r\n\r\n",
                "HTTP/1.1 400 Bad request",
            ),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\r\n0\r\n\r\n",
                "HTTP/1.1 400 Bad request",
            ),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 3\r\nX: y\r\n\r\n",
                "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n0\r\ncontent-length: 3\r\nx: y\r\n\r\n",
            ),
            (
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nbad trailer\r\n\r\n",
                "HTTP/1.1 400 Bad request",
            ),
        ],
    );
}

#[test]
fn unsafe_violations_are_let_through_where_that_is_asked() {
    verdicts(
        "option accept-unsafe-violations-in-http-request",
        &[
            ("GET /\"<>\\^`{|} HTTP/1.1\r\nHost: h\r\n\r\n", "GET /\"<>\\^`{|} HTTP/1.1\r\nhost: h\r\n\r\n"),
            ("GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a#b HTTP/1.1\r\nhost: h\r\n\r\n"),
            ("GET /\u{e9} HTTP/1.1\r\nHost: h\r\n\r\n", "GET /é HTTP/1.1\r\nhost: h\r\n\r\n"),
            ("GET / HTTP/1.1\r\nHost: h\r\nA(: b\r\n\r\n", "GET / HTTP/1.1\r\nhost: h\r\n\r\n"),
            (
                "GET / HTTP/1.1\r\nHost: h\r\nA: b\x01c\r\n\r\n",
                "GET / HTTP/1.1\r\nhost: h\r\na: b\u{1}c\r\n\r\n",
            ),
            ("GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", "GET http://a/ HTTP/1.1\r\nhost: b\r\n\r\n"),
            (
                "GET / RTSP/1.0\r\nHost: h\r\n\r\n",
                "GET / RTSP/1.0\r\nhost: h\r\nconnection: keep-alive\r\n\r\n",
            ),
            ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", ""),
            ("GET http://a HTTP/1.1\r\nHost: b\r\n\r\n", "GET http://a/ HTTP/1.1\r\nhost: a\r\n\r\n"),
            ("GET http://a:80/x HTTP/1.1\r\nHost: b\r\n\r\n", "GET http://a/x HTTP/1.1\r\nhost: a\r\n\r\n"),
            (
                "GET http://a:81 HTTP/1.1\r\nHost: a\r\n\r\n",
                "GET http://a:81/ HTTP/1.1\r\nhost: a:81\r\n\r\n",
            ),
            ("GET /u\r\nHost: h\r\n\r\n", "GET /u HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"),
            ("GET  /u \r\n", "GET /u HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"),
            ("POST /u\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("GET / HTTP/1.1\r\nHost: h\r\nA(: b\rc\r\n\r\n", "HTTP/1.1 400 Bad request"),
            ("GET / HTTP/1.1\r\nHost: h\r\nA(: b\r\n c\r\n\r\n", "GET / HTTP/1.1\r\nhost: h\r\n\r\n"),
        ],
    );
}

#[test]
fn header_names_can_be_restricted() {
    let request = "GET / HTTP/1.1\r\nHost: h\r\nA_b: c\r\nd.e: f\r\nok-1: g\r\n\r\n";
    verdicts(
        "option http-restrict-req-hdr-names preserve",
        &[(request, "GET / HTTP/1.1\r\nhost: h\r\na_b: c\r\nd.e: f\r\nok-1: g\r\n\r\n")],
    );
    verdicts(
        "option http-restrict-req-hdr-names delete",
        &[(request, "GET / HTTP/1.1\r\nhost: h\r\nok-1: g\r\n\r\n")],
    );
    verdicts("option http-restrict-req-hdr-names reject", &[(request, "HTTP/1.1 403 Forbidden")]);
}

#[test]
fn trailers_can_be_dropped() {
    let request =
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n";
    verdicts(
        "option http-drop-request-trailers",
        &[(request, "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n")],
    );
}

#[test]
fn answers_are_judged_too() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().text());
        let rows = [
            ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na", "502"),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n1\r\na\r\n0\r\n\r\n",
            ),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc", "502"),
            (
                "HTTP/1.1 200\r\nContent-Length: 1\r\n\r\na",
                "HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\na",
            ),
            (
                "HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\na",
                "HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\na",
            ),
            ("HTTP/1.1 20 OK\r\nContent-Length: 1\r\n\r\na", "HTTP/1.1 20 OK\r\ncontent-length: 1\r\n\r\na"),
            ("HTTP/1.1 2000 OK\r\nContent-Length: 1\r\n\r\na", "502"),
            (
                "HTTP/1.1 999 Odd\r\nContent-Length: 1\r\n\r\na",
                "HTTP/1.1 999 Odd\r\ncontent-length: 1\r\nconnection: close\r\n\r\na",
            ),
            (
                "HTTP/1.1 099 Odd\r\nContent-Length: 1\r\n\r\na",
                "HTTP/1.1 099 Odd\r\ncontent-length: 1\r\n\r\na",
            ),
            (
                "HTTP/2.0 200 OK\r\nContent-Length: 1\r\n\r\na",
                "HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\na",
            ),
            (
                "HTTP/1.1 200 OK\nContent-Length: 1\n\na",
                "HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\na",
            ),
            ("HTTP/1.1 200 OK\r\nA b: c\r\nContent-Length: 1\r\n\r\na", "502"),
            (
                "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 1\r\n\r\na",
                "HTTP/1.1 200 OK\r\na: b   c\r\ncontent-length: 1\r\nconnection: close\r\n\r\na",
            ),
            ("ICY 200 OK\r\nContent-Length: 1\r\n\r\na", "502"),
            ("garbage\r\n\r\n", "502"),
            (
                "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
                "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
            ),
            ("HTTP/1.1 101 Switching Protocols\r\n\r\nx", "502"),
        ];
        table(&rows, |answer| {
            let mut client = proxy.client("fe");
            client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
            let mut far = server.accept();
            far.recv_head();
            far.send(answer).shutdown_write();
            let got = String::from_utf8_lossy(&client.recv_to_close()).into_owned();
            if got.starts_with("HTTP/1.1 502") { "502".to_owned() } else { got }
        });
    });
}
