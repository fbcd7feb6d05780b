//! Keys of stick tables: bytes from requests, and text from the runtime API.

use weir_table::{Data, KeyType, Schema, Spec, Table};

/// Whatever is read as a key is found again, and what is shown of it is one word on one line.
#[test]
fn table_keys() {
    bolero::check!().with_type::<(u8, Vec<u8>)>().for_each(|(length, bytes)| {
        let length = usize::from(*length) + 1;
        let text = String::from_utf8_lossy(bytes);
        for kind in
            [KeyType::Ipv4, KeyType::Ipv6, KeyType::Integer, KeyType::String(length), KeyType::Binary(length)]
        {
            let mut room = Vec::new();
            let of_bytes = kind.form(bytes, &mut room).map(<[u8]>::to_vec);
            for key in of_bytes.into_iter().chain(kind.parse(&text)) {
                let table = table(kind);
                table.update(&key, 0, |row| row.add(Data::Gpc0, 0, 1)).unwrap();
                assert_eq!(table.with(&key, 0, |row| row.value(Data::Gpc0, 0)), Some(Some(1)));
                let shown = kind.show(&key);
                assert!(shown.bytes().all(|b| (0x20..0x7f).contains(&b)), "{shown:?}");
                if !matches!(kind, KeyType::String(_)) {
                    assert_eq!(kind.parse(&shown).as_ref(), Some(&key), "{shown}");
                }
            }
        }
    });
}

fn table(key_type: KeyType) -> Table {
    let mut schema = Schema::default();
    assert!(schema.store(Data::Gpc0, 1, 0).is_ok());
    let spec = Spec {
        name: String::new(),
        key_type,
        size: 10,
        expire: None,
        nopurge: false,
        recv_only: false,
        write_to: None,
        byte_rate_factor: 1,
        schema,
        server_by_address: false,
        logged: false,
    };
    Table::new(spec, 7)
}
