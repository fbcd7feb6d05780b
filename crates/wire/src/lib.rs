//! Other byte formats, each its own file: PROXY protocol, TLS ClientHello, syslog.
