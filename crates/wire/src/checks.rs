//! What health checks of application protocols send first (`option smtpchk`, `ldap-check`, `mysql-check`,
//! `pgsql-check`, `redis-check`, `spop-check`, `ssl-hello-chk`), byte for byte as HAProxy does, and what the
//! answers of those protocols say that no pattern can judge.

mod answers;

pub use answers::{Answer, ldap_bind, mysql_greeting, mysql_login_answer, spop_hello, ssl_hello_answer};

/// The bind request of LDAP version 3 without name and password.
pub const LDAP_BIND: &[u8] = b"0\x0c\x02\x01\x01`\x07\x02\x01\x03\x04\0\x80\0";

/// Redis' own question for life, to be answered by `+PONG`.
pub const REDIS_PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

/// The HELLO of SPOP, of a client that only wants to know whether somebody is there.
pub const SPOP_HELLO: &[u8] = b"\0\0\0\x4e\x01\0\0\0\x01\0\0\x12supported-versions\x08\x032.0\
    \x0emax-frame-size\x03\xfc\xf0\x06\x0ccapabilities\x08\0\x0bhealthcheck\x11";

/// What ends a conversation over SMTP.
pub const SMTP_QUIT: &[u8] = b"QUIT\r\n";

/// Which login a MySQL server understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MysqlLogin {
    /// Version 4.1 and later, the default.
    Post41,
    /// Older servers (`pre-41`).
    Pre41,
    /// Version 8.0 and later, with the name of the way to prove who one is (`post-80`).
    Post80,
}

/// Adds the greeting of SMTP; the defaults of the manual are `HELO` and `localhost`.
pub fn smtp_hello(out: &mut Vec<u8>, command: &[u8], domain: &[u8]) {
    for part in [command, b" ", domain, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

/// Adds a login as `user` without password, and the command to quit.
pub fn mysql_login(out: &mut Vec<u8>, user: &[u8], login: MysqlLogin) {
    let fixed: &[u8] = match login {
        // Capabilities, largest packet, character set, 23 bytes of filling.
        MysqlLogin::Post41 => b"\0\x82\0\0\0\x80\0\x01!\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        MysqlLogin::Pre41 => b"\0\x80\0\0\x01",
        MysqlLogin::Post80 => b"\0\x82\x08\0\0\x80\0\x01!\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    };
    let plugin: &[u8] = if login == MysqlLogin::Post80 { b"mysql_native_password\0" } else { b"" };
    let size = u32::try_from(fixed.len() + user.len() + 2 + plugin.len()).unwrap_or(u32::MAX);
    out.extend(size.to_le_bytes().into_iter().take(3));
    for part in [b"\x01", fixed, user, b"\0\0", plugin, b"\x01\0\0\0\x01"] {
        out.extend_from_slice(part);
    }
}

/// Adds the start of a PostgreSQL session, version 3.0, as `user`.
pub fn pgsql_startup(out: &mut Vec<u8>, user: &[u8]) {
    let size = u32::try_from(4 + 4 + 5 + user.len() + 2).unwrap_or(u32::MAX);
    for part in [&size.to_be_bytes(), b"\0\x03\0\0".as_slice(), b"user\0", user, b"\0\0"] {
        out.extend_from_slice(part);
    }
}

/// Adds the ClientHello of SSL version 3; `now` is in seconds since 1970.
pub fn ssl_hello(out: &mut Vec<u8>, now: u32) {
    out.extend_from_slice(b"\x16\x03\0\0\x79\x01\0\0\x75\x03\0");
    out.extend_from_slice(&now.to_be_bytes());
    out.extend_from_slice(b"HAPROXYSSLCHK\nHAPROXYSSLCHK\n\0\0\x4e");
    for suite in (0x01_u8..=0x1b).chain(0x2f..=0x3a) {
        out.extend_from_slice(&[0, suite]);
    }
    out.extend_from_slice(b"\x01\0");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_equal_the_references() {
        let built = |build: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            build(&mut out);
            out
        };
        let cases: [(Vec<u8>, &[u8]); 4] = [
            (built(&|out| smtp_hello(out, b"HELO", b"localhost")), b"HELO localhost\r\n"),
            (
                built(&|out| mysql_login(out, b"bob", MysqlLogin::Post41)),
                b"%\0\0\x01\0\x82\0\0\0\x80\0\x01!\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0bob\0\0\x01\0\0\0\x01",
            ),
            (
                built(&|out| mysql_login(out, b"bob", MysqlLogin::Pre41)),
                b"\n\0\0\x01\0\x80\0\0\x01bob\0\0\x01\0\0\0\x01",
            ),
            (built(&|out| pgsql_startup(out, b"bob")), b"\0\0\0\x12\0\x03\0\0user\0bob\0\0"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(bytes.escape_ascii().to_string(), expected.escape_ascii().to_string());
        }
    }

    #[test]
    fn the_ssl_hello_holds_together() {
        let mut out = Vec::new();
        ssl_hello(&mut out, 1_795_229_195);
        assert_eq!((out.len(), out.get(11..15)), (5 + 0x79, Some(b"k\x01\x06\x0b".as_slice())));
        let mut joined = Vec::new();
        assert!(matches!(crate::client_hello::parse(&out, &mut joined), crate::Parsed::Complete { .. }));
    }
}
