//! What expressions see of the sessions of TLS and their certificates (manual, 7.3.4).

use std::cell::Ref;
use std::sync::atomic::Ordering::Relaxed;

use weir_expr::scope::{HelloList, Part, Party, Secret, Shown, Tls, TlsFact};
use weir_expr::{Scratch, Side, Value};
use weir_tls::certificate::Certificate;
use weir_tls::openssl::numbers;
use weir_tls::seen::{Lists, without_grease};
use weir_tls::session::Session;
use weir_tls::{errors, names, text};
use weir_wire::client_hello::{is_grease, pairs};

use crate::transaction::Transaction;

/// The answer to a question; texts are copied to `scratch`.
pub(super) fn answer<'a>(t: &Transaction, ask: Tls<'_>, scratch: &'a Scratch) -> Option<Value<'a>> {
    match ask {
        Tls::Fact(side, what) => fact(t, side, what, scratch),
        Tls::Certificate(of, part) => {
            certificate(t, of, |session, c| value_of(session, of, part, c, scratch))
        }
        Tls::Name { of, whose, attribute, occurrence, ldap } => certificate(t, of, |session, c| {
            let name = match whose {
                Party::Subject => c.subject,
                Party::Issuer => c.issuer,
                Party::Root => root(session)?,
            };
            name_of(name, attribute, occurrence, ldap, scratch)
        }),
        Tls::List { list, plain } => {
            let session = session(t, Side::Client)?;
            let bytes = list_of(session.seen().lists.as_deref()?, list);
            let kept = scratch.build(|out| match plain {
                true => out.extend(without_grease(bytes)),
                false => out.extend_from_slice(bytes),
            });
            Some(Value::Bin(kept)).filter(|_| !bytes.is_empty())
        }
        Tls::CipherNames { plain } => {
            let session = session(t, Side::Client)?;
            let lists = session.seen().lists.as_deref()?;
            let names = scratch.build(|out| push_names(&lists.ciphers, plain, out));
            Some(Value::Str(names)).filter(|_| !lists.ciphers.is_empty())
        }
        Tls::Secret(side, secret) => {
            let session = session(t, side)?;
            // The library derives it whether there is early data or not.
            let is_early = secret == Secret::ClientEarlyTraffic;
            let bytes = session.seen().secret(secret.label()).filter(|_| !is_early || session.had_early())?;
            Some(Value::Str(scratch.build(|out| {
                out.extend(bytes.iter().flat_map(|b| format!("{b:02x}").into_bytes()));
            })))
        }
    }
}

/// The version of the session with the client, for logs.
pub(super) fn version(t: &Transaction) -> Option<&'static [u8]> {
    names::version(session(t, Side::Client)?.state()?.protocol_version()?).map(str::as_bytes)
}

/// Its cipher.
pub(super) fn cipher(t: &Transaction) -> Option<&'static [u8]> {
    names::cipher(session(t, Side::Client)?.state()?.negotiated_cipher_suite()?.suite()).map(str::as_bytes)
}

/// Whether a side speaks TLS.
pub(super) fn is_there(t: &Transaction, side: Side) -> bool {
    session(t, side).is_some()
}

fn session(t: &Transaction, side: Side) -> Option<Ref<'_, Session>> {
    match side {
        Side::Client => t.client.stream.session(),
        Side::Server => t.far.as_ref()?.stream.session(),
    }
}

fn fact<'a>(t: &Transaction, side: Side, what: TlsFact, scratch: &'a Scratch) -> Option<Value<'a>> {
    let text = |bytes: &[u8]| Some(Value::Str(scratch.bytes(bytes)));
    if side == Side::Server && t.far.is_none() && is_unreached(t) {
        let failure = t.facts.far_failure.as_deref();
        return match what {
            TlsFact::Error => Some(Value::Sint(failure.map_or(0, errors::number))),
            TlsFact::ErrorText => text(errors::text(failure?).as_bytes()),
            _ => None,
        };
    }
    let Some(session) = session(t, side) else {
        // A connection without TLS resumed no session, and named no server.
        let plain = side == Side::Client || t.far.is_some();
        let known = plain && matches!(what, TlsFact::Resumed | TlsFact::HasServerName);
        return known.then_some(Value::Bool(false));
    };
    match what {
        TlsFact::Verify => {
            return session.failure().is_none().then(|| Value::Sint(session.report().verify.into()));
        }
        TlsFact::VerifyError => return Some(Value::Sint(session.report().leaf.into())),
        TlsFact::AuthorityError => return Some(Value::Sint(session.report().above.into())),
        TlsFact::AuthorityErrorDepth => {
            return Some(Value::Sint(i64::try_from(session.report().above_depth).unwrap_or(0)));
        }
        TlsFact::Error => return Some(Value::Sint(session.failure().map_or(0, errors::number))),
        TlsFact::ErrorText => return text(errors::text(session.failure()?).as_bytes()),
        _ => {}
    }
    let (seen, state) = (session.seen(), session.state()?);
    let bytes = |bytes: &[u8]| Some(Value::Bin(scratch.bytes(bytes)));
    let suite = || state.negotiated_cipher_suite().map(|s| s.suite());
    match what {
        TlsFact::Alpn => text(session.alpn()?),
        TlsFact::Cipher => text(names::cipher(suite()?)?.as_bytes()),
        TlsFact::Version => text(names::version(state.protocol_version()?)?.as_bytes()),
        TlsFact::KeySize => names::key_bits(suite()?).map(Value::Sint),
        TlsFact::Curve => text(names::group(state.negotiated_key_exchange_group()?.name()).as_bytes()),
        TlsFact::Resumed => Some(Value::Bool(session.is_resumed())),
        TlsFact::ServerName => text(seen.server_name.as_deref()?),
        TlsFact::HasServerName => Some(Value::Bool(seen.server_name.is_some())),
        TlsFact::ClientRandom => bytes(&seen.client_random),
        TlsFact::ServerRandom => bytes(&seen.server_random),
        TlsFact::SessionId => bytes(&seen.session_id),
        TlsFact::HelloVersion => seen.lists.as_ref().map(|_| Value::Sint(seen.hello_version.into())),
        TlsFact::CertificateName => text(session.shown()?.pair.path.as_bytes()),
        TlsFact::HasCertificate => Some(Value::Bool(
            !session.is_resumed() && state.peer_certificates().is_some_and(|c| !c.is_empty()),
        )),
        TlsFact::UsedCertificate => {
            Some(Value::Bool(state.peer_certificates().is_some_and(|c| !c.is_empty())))
        }
        TlsFact::Verify
        | TlsFact::VerifyError
        | TlsFact::AuthorityError
        | TlsFact::AuthorityErrorDepth
        | TlsFact::Error
        | TlsFact::ErrorText => None,
        TlsFact::EarlyReceived => Some(Value::Bool(session.had_early())),
        TlsFact::HasEarly => Some(Value::Bool(session.has_early())),
    }
}

/// Whether a server that speaks TLS was not reached.
fn is_unreached(t: &Transaction) -> bool {
    let is_tls = t.assigned.as_ref().is_some_and(|a| a.server.shared.runtime.secured.load(Relaxed));
    is_tls && t.facts.unreached.is_some()
}

/// Looks at a certificate.
fn certificate<'a>(
    t: &Transaction,
    of: Shown,
    look: impl FnOnce(&Session, &Certificate<'_>) -> Option<Value<'a>>,
) -> Option<Value<'a>> {
    let side = if of == Shown::Server { Side::Server } else { Side::Client };
    let session = session(t, side)?;
    let der = match of {
        Shown::Front => session.shown()?.pair.chain.first()?,
        _ => session.state()?.peer_certificates()?.first()?,
    };
    look(&session, &Certificate::parse(der)?)
}

/// The name of the authority at the end of the chain that the peer showed.
fn root(session: &Session) -> Option<&[u8]> {
    if session.is_resumed() {
        return None; // Nobody looked at the chain again.
    }
    Some(Certificate::parse(session.state()?.peer_certificates()?.last()?)?.issuer)
}

fn name_of<'a>(
    name: &[u8],
    attribute: &[u8],
    occurrence: i64,
    ldap: bool,
    scratch: &'a Scratch,
) -> Option<Value<'a>> {
    if !attribute.is_empty() {
        let value = text::attribute(name, attribute, occurrence).filter(|v| !v.contains(&0))?;
        return Some(Value::Str(scratch.bytes(value)));
    }
    if text::is_malformed(name) {
        return None;
    }
    let mut out = Vec::new();
    if ldap {
        text::ldap(name, &mut out)
    } else {
        text::one_line(name, &mut out)
    }
    Some(Value::Str(scratch.bytes(&out)))
}

fn value_of<'a>(
    session: &Session,
    of: Shown,
    part: Part,
    certificate: &Certificate<'_>,
    scratch: &'a Scratch,
) -> Option<Value<'a>> {
    let text = |bytes: &[u8]| Some(Value::Str(scratch.bytes(bytes)));
    let bytes = |bytes: &[u8]| Some(Value::Bin(scratch.bytes(bytes)));
    match part {
        Part::Der => bytes(certificate.der),
        Part::Chain => {
            if of == Shown::Server && session.is_resumed() {
                return None; // A ticket keeps the first of them.
            }
            // Of a client, OpenSSL keeps its own certificate apart.
            let chain = session.state()?.peer_certificates()?.iter().skip(usize::from(of == Shown::Client));
            let all = chain.map(|c| c.as_ref()).collect::<Vec<&[u8]>>().concat();
            Some(all).filter(|all| !all.is_empty()).and_then(|all| bytes(&all))
        }
        Part::Serial => bytes(text::serial(certificate.serial)),
        Part::NotBefore => text(text::time(certificate.not_before)?),
        Part::NotAfter => text(text::time(certificate.not_after)?),
        Part::KeyAlgorithm => text(text::algorithm(certificate.public_key()?.0)?.as_bytes()),
        Part::SignatureAlgorithm => text(text::algorithm(certificate.signature_algorithm)?.as_bytes()),
        Part::Sha1 => bytes(&names::sha1(certificate.der)),
        Part::Version => Some(Value::Sint(certificate.version.into())),
        Part::AlternativeNames => {
            let mut out = Vec::new();
            text::alternative_names(certificate, &mut out);
            Some(out).filter(|out| !out.is_empty()).and_then(|out| text(&out))
        }
    }
}

/// Suites by OpenSSL's names, which has words for those that it does not know, too.
fn push_names(suites: &[u8], plain: bool, out: &mut impl Extend<u8>) {
    let numbers = pairs(suites).filter(|number| !plain || !is_grease(*number));
    for (at, number) in numbers.enumerate() {
        out.extend((at > 0).then_some(b','));
        match numbers::name(number) {
            Some(name) => out.extend(name.bytes()),
            None => out.extend(format!("UNKNOWN({number:04x})").into_bytes()),
        }
    }
}

fn list_of(lists: &Lists, which: HelloList) -> &[u8] {
    match which {
        HelloList::Ciphers => &lists.ciphers,
        HelloList::Extensions => &lists.extensions,
        HelloList::Groups => &lists.groups,
        HelloList::PointFormats => &lists.point_formats,
        HelloList::SignatureAlgorithms => &lists.signature_algorithms,
        HelloList::Versions => &lists.versions,
    }
}
