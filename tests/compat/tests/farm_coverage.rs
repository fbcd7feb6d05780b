//! Every word about servers, and about how a backend chooses, checks and keeps to them, has a case that runs on both
//! programs: in the table of `farm_words.txt`, or in a test that is named here and whose configuration has it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use weir_testkit::Program;

#[test]
fn every_word_about_servers_has_a_case() {
    let words = listed();
    let mut missing = Vec::new();
    for (class, name) in words.iter().filter(|(class, name)| is_about_servers(class, name)) {
        let elsewhere =
            ELSEWHERE.iter().any(|(of, names, ..)| of == class && spelled(names).any(|n| n == *name));
        let except = EXCEPT.iter().any(|(word, _)| *word == format!("{class} {name}"));
        if !is_in_table(class, name) && !elsewhere && !except {
            missing.push(format!("{class} {name}"));
        }
    }
    assert!(missing.is_empty(), "no case for:\n{}", missing.join("\n"));
}

#[test]
fn tests_that_are_named_for_a_word_are_there_and_have_it() {
    let words = listed();
    let mut wrong = Vec::new();
    for (class, names, file, test) in ELSEWHERE {
        let text = reached(file, test);
        for name in spelled(names) {
            if !words.contains(&((*class).to_owned(), name.clone())) {
                wrong.push(format!("{class} {name} is no word that works"));
            }
            match &text {
                None => wrong.push(format!("{file} has no test {test}")),
                Some(text) if !has(text, &name) => wrong.push(format!("{file} {test} is without '{name}'")),
                Some(_) => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The words of servers and proxies that work.
fn listed() -> BTreeSet<(String, String)> {
    let Some(weir) = Program::weir() else { panic!("weir is not built") };
    let listing = weir.run(&["keywords"]).stdout;
    let lines = listing.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    lines
        .filter(|fields| fields.get(2) == Some(&"works") && ["server", "proxy"].contains(&fields[0]))
        .map(|fields| (fields[0].to_owned(), fields[1].to_owned()))
        .collect()
}

/// Whether the table has a case for the word: it stands on the line of a server, or begins that of a proxy.
fn is_in_table(class: &str, name: &str) -> bool {
    let lines = include_str!("farm_words.txt").lines().filter_map(|line| line.strip_prefix("do "));
    lines.filter_map(|line| line.split_once(' ')).any(|(of, what)| {
        let (what, word) = (format!(" {} ", what.replace('(', " ")), format!(" {name} "));
        of == class && if class == "server" { what.contains(&word) } else { what.starts_with(&word) }
    })
}

/// Names with `_` for spaces.
fn spelled(names: &str) -> impl Iterator<Item = String> {
    names.split_whitespace().map(|name| name.replace('_', " "))
}

/// All that a test says, with the constants, functions and tables that it names; absent where there is no such test.
fn reached(file: &str, test: &str) -> Option<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests");
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    let text = read(file);
    if !text.contains(&format!("#[test]\nfn {test}()")) {
        return None;
    }
    let items = items(&text);
    let (mut wanted, mut seen, mut all) = (vec![test], BTreeSet::new(), String::new());
    while let Some(name) = wanted.pop() {
        let Some(item) = items.get(name).filter(|_| seen.insert(name)) else { continue };
        all += item;
        for table in item.split("include_str!(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            all += &read(table);
        }
        wanted.extend(item.split(|c: char| !c.is_alphanumeric() && c != '_'));
    }
    Some(all)
}

/// The functions and constants of a file by their names, without comments.
fn items(text: &str) -> BTreeMap<&str, String> {
    let mut items: BTreeMap<&str, String> = BTreeMap::new();
    let mut current = "";
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        let named = ["fn ", "const ", "static "].iter().find_map(|kind| line.strip_prefix(kind));
        if let Some(rest) = named {
            current = rest.split(['(', ':', '<']).next().unwrap_or_default();
        }
        *items.entry(current).or_default() += &format!("{line}\n");
    }
    items
}

/// Whether a word stands in a text by itself.
fn has(text: &str, word: &str) -> bool {
    let text = text.replace("\\n", "\n");
    let ends = |c: Option<char>| c.is_none_or(|c| c.is_whitespace() || "\"'({,;".contains(c));
    text.match_indices(word)
        .any(|(at, _)| ends(text[..at].chars().next_back()) && ends(text[at + word.len()..].chars().next()))
}

fn is_about_servers(class: &str, name: &str) -> bool {
    class == "server" || is_of_farms(name)
}

/// Whether this word of a proxy is about how a backend chooses, reaches, checks and keeps to servers.
fn is_of_farms(name: &str) -> bool {
    let first = name.split(' ').next().unwrap_or_default();
    FAMILIES.split_whitespace().any(|family| family.replace('_', " ") == name || family == first)
        || name.starts_with("option ") && name.ends_with("check")
}

/// Families of a proxy's words by their first word, or by all of a name.
const FAMILIES: &str = "balance hash-type hash-balance-factor hash-preserve-affinity server default-server \
    server-template be-unpublished timeout_check timeout_connect timeout_queue timeout_server timeout_server-fin \
    timeout_tunnel contimeout srvtimeout srvtcpka-cnt srvtcpka-idle srvtcpka-intvl option_abortonclose \
    option_allbackups option_log-health-checks option_persist option_prefer-last-server option_srvtcpka \
    option_tcp-smart-connect option_transparent option_redispatch http-send-name-header retries retry-on \
    http-reuse max-keep-alive-queue max-session-srv-conns load-server-state-from-file server-state-file-name \
    fullconn source dispatch cookie dynamic-cookie-key persist force-be-switch force-persist ignore-persist \
    use-server stick use_backend default_backend http-check tcp-check option_httpchk option_smtpchk \
    external-check option_spop-check";

/// Words whose cases lie elsewhere: class, names with `_` for spaces, the file and the test.
const ELSEWHERE: &[(&str, &str, &str, &str)] = &[
    (
        "proxy",
        "option_mysql-check option_pgsql-check option_redis-check option_ldap-check option_smtpchk \
         option_spop-check option_tcp-check option_httpchk tcp-check tcp-check_comment tcp-check_connect \
         tcp-check_expect tcp-check_send tcp-check_send-lf tcp-check_send-binary tcp-check_send-binary-lf \
         tcp-check_set-var tcp-check_set-var-fmt tcp-check_unset-var http-check http-check_comment \
         http-check_connect http-check_expect http-check_send http-check_set-var http-check_disable-on-404",
        "checks_steps.rs",
        "checks_find_what_the_table_says",
    ),
    ("proxy", "http-check_send-state", "checks.rs", "send_state_tells_the_server_its_state"),
    ("proxy", "option_log-health-checks", "checks.rs", "rise_and_fall_are_counted_and_told_check_by_check"),
    (
        "proxy",
        "load-server-state-from-file server-state-file-name",
        "state_files.rs",
        "servers_are_as_the_file_of_states_says",
    ),
    (
        "proxy",
        "persist_rdp-cookie persist",
        "servers_more.rs",
        "clients_of_rdp_stay_with_the_server_of_their_cookie",
    ),
    ("proxy", "timeout_tunnel", "tcp.rs", "timeout_tunnel_replaces_both_sides"),
    ("proxy", "timeout_server-fin", "tcp.rs", "half_closed_connections_have_their_own_timeouts"),
    ("proxy", "dynamic-cookie-key", "servers_runtime.rs", "cookies_are_made_with_the_key_of_the_moment"),
    ("proxy", "be-unpublished", "servers_runtime.rs", "a_backend_that_is_not_published_is_passed_by"),
    ("server", "strict-maxconn", "servers_more.rs", "a_strict_limit_counts_connections_at_rest"),
    ("server", "check-proto", "checks.rs", "checks_over_http2_ask_on_one_stream_and_judge_what_comes_on_it"),
    ("server", "check-alpn", "checks.rs", "what_is_agreed_on_by_alpn_or_said_decides_in_what_checks_speak"),
    (
        "server",
        "check-reuse-pool no-check-reuse-pool",
        "checks_reuse.rs",
        "checks_open_as_many_connections_as_reuse_leaves_necessary",
    ),
    (
        "server",
        "check-pool-conn-name",
        "checks_reuse.rs",
        "requests_take_the_connections_of_checks_that_have_their_name",
    ),
    ("server", "idle-ping", "h2_dialogues.rs", "who_waits_is_asked_and_then_left"),
    ("server", "pool-max-conn", "http_reuse.rs", "limits_of_the_pool_decide_what_is_kept"),
    ("server", "pool-purge-delay", "http_reuse.rs", "an_idle_connection_is_closed_when_its_delay_is_over"),
    ("server", "max-reuse", "http_reuse.rs", "max_reuse_limits_the_requests_of_a_connection"),
    ("server", "ws", "h2_servers.rs", "websockets_are_asked_for_in_the_protocol_that_ws_says"),
    (
        "server",
        "client-sigalgs crl-file",
        "tls_failures.rs",
        "failures_of_servers_are_told_by_logs_and_checks",
    ),
    ("server", "curves sigalgs", "tls_failures.rs", "failures_of_servers_are_told_by_logs_and_checks"),
    ("server", "verifyhost", "tls.rs", "servers_are_believed_or_not"),
    (
        "server",
        "no-tls-tickets tls-tickets",
        "tls_resumption.rs",
        "servers_are_asked_for_tickets_unless_the_line_says_otherwise",
    ),
    ("server", "tcp-ut", "listeners.rs", "options_of_sockets_are_accepted_and_served"),
    ("server", "log-bufsize log-proto", "log_backends.rs", "log_servers_may_be_reached_over_a_stream"),
    ("server", "guid", "state_files.rs", "counters_go_on_from_a_file_of_statistics"),
];

/// Words without a case, with the reason.
const EXCEPT: [(&str, &str); 20] = [
    ("proxy dispatch", "is read as a server here, which the reference's log and statistics do not have"),
    ("proxy contimeout", "is read as 'timeout connect' here, and refused by the reference"),
    ("proxy max-keep-alive-queue", "tells only of clients that come back to a server with a queue"),
    ("proxy option tcp-smart-connect", "nobody sees which packet says what"),
    ("proxy option transparent", "is read as a server here"),
    ("proxy srvtimeout", "is read as 'timeout server' here, and refused by the reference"),
    ("server no-tlsv12", "the reference speaks it all the same"),
    ("server pool-low-conn", "tells only of the connections of several threads"),
    ("server cc", "which ways to avoid congestion there are depends on the kernel"),
    ("server force-sslv3", "no program speaks it any more"),
    ("server force-tlsv10", "no program speaks it any more"),
    ("server force-tlsv11", "no program speaks it any more"),
    ("server idle-ping", "asks for a sign of life on connections of HTTP/2 alone"),
    ("server namespace", "needs a namespace of the network and the rights to enter it"),
    ("server no-sslv3", "no program speaks it any more"),
    ("server no-tfo", "nobody sees what the kernel makes of it"),
    ("server no-tlsv10", "no program speaks it any more"),
    ("server no-tlsv11", "no program speaks it any more"),
    ("server tfo", "nobody sees what the kernel makes of it"),
    ("server usesrc", "needs the right to take any address"),
];
