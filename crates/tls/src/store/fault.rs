//! Why a certificate cannot be loaded, in the words of HAProxy.

use std::fmt;
use std::io;

use weir_diag::system_words;

use crate::ocsp::Unknown;

/// Why a certificate is not there.
#[derive(Debug)]
pub enum Fault {
    /// There is no such file.
    Missing(String, io::Error),
    /// No certificate is in it.
    NoCertificate(String),
    /// No key is in it, nor in the other file that is named here.
    NoKey {
        /// The file that was looked into last.
        path: String,
        /// There is one, and it is encrypted.
        encrypted: bool,
    },
    /// A file of a key alone is encrypted.
    Locked {
        /// The file.
        path: String,
        /// It lies beside the certificate, and is not named.
        beside: bool,
    },
    /// A file that a `load` line names cannot be opened.
    NotOpened(String),
    /// Neither can one that belongs to the certificate.
    Unread(String),
    /// One beside it is no list of signed timestamps.
    BadTimestamps(String),
    /// Nor one of OCSP.
    NoOcsp(String),
    /// What it says of an authority is read from a file that is none.
    BadIssuer(String),
    /// The certificate in that file is of somebody else.
    OtherIssuer(String),
    /// Nobody knows how to ask about it.
    NoIdentity(Unknown, String),
    /// It was named before, with other words.
    Conflict(String),
    /// It was loaded without its key, which is needed now.
    Keyless(String),
    /// A file that is named for a key has none.
    NotAKey(String),
    /// The key belongs to another certificate.
    Mismatch(String),
    /// The key or the certificate is of a kind that is not supported.
    Unsupported(String),
}

// === impl Fault ===

impl Fault {
    /// The first line of what is said.
    pub(super) fn first_line(&self) -> String {
        self.to_string().lines().next().unwrap_or_default().to_owned()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(path, error) => {
                // A folder stands for files of its name with endings, and there are none.
                let not_found = io::Error::from_raw_os_error(2);
                let error = if error.kind() == io::ErrorKind::IsADirectory { &not_found } else { error };
                write!(f, "unable to stat SSL certificate from file '{path}' : {}.", system_words(error))
            }
            Self::NoCertificate(path) => {
                write!(f, "unable to load certificate from file '{path}': no start line.")
            }
            Self::NotOpened(path) => {
                write!(f, "cannot open the file '{path}'.\n '{path}' cannot be read or parsed.")
            }
            Self::Unread(path) => write!(f, " '{path}' cannot be read or parsed."),
            // The reference adds the ending once more.
            Self::BadTimestamps(path) => {
                write!(f, " '{path}.sctl' is present but cannot be read or parsed'.")
            }
            Self::NoOcsp(path) => {
                write!(f, "Error opening OCSP response file '{path}' cannot be read or parsed.")
            }
            Self::BadIssuer(path) => write!(f, "'{path}' cannot be read or parsed'."),
            Self::OtherIssuer(path) => write!(f, " '{path}' is not an issuer'."),
            Self::NoIdentity(Unknown::Stapled, path) => write!(
                f,
                " '{path}.ocsp' is present and activates OCSP but it is impossible to compute the OCSP certificate ID \
                 (maybe the issuer could not be found)'."
            ),
            Self::NoIdentity(Unknown::Updated, path) => write!(
                f,
                " '{path}' has an OCSP auto-update set to 'on' but an error occurred (maybe the OCSP URI or the issuer \
                 could not be found)'."
            ),
            Self::Keyless(path) => write!(
                f,
                "unable to load SSL private key into SSL Context '{path}': passed a null parameter."
            ),
            Self::NotAKey(path) => write!(
                f,
                "unable to load private key from file '{path}' (error:1E08010C:DECODER routines::unsupported).\n '{path}' \
                 cannot be read or parsed."
            ),
            Self::Conflict(what) => f.write_str(what),
            Self::NoKey { path, .. } => write!(f, "No Private Key found in '{path}'."),
            Self::Locked { path, beside } => {
                let code = "error:04800068:PEM routines::bad password read";
                let read = if *beside {
                    "is present but cannot be read or parsed'"
                } else {
                    "cannot be read or parsed"
                };
                write!(f, "unable to load private key from file '{path}' ({code}).\n '{path}' {read}.")
            }
            Self::Mismatch(path) => {
                write!(f, "inconsistencies between private key and certificate loaded '{path}'.")
            }
            Self::Unsupported(path) => {
                write!(f, "unable to load SSL private key into SSL Context '{path}'.")
            }
        }
    }
}
