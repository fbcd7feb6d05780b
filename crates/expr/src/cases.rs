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
fn packet_headers_are_read_as_the_reference_reads_them() {
    check(include_str!("../tests/cases/packets.tsv"));
}

#[test]
fn fix_messages_are_judged_as_the_reference_judges_them() {
    check(include_str!("../tests/cases/fix.tsv"));
}
