//! Converters: samples made of samples (manual, 7.3.1), a file for each topic.

mod arithmetic;
mod crypto;
mod dates;
mod digests;
mod encoding;
mod fix;
mod forwarded;
mod gcm;
mod hashes;
mod json;
mod jwe;
mod jwk;
mod jwt;
mod maps;
mod mqtt;
mod net;
mod packets;
mod protobuf;
mod strings;
mod tables;
mod url;
mod variables;
mod x509;

use crate::keyword::Converter;
pub(crate) use encoding::PADDED;
pub(crate) use jwe::{CONTENTS, KEYS};

/// All tables of converters.
pub const CONVERTERS: &[&[Converter]] = &[
    arithmetic::CONVERTERS,
    crypto::CONVERTERS,
    dates::CONVERTERS,
    encoding::CONVERTERS,
    fix::CONVERTERS,
    forwarded::CONVERTERS,
    hashes::CONVERTERS,
    json::CONVERTERS,
    jwe::CONVERTERS,
    jwt::CONVERTERS,
    maps::CONVERTERS,
    mqtt::CONVERTERS,
    net::CONVERTERS,
    packets::CONVERTERS,
    protobuf::CONVERTERS,
    strings::CONVERTERS,
    tables::CONVERTERS,
    url::CONVERTERS,
    variables::CONVERTERS,
    x509::CONVERTERS,
];
