//! Converters: samples made of samples (manual, 7.3.1), a file for each topic.

use crate::keyword::Converter;

/// All tables of converters.
pub const CONVERTERS: &[&[Converter]] = &[];
