//! Log messages that others sent, on their way to other targets.

use weir_wire::syslog::{Format, Stamp};
use weir_wire::syslog_relay::{Message, Outgoing};

/// Whatever comes is a message, and is written within the limit in every format.
#[test]
fn wire_syslog_relay() {
    bolero::check!().with_type::<(i64, u32, Vec<u8>)>().for_each(|(second, micros, bytes)| {
        let now = Stamp::new(*second, 0);
        let message = Message::parse(bytes);
        for name in Format::names() {
            let format = Format::named(name.as_bytes()).unwrap();
            let (host, through) = (message.host, b",::1".as_slice());
            let how = Outgoing { format, priority: 13, host, through, now: &now, micros: *micros, limit: 80 };
            let mut out = Vec::new();
            how.write(&message, &mut out);
            assert!(out.len() <= 80 && out.ends_with(b"\n"));
        }
    });
}
