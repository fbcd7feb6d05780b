use weir_diag::{Severity, Span};

use super::*;
use crate::environment::Position;
use crate::{Environment, lexer};

fn line(text: &str) -> Line {
    let words =
        lexer::lex(text.as_bytes(), Span::default(), &Environment::default(), Position::default()).words;
    let (prefix, words) = match words.split_first() {
        Some((no, rest)) if no.is("no") => (Prefix::No, rest.to_vec()),
        _ => (Prefix::None, words),
    };
    Line { prefix, words, name_len: 1, span: Span::default() }
}

/// The modern lines, a space between words, and the severity of what was said.
fn modern(text: &str, section: Sections) -> (Vec<String>, Option<Severity>) {
    let mut out = Diagnostics::default();
    let lines = modernise(line(text), section, false, &mut out);
    (lines.iter().map(Line::modern).collect(), out.worst())
}

#[test]
fn old_lines_become_modern_ones_with_a_warning() {
    for (section, old, expected) in [
        (Sections::DEFAULTS, "contimeout 5000", &["timeout connect 5000"][..]),
        (Sections::DEFAULTS, "clitimeout 50000", &["timeout client 50000"]),
        (Sections::DEFAULTS, "timeout srvtimeout 5s", &["timeout server 5s"]),
        (Sections::DEFAULTS, "redispatch", &["option redispatch"]),
        (Sections::DEFAULTS, "no redispatch", &["no option redispatch"]),
        (Sections::DEFAULTS, "option forceclose", &["option httpclose"]),
        (Sections::DEFAULTS, "option http-tunnel", &[]),
        (Sections::DEFAULTS, "no option http-use-htx", &[]),
        (Sections::DEFAULTS, "timeout appsession 5s", &[]),
        (Sections::LISTEN, "block if a b", &["http-request deny if a b"]),
        (Sections::LISTEN, "dispatch 1.1.1.1:80", &["server dispatch 1.1.1.1:80"]),
        (Sections::LISTEN, "transparent", &["server transparent 0.0.0.0"]),
        (
            Sections::LISTEN,
            "monitor-net 10.0.0.0/8",
            &["http-request return status 200 if { src 10.0.0.0/8 }"],
        ),
        (Sections::LISTEN, "mode health", &["mode http", "http-request return status 200"]),
        (Sections::LISTEN, "bind :80 process 1 name x", &["bind :80 name x"]),
        (Sections::LISTEN, "bind :80 process 1/2 name x", &["bind :80 thread 2 name x"]),
        (Sections::GLOBAL, "stats socket /x process 1", &["stats socket /x"]),
        (Sections::GLOBAL, "nbproc 4", &[]),
        (Sections::LISTEN, "reqadd X:\\ y%z if a", &["http-request add-header X y%%z if a"]),
        (Sections::LISTEN, "rspadd A:\\ b\\ c", &["http-response add-header A \"b c\""]),
        (Sections::LISTEN, "rspidel ^Server", &["http-response del-header Server -m beg"]),
        (Sections::LISTEN, "reqdel ^X-A:.*", &["http-request del-header X-A"]),
        (
            Sections::LISTEN,
            "rspidel ^Set-cookie:\\ IP=",
            &["http-response replace-header Set-cookie (?i)^IP=.* %[str()]"],
        ),
        (
            Sections::LISTEN,
            "reqrep ^([^\\ :]*)\\ /cam/(.*) \\1\\ /\\2",
            &["http-request replace-pathq ^/cam/(.*) \"/\\\\1\""],
        ),
        (
            Sections::LISTEN,
            "reqirep ^Host:\\ a\\.(.*) Host:\\ b.\\1",
            &["http-request replace-header Host \"(?i)^a\\\\.(.*)\" \"b.\\\\1\""],
        ),
        (Sections::LISTEN, "reqrep ^Host: Host:\\ www", &["http-request replace-header Host .* www"]),
        (
            Sections::LISTEN,
            "reqideny ^[^:\\ ]*\\ .*\\.exe if a",
            &["http-request deny if { pathq -m reg -i \"^.*\\\\.exe\" } a"],
        ),
        (
            Sections::LISTEN,
            "reqisetbe ^Host:\\ img static",
            &["use_backend static if { req.fhdr(Host) -m reg -i ^img }"],
        ),
        (
            Sections::LISTEN,
            "reqsetbe ^[^\\ ]*\\ /(img|css)/ static",
            &["use_backend static if { pathq -m reg ^/(img|css)/ }"],
        ),
        (
            Sections::LISTEN,
            "reqirep ^([^\\ ]*)\\ /x/([^\\ ]*)\\ (.*)$ \\1\\ /\\2\\ \\3",
            &["http-request replace-pathq \"(?i)^/x/([^ ]*)\\$\" \"/\\\\1\""],
        ),
        (
            Sections::LISTEN,
            "reqrep ^([^\\ ]*\\ /)api[/]?(.*) \\1\\2 if a",
            &["http-request replace-pathq ^(/)api[/]?(.*) \"\\\\1\\\\2\" if a"],
        ),
        (
            Sections::LISTEN,
            "reqrep ^GET\\ /a(.*) GET\\ /b\\1 if x",
            &["http-request replace-pathq ^/a(.*) \"/b\\\\1\" if { method GET } x"],
        ),
        (
            Sections::LISTEN,
            "reqrep ^([^\\ ]*)\\ [^\\ ]*\\ (.*) \\1\\ /sorry\\ \\2",
            &["http-request replace-pathq \"^[^ ]*\\$\" /sorry"],
        ),
        (
            Sections::LISTEN,
            "reqideny \\.gif if a",
            &[
                "http-request deny if { pathq -m reg -i \"\\\\.gif\" } a or { req.hdrs -m reg -i \"\\\\.gif\" } a",
            ],
        ),
        (Sections::LISTEN, "reqideny .*", &["http-request deny"]),
        (
            Sections::LISTEN,
            "rspirep ^HTTP/1\\.1\\ 404.* HTTP/1.1\\ 200\\ Well",
            &["http-response set-status 200 reason Well if { status 404 }"],
        ),
        (
            Sections::LISTEN,
            "appsession SID len 52 timeout 3h request-learn",
            &[
                "stick-table type string len 52 size 200k expire 3h",
                "stick match req.cook(SID)",
                "stick match url_param(SID,;)",
                "stick store-request req.cook(SID)",
                "stick store-response res.cook(SID)",
            ],
        ),
        (
            Sections::LISTEN,
            "rspdeny ^Content-Type:\\ text",
            &["http-response deny if { res.fhdr(Content-Type) -m reg ^text }"],
        ),
        (
            Sections::BACKEND,
            r"option httpchk OPTIONS * HTTP/1.1\r\nHost:\ www",
            &["option httpchk OPTIONS * HTTP/1.1", "http-check send hdr Host www"],
        ),
        (
            Sections::BACKEND,
            r"option httpchk GET / HTTP/1.0\r\nA:\ b\r\nC:d\r\n\r\nbody",
            &["option httpchk GET / HTTP/1.0", "http-check send hdr A b hdr C d body body"],
        ),
    ] {
        let expected = expected.iter().map(|&s| s.to_owned()).collect::<Vec<_>>();
        assert_eq!(modern(old, section), (expected, Some(Severity::Warning)), "{old}");
    }
}

#[test]
fn modern_lines_are_left_alone() {
    for text in [
        "timeout connect 5s",
        "option httpchk GET / HTTP/1.1",
        "bind :80 thread 1",
        "monitor-uri /x",
        "option httpchk",
    ] {
        assert_eq!(modern(text, Sections::LISTEN), (vec![text.to_owned()], None));
    }
}

#[test]
fn what_cannot_be_rewritten_is_refused_with_what_to_write_instead() {
    for text in [
        "appsession A len 5 timeout 5s prefix",
        "reqpass ^Host:",
        "rspdeny ^HTTP/1..\\ 5",
        "reqrep a b",
        "option http_proxy",
        "reqideny a\\ b",
    ] {
        assert_eq!(modern(text, Sections::LISTEN), (Vec::new(), Some(Severity::Alert)), "{text}");
    }
}

#[test]
fn each_warning_shows_the_modern_form() {
    let mut out = Diagnostics::default();
    modernise(line("contimeout 5000"), Sections::DEFAULTS, false, &mut out);
    let said: Vec<_> = out.iter().map(|d| (d.message.as_str(), d.hint.as_deref())).collect();
    assert_eq!(
        said,
        [(
            "the 'contimeout' directive is not supported anymore since HAProxy 2.1. Use 'timeout connect'.",
            Some("read as `timeout connect 5000`")
        )]
    );
}

#[test]
fn words_that_the_reference_still_knows_can_be_silenced() {
    let mut out = Diagnostics::default();
    modernise(line("dispatch 1.1.1.1:80"), Sections::LISTEN, true, &mut out);
    assert_eq!(out.len(), 0);
}

#[test]
fn addresses_in_a_header_become_a_bind_line() {
    for (text, left, expected) in [
        ("listen a :80", "listen a", Some("bind :80")),
        ("frontend a 127.0.0.1:80,:81 from d", "frontend a from d", Some("bind 127.0.0.1:80,:81")),
        ("frontend a /tmp/x", "frontend a", Some("bind /tmp/x")),
        ("frontend a from d", "frontend a from d", None),
        ("frontend a b", "frontend a b", None),
    ] {
        let mut out = Diagnostics::default();
        let mut head = line(text);
        let lines = header(&mut head, Sections::FRONTEND, &mut out);
        assert_eq!(head.modern(), left);
        assert_eq!(lines.first().map(Line::modern).as_deref(), expected, "{text}");
        assert_eq!(out.len(), usize::from(expected.is_some()), "{text}");
    }
}
