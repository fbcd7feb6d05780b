//! Dialogues in HTTP/2, frame by frame: what each end may say, what becomes of it, and what the other end is told.
//!
//! The files beside this one hold the cases, each with the section of the RFC that it shows.

use weir_compat::h2::{Stage, mirror, play};
use weir_compat::{Proxy, Subject, compat};

#[test]
fn frames_of_clients_are_judged() {
    compat(|t| mirrored(t, include_str!("h2_frames.txt")));
}

#[test]
fn requests_are_translated_or_refused() {
    compat(|t| mirrored(t, include_str!("h2_requests.txt")));
}

#[test]
fn header_blocks_are_read() {
    compat(|t| mirrored(t, include_str!("h2_hpack.txt")));
}

#[test]
fn answers_of_servers_are_translated_or_refused() {
    compat(|t| scripted(t, (false, true), include_str!("h2_responses.txt")));
}

#[test]
fn tunnels_and_answers_cross_the_versions() {
    compat(|t| scripted(t, (true, false), include_str!("h2_websocket.txt")));
}

#[test]
fn servers_that_take_tunnels_are_asked_for_them() {
    compat(|t| scripted(t, (false, true), include_str!("h2_upgrades.txt")));
}

#[test]
fn streams_pass_from_end_to_end() {
    compat(|t| scripted(t, (true, true), include_str!("h2_both.txt")));
}

#[test]
fn log_lines_tell_who_reset_a_stream() {
    compat(|t| {
        let said = "%ST %ts %[fs.aborted],%[fs.rst_code] %[bs.aborted],%[bs.rst_code]";
        scripted_as(t, (true, true), said, include_str!("h2_resets.txt"));
    });
}

#[test]
fn oddities_of_clients_are_counted() {
    compat(|t| {
        let config = Proxy::http()
            .frontend("http-request return status 200 hdr x-glitches %[fc_glitches]")
            .servers("");
        let mut proxy = t.start(&config.text());
        let mut stage =
            Stage { proxy: &mut proxy, origin: None, log: None, client_h2: true, server_h2: false };
        play(t, &mut stage, include_str!("h2_glitches.txt"));
    });
}

#[test]
fn sessions_are_switched_to_the_protocol_that_is_named() {
    let get = "c> \"GET /x HTTP/1.1\\r\\nhost: a.example\\r\\n\\r\\n\"";
    let answer = "c< \"HTTP/1.1 200 OK\\r\\ncontent-length: 0\\r\\n\\r\\n\"";
    let preface = "c> \"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n\"";
    compat(|t| {
        for (proto, client_h2, dialogue) in [
            ("", true, "c> HEADERS 1 +end get\nc< HEADERS 1 +end :status=200 content-length=0"),
            ("proto h2", true, "c> HEADERS 1 +end get\nc< HEADERS 1 +end :status=200 content-length=0"),
            ("", false, &format!("{get}\n{answer}")),
            ("proto h1", false, &format!("{get}\n{answer}")),
            ("proto h2", false, &format!("{get}\nc< EOF")),
            ("proto h1", false, &format!("{preface}\nc< \"HTTP/1.1 405 Method Not Allowed\"")),
        ] {
            let rule = format!("tcp-request content switch-mode http {proto}");
            let config = Proxy::tcp().frontend(&rule).frontend("http-request return status 200");
            let mut proxy = t.start(&config.servers("").text());
            let mut stage = Stage { proxy: &mut proxy, origin: None, log: None, client_h2, server_h2: false };
            play(t, &mut stage, &format!("\n== manual 4.3 switched to '{proto}'\n{dialogue}"));
        }
    });
}

#[test]
fn who_waits_is_asked_and_then_left() {
    compat(|t| {
        for (line, cases) in [
            ("timeout client 600ms", include_str!("h2_waits.txt")),
            ("timeout http-request 4s\ntimeout http-keep-alive 600ms", include_str!("h2_waits_kept.txt")),
        ] {
            let config = Proxy::http().frontend(line).frontend("http-request return status 200").servers("");
            waits(t, &config.text(), cases);
        }
        let config = Proxy::http().frontend("http-request return status 200").servers("");
        let config = config.text().replace("bind {fe}", "bind {fe} idle-ping 800ms");
        waits(t, &config, include_str!("h2_waits_pinged.txt"));
    });
}

fn waits(t: &mut Subject, config: &str, cases: &str) {
    let mut proxy = t.start(config);
    let mut stage = Stage { proxy: &mut proxy, origin: None, log: None, client_h2: true, server_h2: false };
    play(t, &mut stage, cases);
}

/// A client in HTTP/2, a server in HTTP/1 that gives back what it got.
fn mirrored(t: &mut Subject, cases: &str) {
    let served = mirror(t.origin("srv"));
    let log = t.sink("log");
    let mut proxy = t.start(&config(LOGGED).text());
    let mut stage =
        Stage { proxy: &mut proxy, origin: None, log: Some(&log), client_h2: true, server_h2: false };
    play(t, &mut stage, cases);
    served.finish();
}

/// A client and a server that say what the cases want, in HTTP/2 or as bytes.
fn scripted(t: &mut Subject, versions: (bool, bool), cases: &str) {
    scripted_as(t, versions, LOGGED, cases);
}

/// The same, with a format of log lines.
fn scripted_as(t: &mut Subject, (client_h2, server_h2): (bool, bool), logged: &str, cases: &str) {
    let origin = t.origin("srv");
    let log = t.sink("log");
    let server = if server_h2 { "server s {srv} proto h2" } else { "server s {srv}" };
    let mut proxy = t.start(&config(logged).servers(server).text());
    let mut stage = Stage { proxy: &mut proxy, origin: Some(&origin), log: Some(&log), client_h2, server_h2 };
    play(t, &mut stage, cases);
}

fn config(logged: &str) -> Proxy {
    let log = format!("log {{log}} local0\nlog-format \"%cp {logged}\"");
    Proxy::http().frontend(&log).backend("http-reuse never\nretries 0")
}

const LOGGED: &str = "%ST %ts %B %{+Q}r";
