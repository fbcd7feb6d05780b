//! Lines as the reference wrote them for one request.

use crate::scope::{Number, Text, Times};
use crate::testing::{TestScope, load_at, shown};
use crate::{Format, Place, Purpose, Scratch, Side};

fn scope() -> TestScope {
    let mut scope = TestScope::request("GET /p/a?x=1 HTTP/1.1\r\nHost: h\r\n\r\n");
    let texts: [(Text, &[u8]); 10] = [
        (Text::Frontend, b"f"),
        (Text::Backend, b"b"),
        (Text::Server, b"s"),
        (Text::RequestLine, b"GET /p/a?x=1 HTTP/1.1"),
        (Text::CapturedMethod, b"GET"),
        (Text::CapturedUri, b"/p/a?x=1"),
        (Text::CapturedRequestVersion, b"HTTP/1.1"),
        (Text::Termination, b"----"),
        (Text::Hostname, b"vm"),
        (Text::LogOrigin, b"txn_close"),
    ];
    scope.texts = texts.into_iter().map(|(t, v)| (t, v.to_vec())).collect();
    scope.numbers = vec![
        (Number::Status, 200),
        (Number::LogBytesRead, 87),
        (Number::ActiveConnections, 3),
        (Number::FrontendConnections, 1),
        (Number::Pid, 2472),
        (Number::RequestCounter, 8),
    ];
    scope.times = Some(Times {
        accepted_us: 1_795_228_532_861_000,
        request_us: 1_795_228_532_861_000,
        idle: 0,
        request: 0,
        queue: 0,
        connect: 0,
        response: 0,
        ..Times::NONE
    });
    scope
}

fn captures(scope: &mut TestScope) {
    scope.captures = vec![
        (Side::Client, b"a\"b{c|d}#\x01\xe9 end".to_vec()),
        (Side::Client, Vec::new()),
        (Side::Server, b"resp\"val".to_vec()),
    ];
}

fn render(scope: &TestScope, text: &str, purpose: Purpose) -> String {
    let format = load_at(Place::Log, |load| Format::compile(text.as_bytes(), purpose, load)).unwrap();
    let mut out = Vec::new();
    format.render(scope, &Scratch::new(), &mut out, 8192);
    shown(&out)
}

#[test]
fn log_lines_are_those_of_the_reference() {
    let mut scope = scope();
    captures(&mut scope);
    let cases = [
        (
            super::HTTP_LOG,
            "127.0.0.1:40000 [21/Nov/2026:02:35:32.861] f b/s 0/0/0/0/0 200 87 - - ---- 3/1/0/0/0 0/0 {a#22b#7Bc#7Cd#7D#23#01#E9 end|} {resp#22val} \"GET /p/a?x=1 HTTP/1.1\"",
        ),
        (super::TCP_LOG, "127.0.0.1:40000 [21/Nov/2026:02:35:32.861] f b/s 0/0/0 87 -- 3/1/0/0/0 0/0"),
        (
            super::HTTP_LOG_CLF,
            "127.0.0.1 - - [21/Nov/2026:02:35:32 +0000] \"GET /p/a?x=1 HTTP/1.1\" 200 87 \"\" \"\" 40000 861 \"f\" \"b\" \"s\" 0 0 0 0 0 ---- 3 1 0 0 0 0 0 \"\" \"\" \"a#22b#7Bc#7Cd#7D#23#01#E9 end\" \"\" \"resp#22val\"",
        ),
        ("a%CC|%{+Q}CC|%{-M}CC|%{+Q,-M}CC|z", "a-|\"\"||\"\"|z"),
        (
            "a  b %hr %hs|%{+Q}hr|%{+E}hr",
            "a b {a#22b#7Bc#7Cd#7D#23#01#E9 end|} {resp#22val}|\"{a#22b#7Bc#7Cd#7D#23#01#E9 end|}\"|{a#22b#7Bc#7Cd#7D#23#01#E9 end|}",
        ),
        (
            "%hrl|%{+Q}hrl|%hsl",
            "a#22b#7Bc#7Cd#7D#23#01#E9 end -|\"a#22b#7Bc#7Cd#7D#23#01#E9 end\" \"\"|resp#22val",
        ),
        (
            "%[str(a)] %{+Q}[str(a)] %[str()] %{+Q}[str()] %[var(txn.x)] %{+Q}[var(txn.x)] %{-M}[var(txn.x)]x",
            "a \"a\" - \"\" - \"\" x",
        ),
        (
            "%{+X}ci %{+X}cp %{+X}Ts %{+X}rt %{+X}pid %{+X}ST %{+Q}ci %{+Q}cp",
            "7F000001 9C40 6B010374 0008 09A8 200 \"127.0.0.1\" 40000",
        ),
        (
            "%{+Q}B %{+Q}Tt %{+Q}tsc %{+Q}ts %{+Q}b %{+Q}t %{+Q}ms %{+Q}sslv %sslc",
            "87 0 ---- -- \"b\" 21/Nov/2026:02:35:32.861 861 \"\" -",
        ),
        (
            "%t %T %trg %Tl %ms %Ts",
            "21/Nov/2026:02:35:32.861 21/Nov/2026:02:35:32 +0000 21/Nov/2026:02:35:32 +0000 21/Nov/2026:02:35:32 +0000 861 1795228532",
        ),
        ("%HM|%HU|%HP|%HPO|%HQ|%HV|%H|%ID|%OG", "GET|/p/a?x=1|/p/a|/p/a|?x=1|HTTP/1.1|vm|-|txn_close"),
        ("%{+X}o %ci %cp %[int(255)] %{-X}ci", "7F000001 9C40 255 127.0.0.1"),
        ("%[bin(c0ff00)] %[src] %[bool(true)] %[int(-3)]", "\\xc0\\xff 127.0.0.1 1 -3"),
        ("%{-M}o a %CC b %[var(txn.x)] c %s%CS%CC", "a b  c s"),
        (
            "%{+Q}[capture.req.hdr(0)] %{+E}[capture.req.hdr(0)]",
            "\"a\"b{c|d}#\\x01\\xe9 end\" a\\x5c\"b{c|d}#\\x01\\xe9 end",
        ),
        ("%%%ci%% x", "%127.0.0.1% x"),
    ];
    for (format, expected) in cases {
        assert_eq!(render(&scope, format, Purpose::Log), expected, "{format}");
    }
}

#[test]
fn a_blank_before_captures_goes_where_none_are_declared() {
    let scope = scope();
    for (format, expected) in [
        ("a %hr %hs b|%hr|%hs| %hr c", "a b||| c"),
        ("%hrl %hsl x", "x"),
        ("%hr%hs x %{+Q}hr y %{+json}hr z", "x y null z"),
    ] {
        assert_eq!(render(&scope, format, Purpose::Log), expected, "{format}");
    }
}

#[test]
fn json_and_cbor_are_those_of_the_reference() {
    let mut scope = scope();
    captures(&mut scope);
    let cases = [
        (
            "%{+json}o %ci %(a)ci %(b)cp %(c)r %(d)[int(3)] %(e)[bool(true)] %(g)CC %(h)[var(txn.x)] text %(i)hr %(l)B",
            "{\"a\": \"127.0.0.1\", \"b\": 40000, \"c\": \"GET /p/a?x=1 HTTP/1.1\", \"d\": 3, \"e\": true, \"g\": \"\", \"h\": \"\", \"i\": \"{a#22b#7Bc#7Cd#7D#23#01#E9 end|}\", \"l\": 87}",
        ),
        (
            "%{+json}o%(a)ci%(b:str)cp%(c:sint)[str(12)]%(d:bool)[int(5)]%(e)ST%(g)ms%(h)tsc%(i)rc%(j)hrl%(k)hsl%(l)t%(m)ac",
            "{\"a\": \"127.0.0.1\", \"b\": \"40000\", \"c\": 12, \"d\": true, \"e\": 200, \"g\": 861, \"h\": \"----\", \"i\": 0, \"j\": [\"a#22b#7Bc#7Cd#7D#23#01#E9 end\", \"-\"], \"k\": [\"resp#22val\"], \"l\": \"21/Nov/2026:02:35:32.861\", \"m\": 3}",
        ),
        (
            "%{+json}o %(a)[bin(080c0a0d090b2f7f011f)] %(d:bool)[str(abc)] %(e:sint)[str(abc)] %(f:str)[bool(true)] %(h:sint)[bool(true)]",
            "{\"a\": \"\\x5cb\\x5cf\\x5cn\\x5cr\\x5ct\\x5cu000B/\\x5cu007F\\x5cu0001\\x5cu001F\", \"d\": false, \"e\": 0, \"f\": \"1\", \"h\": 1}",
        ),
        (
            "%{+json}o %(a:sint)s %(b:bool)s %(c:sint)[src] %(d:bool)[src] %(e:str)ST %(f:bool)Tt",
            "{\"a\": \"s\", \"b\": \"s\", \"c\": 2130706433, \"d\": \"\", \"e\": \"200\", \"f\": false}",
        ),
        ("%{+json,+X}o %(a)ci %(b)cp %(c)Ts", "{\"a\": \"7F000001\", \"b\": \"9C40\", \"c\": \"6B010374\"}"),
        (
            "%{+utf8,+json}o %(a)[bin(c285e282aceda080c328f09f9880)]",
            "{\"a\": \"\\x5cu0085\\xe2\\x82\\xac\\x5cu00ED\\x5cu00A0\\x5cu0080\\x5cu00C3(\\xf0\\x9f\\x98\\x80\"}",
        ),
        ("%{+json}o no names %ci", "{}"),
        (
            "%{+cbor}o %ci %(a)ci %(c)r %(d)[int(3)] %(e)[bool(true)] %(f)[str(xy)] %(g)CC %(h)[var(txn.x)]",
            "BF6161693132372E302E302E3161637F75474554202F702F613F783D3120485454502F312E31FF6164036165F561666278796167F66168F6FF",
        ),
        (
            "%{+cbor}ST|%{+cbor}B|%{+cbor}[int(-5)]|%{+cbor}[bin(0001)]|%{+cbor}[int(300)]",
            "18C8|1857|24|5F420001FF|19012C",
        ),
        ("%{+json}ci %{+json}[int(3)] %(:str){+json}[int(3)]", "\"127.0.0.1\" 3 \"3\""),
    ];
    for (format, expected) in cases {
        assert_eq!(render(&scope, format, Purpose::Log), expected, "{format}");
    }
}

#[test]
fn headers_and_payloads_have_their_own_rules() {
    let scope = scope();
    let cases = [
        (Purpose::Http, "%[bin(61010a0d097f80ff22232f25)]|", "a%01%0A%0D\\x09%7F\\x80\\xff\"#/%|"),
        (Purpose::Text, "%[bin(61010a0d097f80ff22232f25)]|", "a\\x01\\x0a\\x0d\\x09\\x7f\\x80\\xff\"#/%|"),
        (
            Purpose::Http,
            "a  b  %[str()] %[str()]%CS|%{+Q}[str(a)]|%{+M}[str()]|%{+M}CS|%{+Q}CS",
            "a  b   |a||-|\"\"",
        ),
        (
            Purpose::Text,
            "a  b  %[str()] %[str()]%CS|%{+Q}[str(a)]|%{+M}[str()]|%{+M}CS|%{+Q}CS",
            "a  b   |\"a\"|-|-|\"\"",
        ),
        (Purpose::Http, "%{+bin}o%[bin(61000262)]", "a%00%02b"),
        (Purpose::Text, "%{+bin}o%[bin(61000262)]", "a\\x00\\x02b"),
    ];
    for (purpose, format, expected) in cases {
        assert_eq!(render(&scope, format, purpose), expected, "{format}");
    }
}

#[test]
fn totals_of_a_line_written_early_have_a_plus() {
    let mut scope = scope();
    scope.times = scope.times.map(|t| Times { unfinished: true, ..t });
    assert_eq!(render(&scope, "%Ta|%Tt|%Tu|%Td|%B|%U|%{+json}B", Purpose::Log), "+0|+0|+0|0|+87|0|87");
}

#[test]
fn mistakes_are_told_in_the_words_of_the_reference() {
    let cases = [
        ("%[foo]", "failed to parse sample expression <foo]> : unknown fetch method 'foo'"),
        ("%[str(a)b]", "expected ']' after 'str(a)', but found 'b'"),
        ("%[str(a)", "missing ']' after 'str(a)'"),
        (
            "%foo",
            "no such format alias 'foo'. If you wanted to emit the '%' character verbatim, you need to use '%%'",
        ),
        ("%{+Q", "truncated line after '+Q'"),
        ("%{+Q}", "parse argument modifier without alias name near '%{+Q}'"),
        ("%", "truncated line after '%'"),
        (
            "%(a:foo)ci",
            "unexpected output type 'foo' at position 4 line : '%(a:foo)ci'. Supported types are: str, sint, bool, raw",
        ),
        (
            "%ci %%% %ci",
            "unexpected alias name near ' ' at position 7 line : '%ci %%% %ci'. Maybe you want to write a single '%', use the syntax '%%'",
        ),
        (
            "%[res.hdr(a)] %[req.hdr(a)]",
            "sample fetch <res.hdr> may not be reliably used here because it needs 'HTTP response headers' which is not available here",
        ),
    ];
    for (format, expected) in cases {
        let error =
            load_at(Place::Log, |load| Format::compile(format.as_bytes(), Purpose::Log, load)).unwrap_err();
        assert_eq!(error.message, expected, "{format}");
    }
}

#[test]
fn a_line_is_cut_at_its_limit() {
    let format = load_at(Place::Log, |load| Format::compile(b"%r %r %r", Purpose::Log, load)).unwrap();
    let mut out = b"<6>".to_vec();
    assert_eq!(format.render(&scope(), &Scratch::new(), &mut out, 10), 10);
    assert_eq!(out, b"<6>GET /p/a?x");
}
