//! Whether a chain of certificates leads to somebody who is trusted: built and judged in OpenSSL's order, so that what is
//! wrong has the number and the depth that OpenSSL gives it (RFC 5280 section 6).

use rustls::crypto::WebPkiSupportedAlgorithms;

use super::constraints::{self, Limits};
use super::{Trust, canonical};
use crate::certificate::Certificate;
use crate::time;

/// Something wrong with a certificate of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// OpenSSL's number.
    pub error: u8,
    /// Which certificate: 0 for the peer's own.
    pub depth: usize,
}

/// What a chain is examined for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The peer is a client.
    Client,
    /// The peer is a server.
    Server,
}

/// Everything that is wrong with the chain that a peer sent, in the order in which OpenSSL finds it. `now` is in
/// seconds since 1970.
pub fn examine(
    sent: &[&[u8]],
    trust: &Trust,
    algorithms: &WebPkiSupportedAlgorithms,
    purpose: Purpose,
    now: i64,
) -> Vec<Finding> {
    let mut sent = sent.iter().map(|der| Certificate::parse(der));
    let Some(Some(leaf)) = sent.next() else { return vec![Finding { error: UNSPECIFIED, depth: 0 }] };
    let others: Vec<Certificate<'_>> = sent.flatten().take(MOST_DEPTH).collect();
    let mut exam = Exam { trust, algorithms, purpose, now, chain: vec![leaf], findings: Vec::new() };
    exam.build(&others);
    exam.extensions();
    exam.revocation();
    exam.signatures();
    exam.names();
    exam.findings
}

struct Exam<'a> {
    trust: &'a Trust,
    algorithms: &'a WebPkiSupportedAlgorithms,
    purpose: Purpose,
    now: i64,
    /// From the peer's own upwards.
    chain: Vec<Certificate<'a>>,
    findings: Vec<Finding>,
}

// === impl Exam ===

impl<'a> Exam<'a> {
    fn found(&mut self, error: u8, depth: usize) {
        self.findings.push(Finding { error, depth });
    }

    /// Goes up from issuer to issuer, to those who are trusted first.
    fn build(&mut self, others: &[Certificate<'a>]) {
        let mut trusted = false;
        while let Some(top) = self.chain.last().copied() {
            if is_self_issued(&top) {
                if trusted || self.trust.has(&top) {
                    return;
                }
                let depth = self.chain.len() - 1;
                let alone = depth == 0;
                return self.found(if alone { SELF_SIGNED_LEAF } else { SELF_SIGNED_IN_CHAIN }, depth);
            }
            if self.chain.len() > MOST_DEPTH {
                return self.found(CHAIN_TOO_LONG, self.chain.len() - 1);
            }
            let issuer = canonical(top.issuer);
            let believed = self.best(self.trust.of_subject(top.issuer), &top);
            let next = believed.or_else(|| {
                let fits = |c: &&Certificate<'a>| canonical(c.subject) == issuer && !self.holds(c);
                self.best(others.iter().filter(fits).copied(), &top).filter(|_| !trusted)
            });
            trusted |= believed.is_some();
            let Some(next) = next else {
                let error = if trusted { NO_ISSUER } else { NO_ISSUER_LOCALLY };
                return self.found(error, self.chain.len() - 1);
            };
            self.chain.push(next);
        }
    }

    /// Of several certificates of an issuer the one that signed, else the first.
    fn best(
        &self,
        candidates: impl Iterator<Item = Certificate<'a>>,
        of: &Certificate<'a>,
    ) -> Option<Certificate<'a>> {
        let mut first = None;
        for candidate in candidates {
            if self.signed(&candidate, of.signed, of.signature_algorithm, of.signature) {
                return Some(candidate);
            }
            first = first.or(Some(candidate));
        }
        first
    }

    fn holds(&self, certificate: &Certificate<'_>) -> bool {
        self.chain.iter().any(|c| c.der == certificate.der)
    }

    fn extensions(&mut self) {
        let mut followers = 0;
        for depth in 0..self.chain.len() {
            let Some(certificate) = self.chain.get(depth).copied() else { return };
            let limits = Limits::of(&certificate);
            let self_issued = is_self_issued(&certificate);
            if limits.unknown_critical {
                self.found(UNHANDLED_CRITICAL, depth);
            }
            if depth > 0 && !limits.is_authority(&certificate, self_issued) {
                self.found(INVALID_CA, depth);
            }
            let (purpose, bits) = match self.purpose {
                Purpose::Client => {
                    (constraints::CLIENT_AUTH, constraints::DIGITAL_SIGNATURE | constraints::KEY_AGREEMENT)
                }
                Purpose::Server => (
                    constraints::SERVER_AUTH,
                    constraints::DIGITAL_SIGNATURE
                        | constraints::KEY_ENCIPHERMENT
                        | constraints::KEY_AGREEMENT,
                ),
            };
            let usable = depth > 0 || limits.usage.is_none_or(|usage| usage & bits != 0);
            if !usable || !limits.serves(purpose) {
                self.found(INVALID_PURPOSE, depth);
            }
            let most = limits.basic.and_then(|(_, most)| most);
            if depth > 0 && most.is_some_and(|most| followers > most) {
                self.found(PATH_TOO_LONG, depth);
            }
            if depth > 0 && !self_issued {
                followers += 1;
            }
        }
    }

    /// Where there are lists, each certificate must have one.
    fn revocation(&mut self) {
        let trust = self.trust;
        if trust.lists().next().is_none() {
            return;
        }
        for depth in 0..self.chain.len() {
            let Some(certificate) = self.chain.get(depth).copied() else { return };
            let issuer = canonical(certificate.issuer);
            let Some(list) = trust.lists().find(|l| canonical(l.issuer) == issuer) else {
                self.found(NO_CRL, depth);
                continue;
            };
            let above = self.chain.get(depth + 1).copied().unwrap_or(certificate);
            if !self.signed(&above, list.signed, list.signature_algorithm, list.signature) {
                self.found(CRL_SIGNATURE, depth);
            }
            if time::seconds(&list.this_update).is_none_or(|at| at > self.now) {
                self.found(CRL_NOT_YET_VALID, depth);
            }
            if list.next_update.is_some_and(|at| time::seconds(&at).is_none_or(|at| at < self.now)) {
                self.found(CRL_EXPIRED, depth);
            }
            if list.revoked().any(|(serial, _)| serial == certificate.serial) {
                self.found(REVOKED, depth);
            }
        }
    }

    /// From the top down: signatures, and times.
    fn signatures(&mut self) {
        let top = self.chain.len().saturating_sub(1);
        for depth in (0..self.chain.len()).rev() {
            let Some(certificate) = self.chain.get(depth).copied() else { return };
            match self.chain.get(depth + 1).copied() {
                Some(issuer) => {
                    let c = &certificate;
                    if !self.signed(&issuer, c.signed, c.signature_algorithm, c.signature) {
                        self.found(BAD_SIGNATURE, depth);
                    }
                }
                // Nobody is above it who could vouch for it.
                None if !is_self_issued(&certificate) && top == 0 => self.found(UNVERIFIED_LEAF, 0),
                None if !is_self_issued(&certificate) => continue,
                None => {}
            }
            match time::seconds(&certificate.not_before) {
                None => self.found(BAD_NOT_BEFORE, depth),
                Some(at) if at > self.now => self.found(NOT_YET_VALID, depth),
                Some(_) => {}
            }
            match time::seconds(&certificate.not_after) {
                None => self.found(BAD_NOT_AFTER, depth),
                Some(at) if at < self.now => self.found(EXPIRED, depth),
                Some(_) => {}
            }
        }
    }

    fn names(&mut self) {
        let Some(leaf) = self.chain.first().copied() else { return };
        let above = self.chain.iter().skip(1);
        if let Some(error) = above.filter_map(|c| Limits::of(c).forbids(&leaf)).next() {
            self.found(error, 0);
        }
    }

    fn signed(&self, by: &Certificate<'_>, message: &[u8], algorithm: &[u8], signature: &[u8]) -> bool {
        is_signed(self.algorithms, by, (message, algorithm, signature))
    }
}

/// Whether a signature, with the message and the algorithm, is that of a certificate's key.
pub(crate) fn is_signed(
    algorithms: &WebPkiSupportedAlgorithms,
    by: &Certificate<'_>,
    (message, algorithm, signature): (&[u8], &[u8], &[u8]),
) -> bool {
    let Some((kind, key)) = by.public_key() else { return false };
    let fits = algorithms
        .all
        .iter()
        .filter(|a| a.signature_alg_id().as_ref() == algorithm && a.public_key_alg_id().as_ref() == kind);
    fits.into_iter().any(|a| a.verify_signature(key, message, signature).is_ok())
}

fn is_self_issued(certificate: &Certificate<'_>) -> bool {
    canonical(certificate.subject) == canonical(certificate.issuer)
}

/// Longest chain.
const MOST_DEPTH: usize = 100;

const UNSPECIFIED: u8 = 1;
const NO_ISSUER: u8 = 2;
const NO_CRL: u8 = 3;
const BAD_SIGNATURE: u8 = 7;
const CRL_SIGNATURE: u8 = 8;
const NOT_YET_VALID: u8 = 9;
const EXPIRED: u8 = 10;
const CRL_NOT_YET_VALID: u8 = 11;
const CRL_EXPIRED: u8 = 12;
const BAD_NOT_BEFORE: u8 = 13;
const BAD_NOT_AFTER: u8 = 14;
const SELF_SIGNED_LEAF: u8 = 18;
const SELF_SIGNED_IN_CHAIN: u8 = 19;
const NO_ISSUER_LOCALLY: u8 = 20;
const UNVERIFIED_LEAF: u8 = 21;
const CHAIN_TOO_LONG: u8 = 22;
const REVOKED: u8 = 23;
const PATH_TOO_LONG: u8 = 25;
const INVALID_PURPOSE: u8 = 26;
const UNHANDLED_CRITICAL: u8 = 34;
const INVALID_CA: u8 = 79;
