//! Hashes that clients are spread by. Each is bit-exact: another value would move users to other servers.

/// SDBM.
pub fn sdbm(bytes: &[u8]) -> u32 {
    sdbm_on(0, bytes)
}

/// SDBM that goes on from a value.
pub fn sdbm_on(hash: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(hash, |h, c| u32::from(*c).wrapping_add(h << 6).wrapping_add(h << 16).wrapping_sub(h))
}

/// DJB2, the variant that adds.
pub fn djb2(bytes: &[u8]) -> u32 {
    bytes.iter().fold(5381, |h: u32, c| (h << 5).wrapping_add(h).wrapping_add(u32::from(*c)))
}

/// The integer hash of 32 bits to 32 bits by Bob Jenkins ("full avalanche", 6 shifts), then a multiplication that keeps neighbours apart.
pub const fn avalanche(mut a: u32) -> u32 {
    a = a.wrapping_add(a << 12).wrapping_add(0x7ed5_5d16);
    a = (a ^ 0xc761_c23c) ^ (a >> 19);
    a = a.wrapping_add(0x1656_67b1).wrapping_add(a << 5);
    a = a.wrapping_add(0xd3a2_646c) ^ (a << 9);
    a = a.wrapping_add(0xfd70_46c5).wrapping_add(a << 3);
    a = (a ^ 0xb55a_4f09) ^ (a >> 16);
    a.wrapping_mul(0xc000_0001)
}

/// WT6: two states that turn each other by steps taken from both.
pub fn wt6(bytes: &[u8]) -> u32 {
    let (mut low, mut high) = (0xa53c_965a_u32, 0x5ca6_953a_u32);
    let (mut low_step, mut high_step) = (6, 18);
    for &byte in bytes {
        low = !(low ^ u32::from(byte));
        high = !(high.wrapping_add(u32::from(byte)));
        (low, high) = (high.rotate_left(low_step), low.rotate_left(high_step));
        let mixed = ((low >> 16) ^ high) & 0xffff;
        low_step = mixed & 0x1f;
        high_step = mixed >> 11;
    }
    low ^ high
}
