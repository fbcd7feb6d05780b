//! What a client says of itself before its first byte: the PROXY protocol (manual, 5.1 "accept-proxy").

use crate::transaction::{Stop, Transaction};

/// Reads the header where the `bind` line asks for one.
pub(crate) async fn accept(_t: &mut Transaction) -> Result<(), Stop> {
    Ok(())
}
