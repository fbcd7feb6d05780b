//! What the registry says of lines that do not fit their keyword. First lines were seen on HAProxy 3.4.7.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use weir_config::{Arity, Class, Entry, Found, Keyword, Line, Place, Prefix, Registry, Sections, Word};
use weir_diag::{Diagnostics, Sources, Span, first_line};

const INTEGER: &str = "'maxconn' expects an integer argument.";

const TABLE: &[Keyword<u8>] = &[
    Keyword::works(
        Entry::new(Class::Global, "maxconn", Sections::GLOBAL, Arity::exactly(1), "").missing(INTEGER),
        1,
    ),
    Keyword::works(Entry::new(Class::Global, "tune.bufsize", Sections::GLOBAL, Arity::exactly(1), ""), 2),
    Keyword::works(Entry::new(Class::Proxy, "mode", Sections::PROXIES, Arity::exactly(1), ""), 3),
    Keyword::works(Entry::new(Class::Proxy, "timeout client", Sections::PROXIES, Arity::ANY, ""), 4),
    Keyword::works(Entry::new(Class::Proxy, "timeout server", Sections::PROXIES, Arity::ANY, ""), 5),
    Keyword::works(Entry::new(Class::Proxy, "option httplog", Sections::PROXIES, Arity::ANY, ""), 6),
    Keyword::works(
        Entry::new(Class::Proxy, "option dontlognull", Sections::PROXIES, Arity::NONE, "").no_default(),
        7,
    ),
    Keyword::works(Entry::new(Class::Proxy, "bind", Sections::FRONTENDS, Arity::ANY, ""), 8),
    Keyword::works(Entry::new(Class::Proxy, "log", Sections::PROXIES, Arity::ANY, "").no(), 9),
    Keyword::works(Entry::new(Class::Action, "http-request set-var", Sections::PROXIES, Arity::ANY, ""), 10),
    Keyword::inert(
        Entry::new(Class::Proxy, "nokqueue", Sections::PROXIES, Arity::ANY, ""),
        "there is no kqueue",
    ),
    Keyword::refused(
        Entry::new(Class::Proxy, "filter", Sections::PROXIES, Arity::ANY, ""),
        "comes with filters",
    ),
    Keyword::works(Entry::new(Class::Bind, "tfo", Sections::empty(), Arity::NONE, ""), 11),
    Keyword::works(Entry::new(Class::Bind, "name", Sections::empty(), Arity::exactly(1), ""), 12),
];

/// What is found for a line of a section, and what is said.
fn judged(section: Sections, text: &str) -> (Option<Found<u8>>, Vec<String>) {
    let mut sources = Sources::default();
    sources.add("c.cfg", text.as_bytes().to_vec());
    let span = Span { line: 2, ..Span::default() };
    let mut words: Vec<Word> = text.split(' ').map(|w| Word { bytes: w.as_bytes().into(), span }).collect();
    let prefix = match text.split(' ').next() {
        Some("no") => Prefix::No,
        Some("default") => Prefix::Default,
        _ => Prefix::None,
    };
    if prefix != Prefix::None {
        words.remove(0);
    }
    let mut line = Line { prefix, words, name_len: 1, span };
    let (keyword, classes): (_, &[Class]) = match section {
        Sections::GLOBAL => ("global", &[Class::Global]),
        Sections::DEFAULTS => ("defaults", &[Class::Proxy, Class::Action]),
        Sections::FRONTEND => ("frontend", &[Class::Proxy, Class::Action]),
        _ => ("backend", &[Class::Proxy, Class::Action]),
    };
    let place = Place { classes, section, keyword, name: "b" };
    let mut out = Diagnostics::default();
    let found = Registry::new(&[TABLE]).line(&place, &mut line, &mut out);
    let said = out
        .iter()
        .map(|d| first_line(d, &sources, 1).replace("(1) : config : parsing [c.cfg:2]", ""))
        .collect();
    (found, said)
}

#[test]
fn lines_that_do_not_fit_are_told_as_the_reference_tells_them() {
    let negation = "[ALERT]    : negation/default currently supported only for options, log, busy-polling, \
                    set-dumpable, strict-limits, insecure-fork-wanted and numa-cpu-mapping.";
    for (section, text, expected) in [
        (Sections::GLOBAL, "foo bar", "[ALERT]     : unknown keyword 'foo' in 'global' section"),
        (
            Sections::GLOBAL,
            "bufsize 5",
            "[ALERT]     : unknown keyword 'bufsize' in 'global' section; did you mean 'tune.bufsize' maybe ?",
        ),
        (
            Sections::GLOBAL,
            "timeout client 5s",
            "[ALERT]     : unknown keyword 'timeout' in 'global' section",
        ),
        (Sections::GLOBAL, "maxconn", "[ALERT]     : 'maxconn' expects an integer argument."),
        (Sections::GLOBAL, "maxconn 1 2", "[ALERT]     : 'maxconn' cannot handle unexpected argument '2'."),
        (Sections::GLOBAL, "no maxconn", negation),
        (Sections::BACKEND, "default mode http", negation),
        (Sections::BACKEND, "no foo", negation),
        (Sections::BACKEND, "no option", "[ALERT]    : 'option' expects an option name."),
        (Sections::BACKEND, "option", "[ALERT]    : 'option' expects an option name."),
        (
            Sections::BACKEND,
            "no option foo",
            "[ALERT]    : negation/default is not supported for option 'foo'.",
        ),
        (
            Sections::BACKEND,
            "no option httplog",
            "[ALERT]    : negation/default is not supported for option 'httplog'.",
        ),
        (
            Sections::BACKEND,
            "option httplo",
            "[ALERT]     : unknown option 'httplo'; did you mean 'httplog' maybe ?",
        ),
        (
            Sections::BACKEND,
            "option dontlognull x",
            "[ALERT]     : 'option dontlognull' cannot handle unexpected argument 'x'.",
        ),
        (
            Sections::BACKEND,
            "timeout foo 5s",
            "[ALERT]     : 'timeout' supports 'client' and 'server' (got 'foo')",
        ),
        (
            Sections::BACKEND,
            "timeot client 4",
            "[ALERT]     : unknown keyword 'timeot' in 'backend' section; did you mean 'timeout' maybe ?",
        ),
        (
            Sections::BACKEND,
            "http-request foo",
            "[ALERT]    : 'http-request' expects 'set-var', but got 'foo'.",
        ),
        (Sections::DEFAULTS, "bind :80", "[ALERT]     : 'bind' not allowed in 'defaults' section."),
        (
            Sections::BACKEND,
            "bind :80",
            "[WARNING]   : 'bind' ignored because backend 'b' has no frontend capability.",
        ),
        // Of this program alone.
        (Sections::BACKEND, "nokqueue", "[NOTICE]    : 'nokqueue' has no effect: there is no kqueue."),
        (
            Sections::BACKEND,
            "filter x",
            "[ALERT]     : 'filter' is not available yet (it comes with filters).",
        ),
    ] {
        assert_eq!(judged(section, text).1, [expected], "{text}");
    }
}

#[test]
fn the_longest_name_wins_and_parentheses_end_a_name() {
    for (section, text, expected) in [
        (Sections::GLOBAL, "maxconn 5", Some(1)),
        (Sections::BACKEND, "timeout server 5s", Some(5)),
        (Sections::BACKEND, "http-request set-var(txn.a) int(1)", Some(10)),
        (Sections::BACKEND, "no option dontlognull", Some(7)),
        (Sections::BACKEND, "default option dontlognull", Some(7)),
        (Sections::BACKEND, "no log", Some(9)),
        (Sections::BACKEND, "bind :80", Some(8)),
        (Sections::BACKEND, "mode", None),
    ] {
        assert_eq!(judged(section, text).0.map(|f| f.run), expected, "{text}");
    }
    assert!(judged(Sections::BACKEND, "bind :80").0.unwrap().ignored);
}

#[test]
fn parameters_are_found_by_class_and_listed_by_state() {
    let registry = Registry::new(&[TABLE]);
    let word = |text: &str| Word { bytes: text.as_bytes().into(), span: Span::default() };
    let found = registry.parameter(Class::Bind, &[word("name"), word("x")]);
    assert_eq!(found.map(|(k, n)| (k.entry.name, n)), Some(("name", 1)));
    assert!(registry.parameter(Class::Bind, &[word("mode")]).is_none());
    assert_eq!(
        registry.unknown_parameter(Class::Bind, &word("tof")),
        "unknown keyword 'tof'; did you mean 'tfo' maybe ?"
    );
    assert_eq!(registry.unknown_parameter(Class::Bind, &word("zzz")), "unknown keyword 'zzz'.");
    let listing = registry.listing();
    for line in [
        "proxy\tnokqueue\tinert there is no kqueue",
        "proxy\tfilter\trefused comes with filters",
        "bind\ttfo\tworks",
    ] {
        assert!(listing.iter().any(|l| l.starts_with(&format!("{line}\t"))), "{line}");
    }
}
