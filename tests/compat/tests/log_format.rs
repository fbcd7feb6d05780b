//! What log formats print, to the byte: every alias with every flag, encodings, escapes, and what is cut.

use weir_compat::{Proxy, compat, table};
use weir_testkit::{LogSink, Origin, Running, mask};

const ANSWER: &str =
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Resp: r\"v\r\nSet-Cookie: SID=abc; path=/\r\n\r\nhi";
const REQUEST: &str =
    "GET /p/a?x=\"1 HTTP/1.1\r\nHost: h\r\nCookie: SID=zz\r\nReferer: a\"b{c|d}#\\] end\r\n\r\n";

/// What is captured where the table of aliases is run.
const CAPTURES: &str = "option accept-unsafe-violations-in-http-request
unique-id-format uid%rt
capture request header Referer len 40
capture request header Nope len 40
capture response header X-Resp len 20
capture cookie SID len 20";

/// One exchange, and the line that it leaves.
fn exchange(proxy: &mut Running, server: &Origin, log: &LogSink, request: &str) -> String {
    let mut client = proxy.client("fe");
    client.send(request);
    let mut far = server.accept();
    far.recv_head();
    far.send(ANSWER);
    client.recv_message();
    client.close();
    log.next()
}

/// A frontend that logs with a format and nothing else.
fn logging(lines: &str, format: &str) -> String {
    let format = format.replace('"', "\\\"");
    Proxy::http()
        .frontend(&format!("log {{log}} len 4096 format raw local0\n{lines}\nlog-format \"{format}\""))
        .text()
}

#[test]
fn every_alias_prints_the_same_with_every_flag() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let rows: Vec<(&str, &str)> = include_str!("log_format.tsv")
            .lines()
            .filter(|row| !row.starts_with('#'))
            .map(|row| row.split_once('\t').unwrap())
            .collect();
        table(&rows, |format| {
            let masked = format.strip_prefix('~');
            let mut proxy = t.start(&logging(CAPTURES, masked.unwrap_or(format)));
            let line = exchange(&mut proxy, &server, &log, REQUEST);
            let line = line.strip_suffix('\n').unwrap_or(&line);
            match masked {
                Some(_) => mask::digits(line).replace(host.trim(), "HOST"),
                None => line.to_owned(),
            }
        });
    });
}

#[test]
fn targets_are_cut_into_their_parts() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let rows = [
            ("/", "/|/||/"),
            ("/a?", "/a|/a|?|/a?"),
            ("/a?b?c", "/a|/a|?b?c|/a?b?c"),
            ("http://h/p?q", "http://h/p|/p|?q|http://h/p?q"),
            ("http://h?q", "http://h||?q|http://h?q"),
            ("*", "*|||*"),
        ];
        table(&rows, |target| {
            let mut proxy = t.start(&logging("", "%HP|%HPO|%HQ|%HU%{-M}CC%ci"));
            let method = if target == "*" { "OPTIONS" } else { "GET" };
            let request = format!("{method} {target} HTTP/1.1\r\nHost: h\r\n\r\n");
            exchange(&mut proxy, &server, &log, &request).replace("127.0.0.1\n", "")
        });
    });
}

#[test]
fn what_clients_send_is_made_safe() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let rows = [
            ("", "{|} [".to_owned() + "\"\", \"-\"] 9F7FFF7F612DFFFF  -"),
            ("\"", "{#22|} [\"#22\", \"-\"] 9F7F6063233232FF7F612DFFFF #22 -".to_owned()),
            ("a\"", "{a#22|} [\"a#22\", \"-\"] 9F7F616163233232FF7F612DFFFF a#22 -".to_owned()),
            ("{}", "{#7B#7D|} [\"#7B#7D\", \"-\"] 9F7F60632337426063233744FF7F612DFFFF #7B#7D -".to_owned()),
            ("\\]", "{\\]|} [\"\\\\]\", \"-\"] 9F7F625C5DFF7F612DFFFF \\\\\\] -".to_owned()),
        ];
        for (value, expected) in rows {
            let captures = "capture request header Referer len 10\ncapture request header Nope len 10";
            let mut proxy = t.start(&logging(captures, "%hr %{+json}hrl %{+cbor}hrl %{+E}hrl"));
            let request = format!("GET / HTTP/1.1\r\nHost: h\r\nReferer: {value}\r\n\r\n");
            let line = exchange(&mut proxy, &server, &log, &request);
            assert_eq!(line.trim_end_matches('\n'), expected, "{value}");
        }
    });
}

#[test]
fn formats_of_whole_lines_and_of_items() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let rows = [
            ("%(a)HM %{+json}o %(c)HM %ci", "{\"a\": \"GET\", \"c\": \"GET\"}\n"),
            ("%{+json}o %(a:raw)[str(x)] %(c:raw)ci", "{\"a\": x, \"c\": \"127.0.0.1\"}\n"),
            (
                "%{+json}o %(a){-json}[str({}),concat(x)] %(b)[src,field(1,.)]",
                "{\"a\": \"{}x\", \"b\": \"127\"}\n",
            ),
            ("%{+json}o %(a)ci %(a)ci %()ci", "{\"a\": \"127.0.0.1\", \"a\": \"127.0.0.1\"}\n"),
            ("%{+Q}o %HM %{+X}o %HM %ci %{-Q}HM", "\"GET\" \"GET\" 7F000001 GET\n"),
            ("%{+cbor,+json}ci %{+json,+cbor}ci", "693132372E302E302E31 \"127.0.0.1\"\n"),
            (
                "%{+cbor}[int(0)] %{+cbor}[int(24)] %{+cbor}[int(256)] %{+cbor}[int(65536)] %{+cbor}[int(4294967296)] %{+cbor}[int(-1)]",
                "00 1818 190100 1A00010000 1B0000000100000000 20\n",
            ),
            (
                "%{+cbor}[bool(1)] %{+cbor}[src] %{+cbor}[str()] %{+cbor}ts",
                "F5 693132372E302E302E31 F6 622D2D\n",
            ),
            ("a  b %CC c", "a b - c\n"),
            ("a %HQ %ST", "a 200\n"),
            ("%{+Q}HQ %HQ %{+M}HQ %ST", "\"\" 200\n"),
            ("%{+E}o %r [%[str(a\\]b)]]", "GET / HTTP/1.1 [a\\\\\\]b]\n"),
            ("a%[str(\\\\n)]b", "a\nb\n"),
        ];
        table(&rows, |format| {
            let mut proxy = t.start(&logging("", format));
            exchange(&mut proxy, &server, &log, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        });
    });
}

#[test]
fn long_lines_are_cut() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let rows = [
            (
                "log {log} len 80 format raw local0",
                "GET / HTTP/1.1 GET / HTTP/1.1 GET / HTTP/1.1 GET / HTTP/1.1 GET / HTTP/1.1 GET \n",
            ),
            (
                "log {log} len 80 format priority local0",
                "<134>GET / HTTP/1.1 GET / HTTP/1.1 GET / HTTP/1.1 GET / HTTP/1.1 GET / HTTP/1.1\n",
            ),
        ];
        table(&rows, |target| {
            let text =
                Proxy::http().frontend(&format!("{target}\nlog-format \"%r %r %r %r %r %r %r %ST\"")).text();
            exchange(&mut t.start(&text), &server, &log, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        });
    });
}

#[test]
fn cookies_are_captured_by_the_beginning_of_their_names() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let rows = [
            ("a=1; SID=2; SIDX=3", "SID=2 SID=abc\n"),
            ("SIDX=3; SID=2", "SIDX=3 SID=abc\n"),
            ("SID=\"q;\"; b=2", "SID=\"q;\" SID=abc\n"),
            ("x=SID=2", "- SID=abc\n"),
            ("SID =2", "SID=2 SID=abc\n"),
            ("SID", "- SID=abc\n"),
            ("SID= 7 ;b", "SID=7 SID=abc\n"),
            ("SID=0123456789", "SID=0123 SID=abc\n"),
        ];
        table(&rows, |cookie| {
            let mut proxy = t.start(&logging("capture cookie SID len 8", "%CC %CS"));
            let request = format!("GET / HTTP/1.1\r\nHost: h\r\nCookie: {cookie}\r\n\r\n");
            exchange(&mut proxy, &server, &log, &request)
        });
    });
}
