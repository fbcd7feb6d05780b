//! Fetches: where samples come from (manual, 7.3.2 to 7.3.7), a file for each topic.

mod constants;

use crate::keyword::Fetch;

/// All tables of fetches.
pub const FETCHES: &[&[Fetch]] = &[constants::FETCHES];
