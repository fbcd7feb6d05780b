//! Commands of the runtime API, one by one, at each level: their answers, compared whole.
//!
//! `runtime_commands.txt` holds them: `level> command`, then the lines of the answer, each behind a `|`. Numbers of four
//! digits and more, and addresses in memory, are masked.

use weir_compat::compat;
use weir_testkit::Running;

const CONFIG: &str = "
global
    stats socket {dir}/admin.sock level admin
    stats socket {dir}/user.sock level user
    stats socket {dir}/operator.sock level operator
    maxconn 100
    nbthread 2
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend fe
    bind {fe} name main
    guid front
    default_backend be
backend be
    balance roundrobin
    guid back
    dynamic-cookie-key abc
    cookie SRV insert dynamic
    server s1 {dead1} weight 10 maxconn 5 maxqueue 7 guid one
    server s2 {dead2} backup
    server s3 {dead3} disabled
    server c1 {dead6} check inter 1h
listen li
    mode tcp
    bind {li}
    balance source
    server a {dead4}
    server b {dead5}
backend empty
";

/// What `socket` answers to a line, up to the end of the connection.
fn ask(proxy: &Running, socket: &str, line: &str) -> String {
    let mut client = proxy.unix_client(socket);
    client.send(format!("{line}\n"));
    client.shutdown_write();
    client.recv_to_close().iter().map(|byte| char::from(*byte)).collect()
}

/// Long numbers as `N`, numbers in hexadecimal as `0xX`.
fn masked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let hex = rest.strip_prefix("0x").unwrap_or_default();
        let length = hex.bytes().take_while(u8::is_ascii_hexdigit).count();
        if length > 0 {
            out.push_str("0xX");
            rest = &hex[length..];
        } else if digits > 0 {
            out.push_str(if digits >= 4 { "N" } else { &rest[..digits] });
            rest = &rest[digits..];
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

#[test]
fn every_command_answers_in_the_words_of_the_reference() {
    compat(|t| {
        let proxy = t.start(CONFIG);
        let table = include_str!("runtime_commands.txt");
        let mut lines = table.lines().peekable();
        let (mut count, mut faults) = (0, String::new());
        while let Some(head) = lines.next() {
            let (level, command) = head.split_once("> ").expect("a level and a command");
            let mut wanted = String::new();
            while let Some(line) = lines.next_if(|line| line.starts_with('|')) {
                wanted.push_str(&line[1..]);
                wanted.push('\n');
            }
            let answer = masked(&ask(&proxy, &format!("{level}.sock"), command));
            count += 1;
            if answer != wanted {
                faults.push_str(&format!("{head}\n--- wanted\n{wanted}--- answered\n{answer}"));
            }
        }
        assert!(count > 300, "{count} commands");
        assert!(faults.is_empty(), "{faults}");
    });
}

#[test]
fn a_process_that_is_told_to_end_does_so_with_the_code_asked_for() {
    compat(|t| {
        let mut proxy = t.start(CONFIG);
        let mut client = proxy.unix_client("admin.sock");
        client.send("expert-mode on;debug dev exit 3\n");
        let outcome = proxy.wait_within(std::time::Duration::from_secs(10)).expect("an end");
        assert_eq!(outcome.code, Some(3));
    });
}
