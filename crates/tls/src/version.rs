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
        version >= low && self.max.is_none_or(|max| version <= max) && !self.is_without(version)
    }

    /// Whether words that take versions away stand beside words that say a range, and count for nothing.
    pub fn is_ambiguous(&self) -> bool {
        self.without != 0 && self.has_range()
    }

    /// The version that the oldest one is taken to be where only the newest is named, and is older than those that are
    /// spoken otherwise.
    pub fn lowered(&self) -> Option<Version> {
        self.max.filter(|max| self.min.is_none() && *max < Version::Tls12)
    }

    /// The newest version that is not spoken although older and newer ones would be, down to TLS 1.0.
    pub fn hole(&self) -> Option<Version> {
        let mut rest = Version::ALL.into_iter().rev().filter(|version| *version > Version::Ssl3);
        rest.find(|version| !self.is_without(*version))?;
        let hole = rest.find(|version| self.is_without(*version))?;
        rest.any(|version| !self.is_without(version)).then_some(hole)
    }

    fn has_range(&self) -> bool {
        self.min.is_some() || self.max.is_some()
    }

    fn is_without(&self, version: Version) -> bool {
        !self.has_range() && self.without & 1 << version as u8 != 0
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_taken_away_only_where_no_range_is_said() {
        let without = |versions: &[Version]| {
            let mut all = Versions::default();
            versions.iter().for_each(|version| all.remove(*version));
            all
        };
        for (gone, hole) in [
            (&[][..], None),
            (&[Version::Tls10, Version::Tls11], None),
            (&[Version::Tls11], Some(Version::Tls11)),
            (&[Version::Tls11, Version::Tls12], Some(Version::Tls12)),
            (&[Version::Tls13], None),
            (&[Version::Ssl3, Version::Tls12], Some(Version::Tls12)),
        ] {
            assert_eq!(without(gone).hole(), hole, "{gone:?}");
        }
        let forced = Versions { min: Some(Version::Tls12), ..without(&[Version::Tls12]) };
        assert!(forced.is_ambiguous() && forced.has(Version::Tls12) && forced.hole().is_none());
        let old = Versions { max: Some(Version::Tls11), ..Versions::default() };
        assert_eq!(old.lowered(), Some(Version::Tls11));
    }
}
