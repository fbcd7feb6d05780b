//! Fetches that look at a whole transaction: connections, proxies, servers, times, counters, the response. Each line
//! of `fetches.txt` is an expression; both programs evaluate it in a rule for responses and must agree. What differs
//! from run to run is asked for as whether it is there.

use std::sync::Mutex;

use weir_compat::{Subject, compat};

const STORED: &str = "gpc0,gpc1,gpt0,conn_cnt,conn_cur,conn_rate(10s),sess_cnt,sess_rate(10s),http_req_cnt,http_req_rate(10s),http_err_cnt,http_err_rate(10s),http_fail_cnt,http_fail_rate(10s),bytes_in_cnt,bytes_in_rate(10s),bytes_out_cnt,bytes_out_rate(10s),gpc0_rate(10s),gpc1_rate(10s),glitch_cnt,glitch_rate(10s)";

const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-R: v1, v2\r\nX-R: v3\r\nX-N: 42\r\nX-Ip: 1.2.3.4\r\nSet-Cookie: sc=a; path=/\r\nSet-Cookie: sn=12\r\n\r\nhello";

fn expressions() -> Vec<&'static str> {
    include_str!("fetches.txt").lines().collect()
}

/// What each expression gives, in the order of the lines.
fn values(t: &mut Subject) -> Vec<String> {
    let _server = t.origin("srv").answer_all(ANSWER);
    let mut text = format!(
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
        frontend f
            bind {{fe}} name main id 77
            id 5
            declare capture request len 10
            declare capture response len 10
            capture response header x-r len 20
            http-request track-sc0 src table T
            http-request track-sc1 src table T
            http-request track-sc2 hdr(host) table U
            http-request set-var(txn.n) url_param(n)
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
        frontend unused
            bind {{unused}}
        "
    );
    let rules: String = expressions()
        .iter()
        .enumerate()
        .map(|(n, e)| {
            format!(
                "            http-response set-header x-out \"[%[{e}]]\" if {{ var(txn.n) -m int {n} }}\n"
            )
        })
        .collect();
    text =
        text.replace("            default_backend b\n", &format!("{rules}            default_backend b\n"));
    let mut proxy = t.start(&text);
    // One connection for all: what a request counts is there before the next one comes.
    let mut client = proxy.client("fe");
    (0..expressions().len())
        .map(|n| {
            client.send(format!(
                "POST /x/y?n={n} HTTP/1.1\r\nHost: h.ex\r\nAuthorization: Bearer tok\r\nCookie: c=1; c=22\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\na=1&b=2"
            ));
            client.recv_message().head.header("x-out").unwrap_or_default()
        })
        .collect()
}

#[test]
fn transactions_are_seen_alike() {
    let all: Mutex<Vec<Vec<String>>> = Mutex::default();
    compat(|t| {
        let values = values(t);
        assert!(values.iter().filter(|v| v.len() > 2).count() > 200, "most of them have a value");
        all.lock().unwrap().push(values);
    });
    let all = all.into_inner().unwrap();
    if let [reference, weir] = all.as_slice() {
        let rows = expressions().into_iter().zip(reference.iter().zip(weir));
        let differ: Vec<String> = rows
            .filter(|(_, (reference, weir))| reference != weir)
            .map(|(e, (reference, weir))| format!("{e}: {weir}, on the reference {reference}"))
            .collect();
        assert!(differ.is_empty(), "{} differ\n{}", differ.len(), differ.join("\n"));
    }
}
