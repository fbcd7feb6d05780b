//! The words of TLS, by where they stand: `bind` lines, `server` lines, `global`.
//!
//! Certificates are read where they are named, as the reference does; what they and the other words of a line amount to
//! is settled when all sections are read, since `global` may give defaults after them.

mod bind;
mod crt_list;
mod crt_store;
mod frontend;
mod global;
mod inert;
mod ocsp;
mod server;
mod settle;

use weir_config::{Word, values};
use weir_diag::{Diagnostic, Diagnostics, Form, Severity, Span};
use weir_tls::ocsp::Updating;
use weir_tls::openssl::errors;
use weir_tls::pair::Pair;
use weir_tls::store::{Fault, Files};
use weir_tls::verify::Ignored;
use weir_tls::version::Version;

pub(super) use bind::BIND_TLS;
pub(crate) use crt_list::late;
pub(super) use crt_list::listing as list_words;
pub(crate) use crt_store::StoreDraft;
pub(super) use crt_store::{CRT_STORE, section as crt_store};
pub(super) use frontend::PROXY_TLS;
pub(super) use global::GLOBAL_TLS;
pub(super) use inert::GLOBAL_TLS_INERT;
pub(super) use ocsp::GLOBAL_OCSP;
pub(super) use server::{SERVER_TLS, automatic_name};
pub(super) use settle::{Said, binds, policies, servers};
pub(crate) use settle::{at_bind, policy_of_line};

use super::Outside;
use crate::conf::{GlobalTls, TlsWords};

/// The files of the configuration, as certificates are read from them.
pub(crate) struct Through<'a>(pub(crate) &'a dyn Outside);

impl Files for Through<'_> {
    fn read(&self, path: &str) -> std::io::Result<Vec<u8>> {
        self.0.read(path.as_ref())
    }

    fn list(&self, path: &str) -> std::io::Result<Option<Vec<String>>> {
        self.0.list(path.as_ref())
    }
}

/// A path below a base, where it is not one from the root.
fn below(base: Option<&String>, path: &str) -> String {
    match base {
        Some(base) if !path.starts_with(['/', '@']) => format!("{base}/{path}"),
        _ => path.to_owned(),
    }
}

/// The versions of a word that has one in its name: `force-tlsv12`, `no-sslv3`.
fn version_by_name(name: &str, words: &mut TlsWords) {
    let version = match name.rsplit('-').next() {
        Some("sslv3") => Version::Ssl3,
        Some("tlsv10") => Version::Tls10,
        Some("tlsv11") => Version::Tls11,
        Some("tlsv12") => Version::Tls12,
        _ => Version::Tls13,
    };
    if name.starts_with("force-") {
        words.versions.force(version);
    } else {
        words.versions.remove(version);
    }
}

/// The version that a word names, or what the reference says.
fn version(name: &str, values: &[Word]) -> Result<Version, String> {
    let word = values.first().ok_or_else(|| format!("'{name}' : missing the ssl/tls version"))?;
    Version::of(&word.bytes).ok_or_else(|| format!("'{}' : unknown ssl/tls version", word.text()))
}

/// The protocols of a list, the best first.
fn protocols(name: &str, values: &[Word]) -> Result<Vec<Vec<u8>>, String> {
    let word = values
        .first()
        .ok_or_else(|| format!("'{name}' : missing the comma-delimited ALPN protocol suite"))?;
    let names = names(&word.bytes);
    if let Some(at) = names.iter().position(|name| name.len() > 255) {
        let rest = names.get(at..).unwrap_or_default().join(&b',');
        return Err(format!("'{name}' : ALPN protocol name too long : '{}'", String::from_utf8_lossy(&rest)));
    }
    Ok(names)
}

/// The names of a list with commas.
pub(super) fn names(list: &[u8]) -> Vec<Vec<u8>> {
    list.split(|b| *b == b',').filter(|n| !n.is_empty()).map(<[u8]>::to_vec).collect()
}

/// The numbers of a list of errors of verification.
fn ignored(name: &str, values: &[Word]) -> Result<Ignored, String> {
    let word = values.first().ok_or_else(|| format!("'{name}' : missing error IDs list"))?;
    let text = word.text();
    if text == "all" {
        return Ok(Ignored::All);
    }
    let number = |part: &str| {
        if part.starts_with(|c: char| c.is_ascii_digit()) {
            let id = values::leading_integer(part.as_bytes());
            let known = u8::try_from(id).ok().filter(|id| (1..=errors::LAST).contains(id));
            let range = format!("out of range (1..{})", errors::LAST);
            return known.ok_or_else(|| format!("'{name}' : ID '{id}' {range} in error IDs list '{text}'"));
        }
        errors::number(part)
            .ok_or_else(|| format!("'{name}' : error constant '{part}' unknown in error IDs list '{text}'"))
    };
    let parts = text.split(',').filter(|part| !part.is_empty());
    parts.map(number).collect::<Result<_, _>>().map(Ignored::These)
}

/// Judges `ktls`.
fn ktls(global: &GlobalTls, values: &[Word]) -> Result<(), String> {
    if !values.first().is_some_and(|w| w.is("on") || w.is("off") || !w.bytes.is_empty()) {
        return Err("'ktls' expects \"on\" or \"off\" as an argument.".to_owned());
    }
    match global.experimental {
        true => Ok(()),
        false => Err(
            "'ktls' directive is experimental, must be allowed via a global 'expose-experimental-directives'"
                .to_owned(),
        ),
    }
}

/// Says that a word has no effect.
fn no_effect(word: &Word, reason: &str) -> Diagnostic {
    Diagnostic::notice(word.span, format!("'{}' has no effect: {reason}.", word.text()))
}

/// The value of an `ocsp-update`.
fn updating(value: Option<&Word>) -> Result<Updating, String> {
    Ok(if on_off("ocsp-update", value)? { Updating::On } else { Updating::Off })
}

/// The value of a word that is `on` or `off`.
fn on_off(name: &str, value: Option<&Word>) -> Result<bool, String> {
    let text = value.map(Word::text).unwrap_or_default();
    match &*text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(format!("cannot parse '{name}' value '{text}', 'on' or 'off' is expected.")),
    }
}

/// What is said of a certificate that is to come from a section that nobody can write yet.
fn without_section(acme: &str, place: &str) -> String {
    format!("acme '{acme}' was used on a crt line [{place}], but no '{acme}' section exists!")
}

/// Lets a certificate that a line shows be asked about; an error where nobody knows how, or nobody can show it.
fn standing(out: &mut Diagnostics, span: Span, tls: &GlobalTls, pair: &Pair) -> Result<(), Fault> {
    if !pair.has_key() {
        return Err(Fault::Keyless(pair.path.clone()));
    }
    if let Some(why) = pair.staple.unknown {
        return Err(Fault::NoIdentity(why, pair.path.clone()));
    }
    if let Some(why) = &pair.staple.ignored {
        let said = format!("Loading: {why}. Content will be ignored.");
        out.push(Diagnostic::new(Severity::Warning, Some(span), said).form(Form::Config));
    }
    crate::ocsp::expect(tls, pair);
    Ok(())
}

/// A word that must be there.
fn text(values: &[Word], missing: &str) -> Result<String, String> {
    values.first().map(|w| w.text().into_owned()).ok_or_else(|| missing.to_owned())
}

/// What is said of a certificate that cannot be loaded; a first line of its own, where there is one.
fn load_fault(fault: &Fault, tls: &GlobalTls) -> (Option<&'static str>, String) {
    let first = match fault {
        Fault::NoKey { encrypted: true, .. } | Fault::Locked { .. } if !tls.has_passphrases => {
            Some(NO_PASSPHRASE)
        }
        _ => None,
    };
    (first, fault.to_string())
}

/// A message of several lines, as it stands behind the place of a word.
fn indented(message: &str) -> String {
    if message.contains('\n') { format!("\n  {}", message.replace('\n', "\n  ")) } else { message.to_owned() }
}

const NO_KTLS: &str = "ciphers run in this program";
const NO_NPN_LIST: &str = "'npn' : missing the comma-delimited NPN protocol suite";
const NO_PASSPHRASE: &str =
    "Trying to load a passphrase-protected private key without an 'ssl-passphrase-cmd' defined.";
