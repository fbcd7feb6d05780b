//! Tables of cases whose results were seen on the reference: each line an expression, a tab, what it gave in
//! `http-request return ... lf-string` (bytes outside of ASCII as `\xXX`).

use crate::testing::{TestScope, load_at, shown, words};
use crate::{Acls, Condition, Format, Place, Purpose, Scratch, Verdict};

const REQUEST: &str = "GET /p/a?x=1&y=2&x=3;z=4 HTTP/1.1\r\nHost: h.Ex:80\r\nA: v1, v2\r\nA:v3,\"x, y\" ,\r\nQ: \"a\\\"b, c\", d=\", e\", f\r\nN: 12, -5x\r\nXFF: 1.2.3.4, ::1, [::2]:80, 1.2.3.4:99\r\nCookie: a=1; b=\"q;x\"; a=2; n=42 ; c\r\ncookie: a=3;e=;=f;g = h\r\nEmpty:\r\nE2: ,x,\r\n\r\n";

const CONDITION_REQUEST: &str = "GET /p/a?x=1&y=2&x=3;z=4 HTTP/1.1\r\nHost: h.Ex:80\r\nA: v1, v2\r\nA:v3,\"x, y\" ,\r\nN: 12, -5x\r\nXFF: 1.2.3.4, ::1, [::2]:80, 1.2.3.4:99\r\nCookie: a=1; b=\"q;x\"; a=2; n=42 ; c\r\nAuthorization: Basic am9lOnB3\r\nEmpty:\r\n\r\n";

#[test]
fn conditions_hold_where_they_do_on_the_reference() {
    let scope = TestScope::request(CONDITION_REQUEST);
    let scratch = Scratch::new();
    let mut failed = Vec::new();
    for line in include_str!("../tests/cases/conditions.tsv").lines() {
        let (text, expected) = line.split_once('\t').unwrap();
        let verdict = load_at(Place::FrontHttpRequest, |load| {
            let mut acls = Acls::default();
            for acl in ["two path /x", "two path_beg /p", "none path /x"] {
                acls.define(&words(acl), load).unwrap();
            }
            Condition::compile(&words(text), &acls, load).map(|condition| condition.test(&scope, &scratch))
        });
        let expected = if expected == "1" { Verdict::True } else { Verdict::False };
        if verdict != Ok(expected) {
            failed.push(format!("{text}: {expected:?} on the reference, here {verdict:?}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn check(table: &str) {
    let mut failed = Vec::new();
    for line in table.lines().filter(|l| !l.starts_with('#') && !l.is_empty()) {
        let (expr, expected) = line.split_once('\t').unwrap();
        let mut scope = TestScope::request(REQUEST);
        scope.numbers.push((crate::scope::Number::FirstRequest, 1));
        let format = load_at(Place::FrontHttpRequest, |load| {
            Format::compile(format!("%[{expr}]").as_bytes(), Purpose::Text, load)
        });
        let mut out = Vec::new();
        match format {
            Ok(format) => {
                format.render(&scope, &Scratch::new(), &mut out, 65536);
                if shown(&out) != expected {
                    failed.push(format!("{expr}\n  reference {expected}\n  here      {}", shown(&out)));
                }
            }
            Err(e) => failed.push(format!("{expr}: {}", e.message)),
        }
    }
    assert!(failed.is_empty(), "{} differ:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn fetches_of_a_request_give_what_the_reference_gives() {
    check(include_str!("../tests/cases/request.tsv"));
}

#[test]
fn converters_give_what_the_reference_gives() {
    check(include_str!("../tests/cases/converters.tsv"));
}

#[test]
fn cryptography_gives_what_the_reference_gives() {
    check(include_str!("../tests/cases/crypto.tsv"));
}

#[test]
fn packets_of_mqtt_are_read_as_the_reference_reads_them() {
    check(include_str!("../tests/cases/mqtt.tsv"));
}

#[test]
fn samples_are_cast_as_the_reference_casts_them() {
    check(include_str!("../tests/cases/casts.tsv"));
}

#[test]
fn quotes_maps_and_dates_are_as_the_reference_has_them() {
    check(include_str!("../tests/cases/more.tsv"));
}

#[test]
fn maps_of_every_kind_give_what_the_reference_gives() {
    check(include_str!("../tests/cases/maps.tsv"));
}

#[test]
fn packet_headers_are_read_as_the_reference_reads_them() {
    check(include_str!("../tests/cases/packets.tsv"));
}

#[test]
fn fix_messages_are_judged_as_the_reference_judges_them() {
    check(include_str!("../tests/cases/fix.tsv"));
}

/// The tables whose cases both programs are asked, and how a line of each shows an expression that gives a value.
const TABLES: &[(&str, Shows)] = &[
    (include_str!("../tests/cases/casts.tsv"), with_value),
    (include_str!("../tests/cases/converters.tsv"), with_value),
    (include_str!("../tests/cases/crypto.tsv"), with_value),
    (include_str!("../tests/cases/fix.tsv"), with_value),
    (include_str!("../tests/cases/maps.tsv"), with_value),
    (include_str!("../tests/cases/more.tsv"), with_value),
    (include_str!("../tests/cases/mqtt.tsv"), with_value),
    (include_str!("../tests/cases/packets.tsv"), with_value),
    (include_str!("../tests/cases/request.tsv"), with_value),
    (include_str!("../../../tests/compat/tests/contents.requests.txt"), unmarked),
    (include_str!("../../../tests/compat/tests/contents.responses.txt"), unmarked),
    (include_str!("../../../tests/compat/tests/fetches.requests.txt"), unmarked),
    (include_str!("../../../tests/compat/tests/fetches.txt"), unmarked),
    (include_str!("../../../tests/compat/tests/stick_tables.words.tsv"), at_a_path),
    (include_str!("../../../tests/compat/tests/tls_samples.back.txt"), unmarked),
    (include_str!("../../../tests/compat/tests/tls_samples.front.txt"), unmarked),
];

/// The expression of a line, where it gives a value.
type Shows = fn(&'static str) -> Option<&'static str>;

/// An expression, a tab, what it gives.
fn with_value(line: &'static str) -> Option<&'static str> {
    line.split_once('\t').filter(|(_, value)| !value.is_empty()).map(|(expression, _)| expression)
}

/// An expression; behind a mark one that gives nothing.
fn unmarked(line: &'static str) -> Option<&'static str> {
    Some(line).filter(|line| !line.starts_with("- "))
}

/// A path, an expression, what it gives the first and the second time.
fn at_a_path(line: &'static str) -> Option<&'static str> {
    let mut columns = line.split('\t').skip(1);
    let expression = columns.next()?;
    columns.any(|value| value != "[]").then_some(expression)
}

/// The fetch and the converters of an expression.
fn names(expression: &str) -> Vec<&str> {
    let (mut depth, mut quote, mut start) = (0, None, 0);
    let mut names = Vec::new();
    for (at, c) in expression.char_indices().chain([(expression.len(), ',')]) {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(q), c) if q == c => quote = None,
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            (None, ',') if depth == 0 => {
                let word = expression.get(start..at).unwrap();
                names.push(word.split('(').next().unwrap());
                start = at + 1;
            }
            _ => {}
        }
    }
    names
}

#[test]
fn every_word_that_works_has_a_case_in_which_it_gives_a_value() {
    let lines = TABLES
        .iter()
        .flat_map(|(table, value)| table.lines().filter(|line| !line.starts_with('#')).filter_map(*value));
    let shown: std::collections::HashSet<&str> = lines.flat_map(names).collect();
    let fetches = crate::FETCHES
        .iter()
        .flat_map(|t| t.iter())
        .filter(|f| matches!(f.state, weir_config::State::Works(_)))
        .map(|f| f.entry.name);
    let converters = crate::CONVERTERS.iter().flat_map(|t| t.iter());
    let converters =
        converters.filter(|c| matches!(c.state, weir_config::State::Works(_))).map(|c| c.entry.name);
    let without: Vec<&str> = fetches.chain(converters).filter(|name| !shown.contains(name)).collect();
    let excused: Vec<&str> = ELSEWHERE.iter().map(|(name, _)| *name).collect();
    let missing: Vec<_> = without.iter().filter(|name| !excused.contains(name)).collect();
    assert!(missing.is_empty(), "no table has a case of {missing:?}");
    let needless: Vec<_> = excused.iter().filter(|name| !without.contains(name)).collect();
    assert!(needless.is_empty(), "there are cases of {needless:?}, which are said to have none");
}

/// Words that no table can show, with what shows them.
const ELSEWHERE: &[(&str, &str)] = &[
    ("bc_err_name", "faults of connections: log lines in tls_failures.rs"),
    ("fc_err_name", "faults of connections: log lines in tls_failures.rs"),
    ("ssl_bc_err_str", "faults of connections: log lines in tls_failures.rs"),
    ("ssl_fc_err_str", "faults of connections: log lines in tls_failures.rs"),
    ("bs.rst_code", "streams of HTTP/2 that were reset: h2_resets.txt"),
    ("fs.rst_code", "streams of HTTP/2 that were reset: h2_resets.txt"),
    ("jwt_decrypt_cert", "tokens of every algorithm: keys.rs"),
    ("jwt_decrypt_jwk", "tokens of every algorithm: keys.rs"),
    ("jwt_decrypt_secret", "tokens of every algorithm: keys.rs"),
    ("jwt_verify_cert", "tokens of every algorithm: keys.rs"),
    ("waiting_entity", "rules that were interrupted: rules.rs"),
    ("ssl_f_notafter", "the certificate of the tables lives past 2049, of which the reference says nothing"),
    ("ssl_s_notafter", "the certificate of the tables lives past 2049, of which the reference says nothing"),
    ("fc_saved_syn", "nothing saves packets: tcp-ss is refused"),
    ("res.cache_name", "nothing is cached"),
    ("res.comp_algo", "nothing is compressed"),
    ("ssl_bc_client_early_traffic_secret", "there is no early data"),
    ("ssl_bc_early_exporter_secret", "there is no early data"),
    ("ssl_fc_client_early_traffic_secret", "there is no early data"),
    ("ssl_fc_early_exporter_secret", "there is no early data"),
    ("ssl_fc_session_id", "of TLS 1.2 the library has a session's name where the reference has none"),
    ("ssl_bc_npn", "nothing negotiates by NPN"),
    ("ssl_fc_npn", "nothing negotiates by NPN"),
];
