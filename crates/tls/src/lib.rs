//! TLS set-up: certificates, SNI, cipher strings; what samples can see of a session.
