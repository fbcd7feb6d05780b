//! TLS at run time (management manual, 9.3): certificates, authorities, lists and keys. What is set waits until it is
//! committed; then it counts for who comes from then on.

mod authorities;
mod certificates;
mod jwt;
mod lists;
mod names;
mod ocsp;
mod tickets;

use std::sync::Arc;

use weir_engine::clock;
use weir_engine::conf::CliLevel;
use weir_engine::snapshot::Snapshot;
use weir_tls::certificate::{Certificate, DNS_NAME};
use weir_tls::store::Store;
use weir_tls::{names as hashes, text};

use crate::cli::{Call, CommandKeyword, Outcome, Severity};
use crate::world::World;

/// The commands of this room.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    [
        authorities::table(),
        certificates::table(),
        jwt::table(),
        lists::table(),
        names::table(),
        ocsp::table(),
        tickets::table(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Runs a command whose answer to those without `level` is another than of the rest.
fn asked(
    call: &mut Call<'_, World>,
    level: CliLevel,
    run: impl FnOnce(&mut Call<'_, World>) -> Outcome,
) -> Outcome {
    match call.settings.level >= level {
        true => run(call),
        false => call.tell(Severity::Error, "Can't allocate memory!"),
    }
}

/// The answer to who wants what waits for `path` to be forgotten, where `waiting` is what it waits for.
fn aborted(call: &mut Call<'_, World>, waiting: Option<&str>, path: &str) -> Outcome {
    match waiting {
        None => call.tell(Severity::Error, "No ongoing transaction!"),
        Some(other) if other != path => call.tell(
            Severity::Error,
            format!(
                "The ongoing transaction is about '{other}' but you are trying to abort a transaction for '{path}'"
            ),
        ),
        Some(_) => call.tell(Severity::Notice, format!("Transaction aborted for certificate '{path}'!")),
    }
}

fn snapshot(call: &Call<'_, World>) -> Arc<Snapshot> {
    call.world.engine.snapshot()
}

fn store(call: &Call<'_, World>) -> Arc<Store> {
    snapshot(call).global.tls.store.clone()
}

/// The lines about what a certificate says.
fn describe(certificate: &Certificate<'_>) -> String {
    let time = |item| text::time_in_words(item).unwrap_or_default();
    let names: Vec<String> = certificate
        .alternative_names()
        .map(|name| match name.tag {
            DNS_NAME => format!("DNS:{}", String::from_utf8_lossy(name.content)),
            _ => String::new(),
        })
        .collect();
    format!(
        "Serial: {}\nnotBefore: {}\nnotAfter: {}\nSubject Alternative Name: {}\nAlgorithm: {}\n\
         SHA1 FingerPrint: {}\nSubject: {}\nIssuer: {}\n",
        text::hex(text::serial(certificate.serial)),
        time(certificate.not_before),
        time(certificate.not_after),
        names.join(", "),
        text::key_in_words(certificate),
        text::hex(&hashes::sha1(certificate.der)),
        line(certificate.subject),
        line(certificate.issuer),
    )
}

fn line(name: &[u8]) -> String {
    let mut out = Vec::new();
    text::one_line(name, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Seconds since 1970.
fn seconds() -> i64 {
    (clock::wall() / 1_000_000).cast_signed()
}

const NOT_FOUND: &str = "Can't display the certificate: Not found or the certificate is a bundle!";
