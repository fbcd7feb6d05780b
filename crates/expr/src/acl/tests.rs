//! Mistakes in the words of the reference, and the third value.

use crate::testing::{TestScope, load_at, words};
use crate::{Acls, Condition, Place, Scratch, Verdict};

#[test]
fn mistakes_are_told_in_the_words_of_the_reference() {
    let cases = [
        ("if { foo bar }", "unknown fetch method 'foo' in ACL expression 'foo'"),
        ("if { src bar }", "'bar' is not a valid IPv4 or IPv6 address"),
        ("if { src 1.2.3.4/33 }", "'1.2.3.4/33' is not a valid IPv4 or IPv6 address"),
        ("if { path -m foo bar }", "unknown matching method 'foo' when parsing ACL expression"),
        ("if { path -m reg ( }", "regex '(' is invalid (error=missing closing parenthesis, erroffset=1)"),
        (
            "if { req.body xx }",
            "matching method must be specified first (using '-m') when using a sample fetch of this type ('req.body')",
        ),
        ("if { path -f /nonexistent }", "failed to open pattern file </nonexistent>"),
        (
            "if { path -x }",
            "'-x' is not a valid ACL option. Please use '--' before any pattern beginning with a '-'",
        ),
        ("if { src_port gt a }", "'a' is neither a number nor a supported operator"),
        ("if { src_port a:b }", "'a:b' is not a valid number range"),
        ("if { src_port 10:5 }", "'10:5' is not a valid number range"),
        ("if { src_port -- -5:5 }", "'-5:5' is not a valid number range"),
        ("if { url_len foo }", "'foo' is not a number"),
        ("if { req.body -m int 5 }", "matching method 'int' cannot be used with fetch keyword 'req.body'"),
        ("if { src -m bool }", "matching method 'bool' cannot be used with fetch keyword 'src'"),
        ("if { path -i -u x foo }", "the argument of -u must be an integer"),
        (
            "if { path -m str -i -m beg a }",
            "only one explicit matching method can be defined with '-m' parameter. if migrating from an old version, just keep the last one",
        ),
        ("if { req.hdr(x) -m bin 5 }", "an even number of hex digit is expected"),
        ("if { src,foo 5 }", "unknown converter 'foo' in ACL expression 'src,foo'"),
        ("if { src(5) 5 }", "fetch method 'src' : expected ')' before '5)' in ACL expression 'src(5)'"),
        ("if foo", "no such ACL : 'foo'"),
        ("if { src", "missing closing '}' in condition"),
        ("if { }", "missing fetch method in ACL expression ''"),
    ];
    for (text, expected) in cases {
        let result = load_at(Place::FrontHttpRequest, |load| {
            Condition::compile(&words(text), &Acls::default(), load).map(|_| ())
        });
        assert_eq!(result.unwrap_err().error.message, expected, "{text}");
    }
}

#[test]
fn an_acl_where_its_fetch_has_nothing_to_read_gives_a_warning() {
    let warnings = |acls: &[&str], condition: &str, place| {
        load_at(place, |load| {
            let mut named = Acls::default();
            for acl in acls {
                named.define(&words(acl), load).unwrap();
            }
            Condition::compile(&words(condition), &named, load).unwrap();
            load.warnings.join("; ")
        })
    };
    assert_eq!(
        warnings(&[], "if { res.hdr(x) y }", Place::UseBackend),
        "'anonymous acl will never match because it uses keyword 'res.hdr' which is incompatible with 'frontend use-backend rule''"
    );
    assert_eq!(
        warnings(&["a res.hdr(x) y"], "if a", Place::FrontHttpRequest),
        "'acl 'a' will never match because it only involves keywords that are incompatible with 'frontend http-request header rule''"
    );
    assert_eq!(
        warnings(&["a res.hdr(x) y", "a path /x"], "if a", Place::FrontHttpRequest),
        "'acl 'a' involves keywords 'res.hdr' which is incompatible with 'frontend http-request header rule''"
    );
    assert_eq!(warnings(&[], "if { hdr(host),lower a } { cook(a),lower a }", Place::FrontHttpRequest), "");
    assert_eq!(
        warnings(&[], "if { hdr_beg(host),lower a }", Place::FrontHttpRequest),
        "original matching method 'hdr_beg' was overwritten and will not be applied as expected."
    );
}

#[test]
fn a_test_that_fails_on_half_of_the_bytes_has_not_failed_yet() {
    let mut scope = TestScope { raw: Some(b"ab".to_vec()), waiting: true, ..TestScope::default() };
    let scratch = Scratch::new();
    let verdict = |scope: &TestScope, text: &str| {
        load_at(Place::FrontTcpRequest, |load| {
            Condition::compile(&words(text), &Acls::default(), load).unwrap()
        })
        .test(scope, &scratch)
    };
    for (text, waiting, done) in [
        ("if { req.len gt 5 }", Verdict::NotYet, Verdict::False),
        ("if { req.len gt 1 }", Verdict::True, Verdict::True),
        ("if !{ req.len gt 5 }", Verdict::NotYet, Verdict::True),
        ("if { req.payload(0,4) -m str abcd }", Verdict::NotYet, Verdict::False),
        ("if { req.payload(0,2) -m str ab }", Verdict::True, Verdict::True),
        ("if WAIT_END", Verdict::NotYet, Verdict::True),
        ("if TRUE or WAIT_END", Verdict::True, Verdict::True),
        ("if FALSE WAIT_END", Verdict::False, Verdict::False),
        ("unless { req.len gt 5 }", Verdict::NotYet, Verdict::True),
    ] {
        scope.waiting = true;
        assert_eq!(verdict(&scope, text), waiting, "{text} while bytes come");
        scope.waiting = false;
        assert_eq!(verdict(&scope, text), done, "{text} at the end");
    }
}
