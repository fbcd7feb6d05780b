//! Converters: samples made of samples (manual, 7.3.1), a file for each topic.

mod arithmetic;
mod dates;
mod encoding;
mod fix;
mod forwarded;
mod hashes;
mod json;
mod later;
mod maps;
mod net;
mod packets;
mod protobuf;
mod strings;
mod tables;
mod url;
mod variables;

use crate::keyword::Converter;

/// All tables of converters.
pub const CONVERTERS: &[&[Converter]] = &[
    arithmetic::CONVERTERS,
    dates::CONVERTERS,
    encoding::CONVERTERS,
    fix::CONVERTERS,
    forwarded::CONVERTERS,
    hashes::CONVERTERS,
    json::CONVERTERS,
    later::CONVERTERS,
    maps::CONVERTERS,
    net::CONVERTERS,
    packets::CONVERTERS,
    protobuf::CONVERTERS,
    strings::CONVERTERS,
    tables::CONVERTERS,
    url::CONVERTERS,
    variables::CONVERTERS,
];
