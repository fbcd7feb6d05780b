//! stub
use crate::transaction::{Stop, Transaction};
pub(crate) fn request(_t: &mut Transaction) -> Result<(), Stop> {
    Err(Stop::Close)
}
