//! Who is believed. `rustls`' own judge knows fewer certificates than OpenSSL; this one reads what OpenSSL reads, and
//! names what is wrong by OpenSSL's numbers.

mod chain;
mod clients;
mod constraints;
mod names;
mod proofs;
mod revocation;
mod servers;
mod trust;

pub(crate) use chain::is_signed;
pub use chain::{Finding, Purpose, examine};
pub(crate) use clients::NotTrusted;
pub use clients::{ClientRules, Clients, Ignored, Report};
pub(crate) use constraints::{OCSP_SIGNING, serves};
pub use names::{canonical, host_matches};
pub use revocation::RevocationList;
pub use servers::{Demands, Mismatch, Servers};
pub(crate) use trust::SYSTEM;
pub use trust::{Trust, TrustFault};
