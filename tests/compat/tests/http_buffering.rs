//! HTTP/1: rules that see a body which comes late, and clients who leave while it is waited for.

use std::time::Duration;
use weir_compat::{Proxy, compat, table};
use weir_testkit::mask;

/// What the rules of both sides, and the choice of the backend, see of a body of five octets in two pieces.
const SEEN: [(&str, &str, &str); 5] = [
    ("", "", "other fe 2 be 2"),
    ("option http-buffer-request", "", "chosen fe 5 be 5"),
    ("", "option http-buffer-request", "other fe 2 be 5"),
    ("http-request wait-for-body time 5s", "", "chosen fe 5 be 5"),
    ("", "http-request wait-for-body time 5s", "other fe 2 be 5"),
];

/// What is logged of a client that closes within its body, by what waits for the rest.
const LEFT: [(&str, &str); 5] = [
    ("option http-buffer-request", "fe be/<NOSRV> T/-1/-1/-1/T 400 0 - - CR--"),
    ("http-request wait-for-body time 5s", "fe be/<NOSRV> T/-1/-1/-1/T 400 0 - - CR--"),
    ("http-request wait-for-body time 5s at-least 4", "fe be/<NOSRV> T/-1/-1/-1/T 400 0 - - CR--"),
    ("http-request pause 5s", "fe be/<NOSRV> T/-1/-1/-1/T 400 0 - - CR--"),
    ("http-request wait-for-body time 5s at-least 2", "fe be/s T/T/T/-1/T 400 0 - - CH--"),
];

/// Answers in two pieces, and what the rules see of their bodies (the octets, how many, and how many are promised) over
/// HTTP/1 and over HTTP/2, where they are waited for.
const ANSWERED: [(&str, &str, &str, &str); 5] = [
    ("content-length: 5\r\n\r\nhe", "llo", "hello 5 5", "hello 5 5"),
    ("\r\nhe", "llo", "hello 5 5", "hello 5 0"),
    (
        "transfer-encoding: chunked\r\n\r\n2\r\nhe\r\n",
        "3\r\nllo\r\n0\r\nx: 1\r\n\r\n",
        "hello 5 5",
        "hello 5 0",
    ),
    ("content-length: 0\r\n\r\n", "", "0 0", "0 0"),
    ("\r\n", "", "0 0", "0 0"),
];

#[test]
fn rules_see_the_body_of_an_answer_where_it_is_waited_for() {
    compat(|t| {
        let server = t.origin("srv").serve(|peer, _| {
            let head = peer.recv_head();
            let number = head
                .start_line()
                .split('/')
                .nth(2)
                .and_then(|rest| rest.split(' ').next()?.parse::<usize>().ok());
            let (one, two, ..) = ANSWERED[number.expect("a number")];
            peer.send(format!("HTTP/1.1 200 OK\r\n{one}")).pause(Duration::from_millis(50)).send(two).close();
        });
        let seen = "http-response wait-for-body time 5s\n http-response set-header x-seen \"%[res.body] \
                    %[res.body_len] %[res.body_size]\"";
        let config = Proxy::http()
            .frontend(seen)
            .frontend("use_backend far if { path_beg /far }")
            .backend("http-reuse never")
            .servers("server s {srv}")
            .sections("backend far\n server f {inner} proto h2\nfrontend inner\n bind {inner} proto h2\n default_backend be");
        let mut proxy = t.start(&config.text());
        for (number, (one, _, near, far)) in ANSWERED.into_iter().enumerate() {
            for (path, wanted) in [("/near", near), ("/far", far)] {
                let mut client = proxy.client("fe");
                client.send(format!("GET {path}/{number} HTTP/1.1\r\nhost: a\r\n\r\n"));
                assert_eq!(client.recv_head().header("x-seen").unwrap_or_default(), wanted, "{path} {one:?}");
            }
        }
        server.finish();
    });
}

#[test]
fn rules_see_the_body_where_it_is_waited_for() {
    compat(|t| {
        let _server = t.origin("srv");
        for (front, back, wanted) in SEEN {
            let rules = "http-request set-header x-be %[req.body_len]\n http-request return status 200 content-type \
                         text/plain lf-string \"NAME fe %[req.hdr(x-fe)] be %[req.hdr(x-be)]\"";
            let text = format!(
                "global\n nbthread 1\ndefaults\n mode http\n timeout client 5s\nfrontend fe\n bind {{fe}}\n {front}\n \
                 http-request set-header x-fe %[req.body_len]\n use_backend chosen if {{ req.body -m end llo }}\n \
                 default_backend other\nbackend chosen\n {back}\n {}\nbackend other\n {back}\n {}\n",
                rules.replace("NAME", "chosen"),
                rules.replace("NAME", "other"),
            );
            let mut proxy = t.start(&text);
            for (head, pieces) in [
                ("Content-Length: 5", ["he", "llo"]),
                ("Transfer-Encoding: chunked", ["5\r\nhe", "llo\r\n0\r\n\r\n"]),
            ] {
                let mut client = proxy.client("fe");
                client.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{head}\r\n\r\n{}", pieces[0]));
                std::thread::sleep(Duration::from_millis(50));
                client.send(pieces[1]);
                let got = client.recv_message();
                assert_eq!(String::from_utf8_lossy(&got.body), wanted, "{front:?} {back:?} {head}");
            }
        }
    });
}

#[test]
fn no_server_hears_of_who_leaves_before_the_body_is_there() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        table(&LEFT, |wait| {
            let mut proxy = t.start(&Proxy::http().frontend(wait).logged().text());
            let mut client = proxy.client("fe");
            client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
            std::thread::sleep(Duration::from_millis(50));
            client.close();
            let line = mask::log_line(&log.next());
            // One that went on to a server left that waiting.
            drop(line.contains("be/s").then(|| server.accept()));
            let from = line.find("fe be/").unwrap_or_default();
            let till = line.find("-- ").map_or(line.len(), |at| at + 2);
            line[from..till].to_owned()
        });
    });
}
