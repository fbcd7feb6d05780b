//! Hashes and checksums, with or without a last mixing ("avalanche").

use crate::args::{ArgType, Args};
use crate::hash;
use crate::keyword::{Converter, converter};
use crate::{Type, Value};

const OPTION: (u8, &[ArgType]) = (0, &[ArgType::Int]);

macro_rules! hash32 {
    ($name:literal, $f:expr, $help:literal) => {
        converter($name, OPTION, Type::Bin, Type::Sint, |_, a, v| mixed(a, $f(v.bytes()?)), $help)
    };
}

/// The table.
pub(super) const CONVERTERS: &[Converter] = &[
    hash32!("sdbm", hash::sdbm, "SDBM."),
    hash32!("djb2", hash::djb2, "DJB2."),
    hash32!("wt6", hash::wt6, "WT6."),
    hash32!("crc32", crc32fast::hash, "CRC-32."),
    hash32!("crc32c", crc32c::crc32c, "CRC-32C."),
    converter(
        "xxh32",
        OPTION,
        Type::Bin,
        Type::Sint,
        |_, a, v| {
            let seed = seed(a) as u32;
            Some(Value::Sint(i64::from(xxhash_rust::xxh32::xxh32(v.bytes()?, seed))))
        },
        "XXH32 with a seed.",
    ),
    converter(
        "xxh64",
        OPTION,
        Type::Bin,
        Type::Sint,
        |_, a, v| Some(Value::Sint(xxhash_rust::xxh64::xxh64(v.bytes()?, seed(a)).cast_signed())),
        "XXH64 with a seed.",
    ),
    converter(
        "xxh3",
        OPTION,
        Type::Bin,
        Type::Sint,
        |_, a, v| Some(Value::Sint(xxhash_rust::xxh3::xxh3_64_with_seed(v.bytes()?, seed(a)).cast_signed())),
        "XXH3 with a seed.",
    ),
];

fn mixed<'a>(args: &Args, hash: u32) -> Option<Value<'a>> {
    let hash = if args.int(0).unwrap_or(0) == 0 { hash } else { hash::avalanche(hash) };
    Some(Value::Sint(i64::from(hash)))
}

fn seed(args: &Args) -> u64 {
    args.int(0).unwrap_or(0).cast_unsigned()
}
