//! What each mistake is answered with: the files in `messages/` hold lines of configuration and the first lines of
//! all messages, as HAProxy 3.4.7 printed them for the same text. Times, process ids and notices are left out.
//!
//! A case is a line `WHERE | TEXT`, ` \n ` between lines of text, and its messages below it, indented. `WHERE` says
//! what stands around the text: [`document`].

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot read its cases fails")]

use std::io;
use std::net::IpAddr;
use std::path::Path;

use weir_config::values::Family;
use weir_config::{Environment, Features, Files, Loader};
use weir_diag::{Severity, first_line};
use weir_engine::keywords::{Outside, SECTIONS, resolve};

/// One file of configuration, and the few things of the world that the cases name.
struct Text(Vec<u8>);

impl Files for Text {
    fn read(&self, _: &str) -> io::Result<Vec<u8>> {
        Ok(self.0.clone())
    }

    fn list(&self, _: &str) -> io::Result<Option<Vec<String>>> {
        Ok(None)
    }
}

impl Outside for Text {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match path.to_str() {
            Some("/answers/good") => Ok(b"HTTP/1.0 500 Oops\r\nContent-Length: 2\r\n\r\nhi".to_vec()),
            Some("/answers/bad") => Ok(b"hello".to_vec()),
            Some("/answers/empty") => Ok(Vec::new()),
            Some("/answers/short") => Ok(b"HTTP/1.0 500 Oops\r\nContent-Length: 20\r\n\r\nhi".to_vec()),
            Some(path) if path.starts_with("/tls/") => tls_file(path),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn list(&self, path: &Path) -> io::Result<Option<Vec<String>>> {
        match path.to_str().map(|p| p.trim_end_matches('/')) {
            Some("/tls/dir") => Ok(Some(vec!["good.pem".to_owned()])),
            Some("/etc/ssl/certs") => Ok(Some(Vec::new())),
            _ => Outside::read(self, path).map(|_| None),
        }
    }

    fn resolve(&self, name: &str, _: Family) -> Option<IpAddr> {
        // The old short form of an address is the resolver's to read.
        ["localhost", "1.2.3"].contains(&name).then_some(IpAddr::from([127, 0, 0, 1]))
    }

    fn user(&self, name: &str) -> Option<u32> {
        (name == "root").then_some(0)
    }

    fn group(&self, name: &str) -> Option<u32> {
        (name == "root").then_some(0)
    }
}

/// The certificates, keys and lists that the cases name.
fn tls_file(path: &str) -> io::Result<Vec<u8>> {
    let good = include_str!("../../tls/tests/a.example.pem");
    let (certificate, key) = good.split_at(good.find("-----BEGIN PRIVATE").unwrap());
    Ok(match path {
        "/tls/good.pem" | "/tls/dir/good.pem" => good,
        "/tls/cert.pem" | "/tls/split.pem" | "/tls/locked.pem" => certificate,
        "/tls/key.pem" | "/tls/split.pem.key" => key,
        "/tls/mismatch.pem" => include_str!("messages/tls/mismatch.pem"),
        "/tls/encrypted.pem" | "/tls/locked.pem.key" => include_str!("messages/tls/encrypted.pem"),
        "/tls/keys" | "/tls/two.keys" | "/tls/size.keys" => {
            let key = "8soFg6XXxMHeaCYXmgh1nCGEboR+caiQABiZelnLSlH2RXaQZrJpyH7I+8erRjmF\n";
            let short = if path == "/tls/size.keys" { "AAAA\n" } else { "" };
            let count = if path == "/tls/two.keys" { 2 } else { 3 };
            return Ok((key.repeat(count) + short).into_bytes());
        }
        "/tls/junk.pem" => "hello\n",
        "/tls/good.list" => "/tls/good.pem [alpn h2,http/1.1] *.a.b !x.a.b *\n",
        "/tls/word.list" => "/tls/good.pem [foo] a.b\n",
        "/tls/version.list" => "/tls/good.pem [ssl-min-ver FOO] x\n",
        "/tls/negative.list" => "/tls/good.pem !a.b\n",
        "/tls/star.list" => "/tls/good.pem !a.b *\n",
        "/tls/open.list" => "/tls/good.pem [alpn h2 !a.b\n",
        "/tls/junk.list" => "/tls/junk.pem\n",
        "/tls/locked.list" => "/tls/locked.pem\n",
        "/tls/bracket.list" => "/tls/good.pem ]\n",
        "/tls/missing.list" => "# x\n\n/tls/nope.pem\n",
        _ => return Err(io::ErrorKind::NotFound.into()),
    }
    .as_bytes()
    .to_vec())
}

/// The configuration around a case's text.
fn document(place: &str, text: &str) -> String {
    let text = text.replace(" \\n ", "\n ");
    let base = "defaults\n mode http\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n";
    let tail = "frontend zz\n bind :23099\n";
    match place {
        "global" => format!("global\n {text}\n{base}{tail}"),
        "defaults" => format!("{base} {text}\n{tail}"),
        "frontend" => format!("{base}frontend f\n bind :23001\n {text}\n"),
        "tcp frontend" => format!("{base}frontend f\n mode tcp\n bind :23001\n {text}\n"),
        "backend" => format!("{base}{tail}backend b\n {text}\n"),
        "listen" => format!("{base}listen l\n bind :23001\n {text}\n"),
        "server" => format!("{base}{tail}backend b\n server s 127.0.0.1:80 {text}\n"),
        "bind" => format!("{base}frontend f\n bind :23001 {text}\n"),
        "userlist" => format!("userlist u\n {text}\n{base}{tail}"),
        "http-errors" => format!("http-errors e\n {text}\n{base}{tail}"),
        "file" => format!("{}\n", text.replace("\n ", "\n")),
        other => panic!("no such place: {other}"),
    }
}

/// The first lines of all alerts and warnings, in order, without what changes from run to run.
fn messages(config: &str) -> Vec<String> {
    let text = Text(config.as_bytes().to_vec());
    let mut environment = Environment::default();
    environment.set("HAPROXY_LOCALPEER", "me");
    let loader = Loader { files: &text, sections: SECTIONS, features: &Features::default(), environment };
    let loaded = loader.load(&["F"]);
    let (_, resolved) = resolve(&loaded.document, &loaded.sources, &text);
    let mut all = loaded.diagnostics;
    all.extend(resolved);
    all.arrange();
    all.iter()
        .filter(|d| d.severity >= Severity::Warning)
        .map(|d| {
            let line = first_line(d, &loaded.sources, 1);
            let (tag, message) = line.split_once("(1) : ").unwrap();
            let first = message.lines().next().unwrap().trim_end();
            format!("{} {first}", tag.trim_matches([' ', '[', ']']))
        })
        .collect()
}

#[test]
fn messages_come_in_the_order_of_the_reference() {
    let cases: Vec<&str> = include_str!("messages/order.txt").split("== ").skip(1).collect();
    assert!(cases.len() > 3);
    for case in cases {
        let (name, case) = case.split_once('\n').unwrap();
        let (text, expected) = case.split_once("\n--\n").unwrap();
        let expected: Vec<&str> = expected.lines().collect();
        assert_eq!(messages(&format!("{text}\n")), expected, "{name}");
    }
}

#[test]
fn mistakes_are_answered_in_the_words_of_the_reference() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for (name, cases) in [
        ("bind", include_str!("messages/bind.txt")),
        ("checks", include_str!("messages/checks.txt")),
        ("filters", include_str!("messages/filters.txt")),
        ("global", include_str!("messages/global.txt")),
        ("inert", include_str!("messages/inert.txt")),
        ("logging", include_str!("messages/logging.txt")),
        ("near", include_str!("messages/near.txt")),
        ("page", include_str!("messages/page.txt")),
        ("persistence", include_str!("messages/persistence.txt")),
        ("proxy", include_str!("messages/proxy.txt")),
        ("rules", include_str!("messages/rules.txt")),
        ("sections", include_str!("messages/sections.txt")),
        ("server", include_str!("messages/server.txt")),
        ("tables", include_str!("messages/tables.txt")),
        ("tls", include_str!("messages/tls.txt")),
        ("words", include_str!("messages/words.txt")),
    ] {
        let mut lines = cases.lines().filter(|l| !l.starts_with('#')).peekable();
        while let Some(case) = lines.next() {
            let (place, text) = case.split_once(" | ").unwrap_or_else(|| panic!("{name}: {case}"));
            let mut expected = Vec::new();
            while let Some(message) = lines.next_if(|l| l.starts_with("    ")) {
                expected.push(message.trim().to_owned());
            }
            expected.sort();
            let mut got = messages(&document(place, text));
            got.sort();
            if got != expected {
                wrong.push(format!("{name}: {case}\n  expected {expected:#?}\n  got {got:#?}"));
            }
            count += 1;
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 500, "only {count} cases were found");
}
