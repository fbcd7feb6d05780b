//! Words of `global`, of `bind` lines and of proxies: what each of them changes.
//!
//! A case of the table adds a word to a `bind` line (`do bind`), a line to a proxy (`do proxy`) or one to `global`
//! (`do global`), and sends the same bytes to a proxy with it and to one without it. What differs is written down, and
//! a case without a difference fails:
//!
//! - `from` is a line of both proxies, `send` what a client sends, where `~` stands for the end of a line; a last request
//!   that closes the connection follows it.
//! - `with` and `less` are what the client got until the end of the connection.
//!
//! `GET /see` is answered with what the line `see` says, all else by a server that tells what came to it.

use std::net::SocketAddr;

use weir_compat::{Line, Subject, blocks, compat};
use weir_testkit::Peer;

#[test]
fn words_change_what_the_table_says() {
    compat(|t| {
        let cases = cases();
        let sections: String = cases.iter().enumerate().map(|(n, case)| sections(n, case)).collect();
        let mut shared = t.start(&format!("global\n nbthread 1\n{DEFAULTS}{sections}"));
        let mut wrong = Vec::new();
        for (n, case) in cases.iter().enumerate() {
            let Case { class, words, .. } = case;
            assert_ne!(case.with, case.less, "{class} {words}: a case without a difference");
            let with = match *class {
                "global" => alone(t, case),
                _ => got(shared.address(&format!("with{n}")), case.send),
            };
            let less = got(shared.address(&format!("less{n}")), case.send);
            if with != case.with || less != case.less {
                wrong.push(format!("do {class} {words}\nwith {with}\nless {less}\n"));
            }
        }
        assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    });
}

/// A word, the steps, and what comes of them with and without it.
#[derive(Debug, Default)]
struct Case<'a> {
    class: &'a str,
    words: &'a str,
    from: Vec<&'a str>,
    see: &'a str,
    send: &'a str,
    with: &'a str,
    less: &'a str,
}

/// The proxies of a case in the program that all share: what belongs to `global` has only one there, without its word.
fn sections(n: usize, case: &Case<'_>) -> String {
    let less = section(case, &format!("less{n}"), false);
    match case.class {
        "global" => less,
        _ => less + &section(case, &format!("with{n}"), true),
    }
}

/// What comes of a word of `global`, in a program of its own.
fn alone(t: &Subject, case: &Case<'_>) -> String {
    let section = section(case, "fe", false);
    let mut proxy = t.start(&format!("global\n nbthread 1\n {}\n{DEFAULTS}{section}", case.words));
    got(proxy.address("fe"), case.send)
}

/// A proxy of a case.
fn section(case: &Case<'_>, name: &str, worded: bool) -> String {
    let words = |class| if worded && case.class == class { case.words } else { "" };
    let (see, from) = (case.see, case.from.join("\n "));
    format!(
        "listen {name}\n bind {{{name}}} {}\n {from}\n {}\n \
         http-request return status 200 content-type text/plain lf-string \"{see}\" if {{ path /see }}\n \
         server s {{echo}}\n",
        words("bind"),
        words("proxy"),
    )
}

/// What a client gets for these bytes and a last request, until the end of the connection.
fn got(to: SocketAddr, send: &str) -> String {
    let mut client = Peer::connect(to);
    client.send(format!("{send}GET /see HTTP/1.1~Host: end~Connection: close~~").replace('~', "\r\n"));
    let answer = client.recv_to_close();
    String::from_utf8_lossy(&answer).replace("\r\n", "~").escape_debug().to_string()
}

fn cases() -> Vec<Case<'static>> {
    let case = |lines: Vec<Line<'static>>| {
        let mut case = Case { see: "%[src]", ..Case::default() };
        for Line { whole, word, rest } in lines {
            match word {
                "do" => (case.class, case.words) = rest.split_once(' ').unwrap(),
                "from" => case.from.push(rest),
                "see" => case.see = rest,
                "send" => case.send = rest,
                "with" => case.with = rest,
                "less" => case.less = rest,
                _ => panic!("{whole}"),
            }
        }
        case
    };
    blocks(TABLE).map(case).collect()
}

const DEFAULTS: &str = "
defaults
    mode http
    timeout connect 5s
    timeout client 10s
    timeout server 10s
listen echo
    bind {echo}
    http-request return status 200 content-type text/plain lf-string \"%[method] %[url] %[req.hdrs]\"
";

const TABLE: &str = include_str!("proxy_words.txt");
