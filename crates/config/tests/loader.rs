//! What a load says and yields. Expected first lines were seen on HAProxy 3.4.7, those marked as meant
//! differences aside.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::io;

use weir_config::{Arity, Class, Entry, Environment, Features, Files, Keyword, Loaded, Loader, Sections};
use weir_diag::first_line;

struct Memory(BTreeMap<String, Vec<u8>>);

impl Files for Memory {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        self.0.get(path).cloned().ok_or_else(|| io::Error::from_raw_os_error(2))
    }

    fn list(&self, path: &str) -> io::Result<Option<Vec<String>>> {
        if self.0.contains_key(path) {
            return Ok(None);
        }
        let inside = |name: &String| Some(name.strip_prefix(path)?.trim_start_matches('/').to_owned());
        let names: Vec<String> = self.0.keys().filter_map(inside).collect();
        if names.is_empty() { Err(io::Error::from_raw_os_error(2)) } else { Ok(Some(names)) }
    }
}

const fn section(name: &'static str, kind: Sections) -> Keyword<Sections> {
    Keyword::works(Entry::new(Class::Section, name, Sections::empty(), Arity::ANY, ""), kind)
}

const SECTIONS: &[Keyword<Sections>] = &[
    section("global", Sections::GLOBAL),
    section("defaults", Sections::DEFAULTS),
    section("frontend", Sections::FRONTEND),
    section("listen", Sections::LISTEN),
    section("backend", Sections::BACKEND),
    Keyword::refused(
        Entry::new(Class::Section, "peers", Sections::empty(), Arity::ANY, ""),
        "it is still to come",
    ),
];

fn load_files(files: &[(&str, &[u8])], paths: &[&str]) -> Loaded {
    let files = Memory(files.iter().map(|(n, t)| ((*n).to_owned(), t.to_vec())).collect());
    let features = Features {
        version: "3.4.7".into(),
        names: vec!["THREAD".into()],
        ssl_library: "AWS-LC".into(),
        ..Features::default()
    };
    let environment: Environment =
        [("FOO", "foo"), ("HOME", "/root"), ("HAPROXY_BRANCH", "3.4")].into_iter().collect();
    Loader { files: &files, sections: SECTIONS, features: &features, environment }.load(paths)
}

fn load(text: &[u8]) -> Loaded {
    load_files(&[("c.cfg", text)], &["c.cfg"])
}

/// The first lines of all messages, without what they have in common.
fn said(loaded: &Loaded) -> Vec<String> {
    let first = |d| first_line(d, &loaded.sources, 1);
    loaded.diagnostics.iter().map(|d| first(d).replace("(1) : config : parsing ", "")).collect()
}

/// All lines of all sections, one string each.
fn lines(loaded: &Loaded) -> Vec<String> {
    let text =
        |l: &weir_config::Line| l.words.iter().map(|w| w.text().into_owned()).collect::<Vec<_>>().join("|");
    let sections = loaded.document.sections.iter();
    sections.flat_map(|s| std::iter::once(&s.header).chain(&s.lines)).map(text).collect()
}

#[test]
fn faults_are_said_as_the_reference_says_them() {
    let cases: &[(&[u8], &[&str])] = &[
        (b"foo\n", &["[ALERT]    [c.cfg:1]: unknown keyword 'foo' out of section."]),
        (
            b"\xef\xbb\xbfglobal\n",
            &["[ALERT]    [c.cfg:1]: unknown keyword '\u{feff}global' out of section."],
        ),
        (
            b"global\n no\n",
            &[
                "[ALERT]    [c.cfg:2]: negation/default currently supported only for options, log, busy-polling, \
               set-dumpable, strict-limits, insecure-fork-wanted and numa-cpu-mapping.",
            ],
        ),
        (b"global\n a\0b\n\n", &["[ALERT]    [c.cfg:2]: Stray NUL character at position 3."]),
        (b"global\n description \"a\n", &["[ALERT]    [c.cfg:2]: unmatched quote at position 14:"]),
        (
            b"global\n timeout client \"\"\n",
            &[
                "[ALERT]    [c.cfg:2]: argument number 2 at position 18 is empty and marks the end of the argument list:",
            ],
        ),
        (
            b"global\n description \"$NOPE\" 5\n",
            &[
                "[ALERT]    [c.cfg:2]: argument number 1 at position 16 is empty and marks the end of the argument list:",
            ],
        ),
        (
            b"global\n description \"${NOPE}\"\n",
            &[
                "[ALERT]    [c.cfg:2]: argument number 1 at position 17 is empty and marks the end of the argument list:",
            ],
        ),
        (
            b"global\n setenv A \"\"\n",
            &["[ALERT]    [c.cfg:2] : 'setenv' expects environment variable value for 'A'.\n."],
        ),
        (
            b"global\n setenv A=B c\n",
            &["[ALERT]    [c.cfg:2] : 'setenv' failed on variable 'A=B' : Invalid argument."],
        ),
        (b".notice \"a b\"\n", &["[NOTICE]   [c.cfg:1]: 'a b'."]),
        (
            b".notice a b\n",
            &[
                "[ALERT]    [c.cfg:1]: Unexpected argument 'b' for '.notice'. Use quotes if the message should contain spaces.",
            ],
        ),
        (b".warning\n", &["[WARNING]  [c.cfg:1]: ''."]),
        (b".alert a\n.alert b\n", &["[ALERT]    [c.cfg:1]: 'a'."]),
        (b".foo\n", &["[ALERT]    [c.cfg:1]: unknown directive '.foo'."]),
        (b".else\n", &["[ALERT]    [c.cfg:1]: lone '.else' with no matching '.if'."]),
        (b".elif 1\n", &["[ALERT]    [c.cfg:1]: lone '.elif' with no matching '.if'."]),
        (b".endif\n", &["[ALERT]    [c.cfg:1]: lone '.endif' with no matching '.if'."]),
        (
            b".if 1\n.notice a\n",
            &["[NOTICE]   [c.cfg:2]: 'a'.", "[ALERT]    [c.cfg:2]: non-terminated '.if' block."],
        ),
        (
            b".if 1\n.else\n.else\n.endif\n",
            &["[ALERT]    [c.cfg:3]: '.else' after '.else' is not permitted."],
        ),
        (
            b".if 1\n.else\n.elif 1\n.endif\n",
            &["[ALERT]    [c.cfg:3]: '.elif' after '.else' is not permitted."],
        ),
        (
            b".if x\n.notice a\n.endif\n",
            &["[ALERT]    [c.cfg:1]: unparsable conditional expression 'x' in '.if' at position 1:"],
        ),
        (
            b".if 0\n \"a\n.foo\n.if x(\n.endif\n.endif\n",
            &["[ALERT]    [c.cfg:2]: unmatched quote at position 2:"],
        ),
        (b".if 1\n.notice a\n.elif x\n.notice b\n.endif\n", &["[NOTICE]   [c.cfg:2]: 'a'."]),
        (b".if 0\n.elif 0\n.elif 1\n.notice c\n.else\n.notice e\n.endif\n", &["[NOTICE]   [c.cfg:4]: 'c'."]),
        (b".if 0\nglobal\n.endif\n foo\n", &["[ALERT]    [c.cfg:4]: unknown keyword 'foo' out of section."]),
        (b"listen a\n.notice \"${.SECTION} ${.FILE}:${.LINE}\"\n", &["[NOTICE]   [c.cfg:2]: 'a c.cfg:2'."]),
        (b"defaults\n.notice \"${.SECTION}\"\n", &["[NOTICE]   [c.cfg:2]: 'defaults'."]),
        // Seen by a condition before it is set: the files are gone through twice.
        (
            b".notice \"1 $A\"\nglobal\n setenv A b\n.notice \"2 $A\"\n",
            &["[NOTICE]   [c.cfg:1]: '1 b'.", "[NOTICE]   [c.cfg:4]: '2 b'."],
        ),
        (b"global\n setenv A \"${A}x\"\n.notice \"$A\"\n", &["[NOTICE]   [c.cfg:3]: 'xx'."]),
        (b"global\n presetenv FOO new\n.notice \"$FOO\"\n", &["[NOTICE]   [c.cfg:3]: 'foo'."]),
        (b"global\n unsetenv FOO\n.notice \"$FOO\"\n", &["[NOTICE]   [c.cfg:3]: ''."]),
        (b"global\n resetenv FOO\n.notice \"$FOO$HOME\"\n", &["[NOTICE]   [c.cfg:3]: 'foo'."]),
        (b"global\n localpeer zz\n.notice \"$HAPROXY_LOCALPEER\"\n", &["[NOTICE]   [c.cfg:3]: 'zz'."]),
        (b".notice \"$HAPROXY_CFGFILES\"\n", &["[NOTICE]   [c.cfg:1]: 'c.cfg'."]),
        (
            b"global\n foo\n maxconn 5",
            &[
                "[ALERT]    [c.cfg:3]: Missing LF on last line, file might have been truncated at position 11.",
            ],
        ),
        (
            b"global\n maxconn 1\x000\n",
            &[
                "[ALERT]    [c.cfg:2]: Missing LF on last line, file might have been truncated at position 11.",
            ],
        ),
        (b"global\n maxconn 1\x000\n foo\n", &["[ALERT]    [c.cfg:2]: Stray NUL character at position 11."]),
        (
            b"foo\n.notice \"a\n",
            &[
                "[ALERT]    [c.cfg:2]: unmatched quote at position 9:",
                "[ALERT]    [c.cfg:1]: unknown keyword 'foo' out of section.",
            ],
        ),
        // A meant difference: a word for what is ignored.
        (
            b"global\n \"\" a\n",
            &["[NOTICE]   [c.cfg:2] : the line begins with an empty word and is ignored."],
        ),
        (b"peers p\n peer a\n", &["[ALERT]    [c.cfg:1] : 'peers' is not supported: it is still to come."]),
    ];
    for (text, expected) in cases {
        assert_eq!(said(&load(text)), *expected, "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn sixty_four_words_are_the_most() {
    let line = |n: usize| format!("global\n description{}\n", " x".repeat(n)).into_bytes();
    assert_eq!(said(&load(&line(63))), [""; 0]);
    assert_eq!(
        said(&load(&line(64))),
        ["[ALERT]    [c.cfg:2]: too many words, truncating after word 64, position 137: <x>."]
    );
}

#[test]
fn lines_become_sections_of_words() {
    for (text, expected) in [
        (
            "global#x\n daemon#y\nfrontend   f\n\tmode\thttp # z\n",
            &["global", "daemon", "frontend|f", "mode|http"][..],
        ),
        ("global\r\n daemon\r\n", &["global", "daemon"]),
        ("global\n a\\\n b\n", &["global", "a\\", "b"]),
        ("global\n.if feature(THREAD)\n a\n.else\n b\n.endif\n", &["global", "a"]),
        ("defaults\n no option httplog\n", &["defaults", "option|httplog"]),
        ("backend b\n bind \"x${L-}\" '' y\n", &["backend|b"]),
    ] {
        assert_eq!(lines(&load(text.as_bytes())), expected, "{text}");
    }
}

#[test]
fn directories_give_their_files_in_order_and_each_needs_a_section_of_its_own() {
    let files: &[(&str, &[u8])] = &[
        ("d/b.cfg", b".notice b\n"),
        ("d/A.cfg", b".notice A\n"),
        ("d/10.cfg", b".notice 10\n"),
        ("d/.h.cfg", b".notice hidden\n"),
        ("d/x.conf", b".notice conf\n"),
        ("e.cfg", b"global\n"),
        ("f.cfg", b" foo\n"),
    ];
    let loaded = load_files(files, &["e.cfg", "d", "f.cfg"]);
    assert_eq!(
        said(&loaded),
        [
            "[NOTICE]   [d/10.cfg:1]: '10'.",
            "[NOTICE]   [d/A.cfg:1]: 'A'.",
            "[NOTICE]   [d/b.cfg:1]: 'b'.",
            "[ALERT]    [f.cfg:1]: unknown keyword 'foo' out of section.",
        ]
    );
    assert_eq!(
        loaded.environment.value(b"HAPROXY_CFGFILES"),
        Some(&b"e.cfg;d/10.cfg;d/A.cfg;d/b.cfg;f.cfg"[..])
    );
    let missing = load_files(files, &["nope"]);
    assert_eq!(
        said(&missing),
        [
            "[ALERT]    (1) : config : Cannot open configuration file/directory nope : No such file or directory"
        ]
    );
}
