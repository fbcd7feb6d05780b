//! The first bytes of streams: what fetches of layers 4 and 6 make of crafted hellos, of cookies of RDP and of any
//! bytes, in rules of `tcp-request content` and `tcp-response content`. Both programs see the same bytes and must say
//! the same of them.

use std::sync::Mutex;
use std::time::Duration;

use weir_compat::{Subject, compat};

/// What is asked of the bytes of a client.
const OF_REQUESTS: &str = include_str!("contents.requests.txt");

/// What is asked of the bytes of a server.
const OF_RESPONSES: &str = include_str!("contents.responses.txt");

/// Conditions on the bytes of a client: each of them, with its opposite, sets a letter where it holds.
const CONDITIONS: &[&str] = &[
    "{ req.ssl_hello_type 1 }",
    "{ req.ssl_hello_type 0 2 }",
    "{ req.ssl_ver 3.1 }",
    "{ req.ssl_ver 3.3 }",
    "{ req.ssl_ver 3.0:3.2 }",
    "{ req.ssl_ver gt 3.2 }",
    "{ req.ssl_sni -i WWW.example.com }",
    "{ req.ssl_sni -m end .com }",
    "{ req.ssl_sni -m found }",
    "{ req.ssl_alpn h2 }",
    "{ req.ssl_alpn -m sub http/1.1 }",
    "{ req.ssl_ec_ext 1 }",
    "{ req.ssl_ec_ext }",
    "{ req.ssl_st_ext 0 }",
    "{ req.ssl_st_ext 1:2 }",
    "{ req.len gt 0 }",
    "{ req.len ge 12 }",
    "{ req.payload(0,1) -m bin 16 }",
    "{ req.payload(0,3) -m str GET }",
    "{ req.payload(0,0) -m len 1:20 }",
    "{ req.payload(0,0) -m sub example }",
    "{ req.payload(0,5) -m len 5 }",
    "{ req.payload(0,5) -m len 3 }",
    "{ req.payload(0,0) -m len 500 }",
    "{ req.payload(0,5) -m sub ET }",
    "{ req.payload(0,5) -m sub 03 }",
    "{ req.payload(0,5) -m beg 16 }",
    "{ req.payload_lv(3,1,5) -m found }",
    "{ req.payload(100,1) -m found }",
    "{ req.rdp_cookie_cnt 1 }",
    "{ req.rdp_cookie(msts) -m found }",
    "{ distcc_param(DOTI) -m found }",
    "{ distcc_param(ARGC) gt 1 }",
    "{ distcc_body(ARGV,2) -m found }",
    "{ distcc_body(ARGV) -m str cc }",
    "RDP_COOKIE",
    "REQ_CONTENT",
    "HTTP",
];

fn sized(bytes: &[u8], width: usize) -> Vec<u8> {
    let size = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    [size.get(4 - width..).unwrap(), bytes].concat()
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &sized(content, 2)].concat()
}

fn server_name(kind: u8, name: &str) -> Vec<u8> {
    extension(0, &sized(&[&[kind][..], &sized(name.as_bytes(), 2)].concat(), 2))
}

/// The message, without the record around it. `extensions` is the block, if there is one.
fn hello(version: [u8; 2], session: &[u8], suites: &[u8], extensions: Option<&[u8]>) -> Vec<u8> {
    let mut body = [&version[..], &[7; 32], &sized(session, 1), &sized(suites, 2), &[1, 0]].concat();
    if let Some(block) = extensions {
        body.extend(sized(block, 2));
    }
    [&[1][..], &sized(&body, 3)].concat()
}

fn record(version: [u8; 2], content: &[u8]) -> Vec<u8> {
    [&[22][..], &version, &sized(content, 2)].concat()
}

fn usual() -> Vec<u8> {
    let block = [
        extension(0x2a2a, b""),
        server_name(0, "www.example.com"),
        extension(10, &sized(&[0, 29, 0, 23, 0x1a, 0x1a], 2)),
        extension(11, &[1, 0]),
        extension(13, &sized(&[4, 3, 8, 4], 2)),
        extension(16, &sized(b"\x02h2\x08http/1.1", 2)),
        extension(35, b""),
        extension(43, &[4, 3, 4, 3, 3]),
        extension(51, &sized(&[0, 29, 0, 2, 1, 1, 0, 23, 0, 1, 1], 2)),
    ];
    hello([3, 3], &[9; 32], &[0x13, 1, 0xc0, 0x2f, 0x3a, 0x3a], Some(&block.concat()))
}

fn in_record(extensions: &[u8]) -> Vec<u8> {
    record([3, 1], &hello([3, 3], &[], &[0x13, 1], Some(extensions)))
}

/// The bytes of clients, with a name each.
fn requests() -> Vec<(&'static str, Vec<u8>)> {
    let whole = record([3, 1], &usual());
    let cut = |n: usize| whole.get(..n).unwrap().to_vec();
    let mut long = whole.clone();
    long[3] += 1;
    let mut wrong_message = whole.clone();
    wrong_message[8] = 10;
    let ssl2: &[u8] =
        b"\x80\x2b\x01\x03\x01\x00\x12\x00\x00\x00\x10\x01\x00\x80\x03\x00\x80\x07\x00\xc0\x00\x00\x04\x00\x00\x05\x00\x00\x0a0123456789abcdef";
    let rdp = |text: &str| [&[3, 0, 0, 43, 38, 0xe0, 0, 0, 0, 0, 0][..], text.as_bytes()].concat();
    let mut cases = vec![
        ("usual", whole.clone()),
        ("more behind", [&whole[..], b"more"].concat()),
        ("two records", [record([3, 1], &usual()[..100]), record([3, 1], &usual()[100..])].concat()),
        ("record of TLS 1.3", record([3, 4], &usual())),
        ("record of SSL 3", record([3, 0], &hello([3, 0], &[], &[0, 4], None))),
        ("TLS 1.0 without extensions", record([3, 1], &hello([3, 1], &[], &[0, 47], None))),
        ("TLS 1.2 in a record of itself", record([3, 3], &hello([3, 3], &[1], &[0xc0, 0x2f], Some(b"")))),
        ("TLS 1.4", record([3, 5], &hello([3, 5], &[], &[0x13, 1], None))),
        ("TLS 4", record([4, 0], &hello([4, 0], &[], &[0x13, 1], None))),
        ("no suites", record([3, 1], &hello([3, 3], &[], &[], Some(&server_name(0, "a"))))),
        ("odd suites", record([3, 1], &hello([3, 3], &[], &[1, 2, 3], Some(&server_name(0, "a"))))),
        ("long session", record([3, 1], &hello([3, 3], &[5; 40], &[0x13, 1], Some(&server_name(0, "a"))))),
        ("name of another kind", in_record(&server_name(1, "www.example.com"))),
        ("empty name", in_record(&server_name(0, ""))),
        ("capital name", in_record(&server_name(0, "WWW.Example.COM"))),
        (
            "two names",
            in_record(&extension(
                0,
                &sized(&[&[0][..], &sized(b"a.b", 2), &[0], &sized(b"c.d", 2)].concat(), 2),
            )),
        ),
        ("two name extensions", in_record(&[server_name(0, "a.b"), server_name(0, "c.d")].concat())),
        ("a name's size too long", in_record(&extension(0, b"\x00\x06\x00\x00\x09abc"))),
        ("a list's size too long", in_record(&extension(0, b"\x00\x09\x00\x00\x03abc"))),
        ("a list's size too short", in_record(&extension(0, b"\x00\x03\x00\x00\x03abc"))),
        ("one protocol", in_record(&extension(16, &sized(b"\x08http/1.1", 2)))),
        ("empty protocols", in_record(&extension(16, &sized(b"", 2)))),
        ("protocol too long", in_record(&extension(16, &sized(b"\x09h2", 2)))),
        ("empty protocol", in_record(&extension(16, &sized(b"\x00\x02h2", 2)))),
        ("ticket", in_record(&extension(35, b"0123456789"))),
        ("no ticket", in_record(&extension(35, b""))),
        ("groups alone", in_record(&extension(10, &sized(&[0, 29], 2)))),
        ("empty groups", in_record(&extension(10, &sized(&[], 2)))),
        ("groups of wrong size", in_record(&extension(10, &[0, 5, 0, 29]))),
        ("odd groups", in_record(&extension(10, &sized(&[0, 29, 1], 2)))),
        ("no room for groups", in_record(&extension(10, &[]))),
        ("key shares cut short", in_record(&extension(51, &[0, 9, 0, 29, 0, 9, 1]))),
        ("empty key shares", in_record(&extension(51, &sized(&[], 2)))),
        ("signatures of wrong size", in_record(&extension(13, &[0, 9, 4, 3]))),
        (
            "extension too long",
            in_record(&[extension(10, &sized(&[0, 29], 2)), vec![0, 0, 0, 200, 1]].concat()),
        ),
        ("half an extension", in_record(&[0, 0, 0])),
        ("block too long", {
            let mut message = hello([3, 3], &[], &[0x13, 1], Some(&server_name(0, "a.b")));
            let at = message.len() - server_name(0, "a.b").len() - 1;
            message[at] += 3;
            record([3, 1], &message)
        }),
        ("record longer than the message", record([3, 1], &[usual(), vec![0; 20]].concat())),
        ("record shorter than the message", record([3, 1], &usual()[..100])),
        ("tiny record", [record([3, 1], &usual()[..3]), record([3, 1], &usual()[3..])].concat()),
        ("empty record", [record([3, 1], &[]), whole.clone()].concat()),
        ("record that promises more", long),
        ("message that promises more", wrong_message),
        ("server hello", record([3, 3], &[&[2][..], &sized(&[3; 40], 3)].concat())),
        ("other handshake", record([3, 3], &[0, 0, 0, 0])),
        ("alert", vec![21, 3, 3, 0, 2, 1, 0]),
        ("data", vec![23, 3, 3, 0, 2, 1, 0]),
        ("SSL 2", ssl2.to_vec()),
        ("SSL 2 cut", ssl2[..20].to_vec()),
        ("high bit", vec![0x80, 0x2e, 2, 3, 1]),
        ("HTTP", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec()),
        ("half of HTTP", b"GET / HT".to_vec()),
        ("SSH", b"SSH-2.0-x\r\n".to_vec()),
        ("a byte", b"x".to_vec()),
        ("a byte of TLS", vec![22]),
        ("zeros", vec![0; 60]),
        ("cookie of RDP", rdp("Cookie: mstshash=user\r\n\x01\x00\x08\x00\x00\x00\x00\x00")),
        (
            "cookie of a balancer",
            rdp("Cookie: msts=3640205228.15629.0000\r\n\x01\x00\x08\x00\x03\x00\x00\x00"),
        ),
        ("cookie in capitals", rdp("COOKIE:   MSTS=a b \r\n")),
        ("cookie without blank", rdp("Cookie:msts=a\r\n")),
        ("cookie without value", rdp("Cookie: msts=\r\n")),
        ("cookie without name", rdp("Cookie: =a\r\n")),
        ("cookie without equals", rdp("Cookie: msts\r\n")),
        ("cookie with one end", rdp("Cookie: msts=a\n")),
        ("cookie with the other end", rdp("Cookie: msts=a\rb")),
        ("cookie with both", rdp("Cookie: msts=a\nb\r\n")),
        ("cookie that does not end", rdp("Cookie: msts=abc")),
        ("half a cookie", rdp("Coo")),
        ("another header of RDP", rdp("Cookies: msts=a\r\n")),
        ("RDP without cookie", rdp("\x01\x00\x08\x00\x03\x00\x00\x00")),
        ("RDP of another version", [&[2][..], &rdp("Cookie: msts=a\r\n")[1..]].concat()),
        ("start of RDP", vec![3, 0, 0, 43]),
    ];
    let build = b"DIST00000001ARGC00000002ARGV00000002ccARGV00000003-o\0DOTI00000000";
    cases.extend([
        ("distcc", build.to_vec()),
        ("distcc before its last token", build[..53].to_vec()),
        ("distcc within a token", build[..20].to_vec()),
        ("distcc within a body", b"DIST00000001ARGC00000002LIST00000003a".to_vec()),
        ("distcc with a wrong number", b"DIST0000000gARGC00000002".to_vec()),
        ("distcc with large numbers", b"DISTffffffffARGC8000000aSTAT00000001DOTI0000000A".to_vec()),
    ]);
    for n in [1, 2, 3, 4, 5, 6, 9, 11, 43, 44, 60, 76, 84, 100, 120, whole.len() - 1] {
        cases.push(("cut", cut(n)));
    }
    for n in 2..13 {
        cases.push(("text", b"abcdefghijklm"[..n].to_vec()));
        cases.push(("cut SSL 2", ssl2[..n].to_vec()));
        cases.push(("cut RDP", rdp("Cookie: msts=a\r\n")[..n].to_vec()));
        cases.push((
            "cut handshake",
            record([3, 3], &[2, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])[..n].to_vec(),
        ));
        cases.push(("cut alert", vec![21, 3, 3, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8][..n].to_vec()));
        cases.push(("zeros", vec![0; n]));
    }
    cases
}

fn responses() -> Vec<(&'static str, Vec<u8>)> {
    let hello = |kind: u8| record([3, 3], &[&[kind][..], &sized(&[3; 40], 3)].concat());
    vec![
        ("server hello", hello(2)),
        ("retry", hello(6)),
        ("client hello", record([3, 1], &usual())),
        ("cut", hello(2)[..5].to_vec()),
        ("cut later", hello(2)[..9].to_vec()),
        ("cut before the end", hello(2)[..20].to_vec()),
        ("older", record([2, 0], &[2, 0, 0, 0])),
        ("newer", record([3, 9], &[&[2][..], &sized(&[3; 40], 3)].concat())),
        ("alert", vec![21, 3, 3, 0, 2, 2, 40]),
        ("text", b"220 hello\r\n".to_vec()),
        ("sized", b"\x03abcdef".to_vec()),
        ("a byte", b"\x16".to_vec()),
    ]
}

/// How a client ends what it says.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    /// It waits for what comes.
    Waits,
    /// It says that this was all.
    Ends,
}

/// A line that puts what an expression gives into a variable, for each of them.
fn asked(set: &str, of: &str) -> String {
    of.lines()
        .enumerate()
        .map(|(n, e)| format!("tcp-{set} content set-var(txn.v{n}) {e},concat()\n"))
        .collect()
}

fn shown(of: &str) -> String {
    shown_values(of.lines().count())
}

fn shown_values(count: usize) -> String {
    (0..count).map(|n| format!("%{{+Q}}[var(txn.v{n})] ")).collect()
}

/// What each case gives on each program, which must be the same.
fn alike(names: &[String], run: impl Fn(&mut Subject) -> Vec<String>) {
    let all: Mutex<Vec<Vec<String>>> = Mutex::default();
    compat(|t| {
        let found = run(t);
        assert_eq!(found.len(), names.len());
        all.lock().unwrap().push(found);
    });
    if let [reference, weir] = all.into_inner().unwrap().as_slice() {
        let differ: Vec<String> = names
            .iter()
            .zip(reference.iter().zip(weir))
            .filter(|(_, (reference, weir))| reference != weir)
            .map(|(name, (reference, weir))| format!("{name}\n  weir      {weir}\n  reference {reference}"))
            .collect();
        assert!(differ.is_empty(), "{} of {} differ\n{}", differ.len(), names.len(), differ.join("\n"));
    }
}

/// Each expression has a value for one of the cases at least.
fn each_has_a_value(of: &str, lines: &[String]) {
    let rows: Vec<Vec<&str>> = lines.iter().map(|line| line.trim_end().split(' ').collect()).collect();
    let some = |n: &usize| rows.iter().any(|row| row.get(*n).is_some_and(|value| *value != "\"\""));
    let without: Vec<&str> =
        of.lines().enumerate().filter(|(n, _)| !some(n)).map(|(_, expression)| expression).collect();
    assert!(without.is_empty(), "no case has a value of {without:?}: {lines:#?}");
}

fn frontend(rules: &str, format: &str) -> String {
    format!(
        "global\n    log {{log}} local0\ndefaults\n    mode tcp\n    log global\n    timeout client 5s\n    timeout server 5s\n    \
         timeout connect 5s\nfrontend fe\n    bind {{fe}}\n    log-format '{format}'\n{rules}    default_backend be\nbackend be\n    \
         server s {{srv}}\n"
    )
}

/// The log line of each case: the rules look at the bytes and let nothing pass.
fn lines(t: &mut Subject, rules: &str, format: &str, then: Then, cases: &[(&str, Vec<u8>)]) -> Vec<String> {
    let _server = t.origin("srv");
    let log = t.sink("log");
    let mut proxy = t.start(&frontend(rules, format));
    cases
        .iter()
        .map(|(_, bytes)| {
            let mut client = proxy.client("fe");
            client.send(bytes);
            if then == Then::Ends {
                client.shutdown_write();
            }
            let line = log.next();
            client.close();
            line.split_once("]: ").map_or(line.clone(), |(_, text)| text.to_owned())
        })
        .collect()
}

fn names(cases: &[(&str, Vec<u8>)]) -> Vec<String> {
    cases.iter().map(|(name, bytes)| format!("{name}, {} bytes", bytes.len())).collect()
}

#[test]
fn first_bytes_are_read_alike_when_the_delay_is_over() {
    let cases = requests();
    let rules = format!(
        "tcp-request inspect-delay 60ms\ntcp-request content accept if !WAIT_END\n{}tcp-request content reject\n",
        asked("request", OF_REQUESTS)
    );
    alike(&names(&cases), |t| {
        let lines = lines(t, &rules, &shown(OF_REQUESTS), Then::Waits, &cases);
        each_has_a_value(OF_REQUESTS, &lines);
        lines
    });
}

#[test]
fn first_bytes_are_read_alike_when_the_client_has_ended() {
    let cases = requests();
    let rules = format!(
        "tcp-request inspect-delay 5s\ntcp-request content accept if !WAIT_END\n{}tcp-request content reject\n",
        asked("request", OF_REQUESTS)
    );
    alike(&names(&cases), |t| lines(t, &rules, &shown(OF_REQUESTS), Then::Ends, &cases));
}

/// A condition that is not decided yet holds the rules up: the delay is long, so what is logged tells which of them
/// were decided by the bytes alone.
#[test]
fn conditions_on_first_bytes_hold_alike() {
    let cases = requests();
    let rules: String = CONDITIONS
        .iter()
        .enumerate()
        .map(|(n, c)| {
            format!(
                "tcp-request content set-var(txn.v{n}) str(y) if {c}\ntcp-request content set-var(txn.v{n}) str(n) unless {c}\n"
            )
        })
        .collect();
    let rules = format!("tcp-request inspect-delay 80ms\n{rules}tcp-request content reject\n");
    alike(&names(&cases), |t| lines(t, &rules, &shown_values(CONDITIONS.len()), Then::Waits, &cases));
}

/// Which of the conditions wait for more than came, each alone.
#[test]
fn the_same_conditions_wait_for_more() {
    let wanted = [
        "cut",
        "usual",
        "SSL 2",
        "HTTP",
        "distcc within a token",
        "distcc before its last token",
        "cookie that does not end",
        "cookie with the other end",
        "half a cookie",
        "cut handshake",
        "cut alert",
        "cut SSL 2",
        "text",
    ];
    let inputs: Vec<_> = requests()
        .into_iter()
        .filter(|(name, bytes)| wanted.contains(name) && (bytes.len() > 12 || bytes.len() % 3 == 0))
        .collect();
    let conditions: Vec<&str> = CONDITIONS.iter().copied().step_by(2).collect();
    let names: Vec<String> = inputs
        .iter()
        .flat_map(|(name, bytes)| {
            conditions.iter().map(move |c| format!("{c} of {name}, {} bytes", bytes.len()))
        })
        .collect();
    alike(&names, |t| {
        let _server = t.origin("srv");
        let log = t.sink("log");
        let mut text = "global\n log {log} local0\ndefaults\n mode tcp\n log global\n timeout client 5s\n timeout server 5s\n \
                        timeout connect 5s\n log-format '%f %[var(txn.w)]'\n"
            .to_owned();
        for (n, c) in conditions.iter().enumerate() {
            text.push_str(&format!(
                "frontend f{n}\n bind {{f{n}}}\n tcp-request inspect-delay 30s\n tcp-request content set-var(txn.w) str(y) if {c}\n \
                 tcp-request content reject if {c}\n tcp-request content reject unless {c}\n"
            ));
        }
        let mut proxy = t.start(&text);
        let text_of =
            |line: &str| line.split_once("]: ").map(|(_, text)| text.to_owned()).unwrap_or_default();
        let place_of = |line: &str| line.split(' ').next().and_then(|f| f.get(1..)?.parse::<usize>().ok());
        let mut found = Vec::new();
        for (_, bytes) in &inputs {
            let mut clients: Vec<_> = (0..conditions.len()).map(|n| proxy.client(&format!("f{n}"))).collect();
            for client in &mut clients {
                client.send(bytes);
            }
            let mut row = vec![String::new(); conditions.len()];
            let mut put = |line: &str, waited: &str| {
                let text = text_of(line);
                *row.get_mut(place_of(&text).unwrap()).unwrap() = format!("{waited}{text}");
            };
            let mut open = conditions.len();
            while let Some(line) = log.try_next(Duration::from_millis(150)) {
                put(&line, "");
                open -= 1;
            }
            for client in &mut clients {
                client.close();
            }
            for _ in 0..open {
                put(&log.next(), "waits, ");
            }
            found.extend(row);
        }
        found
    });
}

#[test]
fn first_bytes_of_servers_are_read_alike() {
    for wait in ["", "tcp-response content close if !WAIT_END\n"] {
        let cases = responses();
        alike(&names(&cases), |t| {
            let server = t.origin("srv");
            let log = t.sink("log");
            let text = frontend("", &("%ts ".to_owned() + &shown(OF_RESPONSES)))
                + &format!(
                    "tcp-response inspect-delay 60ms\n{wait}tcp-response content accept unless {{ res.len gt 0 }}\n{}tcp-response content close\n",
                    asked("response", OF_RESPONSES)
                );
            let mut proxy = t.start(&text);
            let answered = |(_, bytes): &(&str, Vec<u8>)| {
                let mut client = proxy.client("fe");
                let mut far = server.accept();
                far.send(bytes);
                let line = log.next();
                client.close();
                line.split_once("]: ").map_or(line.clone(), |(_, text)| text.to_owned())
            };
            let lines: Vec<String> = cases.iter().map(answered).collect();
            each_has_a_value(OF_RESPONSES, &lines);
            lines
        });
    }
}

/// In HTTP nothing reads the bytes as such, but their number is that of the reference's own form of them.
#[test]
fn requests_of_http_have_a_length_and_no_bytes() {
    compat(|t| {
        let mut proxy = t.start(
            "defaults\n mode http\n timeout client 5s\n timeout server 5s\n timeout connect 5s\nfrontend fe\n bind {fe}\n \
             tcp-request inspect-delay 5s\n tcp-request content set-var(txn.len) req.len\n \
             tcp-request content set-var(txn.bytes) req.payload(0,3)\n \
             tcp-request content set-var(txn.some) str(y) if REQ_CONTENT { req.len gt 30 } !{ req.ssl_hello_type 1 }\n \
             http-request return status 200 hdr x \"%[var(txn.len)] %[req.len] %[var(txn.some)] %[var(txn.bytes)]\"\n",
        );
        for (request, expected) in [
            ("GET /x HTTP/1.1\r\nHost: a\r\n\r\n", "39 39 y "),
            ("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "60 60 y "),
            ("GET / HTTP/1.1\r\nHost: a\r\nX-Long: 0123456789\r\n\r\n", "54 54 y "),
        ] {
            let head = proxy.client("fe").send(request).recv_message().head;
            assert_eq!(
                head.header("x").map(|x| x.trim_end().to_owned()).as_deref(),
                Some(expected.trim_end())
            );
        }
    });
}
