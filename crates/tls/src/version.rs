//! Versions of TLS as the configuration names them.

use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};

/// A version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// SSL 3.0, for names only.
    Ssl3,
    /// TLS 1.0, for names only.
    Tls10,
    /// TLS 1.1, for names only.
    Tls11,
    /// TLS 1.2
    Tls12,
    /// TLS 1.3
    Tls13,
}

/// Which versions are spoken (manual, 5.1 "ssl-min-ver", "ssl-max-ver", "no-tlsv1x", "force-tlsv1x").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Versions {
    /// `ssl-min-ver`
    pub min: Option<Version>,
    /// `ssl-max-ver`
    pub max: Option<Version>,
    /// Those that `no-` words took away, a bit each.
    pub without: u8,
}

// === impl Version ===

impl Version {
    /// All of them, oldest first.
    pub const ALL: [Self; 5] = [Self::Ssl3, Self::Tls10, Self::Tls11, Self::Tls12, Self::Tls13];

    /// The version of a name.
    pub fn of(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|v| v.name().as_bytes() == name)
    }

    /// Its name, `TLSv1.2`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ssl3 => "SSLv3",
            Self::Tls10 => "TLSv1.0",
            Self::Tls11 => "TLSv1.1",
            Self::Tls12 => "TLSv1.2",
            Self::Tls13 => "TLSv1.3",
        }
    }
}

// === impl Versions ===

impl Versions {
    /// Only this one.
    pub fn force(&mut self, version: Version) {
        (self.min, self.max) = (Some(version), Some(version));
    }

    /// Without this one.
    pub fn remove(&mut self, version: Version) {
        self.without |= 1 << version as u8;
    }

    /// Takes over what `other` says where this says nothing.
    pub fn or(self, other: Self) -> Self {
        Self {
            min: self.min.or(other.min),
            max: self.max.or(other.max),
            without: if self.without == 0 { other.without } else { self.without },
        }
    }

    /// Whether a version is spoken.
    pub fn has(&self, version: Version) -> bool {
        let low = self.min.unwrap_or(Version::Tls12);
        version >= low && self.max.is_none_or(|max| version <= max) && self.without & 1 << version as u8 == 0
    }

    /// Whether versions older than TLS 1.2 were asked for, which nobody speaks here.
    pub fn asks_for_old(&self) -> bool {
        self.min.is_some_and(|min| min < Version::Tls12) || self.max.is_some_and(|max| max < Version::Tls12)
    }

    /// What is left of it, newest first.
    pub fn supported(&self) -> Vec<&'static SupportedProtocolVersion> {
        let mut all = Vec::new();
        if self.has(Version::Tls13) {
            all.push(&TLS13);
        }
        if self.has(Version::Tls12) {
            all.push(&TLS12);
        }
        all
    }
}
