//! Persistence by cookie: who gets the request, what both sides see of the cookie, and its letters in the log.

use std::time::Duration;
use weir_compat::{Proxy, Subject, compat, table};
use weir_testkit::{LogSink, Origin, Running, Serving};

const SERVERS: &str = "server a {a} cookie sa\n server b {b} cookie sb";

/// Requests of one row, without the lines that every one has.
const REQUESTS: [(&str, &str); 8] = [
    ("", ""),
    ("Cookie: S=sb", ""),
    ("Cookie: x=1; S=sb; y=2", ""),
    ("Cookie: S=nobody", ""),
    ("Cookie: S=nobody; S=sb", ""),
    ("", "Set-Cookie: S=own; path=/x"),
    ("Cookie: S=sb", "Set-Cookie: S=own; path=/x"),
    ("Cookie: S=sb", "Set-Cookie: T = 1; path=/"),
];

/// Two servers behind a proxy with a log.
struct Bench {
    proxy: Running,
    log: LogSink,
    _servers: [Serving; 2],
}

// === impl Bench ===

impl Bench {
    fn new(t: &mut Subject, cookie: &str, servers: &str) -> Bench {
        let servers_there = ["a", "b"].map(|name| telling(t.origin(name)));
        let log = t.sink("log");
        let text = Proxy::http()
            .defaults("option httpclose\nretries 1\ntimeout connect 300ms")
            .frontend("log {log} local0\nlog-format \"%tsc %s\"")
            .backend(&format!("balance roundrobin\n{cookie}"))
            .servers(servers)
            .text();
        Bench { proxy: t.start(&text), log, _servers: servers_there }
    }

    /// What became of a request: the server, what it saw and what the client got of the cookie, and the letters.
    fn ask(&mut self, method: &str, request: &str, answer: &str) -> String {
        let mut text = format!("{method} / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n");
        for line in [request, &answer.replace("\r\n", "|").replacen("", "X-Answer: ", 1)] {
            if !line.is_empty() && line != "X-Answer: " {
                text += &format!("{line}\r\n");
            }
        }
        let mut client = self.proxy.client("fe");
        let got = client.send(text + "\r\n").recv_message();
        let line = self.log.next();
        let (letters, name) = line.rsplit_once(": ").unwrap().1.split_once(' ').unwrap();
        let seen = got.head.header("x-seen").unwrap_or_default();
        let mut set = got.head.all("set-cookie");
        set.extend(got.head.all("cache-control").iter().filter(|v| *v == "private").cloned());
        let date = |text: String| match text.split_once('|') {
            // Dates are digits of base 64, `+` and `/` among them.
            Some((start, rest)) => {
                let (dates, rest) = rest.split_once(';').unwrap_or((rest, ""));
                let dates = dates.replace(|c| c != '|', "D");
                format!("{start}|{dates};{}", rest.replace(|c: char| c.is_alphanumeric(), "D"))
            }
            None => text,
        };
        let set: Vec<String> = set.into_iter().map(date).collect();
        format!("{letters} {} [{seen}] [{}]", name.trim(), set.join(" + "))
    }

    fn rows(&mut self) -> String {
        let rows = REQUESTS.map(|(request, answer)| self.ask("GET", request, answer));
        rows.join("\n")
    }
}

/// A server that says what cookie it saw, and adds the lines that it is asked for.
fn telling(origin: Origin) -> Serving {
    origin.serve(|peer, _| {
        while peer.wait_for_bytes() {
            let head = peer.recv_head();
            let seen = head.all("cookie").join(" + ");
            let more = head.header("x-answer").unwrap_or_default().replace('|', "\r\n");
            let more = if more.is_empty() { more } else { more + "\r\n" };
            peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Seen: {seen}\r\n{more}\r\n"));
        }
    })
}

#[test]
fn each_mode_treats_cookies_of_both_sides_as_the_manual_says() {
    compat(|t| {
        let modes = [
            "insert",
            "insert indirect",
            "insert preserve",
            "insert indirect preserve nocache",
            "insert postonly",
            "rewrite",
            "prefix",
            "prefix indirect",
            "indirect",
            "nocache",
        ];
        let mut all = String::new();
        for mode in modes {
            all += &format!("{mode}\n{}\n", Bench::new(t, &format!("cookie S {mode}"), SERVERS).rows());
        }
        assert_eq!(all, include_str!("persistence.modes.txt"));
    });
}

#[test]
fn a_removed_cookie_leaves_the_others_as_they_were() {
    compat(|t| {
        let mut bench = Bench::new(t, "cookie S insert indirect", SERVERS);
        let rows = [
            ("x=1;S=sb;y=2", "--VN b [x=1; y=2] []"),
            ("S=sb; y=2", "--VN b [y=2] []"),
            ("x=1; S=sb;", "--VN b [x=1;] []"),
            ("x=1, S=sb, y=2", "--VN b [x=1, y=2] []"),
            ("$Version=1; S=sb; $Path=/; y=1", "--VN b [$Version=1; y=1] []"),
            ("$Version=1; S=sb; $Path=/", "--VN b [] []"),
            ("a=\"x;y\"; S=sb; b=1", "--VN b [a=\"x;y\"; b=1] []"),
            ("S=sb;;b=1", "--VN b [;b=1] []"),
            ("a=1 ; S=sb ; b=1", "--VN b [a=1; b=1] []"),
            ("S =sb; b = 1", "--VN b [b=1] []"),
            ("; S=sb", "--VN b [] []"),
        ];
        table(&rows, |cookie| bench.ask("GET", &format!("Cookie: {cookie}"), ""));
    });
}

#[test]
fn prefixes_are_taken_off_what_the_server_sees() {
    compat(|t| {
        let mut bench = Bench::new(t, "cookie S prefix", SERVERS);
        let rows = [
            ("S=sb~foo", "--VN b [S=foo] []"),
            ("x=1; S = sb~foo ; y=1", "--VN b [x=1; S=foo ; y=1] []"),
            ("S=sb~", "--VN b [S=] []"),
            ("S=sb~a~b", "--VN b [S=a~b] []"),
            ("S=sx~a; S=sb~b", "--VN b [S=a; S=b] []"),
        ];
        table(&rows, |cookie| bench.ask("GET", &format!("Cookie: {cookie}"), ""));
    });
}

#[test]
fn attributes_follow_the_path_in_one_order() {
    compat(|t| {
        let rows = [
            ("httponly", "S=sb; path=/; HttpOnly"),
            ("secure attr SameSite=Strict attr \"B x\"", "S=sb; path=/; Secure; SameSite=Strict; B x"),
            ("domain .a.com domain .b.com", "S=sb; path=/; domain=.a.com; domain=.b.com"),
            (
                "attr Q secure httponly maxlife 1h maxidle 10m domain .x.com",
                "S=sb|DDDDD|DDDDD; DDDD=/; DDDDDD=.D.DDD; DDDDDDDD; DDDDDD; D",
            ),
        ];
        table(&rows, |words| {
            let mut bench = Bench::new(t, &format!("cookie S insert {words}"), "server b {b} cookie sb");
            let got = bench.ask("GET", "", "");
            got.split(['[', ']']).nth(3).unwrap().to_owned()
        });
    });
}

#[test]
fn a_server_without_a_value_takes_the_cookie_away() {
    compat(|t| {
        let mut bench = Bench::new(t, "cookie S insert", "server b {b}");
        let gone = "S=; Expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/";
        assert_eq!(bench.ask("GET", "Cookie: S=sb", ""), format!("--II b [S=sb] [{gone}]"));
        let mut bench = Bench::new(t, "cookie S rewrite", "server b {b}");
        assert_eq!(bench.ask("GET", "", "Set-Cookie: S=x"), "--NP b [] [S=x]");
    });
}

#[test]
fn answers_that_caches_may_keep_become_private() {
    compat(|t| {
        let mut bench = Bench::new(t, "cookie S insert nocache", "server b {b} cookie sb");
        let (private, plain) = ("--NI b [] [S=sb; path=/ + private]", "--NI b [] [S=sb; path=/]");
        let rows = [
            ("Cache-Control: max-age=3", private),
            ("Cache-Control: max-age=0", plain),
            ("Cache-Control: s-maxage=5", private),
            ("Cache-Control: public", plain),
            ("Cache-Control: max-age=5, no-store", plain),
            ("Cache-Control: max-age=5, no-cache=\"set-cookie\"", private),
            ("ETag: \"a\"", private),
            ("Last-Modified: Sat, 29 Oct 1994 19:43:31 GMT", private),
            ("Expires: 0", private),
            ("ETag: \"a\"\r\nPragma: no-cache", plain),
            ("X-Other: 1", plain),
        ];
        table(&rows, |line| bench.ask("GET", "", line));
        assert_eq!(bench.ask("POST", "", "ETag: \"a\""), plain);
    });
}

#[test]
fn the_server_of_a_cookie_may_be_down_drained_or_dead() {
    compat(|t| {
        let rows = [
            ("server b {b} cookie sb disabled", "", "--DI a [S=sb] [S=sa; path=/]"),
            ("server b {b} cookie sb disabled", "option persist", "--DN b [S=sb] []"),
            ("server b {b} cookie sb weight 0", "", "--VN b [S=sb] []"),
            ("server b {b} cookie sb backup", "", "--VN b [S=sb] []"),
            ("server b {dead} cookie sb", "option redispatch", "--DI a [S=sb] [S=sa; path=/]"),
            ("server b {dead} cookie sb", "", "SCVN b [] []"),
            ("server c {b} cookie sb disabled\n server b {b} cookie sb", "", "--VN b [S=sb] []"),
        ];
        for (server, option, wanted) in rows {
            let servers = format!("server a {{a}} cookie sa\n {server}");
            let mut bench = Bench::new(t, &format!("cookie S insert\n{option}"), &servers);
            assert_eq!(bench.ask("GET", "Cookie: S=sb", ""), wanted, "{server} {option}");
        }
    });
}

#[test]
fn cookies_grow_too_old_and_are_renewed() {
    compat(|t| {
        let rows = [
            ("maxidle 30m", "S=sb", "--VU b [] [S=sb|DDDDD; DDDD=/]"),
            ("maxidle 30m", "S=sb|AAAAB", "--EI a [] [S=sa|DDDDD; DDDD=/]"),
            ("maxidle 30m", "S=sb|zz", "--VU b [] [S=sb|DDDDD; DDDD=/]"),
            ("maxidle 30m", "S=sb|8AAAA", "--EI a [] [S=sa|DDDDD; DDDD=/]"),
            ("maxlife 30m", "S=sb", "--VU b [] [S=sb|DDDDD|DDDDD; DDDD=/]"),
            ("maxlife 30m", "S=sb||AAAAB", "--OI a [] [S=sa|DDDDD|DDDDD; DDDD=/]"),
            ("maxlife 30m", "S=sb|AAAAB", "--VU b [] [S=sb|DDDDD|DDDDD; DDDD=/]"),
            ("maxidle 30m maxlife 1h", "S=sb|AAAAB|AAAAB", "--OI a [] [S=sa|DDDDD|DDDDD; DDDD=/]"),
            ("", "S=sb|AAAAB", "--VU b [] [S=sb; path=/]"),
            ("", "S=sb|8AAAA", "--VU b [] [S=sb; path=/]"),
            ("", "S=sb|fAAAA", "--VN b [] []"),
        ];
        for (words, cookie, wanted) in rows {
            let mut bench = Bench::new(t, &format!("cookie S insert indirect {words}"), SERVERS);
            assert_eq!(bench.ask("GET", &format!("Cookie: {cookie}"), ""), wanted, "{words} {cookie}");
        }
    });
}

#[test]
fn a_full_queue_of_the_server_refuses_or_sends_on() {
    compat(|t| {
        let rows = [
            ("", "maxqueue 1", "SQVN b"),
            ("option redispatch", "maxqueue 1", "--DI a"),
            ("timeout queue 200ms", "", "sQVN b"),
        ];
        for (option, limit, wanted) in rows {
            let (near, far) = (telling(t.origin("a")), t.origin("b"));
            let log = t.sink("log");
            let text = Proxy::http()
                .frontend("log {log} local0\nlog-format \"%tsc %s\"")
                .backend(&format!("balance roundrobin\ncookie S insert\n{option}"))
                .servers(&format!("server a {{a}} cookie sa\n server b {{b}} cookie sb maxconn 1 {limit}"))
                .text();
            let mut proxy = t.start(&text);
            let mut clients = Vec::new();
            for _ in 0..3 {
                let mut client = proxy.client("fe");
                client.send("GET / HTTP/1.0\r\nCookie: S=sb\r\n\r\n").pause(Duration::from_millis(40));
                clients.push(client);
            }
            let _held = far.accept();
            let line = log.next();
            assert_eq!(line.rsplit_once(": ").unwrap().1.trim(), wanted, "{option} {limit}");
            drop(near);
        }
    });
}

#[test]
fn a_rule_that_names_the_server_leaves_the_cookie_unused() {
    compat(|t| {
        let mut bench = Bench::new(t, "cookie S insert\nuse-server b if TRUE", SERVERS);
        assert_eq!(bench.ask("GET", "", ""), "--NN b [] []");
        assert_eq!(bench.ask("GET", "Cookie: S=sa", ""), "--UN b [S=sa] []");
        assert_eq!(bench.ask("GET", "Cookie: S=sa", "Set-Cookie: S=x"), "--UD b [S=sa] []");
    });
}

#[test]
fn a_server_with_redir_sends_clients_elsewhere() {
    compat(|t| {
        let server = t.origin("srv").answer_all("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        let mut proxy = t.start(&Proxy::http().servers("server s {srv} redir http://img.example.com").text());
        let mut client = proxy.client("fe");
        client.send("GET http://h/a/b?c HTTP/1.1\r\nHost: h\r\n\r\n").expect(
            "HTTP/1.1 302 Found\r\ncache-control: no-cache\r\ncontent-length: 0\r\n\
             location: http://img.example.com/a/b?c\r\n\r\n",
        );
        client.send("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(client.recv_message().body, b"ok");
        drop(server);
    });
}

/// `option checkcache`: an answer whose cookie a cache could give to others is not passed on.
#[test]
fn answers_whose_cookie_caches_may_keep_are_blocked() {
    compat(|t| {
        let log = t.sink("log");
        let _server = telling(t.origin("srv"));
        let text = Proxy::http()
            .frontend("log {log} local0\nlog-format \"%ST %tsc\"")
            .backend("option checkcache")
            .servers("server s {srv}")
            .text();
        let mut proxy = t.start(&text);
        let mut ask = |method: &str, answer: &str| {
            let mut client = proxy.client("fe");
            client.send(format!(
                "{method} / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nX-Answer: {answer}\r\nConnection: close\r\n\r\n"
            ));
            log.next().rsplit_once(": ").unwrap().1.trim_end().to_owned()
        };
        for (method, answer, blocked) in [
            ("GET", "Set-Cookie: a=b", false),
            ("GET", "Expires: 0", false),
            ("GET", "Set-Cookie: a=b|Expires: 0", true),
            ("OPTIONS", "Set-Cookie: a=b|Expires: 0", true),
            ("POST", "Set-Cookie: a=b|Expires: 0", false),
            ("GET", "Set-Cookie: a=b|Etag: x", true),
            ("GET", "Set-Cookie: a=b|Last-Modified: x", true),
            ("GET", "Set-Cookie: a=b|Cache-Control: max-age=10", true),
            ("GET", "Set-Cookie: a=b|Cache-Control: max-age=0", false),
            ("GET", "Set-Cookie: a=b|Cache-Control: s-maxage=5", true),
            ("GET", "Set-Cookie: a=b|Cache-Control: public", false),
            ("GET", "Set-Cookie: a=b|Cache-Control: public, max-age=10", true),
            ("GET", "Set-Cookie: a=b|Cache-Control: private, max-age=10", false),
            ("GET", "Set-Cookie: a=b|Cache-Control: max-age=10, no-cache=\"set-cookie\"", false),
            ("GET", "Set-Cookie: a=b|Cache-Control: max-age=10, no-cache=\"foo\"", false),
            ("GET", "Set-Cookie: a=b|Expires: 0|Pragma: no-cache", false),
            ("GET", "Set-Cookie: a=b|Expires: 0|Pragma: foo", true),
        ] {
            let wanted = if blocked { "502 PH--" } else { "200 ----" };
            assert_eq!(ask(method, answer), wanted, "{method} {answer}");
        }
    });
}

#[test]
fn who_is_bound_to_a_server_stays_until_the_retry_that_may_go_elsewhere() {
    let rows = [
        // Lines of the backend, the cookie, and what the log says: server, status, state, retries.
        ("balance roundrobin\nretries 1\noption redispatch", "", "b 200 --NI +1"),
        ("balance roundrobin\nretries 1\noption redispatch", "Cookie: S=sa", "b 200 --DI +1"),
        ("balance roundrobin\nretries 1\noption redispatch 2", "", "b 200 --NI +1"),
        ("balance roundrobin\nretries 1\noption redispatch 2", "Cookie: S=sa", "a 503 SCVN 1"),
        ("balance roundrobin\nretries 2\noption redispatch 2", "Cookie: S=sa", "b 200 --DI +2"),
        ("balance roundrobin\nretries 1", "Cookie: S=sa", "a 503 SCVN 1"),
        // A hash names the same server again, which is no redispatch.
        ("balance source\nretries 1\noption redispatch", "", "a 503 SCNN 1"),
        ("balance source\nretries 1\noption redispatch", "Cookie: S=sa", "a 503 SCVN 1"),
    ];
    compat(|t| {
        let _servers = ["b", "c"].map(|name| telling(t.origin(name)));
        let log = t.sink("log");
        let mut text = String::from(
            "global\n nbthread 1\ndefaults\n mode http\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n",
        );
        for (number, (lines, ..)) in rows.iter().enumerate() {
            text += &format!(
                "listen f{number}\n bind {{f{number}}}\n log {{log}} local0\n log-format \"%s %ST %tsc %rc\"\n cookie S insert\n {}\n \
                 server a {{dead}} cookie sa weight 200\n server b {{b}} cookie sb weight 1\n server c {{c}} cookie sc weight 1\n",
                lines.replace('\n', "\n ")
            );
        }
        let mut proxy = t.start(&text);
        for (number, (lines, cookie, wanted)) in rows.iter().enumerate() {
            // The heaviest has the first turn; the second is for who comes with its cookie.
            let mut client = proxy.client(&format!("f{number}"));
            let lines_of = if cookie.is_empty() { String::new() } else { format!("{cookie}\r\n") };
            client.send(format!("GET / HTTP/1.1\r\nHost: h\r\n{lines_of}\r\n"));
            client.recv_message();
            let line = log.next();
            let said = line.trim_end().rsplit_once(": ").map(|(_, said)| said.to_owned());
            assert_eq!(said.as_deref(), Some(*wanted), "{lines} {cookie}");
        }
    });
}
