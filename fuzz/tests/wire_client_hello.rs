//! The TLS ClientHello.

use weir_wire::first_bytes::{self, Peek};
use weir_wire::{Parsed, client_hello};

/// Once as it comes, once behind headers that make most inputs reach the message, whole and in small records.
#[test]
fn wire_client_hello() {
    bolero::check!().for_each(|bytes: &[u8]| {
        look(bytes);
        let size = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        let message = [&[1], &size[1..], bytes].concat();
        for most in [16_384, 7] {
            let records: Vec<u8> = message
                .chunks(most)
                .flat_map(|part| {
                    let size = u16::try_from(part.len()).unwrap().to_be_bytes();
                    [&[22, 3, 1], &size[..], part].concat()
                })
                .collect();
            look(&records);
        }
    });
}

fn look(bytes: &[u8]) {
    let _ = (first_bytes::hello_type(bytes), first_bytes::version(bytes));
    if let Peek::Found(hello) = first_bytes::hello(bytes) {
        let _ = (hello.server_name(), hello.protocols(), hello.groups(), hello.signature_algorithms());
        assert!(hello.key_share_groups().count() <= bytes.len());
    }
    let mut joined = Vec::new();
    let Parsed::Complete { value: hello, consumed } = client_hello::parse(bytes, &mut joined) else { return };
    assert!(consumed <= bytes.len());
    let name = hello.server_name().map_or(0, <[u8]>::len);
    let protocols: usize = hello.alpn().map(<[u8]>::len).sum();
    assert!(name + protocols <= consumed);
    hello.highest_version();
    hello.supported_groups();
    hello.ec_point_formats();
    hello.signature_algorithms();
    assert!(hello.key_share_groups().count() <= consumed);
}
