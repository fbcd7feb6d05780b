//! Fetches that look at a whole transaction: connections, proxies, servers, times, counters, the response. Each line
//! of `fetches.txt` is an expression; both programs evaluate it in a rule for responses and must agree, those of
//! `fetches.requests.txt` in a rule for requests. What differs from run to run is asked for as whether it is there.

use std::sync::Mutex;

use weir_compat::{Subject, compat};

const STORED: &str = "gpc0,gpc1,gpt0,conn_cnt,conn_cur,conn_rate(10s),sess_cnt,sess_rate(10s),http_req_cnt,http_req_rate(10s),http_err_cnt,http_err_rate(10s),http_fail_cnt,http_fail_rate(10s),bytes_in_cnt,bytes_in_rate(10s),bytes_out_cnt,bytes_out_rate(10s),gpc0_rate(10s),gpc1_rate(10s),glitch_cnt,glitch_rate(10s)";

const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-R: v1, v2\r\nX-R: v3\r\nX-N: 42\r\nX-Ip: 1.2.3.4\r\nSet-Cookie: sc=a; path=/\r\nSet-Cookie: sn=12\r\n\r\nhello";

/// A header of version 2: who connects whom, an authority, a unique id and a value of its own.
const PROXY: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x1c\x7f\0\0\x01\x7f\0\0\x01\x03\xe8\0\x50\x02\0\x02ab\x05\0\x02id\xe0\0\x03own";

const RESPONSES: &str = include_str!("fetches.txt");
const REQUESTS: &str = include_str!("fetches.requests.txt");

/// The expressions of a table, and whether each gives a value: a line that begins with `- ` gives none.
fn expressions(table: &'static str) -> Vec<(&'static str, bool)> {
    let row = |line: &'static str| line.strip_prefix("- ").map_or((line, true), |e| (e, false));
    table.lines().map(row).collect()
}

/// A rule for each expression of a table, which says its value for requests whose parameter `asked` names it.
fn rules(table: &'static str, asked: &str, rule: &str) -> String {
    let one = |(n, (e, _)): (usize, (&str, bool))| {
        format!("            {rule} x-out \"[%[{e}]]\" if {{ var(txn.{asked}) -m int {n} }}\n")
    };
    expressions(table).into_iter().enumerate().map(one).collect()
}

/// What each expression gives, in the order of the lines.
fn values(t: &mut Subject) -> Vec<String> {
    let _server = t.origin("srv").answer_all(ANSWER);
    let text = format!(
        "
        defaults
            mode http
            timeout client 5s
            timeout server 6s
            timeout connect 7s
            timeout queue 8s
            timeout tarpit 9s
            timeout tunnel 10s
            option http-buffer-request
        userlist users
            group g users joe
            user joe insecure-password pw
        frontend f
            bind {{fe}} accept-proxy name main id 77
            id 5
            unique-id-format u-%[int(7)]
            acl yes always_true
            declare capture request len 10
            declare capture response len 10
            capture response header x-r len 20
            http-request track-sc0 src table T
            http-request track-sc1 src table T
            http-request track-sc2 hdr(host) table U
            http-request set-var(txn.n) url_param(n)
            http-request set-var(txn.r) url_param(r)
            http-request set-var(sess.user) path
            http-request capture hdr(host) id 0
{requests}
            http-request allow
            http-response capture res.hdr(x-n) id 0
{responses}
            default_backend b
        backend b
            id 9
            balance roundrobin
            server s {{srv}} weight 7 id 11 maxconn 50
            server d {{dead}} disabled
        backend T
            stick-table type ip size 1k expire 1h store {STORED}
        backend U
            stick-table type string len 32 size 1k expire 1h store {STORED}
        backend G
            stick-table type ip size 1k expire 1h store gpc(3)
        frontend unused
            bind {{unused}}
        ",
        requests = rules(REQUESTS, "r", "http-request return status 200 hdr"),
        responses = rules(RESPONSES, "n", "http-response set-header"),
    );
    let mut proxy = t.start(&text);
    // One connection for all: what a request counts is there before the next one comes.
    let mut client = proxy.client("fe");
    client.send(PROXY);
    let mut ask = |asked: &str, n: usize| {
        client.send(format!(
            "POST http://1.2.3.4:8080/x/y?{asked}={n} HTTP/1.1\r\nHost: 1.2.3.4:8080\r\nX-N: 42\r\nAuthorization: Basic am9lOnB3\r\nX-Auth: Bearer tok\r\nCookie: c=1; c=22\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\na=1&b=2"
        ));
        client.recv_message().head.header("x-out").unwrap_or_default()
    };
    let responses: Vec<String> = (0..expressions(RESPONSES).len()).map(|n| ask("n", n)).collect();
    let requests = (0..expressions(REQUESTS).len()).map(|n| ask("r", n));
    responses.into_iter().chain(requests).collect()
}

#[test]
fn transactions_are_seen_alike() {
    let all: Mutex<Vec<Vec<String>>> = Mutex::default();
    compat(|t| {
        let values = values(t);
        let rows = expressions(RESPONSES).into_iter().chain(expressions(REQUESTS));
        let wrong: Vec<String> = rows
            .zip(&values)
            .filter(|((_, some), value)| *some != (value.len() > 2))
            .map(|((e, _), value)| format!("{e}: {value}"))
            .collect();
        assert!(
            wrong.is_empty(),
            "these have a value against what is told of them, or none\n{}",
            wrong.join("\n")
        );
        all.lock().unwrap().push(values);
    });
    let all = all.into_inner().unwrap();
    if let [reference, weir] = all.as_slice() {
        let names = expressions(RESPONSES).into_iter().chain(expressions(REQUESTS)).map(|(e, _)| e);
        let rows = names.zip(reference.iter().zip(weir));
        let differ: Vec<String> = rows
            .filter(|(_, (reference, weir))| reference != weir)
            .map(|(e, (reference, weir))| format!("{e}: {weir}, on the reference {reference}"))
            .collect();
        assert!(differ.is_empty(), "{} differ\n{}", differ.len(), differ.join("\n"));
    }
}
