//! Log lines, whose message and tag come from outside.

use weir_wire::syslog::{Facility, Format, Header, Level, Line, Stamp};

/// Whatever the message, a line stays within its limit and ends in one line feed.
#[test]
fn wire_syslog() {
    bolero::check!().with_type::<(i64, i32, u32, Vec<u8>, Vec<u8>)>().for_each(
        |(second, offset, micros, tag, message)| {
            let stamp = Stamp::new(*second, *offset);
            for name in Format::names() {
                let header = Header {
                    format: Format::named(name.as_bytes()).unwrap(),
                    facility: Facility::named(b"local0").unwrap(),
                    hostname: None,
                    tag: tag.clone(),
                    pid: *micros,
                    limit: 80,
                };
                let mut out = Vec::new();
                let line = Line {
                    level: Level::Info,
                    stamp: &stamp,
                    micros: *micros,
                    structured: tag,
                    message,
                    tag: None,
                };
                header.write(&mut out, line);
                assert!(out.len() <= 80 && out.ends_with(b"\n"));
            }
        },
    );
}
