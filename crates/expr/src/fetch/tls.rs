//! Sessions of TLS and their certificates (manual, 7.3.4).

use crate::args::{ArgType, Args};
use crate::keyword::{Eval, Fetch, NO_ARGS, fetch, prepared_fetch};
use crate::place::Needs;
use crate::scope::Side::{self, Client, Server};
use crate::scope::{HelloList, Part, Party, Secret, Shown, Tls, TlsFact};
use crate::{Load, Lookup, Type, Value};

/// Attribute, occurrence, format.
const NAME: (u8, &[ArgType]) = (0, &[ArgType::Str, ArgType::Int, ArgType::Str]);

macro_rules! fact {
    ($name:literal, $type:ident, $needs:ident, $side:ident, $what:ident, $help:literal) => {
        fetch($name, NO_ARGS, Type::$type, Needs::$needs, |e, _| fact(e, $side, TlsFact::$what), $help)
    };
}

macro_rules! secret {
    ($name:literal, $side:ident, $what:ident) => {
        fetch(
            $name,
            NO_ARGS,
            Type::Str,
            Needs::ClientSession,
            |e, _| ask(e, Tls::Secret($side, Secret::$what)),
            "A secret of the session, for key logs.",
        )
    };
}

macro_rules! part {
    ($name:literal, $type:ident, $of:ident, $what:ident, $help:literal) => {
        fetch(
            $name,
            NO_ARGS,
            Type::$type,
            Needs::ClientSession,
            |e, _| ask(e, Tls::Certificate(Shown::$of, Part::$what)),
            $help,
        )
    };
}

macro_rules! name {
    ($name:literal, $of:ident, $whose:ident, $help:literal) => {
        prepared_fetch(
            fetch(
                $name,
                NAME,
                Type::Str,
                Needs::ClientSession,
                |e, a| name(e, a, Shown::$of, Party::$whose),
                $help,
            ),
            judge_format,
        )
    };
}

macro_rules! list {
    ($name:literal, $what:ident, $help:literal) => {
        fetch(
            $name,
            (0, &[ArgType::Int]),
            Type::Bin,
            Needs::ClientSession,
            |e, a| list(e, HelloList::$what, plain(a)),
            $help,
        )
    };
}

/// The table.
pub(super) const FETCHES: &[Fetch] = &[
    fact!("ssl_fc_alg_keysize", Sint, ClientSession, Client, KeySize, "Bits of the cipher's key, client."),
    fact!("ssl_fc_alpn", Str, ClientSession, Client, Alpn, "Protocol that was agreed on, client."),
    fact!("ssl_fc_cipher", Str, ClientSession, Client, Cipher, "Cipher of the session, client."),
    fact!(
        "ssl_fc_client_random",
        Bin,
        ClientSession,
        Client,
        ClientRandom,
        "Random bytes of the client, client session."
    ),
    fact!("ssl_fc_curve", Str, ClientSession, Client, Curve, "Group of the key exchange, client."),
    fact!("ssl_fc_err", Sint, ClientSession, Client, Error, "Last error of the session, client."),
    fact!("ssl_fc_err_str", Str, ClientSession, Client, ErrorText, "The same in words, client."),
    fact!(
        "ssl_fc_is_resumed",
        Bool,
        ClientSession,
        Client,
        Resumed,
        "Whether the session is an old one, client."
    ),
    fact!("ssl_fc_protocol", Str, ClientSession, Client, Version, "Version of TLS, client."),
    fact!(
        "ssl_fc_server_random",
        Bin,
        ClientSession,
        Client,
        ServerRandom,
        "Random bytes of the server, client session."
    ),
    fact!("ssl_fc_session_id", Bin, ClientSession, Client, SessionId, "Number of the session, client."),
    fact!("ssl_fc_sni", Str, ClientSession, Client, ServerName, "Name that was asked for, client."),
    fact!("ssl_fc_use_keysize", Sint, ClientSession, Client, KeySize, "Bits of the key in use, client."),
    fetch(
        "ssl_fc_npn",
        NO_ARGS,
        Type::Str,
        Needs::ClientSession,
        |_, _| Lookup::Absent,
        "Nothing: ALPN took its place.",
    ),
    secret!("ssl_fc_client_early_traffic_secret", Client, ClientEarlyTraffic),
    secret!("ssl_fc_client_handshake_traffic_secret", Client, ClientHandshakeTraffic),
    secret!("ssl_fc_client_traffic_secret_0", Client, ClientTraffic),
    secret!("ssl_fc_early_exporter_secret", Client, EarlyExporter),
    secret!("ssl_fc_exporter_secret", Client, Exporter),
    secret!("ssl_fc_server_handshake_traffic_secret", Client, ServerHandshakeTraffic),
    secret!("ssl_fc_server_traffic_secret_0", Client, ServerTraffic),
    fact!("ssl_bc_alg_keysize", Sint, ServerSession, Server, KeySize, "Bits of the cipher's key, server."),
    fact!("ssl_bc_alpn", Str, ServerSession, Server, Alpn, "Protocol that was agreed on, server."),
    fact!("ssl_bc_cipher", Str, ServerSession, Server, Cipher, "Cipher of the session, server."),
    fact!(
        "ssl_bc_client_random",
        Bin,
        ServerSession,
        Server,
        ClientRandom,
        "Random bytes of the client, server session."
    ),
    fact!("ssl_bc_curve", Str, ServerSession, Server, Curve, "Group of the key exchange, server."),
    fact!("ssl_bc_err", Sint, ServerSession, Server, Error, "Last error of the session, server."),
    fact!("ssl_bc_err_str", Str, ServerSession, Server, ErrorText, "The same in words, server."),
    fact!(
        "ssl_bc_is_resumed",
        Bool,
        ServerSession,
        Server,
        Resumed,
        "Whether the session is an old one, server."
    ),
    fact!("ssl_bc_protocol", Str, ServerSession, Server, Version, "Version of TLS, server."),
    fact!(
        "ssl_bc_server_random",
        Bin,
        ServerSession,
        Server,
        ServerRandom,
        "Random bytes of the server, server session."
    ),
    fact!("ssl_bc_session_id", Bin, ServerSession, Server, SessionId, "Number of the session, server."),
    fact!("ssl_bc_sni", Str, ServerSession, Server, ServerName, "Name that was asked for, server."),
    fact!("ssl_bc_use_keysize", Sint, ServerSession, Server, KeySize, "Bits of the key in use, server."),
    fetch(
        "ssl_bc_npn",
        NO_ARGS,
        Type::Str,
        Needs::ServerSession,
        |_, _| Lookup::Absent,
        "Nothing: ALPN took its place.",
    ),
    secret!("ssl_bc_client_early_traffic_secret", Server, ClientEarlyTraffic),
    secret!("ssl_bc_client_handshake_traffic_secret", Server, ClientHandshakeTraffic),
    secret!("ssl_bc_client_traffic_secret_0", Server, ClientTraffic),
    secret!("ssl_bc_early_exporter_secret", Server, EarlyExporter),
    secret!("ssl_bc_exporter_secret", Server, Exporter),
    secret!("ssl_bc_server_handshake_traffic_secret", Server, ServerHandshakeTraffic),
    secret!("ssl_bc_server_traffic_secret_0", Server, ServerTraffic),
    fact!(
        "ssl_fc_crtname",
        Str,
        ClientSession,
        Client,
        CertificateName,
        "Certificate that the client was shown."
    ),
    fact!(
        "ssl_fc_early_rcvd",
        Bool,
        ClientSession,
        Client,
        EarlyReceived,
        "Whether data came before the handshake was over."
    ),
    fact!("ssl_fc_has_early", Bool, ClientSession, Client, HasEarly, "Whether such data is there already."),
    fact!(
        "ssl_fc_has_crt",
        Bool,
        ClientSession,
        Client,
        HasCertificate,
        "Whether the client showed a certificate."
    ),
    fact!(
        "ssl_fc_has_sni",
        Bool,
        ClientSession,
        Client,
        HasServerName,
        "Whether the client asked for a name."
    ),
    fact!(
        "ssl_fc_protocol_hello_id",
        Sint,
        ClientSession,
        Client,
        HelloVersion,
        "Version in the client's first words."
    ),
    fact!(
        "ssl_c_used",
        Bool,
        ClientSession,
        Client,
        UsedCertificate,
        "Whether the session has a certificate of the client."
    ),
    fact!("ssl_c_verify", Sint, ClientSession, Client, Verify, "What verification found."),
    fact!("ssl_c_err", Sint, ClientSession, Client, VerifyError, "Fault of the client's certificate."),
    fact!("ssl_c_ca_err", Sint, ClientSession, Client, AuthorityError, "Fault of an authority above it."),
    fact!("ssl_c_ca_err_depth", Sint, ClientSession, Client, AuthorityErrorDepth, "How far up that was."),
    part!("ssl_c_der", Bin, Client, Der, "The certificate."),
    part!("ssl_c_key_alg", Str, Client, KeyAlgorithm, "Algorithm of its key."),
    part!("ssl_c_notafter", Str, Client, NotAfter, "Until when it is valid."),
    part!("ssl_c_notbefore", Str, Client, NotBefore, "From when on it is valid."),
    part!("ssl_c_serial", Bin, Client, Serial, "Its serial number."),
    part!("ssl_c_sha1", Bin, Client, Sha1, "Its SHA-1 fingerprint."),
    part!("ssl_c_sig_alg", Str, Client, SignatureAlgorithm, "Algorithm of its signature."),
    part!("ssl_c_version", Sint, Client, Version, "Its version."),
    part!("ssl_c_chain_der", Bin, Client, Chain, "All certificates that were shown."),
    name!("ssl_c_i_dn", Client, Issuer, "Who signed it."),
    name!("ssl_c_s_dn", Client, Subject, "Whom it is for."),
    part!("ssl_f_der", Bin, Front, Der, "The certificate."),
    part!("ssl_f_key_alg", Str, Front, KeyAlgorithm, "Algorithm of its key."),
    part!("ssl_f_notafter", Str, Front, NotAfter, "Until when it is valid."),
    part!("ssl_f_notbefore", Str, Front, NotBefore, "From when on it is valid."),
    part!("ssl_f_serial", Bin, Front, Serial, "Its serial number."),
    part!("ssl_f_sha1", Bin, Front, Sha1, "Its SHA-1 fingerprint."),
    part!("ssl_f_sig_alg", Str, Front, SignatureAlgorithm, "Algorithm of its signature."),
    part!("ssl_f_version", Sint, Front, Version, "Its version."),
    name!("ssl_f_i_dn", Front, Issuer, "Who signed it."),
    name!("ssl_f_s_dn", Front, Subject, "Whom it is for."),
    part!("ssl_s_der", Bin, Server, Der, "The certificate."),
    part!("ssl_s_key_alg", Str, Server, KeyAlgorithm, "Algorithm of its key."),
    part!("ssl_s_notafter", Str, Server, NotAfter, "Until when it is valid."),
    part!("ssl_s_notbefore", Str, Server, NotBefore, "From when on it is valid."),
    part!("ssl_s_serial", Bin, Server, Serial, "Its serial number."),
    part!("ssl_s_sha1", Bin, Server, Sha1, "Its SHA-1 fingerprint."),
    part!("ssl_s_sig_alg", Str, Server, SignatureAlgorithm, "Algorithm of its signature."),
    part!("ssl_s_version", Sint, Server, Version, "Its version."),
    part!("ssl_s_chain_der", Bin, Server, Chain, "All certificates that were shown."),
    name!("ssl_s_i_dn", Server, Issuer, "Who signed it."),
    name!("ssl_s_s_dn", Server, Subject, "Whom it is for."),
    part!("ssl_c_san", Str, Client, AlternativeNames, "Its alternative names."),
    name!("ssl_c_r_dn", Client, Root, "The authority that it leads to."),
    list!("ssl_fc_cipherlist_bin", Ciphers, "Ciphers that the client knows."),
    list!("ssl_fc_extlist_bin", Extensions, "Extensions of its first words."),
    list!("ssl_fc_eclist_bin", Groups, "Groups that it knows."),
    list!("ssl_fc_sigalgs_bin", SignatureAlgorithms, "Signatures that it knows."),
    list!("ssl_fc_supported_versions_bin", Versions, "Versions that it knows."),
    fetch(
        "ssl_fc_ecformats_bin",
        NO_ARGS,
        Type::Bin,
        Needs::ClientSession,
        |e, _| list(e, HelloList::PointFormats, false),
        "Formats of points that it knows.",
    ),
    fetch(
        "ssl_fc_cipherlist_hex",
        (0, &[ArgType::Int]),
        Type::Str,
        Needs::ClientSession,
        |e, a| hexadecimal(e, list(e, HelloList::Ciphers, plain(a))),
        "Ciphers that the client knows, in hexadecimal digits.",
    ),
    fetch(
        "ssl_fc_cipherlist_str",
        (0, &[ArgType::Int]),
        Type::Str,
        Needs::ClientSession,
        |e, a| ask(e, Tls::CipherNames { plain: plain(a) }),
        "Ciphers that the client knows, by their names.",
    ),
    fetch(
        "ssl_fc_cipherlist_xxh",
        NO_ARGS,
        Type::Sint,
        Needs::ClientSession,
        cipher_hash,
        "A hash of the ciphers that the client knows.",
    ),
];

fn ask<'a>(eval: &Eval<'a>, what: Tls<'_>) -> Lookup<Value<'a>> {
    eval.scope.tls(what, eval.scratch).into()
}

/// What is true or false is false where there is no session.
fn fact<'a>(eval: &Eval<'a>, side: Side, what: TlsFact) -> Lookup<Value<'a>> {
    ask(eval, Tls::Fact(side, what))
}

fn name<'a>(eval: &Eval<'a>, args: &Args, of: Shown, whose: Party) -> Lookup<Value<'a>> {
    let attribute = args.str(0).unwrap_or_default();
    let occurrence = args.int(1).unwrap_or(1);
    ask(eval, Tls::Name { of, whose, attribute, occurrence, ldap: args.str(2).is_some() })
}

fn judge_format(args: &mut Args, _: &mut Load<'_>) -> Result<(), String> {
    match args.str(2) {
        None | Some(b"rfc2253") => Ok(()),
        Some(_) => {
            Err("only rfc2253 or a blank value are currently supported as the format argument".to_owned())
        }
    }
}

fn plain(args: &Args) -> bool {
    args.int(0).is_some_and(|n| n != 0)
}

fn list<'a>(eval: &Eval<'a>, list: HelloList, plain: bool) -> Lookup<Value<'a>> {
    ask(eval, Tls::List { list, plain })
}

fn hexadecimal<'a>(eval: &Eval<'a>, value: Lookup<Value<'a>>) -> Lookup<Value<'a>> {
    let Lookup::Value(Value::Bin(bytes)) = value else { return value };
    let digits = b"0123456789ABCDEF";
    let digit = |n: u8| digits.get(usize::from(n)).copied().unwrap_or_default();
    Lookup::Value(Value::Str(
        eval.scratch.build(|out| out.extend(bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]))),
    ))
}

fn cipher_hash<'a>(eval: &mut Eval<'a>, _: &'a Args) -> Lookup<Value<'a>> {
    match list(eval, HelloList::Ciphers, false) {
        Lookup::Value(Value::Bin(bytes)) => {
            Lookup::Value(Value::Sint(xxhash_rust::xxh64::xxh64(bytes, 0).cast_signed()))
        }
        other => other,
    }
}
