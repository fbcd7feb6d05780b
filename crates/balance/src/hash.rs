//! Hash functions over keys (`hash-type`): bit-exact, or users' clients move to other servers.

/// `hash-type <method> <function>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Function {
    /// Of the sdbm library.
    #[default]
    Sdbm,
    /// Dan Bernstein's, with exclusive or.
    Djb2,
    /// Smooth whatever the input.
    Wt6,
    /// CRC-32 as in Ethernet and gzip.
    Crc32,
    /// The key itself, read as a decimal number.
    None,
}

/// A function with its modifier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hashing {
    /// The function.
    pub function: Function,
    /// `avalanche`: mix the result once more.
    pub avalanche: bool,
}

// === impl Function ===

impl Function {
    /// The function of that name, as in `hash-type`.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "sdbm" => Self::Sdbm,
            "djb2" => Self::Djb2,
            "wt6" => Self::Wt6,
            "crc32" => Self::Crc32,
            "none" => Self::None,
            _ => return None,
        })
    }
}

// === impl Hashing ===

impl Hashing {
    /// The hash of a key.
    pub fn of(self, key: &[u8]) -> u32 {
        let hash = match self.function {
            Function::Sdbm => sdbm(key),
            Function::Djb2 => djb2(key),
            Function::Wt6 => wt6(key),
            Function::Crc32 => crc32fast::hash(key),
            Function::None => decimal(key),
        };
        if self.avalanche { avalanche(hash) } else { hash }
    }
}

/// sdbm over bytes.
pub fn sdbm(key: &[u8]) -> u32 {
    key.iter().fold(0u32, |hash, &byte| {
        u32::from(byte).wrapping_add(hash << 6).wrapping_add(hash << 16).wrapping_sub(hash)
    })
}

/// djb2 over bytes.
pub fn djb2(key: &[u8]) -> u32 {
    key.iter().fold(5381u32, |hash, &byte| (hash << 5).wrapping_add(hash).wrapping_add(u32::from(byte)))
}

/// wt6 over bytes: two states that turn each other by steps taken from both.
pub fn wt6(key: &[u8]) -> u32 {
    let mut low = 0xa53c_965a_u32;
    let mut high = 0x5ca6_953a_u32;
    let (mut low_step, mut high_step) = (6, 18);
    for &byte in key {
        low = !(low ^ u32::from(byte));
        high = !(high.wrapping_add(u32::from(byte)));
        (low, high) = (high.rotate_left(low_step), low.rotate_left(high_step));
        let mixed = ((low >> 16) ^ high) & 0xffff;
        low_step = mixed & 0x1f;
        high_step = mixed >> 11;
    }
    low ^ high
}

/// Mixes all bits of a number into all bits (Bob Jenkins's four-byte integer hash,
/// then a multiplication that keeps neighbours apart).
pub fn avalanche(number: u32) -> u32 {
    let mut a = number;
    a = a.wrapping_add(0x7ed5_5d16).wrapping_add(a << 12);
    a = (a ^ 0xc761_c23c) ^ (a >> 19);
    a = a.wrapping_add(0x1656_67b1).wrapping_add(a << 5);
    a = a.wrapping_add(0xd3a2_646c) ^ (a << 9);
    a = a.wrapping_add(0xfd70_46c5).wrapping_add(a << 3);
    ((a ^ 0xb55a_4f09) ^ (a >> 16)).wrapping_mul(0xc000_0001)
}

/// Leading decimal digits as a number, wrapping.
fn decimal(key: &[u8]) -> u32 {
    key.iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0u32, |number, &byte| number.wrapping_mul(10).wrapping_add(u32::from(byte - b'0')))
}
