//! The parameters of a `server` line (manual, 5.2).

use std::net::IpAddr;
use std::time::Duration;

use weir_config::values::{self, TimeFault, Unit};
use weir_config::{Arity, Class, Entry, Keyword, Sections, Word};
use weir_diag::Diagnostic;
use weir_sys::namespace::Namespace;

use super::address::socket;
use super::listen::guid_fault;
use super::process::put;
use super::{ServerCtx, ServerFn};
use crate::conf::{HashKey, InitAddr, InitState, OnError, OnMarkedDown, Proto, ProxyHeader};

/// The parameters of this file.
pub(super) const SERVER_PARAMS: &[Keyword<ServerFn>] = &[
    value("addr", "address for checks", addr),
    flag("backup", "used only when the others are down", |c, _| put(true, &mut c.draft.server.backup)),
    value("cc", "congestion control algorithm", |c, v| {
        let text = text(c, v, "'cc' : missing TCP congestion control algorithm")?;
        put(Some(text), &mut c.draft.server.congestion)
    }),
    flag("check", "health checks", |c, _| put(true, &mut c.draft.do_check)),
    flag("check-send-proxy", "a PROXY header on checks", |c, _| {
        put(true, &mut c.draft.server.check_send_proxy)
    }),
    flag("check-via-socks4", "checks take the way of 'socks4'", |c, _| {
        put(true, &mut c.draft.server.check_via_socks4)
    }),
    value("cookie", "value of the persistence cookie", |c, v| {
        let word = v.first().ok_or_else(|| c.name.alert("'cookie' expects <value> as argument."))?;
        put(Some(word.bytes.clone()), &mut c.draft.server.cookie)
    }),
    flag("disabled", "starts in maintenance", |c, _| put(true, &mut c.draft.server.disabled)),
    flag("enabled", "takes back an inherited 'disabled'", |c, _| put(false, &mut c.draft.server.disabled)),
    value("downinter", "time between checks of a server that is down", |c, v| {
        put(Some(interval(c, v)?), &mut c.draft.check.downinter)
    }),
    value("error-limit", "errors in a row before on-error", |c, v| {
        let n = above_zero(c, v, "error-limit has to be > 0.")?;
        put(n, &mut c.draft.server.error_limit)
    }),
    value("fall", "failed checks that take a server down", |c, v| {
        put(above_zero(c, v, "'fall' has to be > 0.")?, &mut c.draft.check.fall)
    }),
    value("fastinter", "time between checks while the state changes", |c, v| {
        put(Some(interval(c, v)?), &mut c.draft.check.fastinter)
    }),
    value("guid", "name that outlives reloads", guid),
    value("hash-key", "what spreads the server over the ring of hashes", hash_key),
    value("id", "number of the server", id),
    value("init-addr", "ways to find the address at start", init_addr),
    value("idle-ping", "silence after which a resting connection is asked for a sign of life", idle_ping),
    value("init-state", "state at start", init_state),
    value("inter", "time between checks", |c, v| put(interval(c, v)?, &mut c.draft.check.inter)),
    value("log-bufsize", "the bytes that wait for a log server", |c, v| {
        let text = text(c, v, "'log-bufsize' expects an integer argument.")?;
        match usize::try_from(values::leading_integer(text.as_bytes())) {
            Ok(n) if n > 0 => put(Some(n), &mut c.draft.server.log_buffer),
            _ => Err(c.name.alert("log-bufsize has to be > 0.")),
        }
    }),
    value("log-proto", "how lines are told apart, in rings", |c, v| {
        let word = v.first().map(|w| w.text().into_owned()).unwrap_or_default();
        let octets = match word.as_str() {
            "legacy" => false,
            "octet-count" => true,
            _ => {
                return Err(c.name.alert(format!(
                    "'log-proto' expects one of 'legacy' or 'octet-count' but got '{word}'"
                )));
            }
        };
        put(octets, &mut c.draft.server.log_octets)
    }),
    value("max-reuse", "how often a connection is reused", |c, v| {
        let text = text(c, v, "'max-reuse' expects <value> as argument.")?;
        put(values::leading_integer(text.as_bytes()), &mut c.draft.server.pool.max_reuse)
    }),
    value("maxconn", "most connections at a time", |c, v| put(count(v), &mut c.draft.server.maxconn)),
    value("maxqueue", "most requests that wait for this server", |c, v| {
        put(count(v), &mut c.draft.server.maxqueue)
    }),
    value("minconn", "limit of connections at low load", |c, v| put(count(v), &mut c.draft.server.minconn)),
    value("namespace", "network namespace to connect from", |c, v| {
        let text = text(c, v, "'namespace' : expects <name> as argument")?;
        if text != "*" && Namespace::open(&text).is_err() {
            return Err(c.name.alert(format!("Cannot open namespace '{text}'")));
        }
        put(Some(text), &mut c.draft.server.namespace)
    }),
    flag("no-backup", "takes back an inherited 'backup'", |c, _| put(false, &mut c.draft.server.backup)),
    flag("no-check", "takes back an inherited 'check'", |c, _| put(false, &mut c.draft.do_check)),
    flag("no-check-send-proxy", "takes back an inherited 'check-send-proxy'", |c, _| {
        put(false, &mut c.draft.server.check_send_proxy)
    }),
    flag("no-send-proxy", "takes back an inherited 'send-proxy'", |c, _| put(false, &mut header(c).v1)),
    flag("no-send-proxy-v2", "takes back an inherited 'send-proxy-v2'", |c, _| put(false, &mut header(c).v2)),
    flag("no-send-proxy-v2-ssl", "takes back an inherited 'send-proxy-v2-ssl'", |c, _| no_proxy_ssl(c)),
    flag("no-send-proxy-v2-ssl-cn", "takes back an inherited 'send-proxy-v2-ssl-cn'", |c, _| no_proxy_ssl(c)),
    flag("no-tfo", "takes back an inherited 'tfo'", |c, _| put(false, &mut c.draft.server.tfo)),
    flag("non-stick", "never enters a stick table", |c, _| put(true, &mut c.draft.server.non_stick)),
    value("observe", "live traffic that counts as checks", observe),
    value("on-error", "what too many errors lead to", on_error),
    value("on-marked-down", "what happens to sessions of a server that goes down", on_marked_down),
    value("on-marked-up", "what happens to backup sessions when a server comes up", on_marked_up),
    value("pool-conn-name", "what must be the same for a connection to be reused", |c, v| {
        let word = v.first().ok_or_else(|| c.name.alert("'pool-conn-name' expects <value> as argument"))?;
        put(Some(word.clone()), &mut c.draft.pool_conn_name)
    }),
    value("pool-low-conn", "idle connections kept from other workers", |c, v| {
        let text = text(c, v, "'pool-low-conn' expects <value> as argument.")?;
        let n = values::leading_integer(text.as_bytes());
        put(u32::try_from(n).unwrap_or(0), &mut c.draft.server.pool.low)
    }),
    value("pool-max-conn", "most idle connections", pool_max_conn),
    value("pool-purge-delay", "time after which idle connections are thinned out", pool_purge_delay),
    value("port", "port for checks", |c, v| {
        let text = text(c, v, "'port' expects a port number as argument.")?;
        let n = values::leading_integer(text.as_bytes());
        put(u16::try_from(n & 0xffff).ok().filter(|&p| p != 0), &mut c.draft.check.port)
    }),
    value("proto", "protocol to use without asking", proto),
    value("proxy-v2-options", "parts of the PROXY header", proxy_options),
    value("redir", "clients are sent to this prefix instead", |c, v| {
        put(Some(text(c, v, "'redir' expects <prefix> as argument.")?), &mut c.draft.server.redir)
    }),
    value("rise", "good checks that bring a server up", |c, v| {
        put(above_zero(c, v, "'rise' has to be > 0.")?, &mut c.draft.check.rise)
    }),
    flag("send-proxy", "a PROXY header, version 1", |c, _| put(true, &mut header(c).v1)),
    flag("send-proxy-v2", "a PROXY header, version 2", |c, _| put(true, &mut header(c).v2)),
    flag("send-proxy-v2-ssl", "a PROXY header, version 2, that tells of the client's TLS", |c, _| {
        proxy_ssl(c, &["ssl"])
    }),
    flag("send-proxy-v2-ssl-cn", "the same with the name in the client's certificate", |c, _| {
        proxy_ssl(c, &["ssl", "cert-cn"])
    }),
    value("set-proxy-v2-tlv-fmt", "a value of a type of its own in the PROXY header", tlv),
    Keyword::judged(
        Entry::new(
            Class::Server,
            "shard",
            Sections::BACKENDS,
            Arity::exactly(1),
            "part of the traffic, for stick tables",
        ),
        |c, v| put(count(v), &mut c.draft.server.shard),
        "entries are not spread over peers",
    ),
    value("slowstart", "time in which a server comes back to full weight", |c, v| {
        let word = v.first();
        let time = word
            .map_or(Err(TimeFault::Unexpected('\0')), |w| values::parse_time(&w.bytes, Unit::Milliseconds));
        let time = time.map_err(|fault| time_fault(c, word, "slowstart", fault))?;
        put(Some(time.duration).filter(|d| !d.is_zero()), &mut c.draft.server.slowstart)
    }),
    value("socks4", "connects through this proxy", socks4),
    Keyword::works(
        Entry::new(Class::Server, "source", Sections::BACKENDS, Arity::ANY, "address to connect from"),
        source,
    ),
    flag("stick", "takes back an inherited 'non-stick'", |c, _| put(false, &mut c.draft.server.non_stick)),
    value("tcp-ut", "how long sent data may stay unacknowledged", tcp_ut),
    flag("strict-maxconn", "connections at rest count for maxconn, too", |c, _| {
        put(true, &mut c.draft.server.strict_maxconn)
    }),
    flag("tfo", "TCP Fast Open", |c, _| put(true, &mut c.draft.server.tfo)),
    value("track", "takes the state of another server", |c, v| {
        put(Some(text(c, v, "'track' expects [<proxy>/]<server> as argument.")?), &mut c.draft.server.track)
    }),
    value("usesrc", "stands behind 'source' only", |c, _| {
        Err(c.name.alert("'usesrc' only allowed after a 'source' statement."))
    }),
    value("weight", "share of the traffic, 0 to 256", weight),
    value("ws", "protocol for WebSocket", |c, v| match v.first().map(|w| &*w.bytes) {
        Some(b"auto") => put(Proto::Any, &mut c.draft.server.websockets),
        Some(b"h1") => put(Proto::H1, &mut c.draft.server.websockets),
        Some(b"h2") => put(Proto::H2, &mut c.draft.server.websockets),
        _ => Err(c.name.alert("'ws' has to be 'auto', 'h1' or 'h2'")),
    }),
];

const fn flag(name: &'static str, help: &'static str, run: ServerFn) -> Keyword<ServerFn> {
    Keyword::works(Entry::new(Class::Server, name, Sections::BACKENDS, Arity::NONE, help), run)
}

const fn value(name: &'static str, help: &'static str, run: ServerFn) -> Keyword<ServerFn> {
    Keyword::works(Entry::new(Class::Server, name, Sections::BACKENDS, Arity::exactly(1), help), run)
}

fn text(ctx: &ServerCtx<'_>, values: &[Word], missing: &str) -> Result<String, Diagnostic> {
    values.first().map(|w| w.text().into_owned()).ok_or_else(|| ctx.name.alert(missing))
}

/// As C's `atol` reads it; none and less than none are 0.
fn count(values: &[Word]) -> u32 {
    values.first().map_or(0, super::listen::number)
}

fn above_zero(ctx: &ServerCtx<'_>, values: &[Word], low: &str) -> Result<u32, Diagnostic> {
    let name = ctx.name.text();
    let text = text(ctx, values, &format!("'{name}' expects an integer argument."))?;
    // Cut to an `int`, as the reference has it.
    let n = values::leading_integer(text.as_bytes()) as i32;
    u32::try_from(n).ok().filter(|&n| n > 0).ok_or_else(|| ctx.name.alert(low))
}

/// HAProxy names `agent-inter` in one of these messages whatever the parameter is.
pub(super) fn interval(ctx: &mut ServerCtx<'_>, values: &[Word]) -> Result<Duration, Diagnostic> {
    let name = ctx.name.text();
    let word =
        values.first().ok_or_else(|| ctx.name.alert(format!("'{name}' expects a delay as argument.")))?;
    let time = values::parse_time(&word.bytes, Unit::Milliseconds).map_err(|fault| {
        let named = if matches!(fault, TimeFault::Overflow) { &*name } else { "agent-inter" };
        time_fault(ctx, Some(word), named, fault)
    })?;
    if time.duration.is_zero() {
        let server = ctx.server_name();
        return Err(word.alert(format!("invalid value 0 for argument '{name}' of server {server}.")));
    }
    if word.bytes.iter().all(u8::is_ascii_digit) && time.duration < Duration::from_millis(100) {
        let (server, text) = (ctx.server_name().to_owned(), word.text());
        ctx.out.push(
            Diagnostic::warning(
                word.span,
                format!(
                    "'{name} {text}' in server '{server}' is suspiciously small for a value in milliseconds. \
                     Please use an explicit unit ('{text}ms') if that was the intent."
                ),
            )
            .form(weir_diag::Form::Here),
        );
    }
    Ok(time.duration)
}

fn time_fault(ctx: &ServerCtx<'_>, word: Option<&Word>, name: &str, fault: TimeFault) -> Diagnostic {
    let server = ctx.server_name();
    let word = word.unwrap_or(ctx.name);
    match fault {
        // What ends the empty word ends the message.
        TimeFault::Unexpected('\0') => word.alert("unexpected character '"),
        TimeFault::Unexpected(c) => {
            word.alert(format!("unexpected character '{c}' in '{name}' argument of server {server}."))
        }
        TimeFault::Overflow => {
            let timer = if name == "slowstart" { "" } else { "timer " };
            word.alert(format!(
                "{timer}overflow in argument <{}> to <{name}> of server {server}, maximum value is 2147483647 ms (~24.8 days).",
                word.text()
            ))
        }
    }
}

fn addr(ctx: &mut ServerCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    let word = values.first().ok_or_else(|| ctx.name.alert("'addr' expects <ipv4|ipv6> as argument."))?;
    let (address, _) = socket(word, ctx.outside).map_err(|m| word.alert(format!("'addr' : {m}")))?;
    if address.port() != 0 {
        ctx.draft.check.port = Some(address.port());
    }
    ctx.draft.check.addr = Some(address);
    Ok(())
}

fn guid(ctx: &mut ServerCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    if ctx.is_default {
        return not_by_default(ctx);
    }
    let word = values.first().ok_or_else(|| ctx.name.alert("'guid' : expects an argument"))?;
    if let Some(message) = guid_fault(&word.bytes) {
        return Err(word.alert(format!("'guid': {message}")));
    }
    ctx.draft.server.guid = Some(word.text().into_owned());
    Ok(())
}

fn hash_key(ctx: &mut ServerCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    ctx.draft.server.hash_key = match values.first().map(|w| &*w.bytes) {
        Some(b"id") => HashKey::Id,
        Some(b"id32") => HashKey::Id32,
        Some(b"guid") => HashKey::Guid,
        Some(b"addr") => HashKey::Addr,
        Some(b"addr-port") => HashKey::AddrPort,
        _ => {
            let message = "'hash-key' has to be 'id', 'id32', 'guid', 'addr', or 'addr-port'";
            return Err(ctx.name.alert(message));
        }
    };
    Ok(())
}

fn id(ctx: &mut ServerCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    if ctx.is_default {
        return not_by_default(ctx);
    }
    let word = values.first().ok_or_else(|| ctx.name.alert("'id' : expects an integer argument"))?;
    let n = values::leading_integer(&word.bytes);
    let id = u32::try_from(n).ok().filter(|&n| n > 0);
    let id = id.ok_or_else(|| word.alert("'id' : custom id has to be between 1 and 4294967295."))?;
    ctx.draft.server.id = id;
    ctx.draft.explicit_id = true;
    Ok(())
}

/// What names one server cannot be said of all. HAProxy calls it an alert and loads it.
pub(super) fn not_by_default(ctx: &mut ServerCtx<'_>) -> Result<(), Diagnostic> {
    let message = format!("'{}' option is not accepted in default-server sections", ctx.name.text());
    ctx.out.push(Diagnostic::complaint(ctx.name.span, message).form(weir_diag::Form::Here));
    Ok(())
}

fn init_addr(ctx: &mut ServerCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    ctx.draft.server.init_addr.clear();
    let Some(word) = values.first() else { return Ok(()) };
    for method in word.text().split(',').filter(|m| !m.is_empty()) {
        let way = match method {
            "last" => InitAddr::Last,
            "libc" => InitAddr::Libc,
            "none" => InitAddr::None,
            ip => match ip.parse::<IpAddr>() {
                Ok(ip) => InitAddr::Ip(ip),
                Err(_) => {
                    return Err(word.alert(format!(
                        "'init-addr' : unknown init-addr method '{ip}', supported methods are 'libc', 'last', 'none'."
                    )));
                }
            },
        };
        ctx.draft.server.init_addr.push(way);
    }
    Ok(())
}

fn init_state(ctx: &mut ServerCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    let got = values.first().map(Word::text).unwrap_or_default();
    ctx.draft.server.init_state = match &*got {
        "none" => None,
        "fully-up" => Some(InitState::FullyUp),
        "up" => Some(InitState::Up),
        "down" => Some(InitState::Down),
        "fully-down" => Some(InitState::FullyDown),
        _ => {
            return Err(ctx.name.alert(format!(
                "'init-state' expects one of 'none', 'fully-up', 'up', 'down', or 'fully-down' but got '{got}'"
            )));
        }
    };
    Ok(())
}

fn observe(ctx: &mut ServerCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    let word = values.first().ok_or_else(|| ctx.name.alert("'observe' expects <mode> as argument."))?;
    ctx.draft.server.observe = match &*word.bytes {
        b"none" => None,
        b"layer4" => Some(4),
        b"layer7" => Some(7),
        _ => {
            let got = word.text();
            return Err(
                word.alert(format!("'observe' expects one of 'none', 'layer4', 'layer7' but got '{got}'"))
            );
        }
    };
    Ok(())
}

fn on_error(ctx: &mut ServerCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    let got = values.first().map(Word::text).unwrap_or_default();
    ctx.draft.server.on_error = match &*got {
        "fastinter" => OnError::FastInter,
        "fail-check" => OnError::FailCheck,
        "sudden-death" => OnError::SuddenDeath,
        "mark-down" => OnError::MarkDown,
        _ => {
            return Err(ctx.name.alert(format!(
                "'on-error' expects one of 'fastinter', 'fail-check', 'sudden-death' or 'mark-down' but got '{got}'"
            )));
        }
    };
    Ok(())
}

fn on_marked_down(ctx: &mut ServerCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    let got = values.first().map(Word::text).unwrap_or_default();
    if &*got != "shutdown-sessions" {
        return Err(ctx.name.alert(format!("'on-marked-down' expects 'shutdown-sessions' but got '{got}'")));
    }
    ctx.draft.server.on_marked_down = Some(OnMarkedDown::ShutdownSessions);
    Ok(())
}

fn on_marked_up(ctx: &mut ServerCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    let got = values.first().map(Word::text).unwrap_or_default();
    if &*got != "shutdown-backup-sessions" {
        return Err(ctx
            .name
            .alert(format!("'on-marked-up' expects 'shutdown-backup-sessions' but got '{got}'")));
    }
    ctx.draft.server.on_marked_up_shutdown_backup = true;
    Ok(())
}

fn pool_max_conn(ctx: &mut ServerCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    let text = text(ctx, values, "'pool-max-conn' expects <value> as argument.")?;
    let n = values::leading_integer(text.as_bytes());
    if n < -1 {
        return Err(ctx.name.alert("'pool-max-conn' must be >= -1"));
    }
    ctx.draft.server.pool.max = n;
    Ok(())
}

fn idle_ping(ctx: &mut ServerCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    let word = values.first().ok_or_else(|| ctx.name.alert("'idle-ping' expects an argument."))?;
    let name = ctx.server_name().to_owned();
    let time = values::parse_time(&word.bytes, Unit::Milliseconds).map_err(|fault| match fault {
        values::TimeFault::Unexpected(c) => {
            word.alert(format!("unexpected character '{c}' in 'idle-ping' argument of server {name}."))
        }
        values::TimeFault::Overflow => word.alert(format!(
            "timer overflow in argument <{}> to <idle-ping> of server {name}, maximum value is 2147483647 ms (~24.8 days).",
            word.text()
        )),
    })?;
    put(Some(time.duration).filter(|time| !time.is_zero()), &mut ctx.draft.server.idle_ping)
}

fn pool_purge_delay(ctx: &mut ServerCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    let word =
        values.first().ok_or_else(|| ctx.name.alert("'pool-purge-delay' expects <value> as argument."))?;
    let time = values::parse_time(&word.bytes, Unit::Milliseconds).map_err(|fault| match fault {
        TimeFault::Unexpected(c) => {
            word.alert(format!("unexpected character '{c}' in argument to <pool-purge-delay>."))
        }
        TimeFault::Overflow => word.alert(format!(
            "timer overflow in argument '{}' to 'pool-purge-delay' (maximum value is 2147483647 ms or ~24.8 days)",
            word.text()
        )),
    })?;
    ctx.draft.server.pool.purge_delay = time.duration;
    Ok(())
}

fn proto(ctx: &mut ServerCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    let word = values.first().ok_or_else(|| ctx.name.alert("'proto' : missing value"))?;
    match &*word.bytes {
        b"h1" => set_proto(ctx, Proto::H1),
        b"h2" => set_proto(ctx, Proto::H2),
        b"none" => set_proto(ctx, Proto::None),
        b"quic" | b"fcgi" | b"spop" => {
            Err(word
                .alert(format!("'proto {}' is not available yet (it comes with its protocol)", word.text())))
        }
        _ => Err(word.alert(format!("'proto' :  unknown MUX protocol '{}'", word.text()))),
    }
}

fn set_proto(ctx: &mut ServerCtx<'_>, proto: Proto) -> Result<(), Diagnostic> {
    ctx.draft.server.proto = proto;
    Ok(())
}

fn header<'a>(ctx: &'a mut ServerCtx<'_>) -> &'a mut ProxyHeader {
    ctx.draft.server.proxy_header.get_or_insert_default()
}

fn proxy_ssl(ctx: &mut ServerCtx<'_>, options: &[&str]) -> Result<(), Diagnostic> {
    let header = header(ctx);
    header.v2 = true;
    header.options.extend(options.iter().map(|&o| o.to_owned()));
    Ok(())
}

fn no_proxy_ssl(ctx: &mut ServerCtx<'_>) -> Result<(), Diagnostic> {
    let header = header(ctx);
    header.v2 = false;
    header.options.clear();
    Ok(())
}

/// `set-proxy-v2-tlv-fmt(ID) FORMAT`
fn tlv(ctx: &mut ServerCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    let name = ctx.name.text();
    let inner = name.split_once('(').map(|(_, rest)| rest.strip_suffix(')').unwrap_or(rest));
    let id = match inner {
        None => Some(0),
        Some(hex) if hex.starts_with("0x") => u32::from_str_radix(hex.trim_start_matches("0x"), 16).ok(),
        Some(number) => number.parse().ok(),
    };
    let id = id.ok_or_else(|| ctx.name.alert(format!("'{name}' : could not convert TLV ID")))?;
    let id = u8::try_from(id)
        .map_err(|_| ctx.name.alert(format!("'{name}' : the maximum allowed TLV ID is 255")))?;
    if let Some(word) = values.first() {
        ctx.draft.tlvs.push((id, word.clone()));
    }
    Ok(())
}

fn proxy_options(ctx: &mut ServerCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    let text = values.first().map(Word::text).unwrap_or_default();
    let mut options = Vec::new();
    for option in text.split(',') {
        match option {
            // What is of TLS is left out for clients that came without.
            "crc32c" | "unique-id" | "ssl" | "cert-cn" | "cert-key" | "cert-sig" | "ssl-cipher"
            | "authority" => {
                options.push(option.to_owned());
            }
            _ => return Err(ctx.name.alert(format!("'{option}' : proxy v2 option not implemented"))),
        }
    }
    ctx.draft.proxy_options = options;
    Ok(())
}

fn socks4(ctx: &mut ServerCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    let word = values.first().ok_or_else(|| ctx.name.alert("'socks4' expects <addr>:<port> as argument."))?;
    let text = word.text();
    let without_port = || word.alert(format!("'socks4 {text}' : missing port specification in '{text}'"));
    if !text.contains([':', '/']) {
        return Err(without_port());
    }
    let (address, _) = socket(word, ctx.outside).map_err(|m| word.alert(format!("'socks4 {text}' : {m}")))?;
    if address.port() == 0 {
        return Err(without_port());
    }
    ctx.draft.server.socks4 = Some(address);
    Ok(())
}

fn source(ctx: &mut ServerCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    ctx.taken = values.len();
    let (source, taken) = super::source::server_source(ctx.name, values, ctx.outside)?;
    ctx.draft.server.source = source;
    ctx.taken = taken;
    Ok(())
}

fn tcp_ut(ctx: &mut ServerCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    let word = values.first().ok_or_else(|| ctx.name.alert("'tcp-ut' : missing TCP User Timeout value"))?;
    let time = values::parse_time(&word.bytes, Unit::Milliseconds).map_err(|fault| match fault {
        TimeFault::Unexpected(_) => word.alert("'tcp-ut' : expects a positive delay in milliseconds"),
        TimeFault::Overflow => word.alert(format!(
            "timer overflow in argument '{}' to 'tcp-ut' (maximum value is 2147483647 ms or ~24.8 days)",
            word.text()
        )),
    })?;
    ctx.draft.server.tcp_user_timeout = Some(time.duration).filter(|d| !d.is_zero());
    Ok(())
}

fn weight(ctx: &mut ServerCtx<'_>, values: &[Word]) -> Result<(), Diagnostic> {
    let n = values.first().map_or(0, |w| values::leading_integer(&w.bytes)) as i32;
    let weight = u32::try_from(n).ok().filter(|&n| n <= 256);
    let weight = weight.ok_or_else(|| {
        let server = ctx.server_name();
        let at = values.first().unwrap_or(ctx.name);
        at.alert(format!("weight of server {server} is not within 0 and 256 ({n})."))
    })?;
    ctx.draft.server.weight = weight;
    Ok(())
}
