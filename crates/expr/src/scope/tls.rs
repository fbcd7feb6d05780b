//! What fetches ask of the sessions of TLS (manual, 7.3.4).

use super::Side;

/// A question about the sessions of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls<'a> {
    /// About the session with the client, or with the server.
    Fact(Side, TlsFact),
    /// A part of a certificate.
    Certificate(Shown, Part),
    /// A distinguished name in a certificate.
    Name {
        /// The certificate.
        of: Shown,
        /// Whose name.
        whose: Party,
        /// The attribute that is wanted, by its short name; empty for all.
        attribute: &'a [u8],
        /// Which of them: from the start, or from the end where it is negative.
        occurrence: i64,
        /// As LDAP writes names (RFC 2253).
        ldap: bool,
    },
    /// A list in the client's first words; `plain` leaves out what is there to be ignored (RFC 8701).
    List {
        /// Which.
        list: HelloList,
        /// Without GREASE.
        plain: bool,
    },
    /// The cipher suites in the client's first words by OpenSSL's names, with commas between them; `plain` as above.
    CipherNames {
        /// Without GREASE.
        plain: bool,
    },
    /// A secret of a session, as key logs name it, in hexadecimal digits.
    Secret(Side, Secret),
}

/// What is asked about a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsFact {
    /// The protocol that both sides agreed on.
    Alpn,
    /// The cipher, as OpenSSL names it.
    Cipher,
    /// `TLSv1.3`
    Version,
    /// Bits of the cipher's key.
    KeySize,
    /// The group of the key exchange.
    Curve,
    /// The session goes on from an earlier one.
    Resumed,
    /// The name that the client asked for.
    ServerName,
    /// 1 where it asked for one.
    HasServerName,
    /// The client's random bytes.
    ClientRandom,
    /// The server's random bytes.
    ServerRandom,
    /// The session's number.
    SessionId,
    /// Version in the client's first words, as a number.
    HelloVersion,
    /// The certificate that we showed, by its name in the configuration.
    CertificateName,
    /// 1 where the client showed a certificate in this connection.
    HasCertificate,
    /// 1 where the session has a certificate of the client.
    UsedCertificate,
    /// What verification found, as OpenSSL numbers it.
    Verify,
    /// What it found at the client's own certificate.
    VerifyError,
    /// What it found at an authority.
    AuthorityError,
    /// How far up that was.
    AuthorityErrorDepth,
    /// The last error of the session, as OpenSSL numbers it.
    Error,
    /// The same in words.
    ErrorText,
    /// 1 where data came before the handshake was over.
    EarlyReceived,
    /// 1 where such data is there and the handshake is not over.
    HasEarly,
}

/// Who showed a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The client (`ssl_c_`).
    Client,
    /// We, to the client (`ssl_f_`).
    Front,
    /// The server (`ssl_s_`).
    Server,
}

/// A part of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Der,
    /// All that were shown.
    Chain,
    /// Its serial number.
    Serial,
    /// From when on it is valid, `YYMMDDhhmmssZ`.
    NotBefore,
    /// Until when.
    NotAfter,
    /// The algorithm of its key.
    KeyAlgorithm,
    /// The algorithm of its signature.
    SignatureAlgorithm,
    /// SHA-1 of it.
    Sha1,
    /// Its version.
    Version,
    /// Its alternative names.
    AlternativeNames,
}

/// Whose name stands in a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// Whom it is for.
    Subject,
    /// Who signed it.
    Issuer,
    /// The authority that its chain ends with.
    Root,
}

/// A list in the client's first words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HelloList {
    /// Cipher suites.
    Ciphers,
    /// The kinds of its extensions.
    Extensions,
    /// Groups of key exchange.
    Groups,
    /// Formats of points.
    PointFormats,
    /// Algorithms of signatures.
    SignatureAlgorithms,
    /// Versions of the protocol.
    Versions,
}

/// A secret of a session of TLS 1.3, by its label in key logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secret {
    /// `CLIENT_EARLY_TRAFFIC_SECRET`
    ClientEarlyTraffic,
    /// `CLIENT_HANDSHAKE_TRAFFIC_SECRET`
    ClientHandshakeTraffic,
    /// `SERVER_HANDSHAKE_TRAFFIC_SECRET`
    ServerHandshakeTraffic,
    /// `CLIENT_TRAFFIC_SECRET_0`
    ClientTraffic,
    /// `SERVER_TRAFFIC_SECRET_0`
    ServerTraffic,
    /// `EXPORTER_SECRET`
    Exporter,
    /// `EARLY_EXPORTER_SECRET`
    EarlyExporter,
}

// === impl Secret ===

impl Secret {
    /// Its label in key logs.
    pub const fn label(self) -> &'static str {
        match self {
            Self::ClientEarlyTraffic => "CLIENT_EARLY_TRAFFIC_SECRET",
            Self::ClientHandshakeTraffic => "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
            Self::ServerHandshakeTraffic => "SERVER_HANDSHAKE_TRAFFIC_SECRET",
            Self::ClientTraffic => "CLIENT_TRAFFIC_SECRET_0",
            Self::ServerTraffic => "SERVER_TRAFFIC_SECRET_0",
            Self::Exporter => "EXPORTER_SECRET",
            Self::EarlyExporter => "EARLY_EXPORTER_SECRET",
        }
    }
}
