//! Rings: what they keep, what `show events` shows of them, and the servers that are sent their lines.

use std::time::Duration;

use weir_compat::{Proxy, compat, table};
use weir_testkit::{Origin, Running};

const GET: &str = "GET /p HTTP/1.1\r\nHost: h\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

/// One exchange; its line lies in the rings when the answer is there.
fn exchange(proxy: &mut Running, server: &Origin) {
    let mut client = proxy.client("fe");
    client.send(GET);
    let mut far = server.accept();
    far.recv_head();
    far.send(OK);
    client.recv_message();
}

/// A frontend that logs to rings, and the sections of the rings.
fn text(lines: &str, format: &str, rings: &str) -> String {
    Proxy::http()
        .global("stats socket {dir}/admin.sock level admin")
        .frontend(&format!("{lines}\nlog-format \"{format}\""))
        .sections(rings)
        .text()
}

#[test]
fn events_are_listed_and_shown() {
    compat(|t| {
        let server = t.origin("srv");
        let rings = "ring r\ndescription \"My ring\"\nring g\nformat priority\nmaxlen 12\n";
        let lines = "log ring@r format rfc3164 local0\nlog ring@g local3";
        let mut proxy = t.start(&text(lines, "seen%[bin(01e9)] %ST", rings));
        exchange(&mut proxy, &server);
        let listed = proxy.admin_until("show events", "My ring");
        for line in [
            "    stdout     : type=fd, 0 dropped, standard output (fd#1)\n",
            "    r          : type=buffer, 0 dropped, My ring\n",
            "    g          : type=buffer, 0 dropped, g\n",
        ] {
            assert!(listed.contains(line), "{listed}");
        }
        proxy.admin_until("show events r", "seen");
        let rows = [
            ("show events r -s", "seen?? 200\n\n"),
            ("show events r -n", "\n"),
            ("show events r -x", "unknown option\n\n"),
            ("show events r foo", "unknown option\n\n"),
            ("show events nope", "No such event sink\n\n"),
            ("show events stdout", "Nothing to report for this sink\n\n"),
            ("show events r -0 -s", "seen?? 200\0\n"),
            ("show events r -0s", "unknown option\n\n"),
            ("show events g -s", "<158>seen?? \n\n"),
        ];
        table(&rows, |command| proxy.admin(command));
    });
}

#[test]
fn events_are_shown_as_they_come() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&text("log ring@r local0", "seen %HU %ST", "ring r\n"));
        let mut watcher = proxy.unix_client("admin.sock");
        watcher.send("show events r -wn\n");
        watcher.expect_silence(Duration::from_millis(150));
        exchange(&mut proxy, &server);
        watcher.expect("seen /p 200\n");
        watcher.send("\n").expect("\n");
    });
}

#[test]
fn rings_keep_the_newest_lines() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy =
            t.start(&text("log ring@r local0", "%[str(0123456789)] %rt %ST", "ring r\nsize 400\n"));
        for _ in 0..40 {
            exchange(&mut proxy, &server);
        }
        let shown = proxy.admin_until("show events r", "39 200");
        assert!(!shown.contains("0123456789 0 200\n"), "{shown}");
    });
}

#[test]
fn servers_are_sent_every_line() {
    compat(|t| {
        let server = t.origin("srv");
        let lines = t.origin("lines");
        let rows = [
            ("log ring@r local0", "ring r\nserver s {lines}\n", "seen 200\n"),
            ("log ring@r local0", "ring r\nserver s {lines} log-proto octet-count\n", "8 seen 200"),
            ("log ring@r local0", "ring r\nformat priority\nserver s {lines}\n", "<134>seen 200\n"),
            ("log tcp@{lines} format short local0", "", "<6>seen 200\n"),
        ];
        for (targets, rings, expected) in rows {
            let mut proxy = t.start(&text(targets, "seen %ST", rings));
            exchange(&mut proxy, &server);
            lines.accept().expect(expected);
        }
    });
}

#[test]
fn targets_that_do_not_exist_keep_the_program_from_starting() {
    compat(|t| {
        let rows = [
            ("log ring@nope local0", "uses unknown ring named 'nope'."),
            ("log 127.0.0.1 profile nope local0", "unknown log-profile 'nope'."),
        ];
        for (lines, said) in rows {
            let outcome = t.launch().try_start(&text(lines, "%ST", "")).unwrap_err();
            assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
        }
    });
}
