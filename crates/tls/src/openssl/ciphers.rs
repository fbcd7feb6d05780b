//! Cipher strings (`ciphers`, manual 5.1; openssl-ciphers(1)) and lists of TLS 1.3 suites (`ciphersuites`).

use rustls::CipherSuite;

use super::suites::SUITES;
use super::{Invalid, Reduced};

/// A suite as OpenSSL describes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Suite {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    pub(super) exchange: &'static str,
    pub(super) authentication: &'static str,
    pub(super) encryption: &'static str,
    pub(super) bits: u16,
    pub(super) mac: &'static str,
}

/// The suites of TLS 1.2 that a cipher string stands for, in its order.
pub fn ciphers(text: &str) -> Result<Reduced<CipherSuite>, Invalid> {
    let mut list = List { active: Vec::new(), dead: Vec::new() };
    for element in text.split([':', ',', ' ', ';']).filter(|e| !e.is_empty()) {
        let (element, command) = match element.split_once('@') {
            Some((element, command)) => (element, Some(command)),
            None => (element, None),
        };
        list.apply(element);
        if let Some(command) = command {
            list.command(command)?;
        }
    }
    if list.active.is_empty() {
        return Err(Invalid);
    }
    let mut reduced = Reduced { kept: Vec::new(), dropped: Vec::new() };
    for suite in list.active {
        match AVAILABLE.iter().find(|(name, _)| *name == suite.name) {
            Some((_, here)) => reduced.kept.push(*here),
            None => reduced.dropped.push(suite.name.to_owned()),
        }
    }
    Ok(reduced)
}

/// The suites of TLS 1.3 in a list; names that nobody knows are passed over.
pub fn ciphersuites(text: &str) -> Result<Reduced<CipherSuite>, Invalid> {
    let mut reduced = Reduced { kept: Vec::new(), dropped: Vec::new() };
    for name in text.split(':').filter(|n| !n.is_empty()) {
        if let Some((_, here)) = AVAILABLE_13.iter().find(|(known, _)| *known == name) {
            reduced.kept.push(*here);
        } else if MISSING_13.contains(&name) {
            reduced.dropped.push(name.to_owned());
        }
    }
    if reduced.kept.is_empty() && reduced.dropped.is_empty() { Err(Invalid) } else { Ok(reduced) }
}

/// OpenSSL's name of a suite.
pub fn name(suite: CipherSuite) -> Option<&'static str> {
    AVAILABLE.iter().chain(AVAILABLE_13).find(|(_, here)| *here == suite).map(|(name, _)| *name)
}

/// The list that a string makes, step by step.
struct List {
    active: Vec<&'static Suite>,
    /// Never to come back (`!`).
    dead: Vec<&'static str>,
}

// === impl List ===

impl List {
    fn apply(&mut self, element: &str) {
        let (sign, words) = match element.split_at_checked(1) {
            Some((sign @ ("!" | "-" | "+"), rest)) => (sign, rest),
            _ => ("", element),
        };
        let is = |suite: &Suite| !words.is_empty() && words.split('+').all(|word| suite.is(word));
        match sign {
            "!" => {
                self.dead.extend(SUITES.iter().filter(|s| is(s)).map(|s| s.name));
                self.active.retain(|s| !is(s));
            }
            "-" => self.active.retain(|s| !is(s)),
            "+" => {
                let (moved, stays): (Vec<_>, Vec<_>) = self.active.iter().partition(|s| is(s));
                self.active = stays.into_iter().chain(moved).copied().collect();
            }
            _ => {
                for suite in SUITES.iter().filter(|s| is(s)) {
                    let known = |name: &&str| *name == suite.name;
                    if !self.dead.iter().any(known) && !self.active.iter().any(|s| s.name == suite.name) {
                        self.active.push(suite);
                    }
                }
            }
        }
    }

    fn command(&mut self, command: &str) -> Result<(), Invalid> {
        match command.strip_prefix("SECLEVEL=") {
            // What a level forbids is not there at all.
            Some(level) => level.parse().ok().filter(|n: &u8| *n <= 5).map(|_| ()).ok_or(Invalid),
            None if command == "STRENGTH" => {
                self.active.sort_by_key(|s| std::cmp::Reverse(s.bits));
                Ok(())
            }
            None => Err(Invalid),
        }
    }
}

// === impl Suite ===

impl Suite {
    /// Whether a word of a cipher string means it.
    fn is(&self, word: &str) -> bool {
        let anonymous = self.authentication == "None";
        let plain = self.encryption == "None";
        match word {
            "ALL" => !plain,
            "COMPLEMENTOFALL" | "eNULL" | "NULL" => plain,
            "DEFAULT" => !plain && !anonymous,
            "COMPLEMENTOFDEFAULT" => anonymous && !plain,
            "HIGH" => self.bits >= 128 && !self.is_medium(),
            "MEDIUM" => self.is_medium(),
            "aNULL" => anonymous,
            "aRSA" => self.authentication == "RSA",
            "aDSS" | "DSS" => self.authentication == "DSS",
            "aECDSA" | "ECDSA" => self.authentication == "ECDSA",
            "aPSK" => self.authentication == "PSK",
            "aSRP" => self.authentication == "SRP",
            _ => self.is_exchange(word) || self.is_encryption(word) || self.is_other(word),
        }
    }

    fn is_exchange(&self, word: &str) -> bool {
        let named = self.authentication != "None";
        match word {
            "kRSA" => self.exchange == "RSA",
            "RSA" => self.exchange == "RSA" && self.authentication == "RSA",
            "kDHE" | "kEDH" | "DH" => self.exchange == "DH",
            "DHE" | "EDH" => self.exchange == "DH" && named,
            "ADH" => self.exchange == "DH" && !named,
            "kECDHE" | "kEECDH" | "ECDH" => self.exchange == "ECDH",
            "ECDHE" | "EECDH" => self.exchange == "ECDH" && named,
            "AECDH" => self.exchange == "ECDH" && !named,
            "kPSK" => self.exchange == "PSK",
            "kRSAPSK" => self.exchange == "RSAPSK",
            "kECDHEPSK" => self.exchange == "ECDHEPSK",
            "kDHEPSK" => self.exchange == "DHEPSK",
            "PSK" => self.exchange.ends_with("PSK"),
            "kSRP" | "SRP" => self.exchange == "SRP",
            _ => false,
        }
    }

    fn is_encryption(&self, word: &str) -> bool {
        let family = |name: &str| self.encryption.starts_with(name);
        match word {
            "AES" => family("AES"),
            "AES128" => family("AES") && self.bits == 128,
            "AES256" => family("AES") && self.bits == 256,
            "AESGCM" => self.encryption == "AESGCM",
            "AESCCM" => family("AESCCM"),
            "AESCCM8" => self.encryption == "AESCCM8",
            "ARIA" | "ARIAGCM" => family("ARIA"),
            "ARIA128" => family("ARIA") && self.bits == 128,
            "ARIA256" => family("ARIA") && self.bits == 256,
            "CAMELLIA" => family("Camellia"),
            "CAMELLIA128" => family("Camellia") && self.bits == 128,
            "CAMELLIA256" => family("Camellia") && self.bits == 256,
            "CHACHA20" => family("CHACHA20"),
            "3DES" => self.encryption == "3DES",
            "SEED" | "IDEA" | "RC4" | "RC2" => self.encryption == word,
            _ => false,
        }
    }

    fn is_other(&self, word: &str) -> bool {
        match word {
            "SHA" | "SHA1" => self.mac == "SHA1",
            "MD5" | "SHA256" | "SHA384" => self.mac == word,
            "TLSv1.2" | "SSLv3" => self.version == word,
            "TLSv1" | "TLSv1.0" => self.version == "TLSv1",
            "SUITEB128" | "SUITEB128C2" => {
                ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"].contains(&self.name)
            }
            "SUITEB128ONLY" => self.name == "ECDHE-ECDSA-AES128-GCM-SHA256",
            "SUITEB192" => self.name == "ECDHE-ECDSA-AES256-GCM-SHA384",
            "FIPS" => self.encryption.starts_with("AES") && self.encryption != "AESCCM8",
            _ => self.name == word,
        }
    }

    fn is_medium(&self) -> bool {
        ["RC4", "SEED", "IDEA", "3DES"].contains(&self.encryption)
    }
}

/// Those of TLS 1.2 that there are here.
const AVAILABLE: &[(&str, CipherSuite)] = &[
    ("ECDHE-ECDSA-AES256-GCM-SHA384", CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
    ("ECDHE-ECDSA-AES128-GCM-SHA256", CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    ("ECDHE-ECDSA-CHACHA20-POLY1305", CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
    ("ECDHE-RSA-AES256-GCM-SHA384", CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    ("ECDHE-RSA-AES128-GCM-SHA256", CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
    ("ECDHE-RSA-CHACHA20-POLY1305", CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
];
/// Those of TLS 1.3.
const AVAILABLE_13: &[(&str, CipherSuite)] = &[
    ("TLS_AES_256_GCM_SHA384", CipherSuite::TLS13_AES_256_GCM_SHA384),
    ("TLS_CHACHA20_POLY1305_SHA256", CipherSuite::TLS13_CHACHA20_POLY1305_SHA256),
    ("TLS_AES_128_GCM_SHA256", CipherSuite::TLS13_AES_128_GCM_SHA256),
];
/// Those of TLS 1.3 that OpenSSL has beyond them.
const MISSING_13: &[&str] = &["TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"];

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(text: &str) -> Vec<&'static str> {
        ciphers(text).unwrap().kept.into_iter().filter_map(name).collect()
    }

    #[test]
    fn strings_of_the_guides_are_reduced_to_what_there_is() {
        let intermediate = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:\
                            ECDHE-ECDSA-AES256-GCM-SHA384:DHE-RSA-AES128-GCM-SHA256";
        let reduced = ciphers(intermediate).unwrap();
        assert_eq!(reduced.kept.len(), 3);
        assert_eq!(reduced.dropped, ["DHE-RSA-AES128-GCM-SHA256"]);
        assert_eq!(kept("EECDH+AESGCM:EDH+AESGCM:AES256+EECDH").len(), 4);
        assert_eq!(kept("HIGH:!aNULL:!MD5").len(), 6);
        assert_eq!(kept("ECDHE+AES128:ECDSA+CHACHA20:-ECDSA+AES")[0], "ECDHE-RSA-AES128-GCM-SHA256");
    }

    #[test]
    fn order_and_operators_are_obeyed() {
        assert_eq!(kept("ECDHE+AESGCM:+AES256").last(), Some(&"ECDHE-RSA-AES256-GCM-SHA384"));
        assert_eq!(kept("!CHACHA20:ALL").len(), 4);
        assert_eq!(kept("ALL:-CHACHA20:CHACHA20").last(), Some(&"ECDHE-RSA-CHACHA20-POLY1305"));
        assert_eq!(kept("ECDHE+AES128:ECDHE+AES256:@STRENGTH")[0], "ECDHE-ECDSA-AES256-GCM-SHA384");
    }

    #[test]
    fn what_openssl_refuses_is_refused() {
        for text in ["FOO", "@STRENGTH", "DEFAULT:@SECLEVEL=9", "!ALL", "RC4", "TLS_AES_128_GCM_SHA256", ""] {
            assert_eq!(ciphers(text), Err(Invalid), "{text}");
        }
        assert!(ciphers("FOO:AES256-SHA").unwrap().kept.is_empty());
        assert_eq!(ciphersuites("FOO"), Err(Invalid));
        assert_eq!(ciphersuites("FOO:TLS_AES_128_GCM_SHA256").unwrap().kept.len(), 1);
    }
}
