//! Connections and sessions (manual, 7.3.3).

use super::{flag, number, text};
use crate::args::{Arg, ArgType, Args};
use crate::keyword::{Eval, Fetch, NO_ARGS, fetch, prepared_fetch};
use crate::place::Needs;
use crate::scope::{Address, Endpoint, Number, Side, TcpInfo, Text};
use crate::{Load, Lookup, Type, Value};

macro_rules! tcp_info {
    ($name:literal, $needs:expr, $side:expr, $field:expr, $help:literal) => {
        prepared_fetch(
            fetch(
                $name,
                (0, &[ArgType::Str]),
                Type::Sint,
                $needs,
                |e, a| tcp_info(e, a, $side, $field),
                $help,
            ),
            prepare_unit,
        )
    };
}

/// The table.
pub(super) const FETCHES: &[Fetch] = &[
    fetch(
        "src",
        NO_ARGS,
        Type::Addr,
        Needs::ClientConnection,
        |e, _| ip(e, Address::Source),
        "The client's address.",
    ),
    fetch(
        "src_port",
        NO_ARGS,
        Type::Sint,
        Needs::ClientConnection,
        |e, _| port(e, Address::Source),
        "The client's port.",
    ),
    fetch(
        "src_is_local",
        NO_ARGS,
        Type::Bool,
        Needs::ClientConnection,
        |e, _| local(e, Address::Source),
        "Whether the client's address is ours.",
    ),
    fetch(
        "dst",
        NO_ARGS,
        Type::Addr,
        Needs::ClientConnection,
        |e, _| ip(e, Address::Destination),
        "The address the client asked for.",
    ),
    fetch(
        "dst_port",
        NO_ARGS,
        Type::Sint,
        Needs::ClientConnection,
        |e, _| port(e, Address::Destination),
        "The port the client asked for.",
    ),
    fetch(
        "dst_is_local",
        NO_ARGS,
        Type::Bool,
        Needs::ClientConnection,
        |e, _| local(e, Address::Destination),
        "Whether the destination is ours.",
    ),
    fetch(
        "dst_conn",
        NO_ARGS,
        Type::Sint,
        Needs::Frontend,
        |e, _| number(e, Number::ListenerConnections),
        "Connections of the bind line.",
    ),
    fetch(
        "fc_src",
        NO_ARGS,
        Type::Addr,
        Needs::ClientConnection,
        |e, _| ip(e, Address::FrontSource),
        "Source of the front connection.",
    ),
    fetch(
        "fc_src_port",
        NO_ARGS,
        Type::Sint,
        Needs::ClientConnection,
        |e, _| port(e, Address::FrontSource),
        "Source port of the front connection.",
    ),
    fetch(
        "fc_src_is_local",
        NO_ARGS,
        Type::Bool,
        Needs::ClientConnection,
        |e, _| local(e, Address::FrontSource),
        "Whether that source is ours.",
    ),
    fetch(
        "fc_dst",
        NO_ARGS,
        Type::Addr,
        Needs::ClientConnection,
        |e, _| ip(e, Address::FrontDestination),
        "Destination of the front connection.",
    ),
    fetch(
        "fc_dst_port",
        NO_ARGS,
        Type::Sint,
        Needs::ClientConnection,
        |e, _| port(e, Address::FrontDestination),
        "Destination port of the front connection.",
    ),
    fetch(
        "fc_dst_is_local",
        NO_ARGS,
        Type::Bool,
        Needs::ClientConnection,
        |e, _| local(e, Address::FrontDestination),
        "Whether that destination is ours.",
    ),
    fetch(
        "bc_src",
        NO_ARGS,
        Type::Addr,
        Needs::ServerConnection,
        |e, _| ip(e, Address::BackSource),
        "Our address towards the server.",
    ),
    fetch(
        "bc_src_port",
        NO_ARGS,
        Type::Sint,
        Needs::ServerConnection,
        |e, _| port(e, Address::BackSource),
        "Our port towards the server.",
    ),
    fetch(
        "bc_dst",
        NO_ARGS,
        Type::Addr,
        Needs::ServerConnection,
        |e, _| ip(e, Address::BackDestination),
        "The server's address.",
    ),
    fetch(
        "bc_dst_port",
        NO_ARGS,
        Type::Sint,
        Needs::ServerConnection,
        |e, _| port(e, Address::BackDestination),
        "The server's port.",
    ),
    fetch(
        "fc_http_major",
        NO_ARGS,
        Type::Sint,
        Needs::ClientConnection,
        |e, _| number(e, Number::HttpMajor(Side::Client)),
        "Major version of the client's HTTP.",
    ),
    fetch(
        "bc_http_major",
        NO_ARGS,
        Type::Sint,
        Needs::ServerConnection,
        |e, _| number(e, Number::HttpMajor(Side::Server)),
        "Major version of the server's HTTP.",
    ),
    fetch(
        "fc_rcvd_proxy",
        NO_ARGS,
        Type::Bool,
        Needs::ClientConnection,
        |e, _| flag(e, Number::PpReceived),
        "Whether a PROXY header came.",
    ),
    fetch(
        "fc_pp_authority",
        NO_ARGS,
        Type::Str,
        Needs::ClientConnection,
        |e, _| text(e, Text::PpAuthority),
        "Authority of the PROXY header.",
    ),
    fetch(
        "fc_pp_unique_id",
        NO_ARGS,
        Type::Str,
        Needs::ClientConnection,
        |e, _| text(e, Text::PpUniqueId),
        "Unique id of the PROXY header.",
    ),
    prepared_fetch(
        fetch(
            "fc_pp_tlv",
            (1, &[ArgType::Str]),
            Type::Str,
            Needs::ClientSession,
            pp_tlv,
            "A field of the PROXY header.",
        ),
        prepare_tlv,
    ),
    fetch(
        "fc_saved_syn",
        NO_ARGS,
        Type::Bin,
        Needs::ClientConnection,
        |e, _| e.scope.text(Text::SavedSyn).map(Value::Bin).into(),
        "The client's SYN packet.",
    ),
    fetch(
        "fc_err",
        NO_ARGS,
        Type::Sint,
        Needs::ClientConnection,
        |e, _| number(e, Number::Error(Side::Client)),
        "Error of the front connection.",
    ),
    fetch(
        "fc_err_name",
        NO_ARGS,
        Type::Str,
        Needs::ClientConnection,
        |e, _| text(e, Text::ErrorName(Side::Client)),
        "Its name.",
    ),
    fetch(
        "fc_err_str",
        NO_ARGS,
        Type::Str,
        Needs::ClientConnection,
        |e, _| text(e, Text::ErrorText(Side::Client)),
        "Its text.",
    ),
    fetch(
        "bc_err",
        NO_ARGS,
        Type::Sint,
        Needs::ServerConnection,
        |e, _| number(e, Number::Error(Side::Server)),
        "Error of the back connection.",
    ),
    fetch(
        "bc_err_name",
        NO_ARGS,
        Type::Str,
        Needs::ServerConnection,
        |e, _| text(e, Text::ErrorName(Side::Server)),
        "Its name.",
    ),
    fetch(
        "bc_err_str",
        NO_ARGS,
        Type::Str,
        Needs::ServerConnection,
        |e, _| text(e, Text::ErrorText(Side::Server)),
        "Its text.",
    ),
    fetch(
        "fc_glitches",
        NO_ARGS,
        Type::Sint,
        Needs::ClientConnection,
        |e, _| number(e, Number::Glitches(Side::Client)),
        "Protocol oddities of the client.",
    ),
    fetch(
        "bc_glitches",
        NO_ARGS,
        Type::Sint,
        Needs::ServerConnection,
        |e, _| number(e, Number::Glitches(Side::Server)),
        "Protocol oddities of the server.",
    ),
    fetch(
        "fc_nb_streams",
        NO_ARGS,
        Type::Sint,
        Needs::ClientConnection,
        |e, _| number(e, Number::Streams(Side::Client)),
        "Streams on the front connection.",
    ),
    fetch(
        "bc_nb_streams",
        NO_ARGS,
        Type::Sint,
        Needs::ServerSession,
        |e, _| number(e, Number::Streams(Side::Server)),
        "Streams on the back connection.",
    ),
    fetch(
        "fc_settings_streams_limit",
        NO_ARGS,
        Type::Sint,
        Needs::ClientSession,
        |e, _| number(e, Number::StreamLimit(Side::Client)),
        "Streams allowed on the front connection.",
    ),
    fetch(
        "bc_settings_streams_limit",
        NO_ARGS,
        Type::Sint,
        Needs::ServerSession,
        |e, _| number(e, Number::StreamLimit(Side::Server)),
        "Streams allowed on the back connection.",
    ),
    fetch(
        "bc_reused",
        NO_ARGS,
        Type::Bool,
        Needs::ServerConnection,
        |e, _| flag(e, Number::BackReused),
        "Whether the back connection served before.",
    ),
    fetch(
        "so_id",
        NO_ARGS,
        Type::Sint,
        Needs::Frontend,
        |e, _| number(e, Number::ListenerId),
        "Number of the bind line.",
    ),
    fetch(
        "so_name",
        NO_ARGS,
        Type::Str,
        Needs::Frontend,
        |e, _| text(e, Text::Listener),
        "Name of the bind line.",
    ),
    tcp_info!("fc_rtt", Needs::ClientConnection, Side::Client, TcpInfo::Rtt, "Round trip time, client."),
    tcp_info!("fc_rttvar", Needs::ClientConnection, Side::Client, TcpInfo::RttVar, "Its variance."),
    tcp_info!("bc_rtt", Needs::ClientConnection, Side::Server, TcpInfo::Rtt, "Round trip time, server."),
    tcp_info!("bc_rttvar", Needs::ClientConnection, Side::Server, TcpInfo::RttVar, "Its variance."),
    tcp_info!("fc_unacked", Needs::ClientConnection, Side::Client, TcpInfo::Unacked, "Segments in flight."),
    fetch(
        "ssl_fc",
        NO_ARGS,
        Type::Bool,
        Needs::ClientSession,
        |e, _| flag(e, Number::Tls(Side::Client)),
        "Whether the client speaks TLS.",
    ),
    fetch(
        "ssl_bc",
        NO_ARGS,
        Type::Bool,
        Needs::ServerSession,
        |e, _| flag(e, Number::Tls(Side::Server)),
        "Whether the server speaks TLS.",
    ),
    tcp_info!(
        "fc_sacked",
        Needs::ClientConnection,
        Side::Client,
        TcpInfo::Sacked,
        "Segments selectively acknowledged."
    ),
    tcp_info!("fc_retrans", Needs::ClientConnection, Side::Client, TcpInfo::Retrans, "Segments sent again."),
    tcp_info!(
        "fc_fackets",
        Needs::ClientConnection,
        Side::Client,
        TcpInfo::Fackets,
        "Forward acknowledgments."
    ),
    tcp_info!("fc_lost", Needs::ClientConnection, Side::Client, TcpInfo::Lost, "Segments lost."),
    tcp_info!(
        "fc_reordering",
        Needs::ClientConnection,
        Side::Client,
        TcpInfo::Reordering,
        "Reordering metric."
    ),
];

fn ip<'a>(eval: &Eval<'a>, which: Address) -> Lookup<Value<'a>> {
    match eval.scope.address(which) {
        Some(Endpoint::Ip(address)) => Lookup::Value(Value::from_ip(address.ip())),
        _ => Lookup::Absent,
    }
}

fn port<'a>(eval: &Eval<'a>, which: Address) -> Lookup<Value<'a>> {
    match eval.scope.address(which) {
        Some(Endpoint::Ip(address)) => Lookup::Value(Value::Sint(i64::from(address.port()))),
        _ => Lookup::Absent,
    }
}

fn local<'a>(eval: &Eval<'a>, which: Address) -> Lookup<Value<'a>> {
    eval.scope.is_local(which).map(Value::Bool).into()
}

fn tcp_info<'a>(eval: &Eval<'a>, args: &Args, side: Side, field: TcpInfo) -> Lookup<Value<'a>> {
    let Some(value) = eval.scope.tcp_info(side, field) else { return Lookup::Absent };
    let is_time = matches!(field, TcpInfo::Rtt | TcpInfo::RttVar);
    Lookup::Value(Value::Sint(match args.int(0) {
        None if is_time => value / 1000,
        _ => value,
    }))
}

/// `us` or `ms`, which is the default: a number stands for µs.
fn prepare_unit(args: &mut Args, _: &mut Load<'_>) -> Result<(), String> {
    match args.str(0) {
        None | Some(b"ms") => args.set(0, Arg::None),
        Some(b"us") => args.set(0, Arg::Int(1_000_000)),
        Some(_) => return Err("expects 'us' or 'ms'".into()),
    }
    Ok(())
}

fn pp_tlv<'a>(eval: &mut Eval<'a>, args: &'a Args) -> Lookup<Value<'a>> {
    let kind = args.int(0).and_then(|n| u8::try_from(n).ok());
    kind.and_then(|kind| eval.scope.text(Text::PpTlv(kind))).map(Value::Str).into()
}

fn prepare_tlv(args: &mut Args, _: &mut Load<'_>) -> Result<(), String> {
    let text = String::from_utf8_lossy(args.str(0).unwrap_or_default()).into_owned();
    let named = match text.as_str() {
        "ALPN" => Some(0x01),
        "AUTHORITY" => Some(0x02),
        "CRC32C" => Some(0x03),
        "NOOP" => Some(0x04),
        "UNIQUE_ID" => Some(0x05),
        "SSL" => Some(0x20),
        "SSL_VERSION" => Some(0x21),
        "SSL_CN" => Some(0x22),
        "SSL_CIPHER" => Some(0x23),
        "SSL_SIG_ALG" => Some(0x24),
        "SSL_KEY_ALG" => Some(0x25),
        "NETNS" => Some(0x30),
        _ => None,
    };
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let number = match hex {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    match named.or(number).filter(|n| (0..256).contains(n)) {
        Some(n) => args.set(0, Arg::Int(n)),
        None => return Err("expected TLV type to be a number between 0 and 255 or a known name".into()),
    }
    Ok(())
}
