//! The order in which a proxy is judged when all lines are read.
//!
//! Messages carry the step that they belong to; [`Load::finish`](super::resolve::Load::finish) gives them proxy by
//! proxy, each in this order, which is the one that the reference gives them in. 0 is for what is said while lines are
//! read, and stands where the lines stand.

/// A log format that its mode does not know.
pub(crate) const FALLBACK: u8 = 1;
/// No address to listen on.
pub(crate) const BIND: u8 = 2;
/// How servers are chosen, and whether checks are asked for.
pub(crate) const BALANCE: u8 = 3;
/// Checks by programs.
pub(crate) const PROGRAM: u8 = 4;
/// The backends that are named.
pub(crate) const BACKENDS: u8 = 5;
/// `use-server`
pub(crate) const USE_SERVER: u8 = 6;
/// `stick`
pub(crate) const STICK: u8 = 7;
/// Rules of TCP.
pub(crate) const TCP_RULES: u8 = 8;
/// Rules of HTTP.
pub(crate) const HTTP_RULES: u8 = 9;
/// The tables that are shared with peers.
pub(crate) const PEERS: u8 = 10;
/// Arguments that name nothing.
pub(crate) const ARGUMENTS: u8 = 11;
/// Formats of log lines.
pub(crate) const FORMATS: u8 = 12;
/// Timeouts that are missing.
pub(crate) const TIMEOUTS: u8 = 13;
/// `tcp-check` lines that nothing asks for.
pub(crate) const TCP_CHECK: u8 = 14;
/// Servers, each by itself.
pub(crate) const SERVERS: u8 = 15;
/// Servers whose state is that of others.
pub(crate) const TRACKING: u8 = 16;
/// `errorfiles`
pub(crate) const ERROR_FILES: u8 = 17;
/// A format without a log.
pub(crate) const LOG: u8 = 18;
/// `stats`, where there is no HTTP.
pub(crate) const STATS: u8 = 19;
/// `capture`, where there is no HTTP.
pub(crate) const CAPTURE: u8 = 20;
/// `monitor-uri`, where there is no HTTP.
pub(crate) const MONITOR: u8 = 21;
/// Rules, where there is no HTTP.
pub(crate) const IGNORED_RULES: u8 = 22;
/// Options, where there is no HTTP.
pub(crate) const OPTIONS: u8 = 23;
/// Cookies of servers, where there is no HTTP.
pub(crate) const COOKIES: u8 = 24;
/// TLS of addresses and servers.
pub(crate) const TLS: u8 = 25;
/// What is looked at when each proxy has been judged.
pub(crate) const AGAIN: u8 = 26;

/// The step of what a rule names and nobody knows, by the name of its line.
pub(crate) fn of_rule(name: &str) -> u8 {
    match name.split_once(' ').map_or(name, |(first, _)| first) {
        "use_backend" => BACKENDS,
        "use-server" => USE_SERVER,
        "stick" => STICK,
        "tcp-request" | "tcp-response" => TCP_RULES,
        _ => HTTP_RULES,
    }
}
