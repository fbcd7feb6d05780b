//! Log lines, to the byte with times masked: formats of lines and formats of transport.

use std::time::Duration;
use weir_compat::{Proxy, compat, table};
use weir_testkit::{LogSink, Origin, Running, mask};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
const GET: &str = "GET /p?q=1 HTTP/1.1\r\nHost: h\r\nReferer: r\"x\r\nUser-Agent: u a\r\n\r\n";

/// One exchange, and the line that it leaves.
fn exchange(proxy: &mut Running, server: &Origin, log: &LogSink) -> String {
    let mut client = proxy.client("fe");
    client.send(GET);
    let mut far = server.accept();
    far.recv_head();
    far.send(OK);
    client.recv_message();
    client.close();
    log.next()
}

#[test]
fn line_formats_of_http_frontends() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let rows = [
            (
                "option httplog",
                "<134>DATE haproxy[PID]: 127.0.0.1:PORT [DATE] fe be/s T/T/T/T/T 200 51 - - ---- 1/1/0/0/0 0/0 \"GET /p?q=1 HTTP/1.1\"",
            ),
            (
                "option httplog clf",
                "<134>DATE haproxy[PID]: 127.0.0.1 - - [DATE] \"GET /p?q=N HTTP/N.N\" N N \"\" \"\" N N \"fe\" \"be\" \"s\" N N N N N ---- N N N N N N N \"\" \"\" ",
            ),
            (
                "option tcplog",
                "<134>DATE haproxy[PID]: 127.0.0.1:PORT [DATE] fe be/s T/T/T 51 -- 1/1/0/0/0 0/0",
            ),
            ("", "<134>DATE haproxy[PID]: Connect from 127.0.0.1:PORT to 127.0.0.1:PORT (fe/HTTP)"),
            (
                "option httplog\noption logasap",
                "<134>DATE haproxy[PID]: 127.0.0.1:PORT [DATE] fe be/s T/T/T/T/+T 200 +51 - - ---- 1/1/1/1/0 0/0 \"GET /p?q=1 HTTP/1.1\"",
            ),
        ];
        table(&rows, |lines| {
            let mut proxy = t.start(&Proxy::http().frontend(&format!("log {{log}} local0\n{lines}")).text());
            let line = mask::log_line(&exchange(&mut proxy, &server, &log));
            mask_clf(&line)
        });
    });
}

#[test]
fn captured_headers_and_cookies_stand_in_the_line() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let rows = [
            (
                "capture request header Host len 10\ncapture response header Content-Length len 4",
                "<134>DATE haproxy[PID]: 127.0.0.1:PORT [DATE] fe be/s T/T/T/T/T 200 51 - - ---- 1/1/0/0/0 0/0 {h} {2} \"GET /p?q=1 HTTP/1.1\"",
            ),
            (
                "capture cookie a len 8",
                "<134>DATE haproxy[PID]: 127.0.0.1:PORT [DATE] fe be/s T/T/T/T/T 200 51 - - ---- 1/1/0/0/0 0/0 \"GET /p?q=1 HTTP/1.1\"",
            ),
        ];
        table(&rows, |lines| {
            let lines = format!("log {{log}} local0\noption httplog\n{lines}");
            let mut proxy = t.start(&Proxy::http().frontend(&lines).text());
            mask::log_line(&exchange(&mut proxy, &server, &log))
        });
    });
}

/// Masks what only the CLF line has: `[21/Nov/2026:02:10:15` `+0000]`, and its port, times and milliseconds.
fn mask_clf(line: &str) -> String {
    if !line.contains(" +0000] ") {
        return line.to_owned();
    }
    let (head, rest) = line.split_once('[').unwrap();
    let (_, rest) = rest.split_once("haproxy[PID]:").unwrap_or((head, line));
    let (before, after) = rest.split_once(" [").unwrap();
    let (_, after) = after.split_once("] ").unwrap();
    format!("{} [DATE] {}", before.trim(), mask::digits(after))
}

#[test]
fn transport_formats() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let rows = [
            ("log {log} local0", "<134>DATE haproxy[PID]: say 200 51\\n"),
            ("log {log} format rfc3164 daemon", "<30>DATE localhost haproxy[PID]: say 200 51\\n"),
            ("log {log} format rfc5424 local7 debug", "<190>1 DATE - haproxy PID - - say 200 51\\n"),
            ("log {log} format short user", "<6>say 200 51\\n"),
            ("log {log} format raw local0", "say 200 51\\n"),
            ("log {log} format timed local0", "<6>DATE say 200 51\\n"),
            ("log {log} format iso local0", "DATE say 200 51\\n"),
            ("log {log} format local local0", "<134>DATE haproxy[PID]: say 200 51\\n"),
            ("log {log} format priority local0", "<134>say 200 51\\n"),
            ("log {log} len 80 local0", "<134>DATE haproxy[PID]: say 200 51\\n"),
            ("log-tag tagged\nlog {log} local0", "<134>DATE tagged[PID]: say 200 51\\n"),
        ];
        table(&rows, |lines| {
            let mut proxy =
                t.start(&Proxy::http().frontend(lines).frontend("log-format \"say %ST %B\"").text());
            let line = exchange(&mut proxy, &server, &log);
            let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
            let newline = if line.ends_with('\n') { "\\n" } else { "" };
            let pid = proxy.pid().to_string();
            mask::log_line(&line).replace(host.trim(), "HOST").replace(&pid, "PID") + newline
        });
    });
}

#[test]
fn transport_formats_name_the_host_where_it_is_sent() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let rows = [
            ("log-send-hostname", "<N>DATE HOST haproxy[PID]: N"),
            ("log-send-hostname box", "<N>DATE box haproxy[PID]: N"),
        ];
        table(&rows, |line| {
            let text = Proxy::http().global(line).frontend("log {log} local0\nlog-format %ST").text();
            let line = exchange(&mut t.start(&text), &server, &log);
            let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
            mask::digits(&mask::log_line(&line).replace(host.trim(), "HOST"))
        });
    });
}

#[test]
fn levels_choose_what_is_sent() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        for (target, sent) in
            [("{log} local0 notice", false), ("{log} local0 info", true), ("{log} local0 debug notice", true)]
        {
            let text = Proxy::http().frontend(&format!("log {target}\nlog-format %ST")).text();
            let mut proxy = t.start(&text);
            let mut client = proxy.client("fe");
            client.send(GET);
            let mut far = server.accept();
            far.recv_head();
            far.send(OK);
            client.recv_message();
            client.close();
            let line = log.try_next(Duration::from_millis(if sent { 5000 } else { 200 }));
            assert_eq!(line.is_some(), sent, "log {target}");
            if target.ends_with("debug notice") {
                assert!(line.is_some_and(|line| line.starts_with("<134>")));
            }
        }
    });
}

#[test]
fn logs_reach_unix_sockets_and_standard_output() {
    compat(|t| {
        let server = t.origin("srv");
        let unix = t.unix_sink("path");
        let text = Proxy::http()
            .frontend("log {path} local0\nlog stdout format raw local0\nlog stderr format short local1\nlog-format \"line %ST\"")
            .text();
        let mut proxy = t.start(&text);
        assert_eq!(mask::log_line(&exchange(&mut proxy, &server, &unix)), "<134>DATE haproxy[PID]: line 200");
        assert!(proxy.stdout_until("line 200").ends_with("line 200\n"));
        assert!(
            proxy.stderr_until("line 200").ends_with("<142>line 200\n")
                || proxy.stderr().contains("<6>line 200\n")
        );
    });
}

#[test]
fn several_targets_get_their_own_lines_and_samples() {
    compat(|t| {
        let server = t.origin("srv");
        let all = t.sink("all");
        let some = t.sink("some");
        let lines = "log {all} local0\nlog {some} sample 1:2 local0\nlog-format \"%rt %ST\"";
        let mut proxy = t.start(&Proxy::http().frontend(lines).text());
        for _ in 0..4 {
            exchange(&mut proxy, &server, &all);
        }
        let sampled: Vec<String> = (0..2).map(|_| mask::log_line(&some.next())).collect();
        assert_eq!(sampled, ["<134>DATE haproxy[PID]: 0 200", "<134>DATE haproxy[PID]: 2 200"]);
        some.expect_silence(Duration::from_millis(100));
    });
}

#[test]
fn successful_lines_can_be_left_out_and_errors_raised() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let text = Proxy::http().frontend("option dontlog-normal").logged().text();
        let mut proxy = t.start(&text);
        let mut client = proxy.client("fe");
        client.send(GET);
        let mut far = server.accept();
        far.recv_message();
        far.send(OK);
        client.recv_message();
        client.close();
        log.expect_silence(Duration::from_millis(150));
        drop(proxy);

        let text = Proxy::http().frontend("option log-separate-errors").servers("").logged().text();
        let mut proxy = t.start(&text);
        let mut client = proxy.client("fe");
        client.send("GET / HTTP/1.0\r\n\r\n").recv_to_close();
        assert!(log.next().starts_with("<131>"));
    });
}

#[test]
fn variables_of_log_formats() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let rows = [
            ("%ci %fi %fc %bc %sc %rc", "127.0.0.1 127.0.0.1 1 0 0 0\n"),
            ("%f %ft %b %s %si", "fe fe be s 127.0.0.1\n"),
            ("%B %U %ST %ts %tsc", "51 66 200 -- ----\n"),
            // A line of the request's parts alone is written twice by the reference; `%s` makes it one.
            ("%HM %HP %HPO %HQ %HU %HV %r %s", "GET /p /p ?q=1 /p?q=1 HTTP/1.1 GET /p?q=1 HTTP/1.1 s\n"),
            ("%{+Q}r %{+Q}b %{+E}HU %{+X}ci", "\"GET /p?q=1 HTTP/1.1\" \"be\" /p?q=1 7F000001\n"),
            ("%ac %fc %bc %sc %rc %sq %bq %lc", "1 1 0 0 0 0 0 0\n"),
            ("%% %hr %hs %CC %CS %ID", "% - - -\n"),
            ("%[src] %[status]", "127.0.0.1 200\n"),
            ("%(name:str)ST a\\ b", "200 a b\n"),
            ("%{-M}ST %{+Q,-M}s", "200 \"s\"\n"),
        ];
        table(&rows, |format| {
            let lines = format!("log {{log}} format raw local0\nlog-format \"{format}\"");
            let mut proxy = t.start(&Proxy::http().frontend(&lines).text());
            exchange(&mut proxy, &server, &log)
        });
    });
}

/// Cookies are of backends: what frontends have of them by their `defaults` is not told of.
#[test]
fn a_frontend_that_answers_by_itself_has_seen_no_cookie() {
    compat(|t| {
        let log = t.sink("log");
        let end = "http-request deny\n log {log} format raw local0\n log-format %tsc\n";
        let mut proxy = t.start(&format!(
            "defaults\n mode http\n timeout client 5s\n timeout server 5s\n timeout connect 5s\n cookie S insert\n\
             frontend a\n bind {{a}}\n {end}\
             listen b\n bind {{b}}\n {end}"
        ));
        for (name, flags) in [("a", "PR--"), ("b", "PRNN")] {
            proxy.client(name).send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").recv_head();
            assert_eq!(log.next(), format!("{flags}\n"), "{name}");
        }
    });
}

/// Where no format is given a line announces each transaction, and nothing else is said; what was never a request has
/// nothing that was captured.
#[test]
fn a_proxy_without_a_format_announces_what_begins() {
    compat(|t| {
        let log = t.sink("log");
        let mut proxy = t.start(UNFORMATTED);
        let bad = "bad\r\n\r\n";
        let good = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        // The proxy, what its client says, and what is logged of it.
        let rows = [
            ("plain", bad, ""),
            ("plain", good, "Connect from 127.0.0.1:PORT to 127.0.0.1:PORT (plain/HTTP)"),
            ("steps", bad, ""),
            ("steps", good, ""),
            ("asked", good, "Connect from 127.0.0.1:PORT to 127.0.0.1:PORT (asked/HTTP)"),
            ("profile", bad, "P sess_error"),
            ("profile", good, "Connect from 127.0.0.1:PORT to 127.0.0.1:PORT (profile/HTTP)"),
            ("errors", bad, "E 400"),
            ("errors", good, "Connect from 127.0.0.1:PORT to 127.0.0.1:PORT (errors/HTTP)"),
            ("kept", bad, "<> <> 0"),
            ("kept", good, "<{}> <\"\"> 0"),
        ];
        for (name, request, _) in rows {
            proxy.client(name).send(request).recv_to_close();
        }
        // Lines of different connections come in any order; one that is too many takes the place of another.
        let mut expected: Vec<_> = rows.iter().map(|row| row.2).filter(|line| !line.is_empty()).collect();
        let line = |line: String| line.split_once("]: ").map_or("", |(_, line)| line.trim_end()).to_owned();
        let mut said: Vec<_> = expected.iter().map(|_| line(mask::log_line(&log.next()))).collect();
        expected.sort_unstable();
        said.sort_unstable();
        assert_eq!(said, expected);
    });
}

const UNFORMATTED: &str = "
    log-profile p
        on any format \"P %OG\"
    defaults d
        mode http
        log {log} local0
        timeout client 5s
        timeout server 5s
        timeout connect 5s
        http-request return status 200
    frontend plain
        bind {plain}
    frontend steps
        bind {steps}
        log-steps accept,close
    frontend asked
        bind {asked}
        http-after-response do-log
    frontend profile
        bind {profile}
        no log
        log {log} profile p local0
    frontend errors
        bind {errors}
        error-log-format \"E %ST\"
    frontend kept
        bind {kept}
        capture request header X len 4
        log-format \"<%hr> <%{+Q}hrl> %[ssl_fc_is_resumed]\"
    ";
