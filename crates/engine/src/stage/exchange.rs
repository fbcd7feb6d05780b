//! stub
use crate::transaction::{Stop, Transaction};
pub(crate) async fn run(_t: &mut Transaction) -> Result<(), Stop> {
    Err(Stop::Close)
}
