//! Headers in front of a connection: PROXY protocol and NetScaler's client IP.

use weir_wire::{Parsed, netscaler_cip, proxy, proxy_v2};

/// A complete header is no longer than the bytes, does not change when more arrive, and its prefixes ask for more.
#[test]
fn wire_proxy() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let Parsed::Complete { value, consumed } = proxy::parse(bytes) else { return };
        assert!(consumed <= bytes.len());
        let alone = bytes.get(..consumed).unwrap();
        assert_eq!(proxy::parse(alone), Parsed::Complete { value, consumed });
        assert_eq!(proxy::parse(&alone[..consumed - 1]), Parsed::Partial);
        value.tlvs.ssl();
    });
}

/// Any values whatever, put behind a signature, are read within their header.
#[test]
fn wire_proxy_v2_values() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let custom: Vec<(u8, &[u8])> = bytes.chunks(9).map(|part| (0xe0 | part[0] & 0x0f, part)).collect();
        let facts = proxy_v2::Facts { custom: &custom, crc32c: true, ..Default::default() };
        let mut header = Vec::new();
        if proxy_v2::write(&mut header, &facts).is_err() {
            return;
        }
        let Parsed::Complete { value, consumed } = proxy::parse(&header) else { panic!("refused") };
        assert_eq!(consumed, header.len());
        assert!(value.tlvs.iter().take(custom.len()).eq(custom));
    });
}

#[test]
fn wire_netscaler_cip() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let magic = bytes.first_chunk().map_or(0, |start| u32::from_be_bytes(*start));
        if let Parsed::Complete { consumed, .. } = netscaler_cip::parse(bytes, magic) {
            assert!(consumed <= bytes.len());
        }
    });
}
