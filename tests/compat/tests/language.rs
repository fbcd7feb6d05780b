//! The language: quoting, variables, conditional blocks, names, and what is said of configurations that are wrong.

use weir_compat::{Subject, compat, table};
use weir_testkit::Outcome;

/// The outcome of `-c` on a text: exit code, then the first alert (or else the first warning) in one line,
/// without the process number and the folder.
fn verdict(t: &Subject, text: &str) -> String {
    let outcome = t.check(text);
    let mut lines = outcome.stderr.lines().filter(|line| line.starts_with('['));
    let first = lines.clone().find(|line| line.starts_with("[ALERT]"));
    let line = first.or_else(|| lines.find(|line| line.starts_with("[WARNING]"))).unwrap_or_default();
    format!("{} {}", outcome.code.unwrap_or(-1), plain(line)).trim_end().to_owned()
}

/// A line of standard error without the process number and the folder of the configuration.
fn plain(line: &str) -> String {
    let Some((level, rest)) = line.trim_start_matches('[').split_once(']') else { return line.to_owned() };
    let rest = rest.split_once(") ").map_or(rest, |(_, rest)| rest);
    let mut text = rest.to_owned();
    while let Some(end) = text.find("/test.cfg") {
        let start = text.get(..end).and_then(|head| head.rfind(['[', ' '])).map_or(0, |at| at + 1);
        text.replace_range(start..=end, "");
    }
    format!("{level} {text}")
}

/// What `.notice` lines said, in their order.
fn notices(outcome: &Outcome) -> Vec<String> {
    let lines =
        outcome.stderr.lines().filter(|line| line.starts_with("[NOTICE]") && line.contains("parsing ["));
    let texts =
        lines.filter_map(|line| line.split_once("]: '").and_then(|(_, rest)| rest.strip_suffix("'.")));
    texts.map(str::to_owned).collect()
}

/// A subject with the variables that the tables use.
fn with_variables(t: &mut Subject) {
    t.env("A", "one").env("SP", "two words").env("EMPTY", "");
}

#[test]
fn words_are_quoted_and_escaped() {
    compat(|t| {
        with_variables(t);
        let rows = [
            (".notice plain", "plain"),
            (".notice 'single $A \"x\"'", "single $A \"x\""),
            (".notice \"weak $A ${SP} \\\"q\\\" \\$A\"", "weak one two words \"q\" $A"),
            (".notice a\\ b", "a b"),
            (".notice \"a\"'b'c", "abc"),
            (".notice a\"b'c\"d'e\"f'", "ab'cde\"f"),
            (".notice \"x\\x41y\"", "xAy"),
            (".notice \"tab\\tz\"", "tab\tz"),
            (".notice \"\\q\"", "\\q"),
            (".notice \"a#b\"", "a#b"),
            (".notice a\\#b # comment", "a#b"),
            (".notice ${A}", "${A}"),
            (".notice", ""),
            (".notice ab\\\n", "ab\\"),
            (".notice 'ab\\\\'", "ab\\\\"),
        ];
        table(&rows, |text| notices(&t.check(&format!("{text}\n"))).join("|"));
    });
}

#[test]
fn variables_have_defaults_and_know_their_place() {
    compat(|t| {
        with_variables(t);
        let rows = [
            (".notice \"${A}$A\"", "oneone"),
            ("global\n setenv SOME_LONGER_NAME value\n.notice \"${NOPE-def} ${EMPTY-def}.\"", "def ."),
            (".notice \"${NOPE}.\"", "."),
            (".notice \"${HAPROXY_BRANCH}\"", "3.4"),
            (".notice \"${.LINE}\"\nglobal\n.notice \"${.SECTION} ${.LINE}\"", "1|global 3"),
            ("frontend x\n.notice \"${.SECTION}\"", "x"),
            ("global\n setenv A two\n.notice $A", "$A"),
            ("global\n setenv A two\n.notice \"$A\"", "two"),
            ("global\n presetenv A two\n presetenv B three\n.notice \"$A $B\"", "one three"),
            ("global\n setenv B 1\n unsetenv B A\n.notice \"$A.$B.${A-gone}\"", "..gone"),
            ("global\n resetenv SP\n.notice \"${A-gone} $SP\"", "gone two words"),
        ];
        table(&rows, |text| notices(&t.check(&format!("{text}\n"))).join("|"));
    });
}

#[test]
fn predicates_answer_conditions() {
    compat(|t| {
        with_variables(t);
        let rows = [
            ("1", "yes"),
            ("0", "no"),
            ("", "no"),
            ("!0", "yes"),
            ("defined(A)", "yes"),
            ("defined(NOPE)", "no"),
            ("streq(\"$A\",one)", "yes"),
            ("strneq(\"$A\",one)", "no"),
            ("strstr(\"$SP\",wor)", "yes"),
            ("feature(THREAD) && feature(LINUX_SPLICE) && feature(TPROXY)", "yes"),
            ("feature(NOPE)", "no"),
            ("version_atleast(2.4) && version_atleast(3.4.0)", "yes"),
            ("version_atleast(3.5)", "no"),
            ("version_before(3.5)", "yes"),
            ("version_before(3.4-dev1)", "no"),
            ("enabled(EPOLL)", "yes"),
            ("defined(NOPE) || defined(A)", "yes"),
            ("defined(A) && defined(NOPE) || 1", "yes"),
            ("(defined(NOPE) || defined(A)) && !defined(NOPE)", "yes"),
            ("!(defined(NOPE) || defined(A))", "no"),
        ];
        table(&rows, |condition| {
            let text = format!(".if {condition}\n.notice yes\n.else\n.notice no\n.endif\n");
            notices(&t.check(&text)).join("|")
        });
    });
}

#[test]
fn one_branch_of_a_conditional_block_is_read() {
    compat(|t| {
        let rows = [
            (".if 1\n.notice a\n.elif 1\n.notice b\n.else\n.notice c\n.endif\n.notice d", "a|d"),
            (".if 0\n.notice a\n.elif 1\n.notice b\n.elif 1\n.notice c\n.endif", "b"),
            (".if 0\n.notice a\n.elif 0\n.notice b\n.else\n.notice c\n.endif", "c"),
            (".if 1\n.if 0\n.notice a\n.else\n.notice b\n.endif\n.notice c\n.endif", "b|c"),
            (".if 0\n.if 1\n.notice a\n.endif\n.else\n.notice b\n.endif", "b"),
        ];
        table(&rows, |text| notices(&t.check(&format!("{text}\n"))).join("|"));
    });
}

#[test]
fn sections_and_proxies_are_judged_by_their_names() {
    compat(|t| {
        let rows = [
            (
                "frontend a\nfrontend a\n",
                "1 ALERT : config : Parsing [test.cfg:2]: frontend 'a' has the same name as frontend 'a' declared at test.cfg:1.",
            ),
            (
                "listen a\n bind :12345\nfrontend a\n bind :12345\n",
                "1 ALERT : config : Parsing [test.cfg:3]: frontend 'a' has the same name as proxy 'a' declared at test.cfg:1.",
            ),
            (
                "backend a\n server s 1.1.1.1:1\n server s 1.1.1.1:1\n",
                "1 ALERT : parsing [test.cfg:3] : backend 'a', another server named 's' was already defined at line 2, please use distinct names.",
            ),
            (
                "frontend a from nope\n bind :12345\n",
                "1 ALERT : config : parsing [test.cfg:1] : defaults section 'nope' not found for frontend 'a'.",
            ),
            (
                "frontend a b\n bind :12345\n",
                "1 ALERT : config : parsing [test.cfg:1] : please use the 'bind' keyword for listening addresses.",
            ),
            (
                "frontend\n bind :12345\n",
                "1 ALERT : config : parsing [test.cfg:1] : 'frontend' expects an <id> argument",
            ),
            (
                "frontend a\n bind :12345\n default_backend nope\n",
                "1 ALERT : Proxy 'a': unable to find required default_backend: 'nope'.",
            ),
            ("bogus\n", "1 ALERT : config : parsing [test.cfg:1]: unknown keyword 'bogus' out of section."),
            (
                " timeout client 1s\n",
                "1 ALERT : config : parsing [test.cfg:1]: unknown keyword 'timeout' out of section.",
            ),
            (
                "userlist u\n user a password x\n user a password y\n",
                "2 WARNING : config : parsing [test.cfg:3]: ignoring duplicated user 'a' in userlist 'u'.",
            ),
            (
                "userlist u\nuserlist u\n",
                "2 WARNING : config : parsing [test.cfg:2]: ignoring duplicated userlist 'u'.",
            ),
            (
                "backend a\n server s/t 1.1.1.1:1\n",
                "1 ALERT : config : [test.cfg:2] : character '/' is not permitted in server name 's/t'.",
            ),
            ("defaults a/b\n", "2"),
            ("backend a\n id x\n", "1 ALERT : config : parsing [test.cfg:2]: custom id has to be > 0."),
            (
                "backend a\n id 5\nbackend b\n id 5\n",
                "1 ALERT : config : parsing [test.cfg:4]: backend b reuses same custom id as backend a (declared at test.cfg:1).",
            ),
        ];
        table(&rows, |text| verdict(t, text));
    });
}

#[test]
fn words_that_nobody_knows_are_refused_with_the_nearest_one() {
    compat(|t| {
        let rows = [
            (
                "global\n maxcon 5\n",
                "1 ALERT : config : parsing [test.cfg:2] : unknown keyword 'maxcon' in 'global' section; did you mean 'maxconn' maybe ?",
            ),
            (
                "frontend a\n bnd :12345\n",
                "1 ALERT : config : parsing [test.cfg:2] : unknown keyword 'bnd' in 'frontend' section; did you mean 'bind' maybe ?",
            ),
            (
                "frontend a\n timeot client 5s\n",
                "1 ALERT : config : parsing [test.cfg:2] : unknown keyword 'timeot' in 'frontend' section; did you mean 'timeout' maybe ?",
            ),
            (
                "frontend a\n mode htp\n",
                "1 ALERT : config : parsing [test.cfg:2] : unknown proxy mode 'htp'.",
            ),
            (
                "backend a\n server s 1.1.1.1:1 chek\n",
                "1 ALERT : config : [test.cfg:2] : 'server a/s' : unknown keyword 'chek'; did you mean 'check' maybe ?",
            ),
            (
                "backend a\n option bogus\n",
                "1 ALERT : config : parsing [test.cfg:2] : unknown option 'bogus'.",
            ),
            (
                "backend a\n option forwardfo\n",
                "1 ALERT : config : parsing [test.cfg:2] : unknown option 'forwardfo'; did you mean 'forwardfor' maybe ?",
            ),
            (
                "backend a\n timeout bogus 5\n",
                "1 ALERT : config : parsing [test.cfg:2] : 'timeout' supports 'client', 'server', 'connect', 'check', 'queue', 'handshake', 'http-keep-alive', 'http-request', 'tunnel', 'tarpit', 'client-fin' and 'server-fin' (got 'bogus')",
            ),
            (
                "backend a\n balance bogus\n",
                "1 ALERT : config : parsing [test.cfg:2] : balance only supports 'roundrobin', 'static-rr', 'leastconn', 'source', 'uri', 'url_param', 'hash', 'hdr(name)', 'rdp-cookie(name)', 'log-hash' and 'sticky' options.",
            ),
            (
                "backend a\n http-reuse bogus\n",
                "1 ALERT : config : parsing [test.cfg:2] : 'http-reuse' only supports 'never', 'safe', 'aggressive', 'always'.",
            ),
            (
                "backend a\n retry-on bogus\n",
                "1 ALERT : config : parsing [test.cfg:2] : 'retry-on': unknown keyword 'bogus'",
            ),
            (
                "defaults\n bind :12345\n",
                "1 ALERT : config : parsing [test.cfg:2] : 'bind' not allowed in 'defaults' section.",
            ),
            (
                "frontend a\n server s 1.1.1.1:1\n",
                "1 ALERT : config : [test.cfg:2] : parsing [test.cfg:2] : 'server' not allowed because frontend 'a' has no backend capability.",
            ),
            (
                "frontend a\n bind :12345\n balance roundrobin\n",
                "0 WARNING : config : parsing [test.cfg:3] : 'balance' ignored because frontend 'a' has no backend capability.",
            ),
            (
                "backend a\n no timeout client\n",
                "1 ALERT : config : parsing [test.cfg:2]: negation/default currently supported only for options, log, busy-polling, set-dumpable, strict-limits, insecure-fork-wanted and numa-cpu-mapping.",
            ),
            (
                "backend a\n no option httpchk\n",
                "1 ALERT : config : parsing [test.cfg:2]: negation/default is not supported for option 'httpchk'.",
            ),
            ("backend a\n default option redispatch\n", "2"),
            (
                "backend a\n default balance\n",
                "1 ALERT : config : parsing [test.cfg:2]: negation/default currently supported only for options, log, busy-polling, set-dumpable, strict-limits, insecure-fork-wanted and numa-cpu-mapping.",
            ),
            (
                "backend a\n option httplog bogus\n",
                "1 ALERT : config : parsing [test.cfg:2] : keyword 'httplog' only supports option 'clf'.",
            ),
            (
                "global\n stats socket /x level bogus\n",
                "1 ALERT : config : parsing [test.cfg:2] : 'stats socket' : ''level' only supports 'user', 'operator', and 'admin' (got 'bogus')'",
            ),
            (
                "global\n log 127.0.0.1 bogus\n",
                "1 ALERT : config : parsing [test.cfg:2] : log : unknown log facility 'bogus'",
            ),
            (
                "global\n log 127.0.0.1 local0 bogus\n",
                "1 ALERT : config : parsing [test.cfg:2] : log : unknown optional log level 'bogus'",
            ),
        ];
        table(&rows, |text| verdict(t, text));
    });
}

#[test]
fn values_are_judged_with_their_ranges() {
    compat(|t| {
        let rows = [
            (
                "global\n maxconn\n",
                "1 ALERT : config : parsing [test.cfg:2] : 'maxconn' expects an integer argument.",
            ),
            (
                "global\n maxconn x\n",
                "1 ALERT : config : parsing [test.cfg:2] : cannot parse 'maxconn' value 'x', an integer is expected.",
            ),
            (
                "global\n nbthread 0\n",
                "1 ALERT : config : parsing [test.cfg:2] : 'nbthread' value must be between 1 and 1024 (was 0)",
            ),
            (
                "global\n nbthread 1 2\n",
                "1 ALERT : config : parsing [test.cfg:2] : 'nbthread' cannot handle unexpected argument '2'.",
            ),
            (
                "frontend a\n bind\n",
                "1 ALERT : config : parsing [test.cfg:2] : 'bind' expects {<path>|[addr1]:port1[-end1]}{,[addr]:port[-end]}... as arguments.",
            ),
            (
                "frontend a\n bind :12345 maxconn\n",
                "1 ALERT : config : parsing [test.cfg:2] : 'bind :12345' in section 'frontend' : 'maxconn' : missing value",
            ),
            (
                "frontend a\n bind 1.2.3.4\n",
                "1 ALERT : config : parsing [test.cfg:2] : 'bind' : missing port specification in '1.2.3.4'",
            ),
            (
                "frontend a\n bind :99999\n",
                "1 ALERT : config : parsing [test.cfg:2] : 'bind' : invalid port '99999'",
            ),
            (
                "frontend a\n bind :12345-12340\n",
                "1 ALERT : config : parsing [test.cfg:2] : 'bind' : invalid port range '12345-12340'",
            ),
            (
                "frontend a\n timeout client 5x\n",
                "1 ALERT : config : parsing [test.cfg:2] : unexpected character 'x' in 'timeout client'",
            ),
            (
                "frontend a\n timeout client\n",
                "1 ALERT : config : parsing [test.cfg:2] : 'timeout client' expects an integer value (in milliseconds)",
            ),
            (
                "frontend a\n timeout client 1s 2s\n",
                "1 ALERT : config : parsing [test.cfg:2] : 'timeout client' : unexpected extra argument '2s' after value '1s'.",
            ),
            (
                "frontend a\n timeout client 99999999d\n",
                "1 ALERT : config : parsing [test.cfg:2] : timer overflow in argument '99999999d' to 'timeout client' (maximum value is 2147483647 ms or ~24.8 days)",
            ),
            (
                "backend a\n server\n",
                "1 ALERT : config : [test.cfg:2] : 'server' expects <name> and <addr>[:<port>] as arguments.",
            ),
            (
                "backend a\n server s\n",
                "1 ALERT : config : [test.cfg:2] : 'server' expects <name> and <addr>[:<port>] as arguments.",
            ),
            (
                "backend a\n server s 1.1.1.1:1 inter x\n",
                "1 ALERT : config : [test.cfg:2] : 'server a/s' : unexpected character 'x' in 'agent-inter' argument of server s..",
            ),
            (
                "backend a\n server s 1.1.1.1:1 weight 300\n",
                "1 ALERT : config : [test.cfg:2] : 'server a/s' : weight of server s is not within 0 and 256 (300)..",
            ),
            (
                "backend a\n server s 1.1.1.1:1-5\n",
                "1 ALERT : config : [test.cfg:2] : 'server a/s' : port range not permitted here in '1.1.1.1:1-5'",
            ),
            (
                "backend a\n server s 1.1.1.1:99999\n",
                "1 ALERT : config : [test.cfg:2] : 'server a/s' : invalid port '99999'",
            ),
            ("backend a\n server s 1.1.1.1:1 maxconn\n", "2 WARNING : missing timeouts for backend 'a'."),
            ("backend a\n retries x\n", "2"),
            (
                "backend a\n fullconn\n",
                "1 ALERT : config : parsing [test.cfg:2] : 'fullconn' expects an integer argument.",
            ),
            (
                "frontend a\n maxconn\n",
                "1 ALERT : config : parsing [test.cfg:2] : 'maxconn' expects an integer argument.",
            ),
            (
                "global\n tune.bufsize x\n",
                "1 ALERT : config : parsing [test.cfg:2] : unexpected 'x' after size passed to 'tune.bufsize'",
            ),
            (
                "backend a\n errorfile 999 /dev/null\n",
                "1 ALERT : config : parsing [test.cfg:2] : errorfile : status code '999' not handled.",
            ),
            (
                "backend a\n errorfile 503 /nowhere\n",
                "1 ALERT : config : parsing [test.cfg:2] : errorfile : error opening file '/nowhere'.",
            ),
        ];
        table(&rows, |text| verdict(t, text));
    });
}

#[test]
fn quotes_escapes_and_variables_that_do_not_end_are_refused_at_their_place() {
    compat(|t| {
        with_variables(t);
        let rows = [
            (".notice \"abc\n", "1 ALERT : config : parsing [test.cfg:1]: unmatched quote at position 9:"),
            (".notice 'abc\n", "1 ALERT : config : parsing [test.cfg:1]: unmatched quote at position 9:"),
            (
                ".notice \"abc\\x4\"\n",
                "1 ALERT : config : parsing [test.cfg:1]: truncated or invalid hexadecimal sequence at position 13:",
            ),
            (
                ".notice \"abc\\x4g\"\n",
                "1 ALERT : config : parsing [test.cfg:1]: truncated or invalid hexadecimal sequence at position 13:",
            ),
            (
                ".notice \"${A\"\n",
                "1 ALERT : config : parsing [test.cfg:1]: unmatched brace in environment variable name at position 11:",
            ),
            (
                ".notice \"${}\"\n",
                "1 ALERT : config : parsing [test.cfg:1]: forbidden first char in environment variable name at position 12:",
            ),
            (
                ".notice \"$\"\n",
                "1 ALERT : config : parsing [test.cfg:1]: forbidden first char in environment variable name at position 11:",
            ),
            (
                ".notice \"$1\"\n",
                "1 ALERT : config : parsing [test.cfg:1]: forbidden first char in environment variable name at position 11:",
            ),
            (
                ".notice \"${NOPE:-x}\"\n",
                "1 ALERT : config : parsing [test.cfg:1]: unmatched brace in environment variable name at position 11:",
            ),
            (
                ".notice a b\n",
                "1 ALERT : config : parsing [test.cfg:1]: Unexpected argument 'b' for '.notice'. Use quotes if the message should contain spaces.",
            ),
            (
                ".notice \"${SP[*]}\"\n",
                "1 ALERT : config : parsing [test.cfg:1]: Unexpected argument 'words' for '.notice'. Use quotes if the message should contain spaces.",
            ),
            (".bogus x\n", "1 ALERT : config : parsing [test.cfg:1]: unknown directive '.bogus'."),
            (
                "global\n setenv B\n",
                "1 ALERT : config : parsing [test.cfg:2] : 'setenv' expects environment variable value for 'B'.",
            ),
            (
                "global\n unsetenv\n",
                "1 ALERT : config : parsing [test.cfg:2] : 'unsetenv' expects at least one variable name.",
            ),
        ];
        table(&rows, |text| verdict(t, text));
    });
}

#[test]
fn conditional_blocks_are_judged_as_they_nest() {
    compat(|t| {
        with_variables(t);
        let rows = [
            (".if 1\n", "1 ALERT : config : parsing [test.cfg:1]: non-terminated '.if' block."),
            (".else\n", "1 ALERT : config : parsing [test.cfg:1]: lone '.else' with no matching '.if'."),
            (".endif\n", "1 ALERT : config : parsing [test.cfg:1]: lone '.endif' with no matching '.if'."),
            (".elif 1\n", "1 ALERT : config : parsing [test.cfg:1]: lone '.elif' with no matching '.if'."),
            (
                ".if 1\n.else\n.else\n.endif\n",
                "1 ALERT : config : parsing [test.cfg:3]: '.else' after '.else' is not permitted.",
            ),
            (
                ".if 1\n.else\n.elif 1\n.endif\n",
                "1 ALERT : config : parsing [test.cfg:3]: '.elif' after '.else' is not permitted.",
            ),
            (
                ".if 1 junk\n.endif\n",
                "1 ALERT : config : parsing [test.cfg:1]: unexpected character 'j' at the end of conditional expression '1 junk' in '.if' at position 3:",
            ),
            (
                ".if 1\n.endif junk\n",
                "1 ALERT : config : parsing [test.cfg:2]: Unexpected argument 'junk' for '.endif'.",
            ),
            (
                ".if 1\n.else junk\n.endif\n",
                "1 ALERT : config : parsing [test.cfg:2]: Unexpected argument 'junk' for '.else'.",
            ),
            (
                ".if bogus(1)\n.endif\n",
                "1 ALERT : config : parsing [test.cfg:1]: unparsable conditional expression 'bogus(1)' in '.if' at position 1:",
            ),
            (
                ".if streq(a,b\n.endif\n",
                "1 ALERT : config : parsing [test.cfg:1]: expected ')' in argument 1 of predicate 'streq' used in conditional expression in '.if' at position 10:",
            ),
            (
                ".if streq(a)\n.endif\n",
                "1 ALERT : config : parsing [test.cfg:1]: missing arguments (got 1/2), type 'string' expected in argument 1 of predicate 'streq' used in conditional expression in '.if' at position 8:",
            ),
            (".if defined()\n.endif\n", "2"),
            (".if feature()\n.endif\n", "2"),
            (
                ".if defined(A) &&\n.endif\n",
                "1 ALERT : config : parsing [test.cfg:1]: unparsable conditional expression '&&' in '.if' at position 12:",
            ),
            (
                ".if (1\n.endif\n",
                "1 ALERT : config : parsing [test.cfg:1]: expected ')' after conditional expression '(1' in '.if' at position 1:",
            ),
            (
                ".if defined(A) && 1 junk\n.endif\n",
                "1 ALERT : config : parsing [test.cfg:1]: unexpected character 'j' at the end of conditional expression 'defined(A) && 1 junk' in '.if' at position 17:",
            ),
            (".alert \"a b\"\n", "1 ALERT : config : parsing [test.cfg:1]: 'a b'."),
            (".warning \"w\"\n", "2 WARNING : config : parsing [test.cfg:1]: 'w'."),
            (
                ".if 0\n bogus \"\n.endif\n",
                "1 ALERT : config : parsing [test.cfg:2]: unmatched quote at position 8:",
            ),
            (".if 0\n.if junk\n.else\n.endif\n.endif\n", "2"),
        ];
        table(&rows, |text| verdict(t, text));
    });
}

const COMPLETE: &str = "frontend a\n bind {fe}\n mode http\n timeout client 1s\n default_backend b\nbackend b\n mode http\n timeout connect 1s\n timeout server 1s\n server s 127.0.0.1:1\n";

#[test]
fn a_check_says_on_standard_output_how_it_ended() {
    compat(|t| {
        let rows: [(&[&str], &str, &str, i32, &str); 8] = [
            (&[], "", "", 0, ""),
            (&["-V"], "", "", 0, "Configuration file is valid\n"),
            (&["-V"], "", ".warning w\n", 0, "Warnings were found.\nConfiguration file is valid\n"),
            (&["-q"], "", ".warning w\n", 0, ""),
            (&["-dW"], "", "", 0, ""),
            (&["-dW"], "", ".warning w\n", 1, ""),
            (&["-V"], "global\n zero-warning\n", ".warning w\n", 1, ""),
            (&["-V", "-q"], "", "", 0, "Configuration file is valid\n"),
        ];
        for (arguments, before, after, code, said) in rows {
            let mut launch = t.launch();
            launch.args(arguments);
            let outcome = launch.check(&format!("{before}{COMPLETE}{after}"));
            assert_eq!(
                (outcome.code, outcome.stdout.as_str()),
                (Some(code), said),
                "{arguments:?} {outcome:?}"
            );
        }
    });
}

#[test]
fn a_configuration_without_listeners_is_not_started() {
    compat(|t| {
        let outcome = t.check("global\n nbthread 1\n");
        assert_eq!(outcome.code, Some(2));
        assert_eq!(
            outcome.stdout,
            "Configuration file has no error but will not start (no listener) => exit(2).\n"
        );
    });
}

#[test]
fn files_are_read_in_their_order_and_folders_by_name() {
    compat(|t| {
        let mut launch = t.launch();
        let dir = launch.dir().display().to_string();
        std::fs::create_dir(format!("{dir}/d")).unwrap();
        for (name, text) in [("20.cfg", "two"), ("10.cfg", "one"), ("30.txt", "no"), (".05.cfg", "hidden")] {
            std::fs::write(format!("{dir}/d/{name}"), format!(".notice {text}\n")).unwrap();
        }
        launch.file("first", ".notice first\n");
        launch.file("last", ".notice last\n");
        launch.command_line(&[
            "-c",
            "-f",
            "{dir}/first",
            "-f",
            "{dir}/d",
            "--",
            "{dir}/last",
            "{dir}/test.cfg",
        ]);
        assert_eq!(notices(&launch.check(".notice end\n")), ["first", "one", "two", "last", "end"]);
    });
}

#[test]
fn files_that_cannot_be_read_are_named() {
    compat(|t| {
        let outcome = t.program().run(&["-c", "-f", "/nowhere/x.cfg"]);
        assert_eq!(outcome.code, Some(1));
        assert!(outcome.stderr.contains("/nowhere/x.cfg"), "{outcome:?}");
    });
}

#[test]
fn defaults_apply_from_where_they_stand_or_by_name() {
    compat(|t| {
        for name in ["a", "b"] {
            t.file(&format!("{name}.http"), format!("HTTP/1.1 503 {name}\r\nContent-Length: 0\r\n\r\n"));
        }
        let sections = "
            defaults first
                mode http
                timeout client 5s
                timeout server 5s
                timeout connect 5s
                errorfile 503 {dir}/a.http
            listen p1
                bind {one}
            defaults second from first
                errorfile 503 {dir}/b.http
            listen p2
                bind {two}
            listen p3 from first
                bind {three}
            defaults
                mode http
                timeout client 5s
                timeout server 5s
                timeout connect 5s
            listen p4
                bind {four}
        ";
        let mut proxy = t.start(sections);
        let rows =
            [("one", "503 a"), ("two", "503 b"), ("three", "503 a"), ("four", "503 Service Unavailable")];
        table(&rows, |name| {
            let mut client = proxy.client(name);
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            client.recv_head().start_line().trim_start_matches("HTTP/1.1 ").to_owned()
        });
    });
}

#[test]
fn old_spellings_are_translated() {
    compat(|t| {
        let reason = "Weir loads what older versions loaded and says how it is written today";
        let wanted = if t.differs(reason) { 0 } else { 1 };
        let complete = "bind {fe}\n mode http\n timeout client 1s\n timeout connect 1s\n timeout server 1s\n";
        let rows = [
            "global\n nbproc 1\n",
            "listen a {fe}\n mode http\n",
            "listen a\n clitimeout 1000\n",
            "listen a\n contimeout 1000\n",
            "listen a\n srvtimeout 1000\n",
            "listen a\n redispatch\n",
            "listen a\n option forceclose\n",
            "listen a\n option http-tunnel\n",
            "listen a\n bind-process 1\n",
            "frontend x\n bind {x}\n timeout client 1s\nbackend x\n timeout connect 1s\n timeout server 1s\n",
        ];
        for text in rows {
            let outcome = t.check(&format!("{text}listen z\n {complete}"));
            assert_eq!(outcome.code, Some(wanted), "{text:?} {outcome:?}");
        }
        let outcome = t.check(
            "listen a\n bind {fe}\n mode http\n timeout client 1s\n timeout connect 1s\n timeout server 1s",
        );
        assert_eq!(outcome.code, Some(1), "no line feed at the end: {outcome:?}");
    });
}

#[test]
fn odd_characters_in_the_name_of_a_proxy_are_reported_and_loaded() {
    compat(|t| {
        let outcome = t.check("frontend a/b\n bind {fe}\n timeout client 1s\n");
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert!(
            outcome.stderr.contains("character '/' is not permitted in 'frontend' name 'a/b'."),
            "{outcome:?}"
        );
    });
}
