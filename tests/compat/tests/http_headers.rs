//! HTTP/1: the headers that options add, change and leave out.

use weir_compat::{Proxy, compat, judge, relay, table};
use weir_testkit::mask;

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const FROM_9: &str = "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n";

/// Every option line with the request that the server sees behind it.
fn requests(request: &str, rows: &[(&str, &str)]) {
    compat(|t| {
        let server = t.origin("srv");
        table(rows, |options| {
            let mut proxy = t.start(&Proxy::http().defaults(options).text());
            mask::ports(&judge(&mut proxy, &server, request))
        });
    });
}

#[test]
fn forwardfor_adds_the_client() {
    let rows = [
        ("option forwardfor", "GET / HTTP/1.1\r\nhost: h\r\nx-forwarded-for: 127.0.0.1\r\n\r\n"),
        ("option forwardfor except 127.0.0.0/8", "GET / HTTP/1.1\r\nhost: h\r\n\r\n"),
        (
            "option forwardfor except 10.0.0.0/8",
            "GET / HTTP/1.1\r\nhost: h\r\nx-forwarded-for: 127.0.0.1\r\n\r\n",
        ),
        ("option forwardfor header X-Client", "GET / HTTP/1.1\r\nhost: h\r\nx-client: 127.0.0.1\r\n\r\n"),
        ("option forwardfor header X-Client except 127.0.0.1", "GET / HTTP/1.1\r\nhost: h\r\n\r\n"),
        ("option forwardfor if-none", "GET / HTTP/1.1\r\nhost: h\r\nx-forwarded-for: 127.0.0.1\r\n\r\n"),
    ];
    requests(GET, &rows);
}

#[test]
fn forwardfor_comes_after_what_is_there_unless_if_none() {
    let rows = [
        (
            "option forwardfor",
            "GET / HTTP/1.1\r\nhost: h\r\nx-forwarded-for: 9.9.9.9\r\nx-forwarded-for: 127.0.0.1\r\n\r\n",
        ),
        ("option forwardfor if-none", "GET / HTTP/1.1\r\nhost: h\r\nx-forwarded-for: 9.9.9.9\r\n\r\n"),
    ];
    requests(FROM_9, &rows);
}

#[test]
fn originalto_adds_the_address_that_was_asked() {
    let rows = [
        ("option originalto", "GET / HTTP/1.1\r\nhost: h\r\nx-original-to: 127.0.0.1\r\n\r\n"),
        ("option originalto header X-To", "GET / HTTP/1.1\r\nhost: h\r\nx-to: 127.0.0.1\r\n\r\n"),
        ("option originalto except 127.0.0.1", "GET / HTTP/1.1\r\nhost: h\r\n\r\n"),
    ];
    requests(GET, &rows);
}

#[test]
fn forwarded_is_made_of_its_parameters() {
    let rows = [
        ("option forwarded", "GET / HTTP/1.1\r\nhost: h\r\nforwarded: proto=http;for=127.0.0.1\r\n\r\n"),
        ("option forwarded proto", "GET / HTTP/1.1\r\nhost: h\r\nforwarded: proto=http\r\n\r\n"),
        ("option forwarded host", "GET / HTTP/1.1\r\nhost: h\r\nforwarded: host=\"h\"\r\n\r\n"),
        ("option forwarded for", "GET / HTTP/1.1\r\nhost: h\r\nforwarded: for=127.0.0.1\r\n\r\n"),
        ("option forwarded by", "GET / HTTP/1.1\r\nhost: h\r\nforwarded: by=127.0.0.1\r\n\r\n"),
        (
            "option forwarded proto host for for_port by by_port",
            "GET / HTTP/1.1\r\nhost: h\r\nforwarded: proto=http;host=\"h\";by=\"127.0.0.1:PORT\";for=\"127.0.0.1:PORT\"\r\n\r\n",
        ),
    ];
    requests(GET, &rows);
}

#[test]
fn connection_headers_are_not_passed_on() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().text());
        let rows = [
            (
                "GET / HTTP/1.1\r\nHost: h\r\nConnection: x-a, keep-alive\r\nX-A: b\r\n\r\n",
                "GET / HTTP/1.1\r\nhost: h\r\nconnection: x-a\r\nx-a: b\r\n\r\n",
            ),
            (
                "GET / HTTP/1.1\r\nHost: h\r\nProxy-Connection: keep-alive\r\n\r\n",
                "GET / HTTP/1.1\r\nhost: h\r\nproxy-connection: keep-alive\r\n\r\n",
            ),
            (
                "GET / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nConnection: TE\r\n\r\n",
                "GET / HTTP/1.1\r\nhost: h\r\nte: trailers\r\nconnection: TE\r\n\r\n",
            ),
            (
                "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
                "GET / HTTP/1.1\r\nhost: h\r\nconnection: HTTP2-Settings\r\nhttp2-settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
            ),
            (
                "GET / HTTP/1.1\r\nHost: h\r\nKeep-Alive: timeout=5\r\n\r\n",
                "GET / HTTP/1.1\r\nhost: h\r\nkeep-alive: timeout=5\r\n\r\n",
            ),
        ];
        table(&rows, |request| judge(&mut proxy, &server, request));
    });
}

#[test]
fn http_use_proxy_header_reads_proxy_connection() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().defaults("option http-use-proxy-header").text());
        let rows = [(
            "GET / HTTP/1.1\r\nHost: h\r\nProxy-Connection: close\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: h\r\nproxy-connection: close\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        )];
        table(&rows, |request| {
            let (seen, got) =
                relay(&mut proxy, &server, request, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            seen.text() + &got.text()
        });
    });
}

#[test]
fn header_case_is_adjusted_by_the_map_where_asked() {
    compat(|t| {
        let server = t.origin("srv");
        let text = Proxy::http()
            .global("h1-case-adjust host Host\nh1-case-adjust content-length Content-LENGTH")
            .frontend("option h1-case-adjust-bogus-client")
            .backend("option h1-case-adjust-bogus-server")
            .text();
        let mut proxy = t.start(&text);
        table(
            &[(GET, "GET / HTTP/1.1\r\nHost: h\r\n\r\nHTTP/1.1 200 OK\r\nx: y\r\nContent-LENGTH: 0\r\n\r\n")],
            |request| {
                let (seen, got) = relay(
                    &mut proxy,
                    &server,
                    request,
                    "HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 0\r\n\r\n",
                );
                seen.text() + &got.text()
            },
        );
    });
}

#[test]
fn a_unique_id_is_passed_on_and_counts() {
    compat(|t| {
        let server = t.origin("srv");
        let lines = "unique-id-format id-%rt\nunique-id-header X-Id";
        let mut proxy = t.start(&Proxy::http().frontend(lines).text());
        let rows = [
            (GET, "GET / HTTP/1.1\r\nhost: h\r\nx-id: id-0\r\n\r\n"),
            (
                "GET /second HTTP/1.1\r\nHost: h\r\n\r\n",
                "GET /second HTTP/1.1\r\nhost: h\r\nx-id: id-1\r\n\r\n",
            ),
        ];
        table(&rows, |request| judge(&mut proxy, &server, request));
    });
}
