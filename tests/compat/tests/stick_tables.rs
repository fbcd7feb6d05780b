//! Stick tables: what is counted in them, what expressions say of them, what the runtime API shows, and how they
//! keep clients with their servers.

use std::collections::BTreeSet;
use std::time::Duration;
use weir_compat::{Proxy, compat, table};
use weir_testkit::{Origin, Peer, Running, Serving, Signal};

/// The tables that expressions are tried with, and what they store.
const TABLES: [(&str, &str); 5] = [
    (
        "all",
        "gpc0,gpc0_rate(10s),gpc1,gpc1_rate(10s),gpt0,conn_cnt,conn_cur,conn_rate(10s),sess_cnt,sess_rate(10s),\
         http_req_cnt,http_req_rate(10s),http_err_cnt,http_err_rate(10s),http_fail_cnt,http_fail_rate(10s),\
         bytes_in_cnt,bytes_in_rate(10s),bytes_out_cnt,bytes_out_rate(10s),glitch_cnt,glitch_rate(10s),server_id,\
         server_key",
    ),
    ("arr", "gpc(3),gpc_rate(3,10s),gpt(2)"),
    ("none", ""),
    ("rateonly", "gpc0_rate(10s)"),
    ("cntonly", "gpc1,gpt0"),
];

/// What is counted without being asked.
const COUNTS: &str = "conn_cnt,conn_cur,sess_cnt,http_req_cnt,http_err_cnt,http_fail_cnt,bytes_in_cnt,bytes_out_cnt,\
                      glitch_cnt";

const ADMIN: &str = "stats socket {dir}/admin.sock level admin";

/// Answers with the expressions of a string.
const SAY: &str = "http-request return status 200 content-type text/plain lf-string";

#[test]
fn every_word_answers_for_entries_that_are_there_and_those_that_are_not() {
    let rows: Vec<Vec<&str>> = include_str!("stick_tables.words.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split('\t').collect())
        .collect();
    compat(|t| {
        let mut rules = String::new();
        for (name, _) in TABLES {
            rules += &format!("http-request track-sc0 src table {name} if {{ path /trk-{name} }}\n");
        }
        for (index, row) in rows.iter().enumerate() {
            rules += &format!("{SAY} \"[%[{}]]\" if {{ hdr(x) -m str {index} }}\n", row[1]);
        }
        let mut sections = String::new();
        for (name, store) in TABLES {
            let store = if store.is_empty() { String::new() } else { format!("store {store}") };
            sections += &format!("backend {name}\n stick-table type ip size 10 expire 60s {store}\n");
        }
        sections += "backend str\n stick-table type string len 4 size 10 expire 60s store gpc0\n";
        let mut proxy =
            t.start(&Proxy::http().global(ADMIN).frontend(&rules).servers("").sections(&sections).text());
        let clear: Vec<String> =
            TABLES.iter().map(|(name, _)| *name).chain(["str"]).map(|n| format!("clear table {n}")).collect();
        let clear = clear.join(";") + ";show table";
        let mut wrong = String::new();
        let mut client = proxy.client("fe");
        for (index, row) in rows.iter().enumerate() {
            // The end of a request may come after its answer.
            while proxy.admin(&clear).lines().any(|line| line.starts_with('#') && !line.ends_with("used:0")) {
                std::thread::sleep(Duration::from_millis(1));
            }
            let request = format!("GET {} HTTP/1.1\r\nHost: h\r\nX: {index}\r\n\r\n", row[0]);
            let got = [(); 2].map(|()| said(client.send(&request)));
            if got != row[2..4] {
                wrong += &format!("\n  {} {} wanted {:?} got {got:?}", row[0], row[1], &row[2..4]);
            }
        }
        assert!(wrong.is_empty(), "{wrong}");
    });
}

#[test]
fn commands_show_and_change_entries() {
    let script = include_str!("stick_tables.api.txt");
    compat(|t| {
        let proxy = t.start(
            &Proxy::http()
                .global(ADMIN)
                .servers("")
                .sections(
                    "backend ip
                        stick-table type ip size 5 expire 60s store gpc0,gpc1,gpt0,conn_cnt,conn_cur,conn_rate(10s),bytes_in_cnt,server_id,server_key,bytes_out_rate(10s)
                    backend v6
                        stick-table type ipv6 size 10
                    backend int
                        stick-table type integer size 10 store gpc0
                    backend str
                        stick-table type string size 10 store gpc(2),gpt(2),gpc_rate(2,1m)
                    backend str8
                        stick-table type string len 8 size 10 store gpc0
                    backend bin
                        stick-table type binary len 4 size 10 store gpc0
                    backend np
                        stick-table type integer size 2 nopurge
                    backend pu
                        stick-table type integer size 2",
                )
                .text(),
        );
        let mut wrong = String::new();
        let mut lines = script.lines().filter(|line| !line.starts_with('#')).peekable();
        while let Some(command) = lines.next() {
            let command = command.strip_prefix(">>> ").unwrap();
            let mut wanted = Vec::new();
            while let Some(line) = lines.next_if(|line| line.starts_with("    ")) {
                wanted.push(line.trim_start().to_owned());
            }
            let got = shown(&proxy.admin(command));
            if got != wanted {
                wrong += &format!("\n  {command}\n    wanted {wanted:#?}\n    got {got:#?}");
            }
        }
        assert!(wrong.is_empty(), "{wrong}");
    });
}

#[test]
fn entries_are_for_operators() {
    let denied = "Permission denied\n\n";
    let rows = [
        ("show table", "# table: t, type: integer, size:10, used:1\n\n"),
        (
            "show table t",
            "# table: t, type: integer, size:10, used:1\n# contents not dumped due to insufficient privileges\n\n",
        ),
        ("show table t key 1", denied),
        ("show table t key", "Key value expected\n\n"),
        ("show table nope", "No such table\n\n"),
        ("set table t key 2", denied),
        ("set table nope", "No such table\n\n"),
        ("clear table t", denied),
        ("clear table t key 1", denied),
    ];
    compat(|t| {
        let proxy = t.start(
            &Proxy::http()
                .global(ADMIN)
                .global("stats socket {dir}/user.sock level user")
                .servers("")
                .sections("backend t\n stick-table type integer size 10")
                .text(),
        );
        proxy.admin("set table t key 1");
        table(&rows, |command| {
            let mut user = proxy.unix_client("user.sock");
            user.send(format!("{command}\n"));
            String::from_utf8_lossy(&user.recv_to_close()).into_owned()
        });
    });
}

#[test]
fn connections_and_requests_count_what_happens_to_them() {
    let rows = [
        (
            "/",
            "conn_cnt=1 sess_cnt=1 http_req_cnt=1 bytes_in_cnt=38 bytes_out_cnt=48|conn_cnt=1 http_req_cnt=1 bytes_in_cnt=38 bytes_out_cnt=48",
        ),
        (
            "/deny",
            "conn_cnt=1 sess_cnt=1 http_req_cnt=1 http_err_cnt=1 bytes_in_cnt=42|conn_cnt=1 http_req_cnt=1 http_err_cnt=1 bytes_in_cnt=42",
        ),
        (
            "/tarpit",
            "conn_cnt=1 sess_cnt=1 http_req_cnt=1 http_err_cnt=1 bytes_in_cnt=44|conn_cnt=1 http_req_cnt=1 http_err_cnt=1 bytes_in_cnt=44",
        ),
        (
            "/auth",
            "conn_cnt=1 sess_cnt=1 http_req_cnt=1 http_err_cnt=1 bytes_in_cnt=42|conn_cnt=1 http_req_cnt=1 http_err_cnt=1 bytes_in_cnt=42",
        ),
        (
            "/return",
            "conn_cnt=1 sess_cnt=1 http_req_cnt=1 bytes_in_cnt=44|conn_cnt=1 http_req_cnt=1 bytes_in_cnt=44",
        ),
        (
            "/reject",
            "conn_cnt=1 sess_cnt=1 http_req_cnt=1 bytes_in_cnt=44|conn_cnt=1 http_req_cnt=1 bytes_in_cnt=44",
        ),
        (
            "/none",
            "conn_cnt=1 sess_cnt=1 http_req_cnt=1 bytes_in_cnt=42|conn_cnt=1 http_req_cnt=1 bytes_in_cnt=42",
        ),
        (
            "/late",
            "conn_cnt=1 sess_cnt=1 http_req_cnt=1 bytes_in_cnt=42 http_fail_cnt=1|conn_cnt=1 http_req_cnt=1 bytes_in_cnt=42 http_fail_cnt=1",
        ),
        (
            "/close",
            "conn_cnt=1 sess_cnt=1 http_req_cnt=1 bytes_in_cnt=43 http_fail_cnt=1|conn_cnt=1 http_req_cnt=1 bytes_in_cnt=43 http_fail_cnt=1",
        ),
        (
            "/399",
            "conn_cnt=1 sess_cnt=1 http_req_cnt=1 bytes_in_cnt=41 bytes_out_cnt=48|conn_cnt=1 http_req_cnt=1 bytes_in_cnt=41 bytes_out_cnt=48",
        ),
        (
            "/400",
            "conn_cnt=1 sess_cnt=1 http_req_cnt=1 http_err_cnt=1 bytes_in_cnt=41 bytes_out_cnt=48|conn_cnt=1 http_req_cnt=1 http_err_cnt=1 bytes_in_cnt=41 bytes_out_cnt=48",
        ),
        (
            "/499",
            "conn_cnt=1 sess_cnt=1 http_req_cnt=1 http_err_cnt=1 bytes_in_cnt=41 bytes_out_cnt=48|conn_cnt=1 http_req_cnt=1 http_err_cnt=1 bytes_in_cnt=41 bytes_out_cnt=48",
        ),
        (
            "/500",
            "conn_cnt=1 sess_cnt=1 http_req_cnt=1 bytes_in_cnt=41 bytes_out_cnt=48 http_fail_cnt=1|conn_cnt=1 http_req_cnt=1 bytes_in_cnt=41 bytes_out_cnt=48 http_fail_cnt=1",
        ),
        (
            "/501",
            "conn_cnt=1 sess_cnt=1 http_req_cnt=1 bytes_in_cnt=41 bytes_out_cnt=48|conn_cnt=1 http_req_cnt=1 bytes_in_cnt=41 bytes_out_cnt=48",
        ),
        (
            "/505",
            "conn_cnt=1 sess_cnt=1 http_req_cnt=1 bytes_in_cnt=41 bytes_out_cnt=48|conn_cnt=1 http_req_cnt=1 bytes_in_cnt=41 bytes_out_cnt=48",
        ),
    ];
    compat(|t| {
        let _server = by_path(t.origin("srv"));
        let silent = t.origin("silent");
        let mut proxy = t.start(
            &Proxy::http()
                .global(ADMIN)
                .frontend(&format!(
                    "stick-table type ip size 1k store {COUNTS}
                    timeout tarpit 10ms
                    tcp-request session track-sc0 src
                    http-request track-sc1 path table paths
                    http-request deny if {{ path /deny }}
                    http-request tarpit if {{ path /tarpit }}
                    http-request auth if {{ path /auth }}
                    http-request return status 404 if {{ path /return }}
                    http-request reject if {{ path /reject }}
                    use_backend none if {{ path /none }}
                    use_backend late if {{ path /late }}"
                ))
                .sections(&format!(
                    "backend paths\n stick-table type string len 20 size 1k store {COUNTS}
                    backend none\n
                    backend late\n timeout server 100ms\n server s {{silent}}"
                ))
                .text(),
        );
        table(&rows, |path| {
            let mut client = proxy.client("fe");
            client.send(format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"));
            if path == "/reject" {
                client.recv_to_close();
            } else {
                client.recv_message();
            }
            client.close();
            let seen = ["fe", "paths"].map(|name| settled(&proxy, name));
            while silent.accept_within(Duration::from_millis(1)).is_some() {}
            seen.join("|")
        });
    });
}

#[test]
fn what_is_no_request_counts_for_the_connection() {
    let rows = [
        ("", "conn_cnt=1 sess_cnt=1 http_req_cnt=1 http_err_cnt=1"),
        ("GET / HT", "conn_cnt=1 sess_cnt=1 http_req_cnt=1 http_err_cnt=1"),
        ("nonsense\r\n\r\n", "conn_cnt=1 sess_cnt=1 http_req_cnt=1 http_err_cnt=1 glitch_cnt=1"),
        (
            "GET / HTTP/1.1\r\nHost: h\r\nX\r\n\r\n",
            "conn_cnt=1 sess_cnt=1 http_req_cnt=1 http_err_cnt=1 glitch_cnt=1",
        ),
        (
            "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: a\r\n\r\n",
            "conn_cnt=1 sess_cnt=1 http_req_cnt=1 http_err_cnt=1 glitch_cnt=1",
        ),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            "conn_cnt=1 sess_cnt=1 http_req_cnt=1 http_err_cnt=1 glitch_cnt=1",
        ),
    ];
    compat(|t| {
        let mut proxy = t.start(
            &Proxy::http()
                .global(ADMIN)
                .frontend(&format!(
                    "stick-table type ip size 1k store {COUNTS}\ntcp-request connection track-sc0 src"
                ))
                .servers("")
                .text(),
        );
        table(&rows, |bytes| {
            let mut client = proxy.client("fe");
            client.send(bytes).shutdown_write();
            client.recv_to_close();
            settled(&proxy, "fe")
        });
    });
}

#[test]
fn the_statuses_that_count_can_be_chosen() {
    let rows = [
        ("/404", "http_req_cnt=1"),
        ("/410", "http_req_cnt=1 http_err_cnt=1"),
        ("/429", "http_req_cnt=1 http_err_cnt=1"),
        ("/400", "http_req_cnt=1"),
        ("/500", "http_req_cnt=1 http_fail_cnt=1"),
        ("/501", "http_req_cnt=1"),
        ("/503", "http_req_cnt=1"),
        ("/200", "http_req_cnt=1 http_fail_cnt=1"),
    ];
    compat(|t| {
        let _server = by_path(t.origin("srv"));
        let mut proxy = t.start(
            &Proxy::http()
                .global(ADMIN)
                .global("http-err-codes 404 +410 -404 +429\nhttp-fail-codes 500-502 -501 +200")
                .frontend(
                    "stick-table type ip size 1k store http_req_cnt,http_err_cnt,http_fail_cnt
                    http-request track-sc0 src",
                )
                .text(),
        );
        table(&rows, |path| {
            get(&mut proxy, path, "");
            settled(&proxy, "fe")
        });
    });
}

#[test]
fn actions_change_counters_and_tags_in_every_set_of_rules() {
    compat(|t| {
        let _server = by_path(t.origin("srv"));
        let mut proxy = t.start(
            &Proxy::http()
                .global(ADMIN)
                .global("tune.stick-counters 6")
                .frontend(&format!(
                    "stick-table type ip size 1k store gpc(4),gpt(3),gpc_rate(2,1m),conn_cnt
                    tcp-request connection track-sc0 src
                    tcp-request connection sc-inc-gpc(0,0)
                    tcp-request session track-sc1 src table text
                    tcp-request session sc-inc-gpc(1,0)
                    tcp-request session sc-inc-gpc0(1)
                    tcp-request content track-sc2 src table six
                    tcp-request content sc-add-gpc(2,0) 5
                    http-request track-sc2 path table text
                    http-request track-sc3 hdr(x) table text
                    http-request track-sc4 hdr(x),length table number
                    http-request track-sc5 hdr(x) table bin
                    http-request sc-add-gpc(2,0) req.hdr(add) if {{ req.hdr(add) -m found }}
                    http-request sc-set-gpt(0,0) 7
                    http-request sc-set-gpt(1,0) path,length
                    http-request sc-set-gpt0(0) int(9) if {{ path /nine }}
                    http-request sc-inc-gpc1(1)
                    http-response sc-inc-gpc(3,0)
                    http-response track-sc0 src table late
                    http-response track-sc2 src table late
                    http-after-response sc-inc-gpc(1,0)
                    http-after-response sc-set-gpt(2,0) status
                    {SAY} \"%[sc0_key] %[sc1_key] %[sc2_key] %[sc_key(3)] %[sc_key(4)] %[sc_key(5),hex] %[sc_conn_cur(0)] %[sc_get_gpc(2,0)]\" if {{ path /say }}"
                ))
                .sections(
                    "backend text\n stick-table type string len 9 size 1k store gpc0,gpc1,conn_cnt
                    backend six\n stick-table type ipv6 size 1k store conn_cnt
                    backend number\n stick-table type integer size 1k store conn_cnt
                    backend bin\n stick-table type binary len 5 size 1k store conn_cnt
                    backend late\n stick-table type ip size 1k store conn_cnt",
                )
                .text(),
        );
        let got = get(&mut proxy, "/say", "X: hello world\r\nAdd: 3\r\n");
        assert_eq!(got, "127.0.0.1 127.0.0.1 ::ffff:127.0.0.1 hello wor 11 68656C6C6F  8");
        get(&mut proxy, "/nine", "X: ab\r\n");
        let wanted = [
            (
                "fe",
                "key=127.0.0.1 use=0 conn_cnt=2 gpt0=9 gpt1=5 gpt2=200 gpc0=2 gpc1=4 gpc2=13 gpc3=1 gpc0_rate(60000)=2 gpc1_rate(60000)=4",
            ),
            (
                "text",
                "key=127.0.0.1 use=0 gpc0=2 conn_cnt=2 gpc1=2\nkey=ab use=0 gpc0=0 conn_cnt=1 gpc1=0\nkey=hello\\ wor use=0 gpc0=0 conn_cnt=1 gpc1=0",
            ),
            ("six", "key=::ffff:127.0.0.1 use=0 conn_cnt=2"),
            ("number", "key=11 use=0 conn_cnt=1\nkey=2 use=0 conn_cnt=1"),
            ("bin", "key=6162000000 use=0 conn_cnt=1\nkey=68656C6C6F use=0 conn_cnt=1"),
            ("late", ""),
        ];
        table(&wanted, |name| {
            let all = until(&proxy, name, |rows| rows.iter().all(|row| row.contains(" use=0")));
            all.join("\n")
        });
    });
}

#[test]
fn the_first_rule_that_has_a_key_tracks() {
    let rows = [("X: 1\r\nY: 2\r\n", "1"), ("Y: 2\r\n", "2"), ("", "z")];
    compat(|t| {
        let mut proxy = t.start(
            &Proxy::http()
                .frontend(&format!(
                    "stick-table type string len 10 size 10 store conn_cnt
                    http-request track-sc0 hdr(x)
                    http-request track-sc0 hdr(y)
                    http-request track-sc0 str(z)
                    {SAY} %[sc0_key]"
                ))
                .servers("")
                .text(),
        );
        table(&rows, |headers| get(&mut proxy, "/", headers));
    });
}

#[test]
fn a_rate_turns_connections_and_requests_away() {
    compat(|t| {
        let mut proxy = t.start(
            &Proxy::http()
                .frontend(&format!(
                    "stick-table type ip size 1k store conn_rate(100s),http_req_rate(100s)
                    tcp-request connection reject if {{ src_conn_rate ge 3 }}
                    tcp-request connection track-sc0 src
                    http-request deny deny_status 429 if {{ sc0_http_req_rate gt 4 }}
                    {SAY} \"%[sc0_conn_rate] %[sc0_http_req_rate]\""
                ))
                .servers("")
                .text(),
        );
        let mut client = proxy.client("fe");
        let got: Vec<String> =
            (0..3).map(|_| said(client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n"))).collect();
        assert_eq!(got, ["1 1", "1 2", "1 3"]);
        assert_eq!(get(&mut proxy, "/", ""), "2 4");
        let mut third = proxy.client("fe");
        third.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        assert!(third.recv_message().head.text().starts_with("HTTP/1.1 429 "));
        // Its end may come before we know that it began.
        if let Ok(mut fourth) = Peer::try_connect(proxy.address("fe"), None) {
            fourth.expect_closed();
        }
    });
}

#[test]
fn a_full_table_without_purge_takes_no_more_keys() {
    let rows = [("a", "1 1 1 1"), ("b", "1 1 2 0"), ("c", "0  2 0"), ("a", "1 2 2 0"), ("", "0  2 0")];
    compat(|t| {
        let mut proxy = t.start(
            &Proxy::http()
                .frontend(&format!(
                    "stick-table type string len 10 size 2 nopurge store conn_cnt
                    http-request track-sc0 hdr(x)
                    {SAY} \"%[sc0_tracked] %[sc0_conn_cnt] %[table_cnt] %[table_avl]\""
                ))
                .servers("")
                .text(),
        );
        table(&rows, |key| get(&mut proxy, "/", &format!("X: {key}\r\n")));
    });
}

#[test]
fn entries_go_when_nobody_touched_them_for_their_time() {
    compat(|t| {
        let mut proxy = t.start(
            &Proxy::http()
                .global(ADMIN)
                .frontend(&format!(
                    "stick-table type string len 10 size 9 expire 300ms store gpc0
                    http-request track-sc0 hdr(x) if {{ hdr(x) -m found }}
                    http-request sc-inc-gpc0(0)
                    {SAY} %[sc0_get_gpc0]"
                ))
                .servers("")
                .text(),
        );
        for wanted in ["1", "2", "3"] {
            assert_eq!(get(&mut proxy, "/", "X: a\r\n"), wanted);
        }
        proxy.admin_until("show table", "used:0");
        assert_eq!(get(&mut proxy, "/", "X: a\r\n"), "1");
    });
}

#[test]
fn bytes_are_counted_in_units_where_their_rate_is() {
    compat(|t| {
        let _server = by_path(t.origin("srv"));
        let mut proxy = t.start(
            &Proxy::http()
                .global(ADMIN)
                .frontend(&format!(
                    "stick-table type ip size 1k brates-factor 10 store bytes_in_cnt,bytes_in_rate(100s)
                    http-request track-sc0 src
                    {SAY} \"%[sc0_bytes_in_rate] %[src,table_bytes_in_rate(fe)]\" if {{ path /say }}"
                ))
                .text(),
        );
        get(&mut proxy, "/", "");
        until(&proxy, "fe", |rows| rows.iter().any(|row| row.contains("bytes_in_cnt=38")));
        assert_eq!(get(&mut proxy, "/say", ""), "40 40");
    });
}

#[test]
fn tcp_sessions_are_tracked_by_what_they_say_first() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(
            &Proxy::tcp()
                .global(ADMIN)
                .frontend(
                    "stick-table type string len 4 size 1k store conn_cnt,conn_cur,sess_cnt,bytes_in_cnt,bytes_out_cnt
                    tcp-request inspect-delay 5s
                    tcp-request content track-sc0 req.payload(0,4)",
                )
                .text(),
        );
        let mut client = proxy.client("fe");
        client.send("he");
        assert_eq!(settled(&proxy, "fe"), "");
        client.send("llo");
        let mut far = server.accept();
        far.expect("hello");
        let open = until(&proxy, "fe", |rows| !rows.is_empty());
        assert!(open[0].starts_with("key=hell use=1 conn_cnt=1 conn_cur=1 sess_cnt=0"), "{open:?}");
        far.send("bye").shutdown_write();
        client.expect("bye").expect_eof().shutdown_write();
        let over = until(&proxy, "fe", |rows| rows.iter().any(|row| row.contains("use=0")));
        assert_eq!(over, ["key=hell use=0 conn_cnt=1 conn_cur=0 sess_cnt=0 bytes_in_cnt=5 bytes_out_cnt=3"]);
    });
}

#[test]
fn the_session_behind_a_proxy_header_is_tracked_apart_from_its_connection() {
    compat(|t| {
        let mut proxy = t.start(
            &Proxy::http()
                .global(ADMIN)
                .frontend(&format!(
                    "bind {{pp}} accept-proxy
                    stick-table type ip size 10 store conn_cnt,conn_cur,sess_cnt,http_req_cnt
                    tcp-request connection track-sc0 src
                    tcp-request session track-sc1 src
                    {SAY} \"%[sc0_key] %[sc1_key]\""
                ))
                .servers("")
                .text(),
        );
        let mut client = proxy.client("pp");
        client.send("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(said(&mut client), "127.0.0.1 192.0.2.1");
        let row = "conn_cnt=1 conn_cur=1 sess_cnt=1 http_req_cnt=1";
        let rows = until(&proxy, "fe", |rows| rows.len() == 2);
        assert_eq!(rows, [format!("key=127.0.0.1 use=1 {row}"), format!("key=192.0.2.1 use=1 {row}")]);
        client.close();
        let rows = until(&proxy, "fe", |rows| rows.iter().all(|row| row.contains("use=0")));
        assert!(rows.iter().all(|row| row.contains("conn_cur=0")), "{rows:?}");
    });
}

#[test]
fn clients_stay_with_the_server_of_their_key() {
    compat(|t| {
        let _servers = ["a", "b", "c"].map(|name| named(t.origin(name), name));
        let mut proxy = t.start(
            &Proxy::http()
                .global(ADMIN)
                .backend(
                    "balance roundrobin
                    stick-table type string len 5 size 1k expire 60s
                    stick on hdr(x)",
                )
                .servers("server a {a}\n server b {b}\n server c {c} id 7")
                .text(),
        );
        let mut ask = |key: &str| get(&mut proxy, "/", &format!("X: {key}\r\n"));
        let all: BTreeSet<String> = ["1", "2", "3"].map(&mut ask).into();
        assert_eq!(all.len(), 3, "each key has a server of its own: {all:?}");
        let first = ["1", "2", "3"].map(&mut ask);
        assert_eq!(["1", "2", "3"].map(&mut ask), first);
        assert_eq!(ask("123456"), ask("123457"), "only what is kept of a key tells it apart");
        // A server that takes no new clients keeps those it has; one in maintenance loses them.
        proxy.admin("set server be/a state drain; set table be key k data.server_id 1");
        assert_eq!(get(&mut proxy, "/", "X: k\r\n"), "a");
        proxy.admin("set server be/a state maint");
        let other = get(&mut proxy, "/", "X: k\r\n");
        assert_ne!(other, "a");
        proxy.admin("set server be/a state ready");
        assert_eq!(get(&mut proxy, "/", "X: k\r\n"), other, "it learned another");
        proxy.admin("set table be key m data.server_id 7");
        assert_eq!(get(&mut proxy, "/", "X: m\r\n"), "c");
        assert_eq!(shown(&proxy.admin("show table be key m"))[1], "key=m use=0 server_id=7 server_key=c");
    });
}

#[test]
fn each_rule_of_persistence_has_its_key_its_table_and_its_moment() {
    let rows = [
        // What the answer says is learned, and found in requests.
        ("response", "/id-k X:k,/ X:k,/ X:k", "learned=k"),
        // One entry of each table; a rule whose condition fails stores nothing.
        ("multi", "/ X:x Y:y Z:z", "first=x second=y"),
        ("multi", "/nostore Y:y", ""),
        ("multi", "/ Z:z", "first=z"),
        ("non", "/ X:k,/ X:k", ""),
        ("fails", "/ X:k", ""),
        ("denied", "/ X:k", "keys=k"),
        ("address", "/ X:k", "keys=k"),
    ];
    compat(|t| {
        let _server = by_path(t.origin("srv"));
        let mut proxy = t.start(
            &Proxy::http()
                .global(ADMIN)
                .frontend("use_backend %[hdr(b)]")
                .sections(
                    "backend learned\n stick-table type string size 1k
                    backend first\n stick-table type string size 1k
                    backend second\n stick-table type string size 1k
                    backend keys\n stick-table type string size 1k srvkey addr
                    backend response
                        stick store-response res.hdr(x-id) table learned
                        stick match hdr(x) table learned
                        server s {srv}
                    backend multi
                        stick store-request hdr(x) table first
                        stick store-request hdr(z) table first
                        stick store-request hdr(y) table second unless { path /nostore }
                        server s {srv}
                    backend non
                        stick on hdr(x) table keys
                        server s {srv} non-stick
                    backend fails
                        retries 0
                        stick on hdr(x) table keys
                        server s {dead}
                    backend denied
                        stick on hdr(x) table keys
                        http-response deny if { status 200 }
                        server s {srv}
                    backend address
                        stick on hdr(x) table keys
                        server s {srv}",
                )
                .text(),
        );
        let mut wrong = String::new();
        for (backend, requests, wanted) in rows {
            for request in requests.split(',') {
                let mut words = request.split(' ');
                let path = words.next().unwrap();
                let headers: String = words.map(|w| w.replacen(':', ": ", 1) + "\r\n").collect();
                get(&mut proxy, path, &format!("B: {backend}\r\n{headers}"));
            }
            let mut got = Vec::new();
            for name in ["learned", "first", "second", "keys"] {
                for row in entries(&proxy, name) {
                    assert!(row.contains(" server_id=1 server_key="), "{row}");
                    got.push(format!("{name}={}", row["key=".len()..].split(' ').next().unwrap()));
                }
                proxy.admin(&format!("clear table {name}"));
            }
            if got.join(" ") != wanted {
                wrong += &format!("\n  {backend} {requests}: wanted {wanted:?}, got {:?}", got.join(" "));
            }
        }
        assert!(wrong.is_empty(), "{wrong}");
    });
}

#[test]
fn cookies_and_rules_come_before_what_a_table_says() {
    compat(|t| {
        let _servers = ["a", "b"].map(|name| named(t.origin(name), name));
        let mut proxy = t.start(
            &Proxy::http()
                .global(ADMIN)
                .backend(
                    "balance roundrobin
                    cookie C insert
                    use-server b if { hdr(u) 1 }
                    stick-table type string size 1k
                    stick on hdr(x)",
                )
                .servers("server a {a} cookie ca\n server b {b} cookie cb")
                .text(),
        );
        proxy.admin("set table be key k data.server_id 1");
        assert_eq!(get(&mut proxy, "/", "X: k\r\n"), "a");
        assert_eq!(get(&mut proxy, "/", "X: k\r\nCookie: C=cb\r\n"), "b");
        assert_eq!(get(&mut proxy, "/", "X: k\r\n"), "b", "the entry follows");
        proxy.admin("set table be key l data.server_id 1");
        assert_eq!(get(&mut proxy, "/", "X: l\r\nU: 1\r\n"), "b");
    });
}

#[test]
fn a_tcp_client_is_known_again_by_its_address() {
    compat(|t| {
        let servers = ["a", "b"].map(|name| t.origin(name));
        let mut proxy = t.start(
            &Proxy::tcp()
                .global(ADMIN)
                .backend("balance roundrobin\nstick-table type ip size 1k expire 60s\nstick on src")
                .servers("server a {a}\n server b {b}")
                .text(),
        );
        let _first = proxy.client("fe");
        let rows = until(&proxy, "be", |rows| !rows.is_empty());
        assert_eq!(rows.len(), 1, "learned as soon as the server is reached");
        let chosen = usize::from(rows[0].ends_with("server_key=b"));
        let _ = servers[chosen].accept();
        let _second = proxy.client("fe");
        let _ = servers[chosen].accept();
    });
}

#[test]
fn tcp_answers_are_learned_from_once_their_rules_have_seen_them() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(
            &Proxy::tcp()
                .global(ADMIN)
                .backend(
                    "stick-table type string len 4 size 10
                    tcp-response inspect-delay 5s
                    tcp-response content accept if { res.len ge 4 }
                    stick store-response res.payload(0,4)",
                )
                .text(),
        );
        let mut client = proxy.client("fe");
        client.send("hello");
        let mut far = server.accept();
        far.expect("hello").send("wo");
        client.expect_silence(Duration::from_millis(50));
        assert_eq!(entries(&proxy, "be"), [""; 0]);
        far.send("rld");
        client.expect("world");
        assert_eq!(entries(&proxy, "be"), ["key=worl use=0 server_id=1 server_key=s"]);
    });
}

#[test]
fn tables_of_a_section_of_peers_are_named_with_it() {
    compat(|t| {
        t.args(&["-L", "here"]);
        let mut proxy = t.start(
            &Proxy::http()
                .global(ADMIN)
                .frontend(&format!(
                    "http-request track-sc0 src table p/one
                    http-request sc-inc-gpc0(0)
                    {SAY} \"%[src_get_gpc0(p/one)] %[str(x),in_table(p/two)]\""
                ))
                .servers("")
                .sections(
                    "peers p
                        peer here {dead}
                        table one type ip size 1k store gpc0
                        table two type string size 5",
                )
                .text(),
        );
        assert_eq!(get(&mut proxy, "/", ""), "1 0");
        proxy.admin("set table p/two key x");
        assert_eq!(get(&mut proxy, "/", ""), "2 1");
        assert_eq!(
            shown(&proxy.admin("show table")),
            ["# table: p/two, type: string, size:5, used:1", "# table: p/one, type: ip, size:1024, used:1"]
        );
    });
}

#[test]
fn a_reload_forgets_no_entry() {
    compat(|t| {
        if !t.differs("the reference starts another process, which knows nothing without peers") {
            return;
        }
        let mut proxy = t.start(
            &Proxy::http()
                .global(ADMIN)
                .frontend(&format!(
                    "stick-table type ip size 1k expire 60s store gpc0,http_req_cnt
                    http-request track-sc0 src
                    http-request sc-inc-gpc0(0)
                    {SAY} \"%[sc0_get_gpc0] %[sc0_http_req_cnt]\""
                ))
                .servers("")
                .text(),
        );
        assert_eq!(get(&mut proxy, "/", ""), "1 1");
        proxy.signal(Signal::HUP);
        proxy.stderr_until("Reload done");
        assert_eq!(get(&mut proxy, "/", ""), "2 2");
    });
}

/// The body of the next answer.
#[track_caller]
fn said(client: &mut Peer) -> String {
    String::from_utf8_lossy(&client.recv_message().body).into_owned()
}

/// One request on a connection of its own: the body of the answer.
#[track_caller]
fn get(proxy: &mut Running, path: &str, headers: &str) -> String {
    let mut client = proxy.client("fe");
    client.send(format!("GET {path} HTTP/1.1\r\nHost: h\r\n{headers}\r\n"));
    said(&mut client)
}

/// A server that answers with the status that the path names, closes at `/close`, and tells the id of `/id-...`.
fn by_path(origin: Origin) -> Serving {
    origin.serve(|peer, _| {
        loop {
            let request = peer.recv_message();
            let path = request.head.text().split(' ').nth(1).unwrap_or_default().to_owned();
            if path == "/close" {
                return;
            }
            let status = path.trim_start_matches('/').parse().unwrap_or(200);
            let id = path.strip_prefix("/id-").map(|id| format!("X-Id: {id}\r\n")).unwrap_or_default();
            peer.send(format!("HTTP/1.1 {status} X\r\n{id}Content-Length: 0\r\n\r\n"));
            if !peer.wait_for_bytes() {
                return;
            }
        }
    })
}

/// A server that says its name.
fn named(origin: Origin, name: &str) -> Serving {
    origin.answer_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len()))
}

/// An answer of the runtime API: entries sorted, without addresses and times.
fn shown(answer: &str) -> Vec<String> {
    let mut lines: Vec<String> = answer
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| {
            let line = if line.starts_with("0x") { line.split_once(": ").unwrap().1 } else { line };
            let words = line.split(' ').filter(|w| !w.starts_with("exp=") && !w.starts_with("shard="));
            words.collect::<Vec<_>>().join(" ")
        })
        .collect();
    // Tables come in their order, entries in any.
    let titles = lines.iter().take_while(|line| line.starts_with('#')).count();
    lines[titles..].sort();
    lines
}

/// The entries of a table.
#[track_caller]
fn entries(proxy: &Running, name: &str) -> Vec<String> {
    let mut lines = shown(&proxy.admin(&format!("show table {name}")));
    lines.retain(|line| !line.starts_with('#'));
    lines
}

/// The entries of a table, as soon as they are as wanted or patience ends.
#[track_caller]
fn until(proxy: &Running, name: &str, wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
    let mut rows = entries(proxy, name);
    for _ in 0..200 {
        if wanted(&rows) {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
        rows = entries(proxy, name);
    }
    rows
}

/// What the only entry of a table has counted, zeros left out, when nobody uses it any more. The entry goes.
#[track_caller]
fn settled(proxy: &Running, name: &str) -> String {
    let rows = until(proxy, name, |rows| rows.iter().all(|row| row.contains(" use=0")));
    proxy.admin(&format!("clear table {name}"));
    let counts = rows.iter().flat_map(|row| row.split(' ').skip(2)).filter(|word| !word.ends_with("=0"));
    counts.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_text_is_a_key_of_its_own_family_only() {
    compat(|t| {
        let _server = t.origin("srv");
        let asked = [
            ("src,table_gpc0(v4)", "1"),
            ("src,table_gpc0(v6)", "1"),
            ("str(127.0.0.1),table_gpc0(v4)", "1"),
            ("str(127.0.0.1),table_gpc0(v6)", "0"),
            ("str(::ffff:127.0.0.1),table_gpc0(v6)", "1"),
            ("str(::ffff:127.0.0.1),table_gpc0(v4)", "0"),
            ("ipv6(::ffff:127.0.0.1),table_gpc0(v4)", "1"),
            ("ipv4(127.0.0.1),in_table(v6)", "1"),
            ("int(2130706433),table_gpc0(v4)", "1"),
            ("int(2130706433),table_gpc0(v6)", "1"),
            ("src,in_table(text)", "0"),
        ];
        let shown: Vec<String> = asked.iter().map(|(expr, _)| format!("%[{expr}]")).collect();
        let rules = format!(
            "http-request track-sc0 src table v4\nhttp-request track-sc1 src table v6\nhttp-request sc-inc-gpc0(0)\n\
             http-request sc-inc-gpc0(1)\nhttp-request return status 200 hdr x \"{}\"",
            shown.join(" ")
        );
        let tables = "backend v4\n stick-table type ip size 1k store gpc0\nbackend v6\n stick-table type ipv6 size 1k store gpc0\n\
                      backend text\n stick-table type string len 20 size 1k store gpc0\n";
        let mut proxy = t.start(&Proxy::http().frontend(&rules).sections(tables).text());
        let head = proxy.client("fe").send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").recv_message().head;
        let expected: Vec<&str> = asked.iter().map(|(_, value)| *value).collect();
        assert_eq!(head.header("x"), Some(expected.join(" ")));
    });
}
