//! The client of a request: plain, or over TLS whose certificate it believes.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

use super::sink;

/// Sends a request and gives the head of the answer; nothing where none comes.
pub(crate) fn exchange(
    stream: TcpStream,
    tls: bool,
    host: &str,
    head: &[String],
    body: &[u8],
) -> Vec<String> {
    let patience = Some(Duration::from_secs(10));
    if stream.set_read_timeout(patience).is_err() {
        return Vec::new();
    }
    if !tls {
        return talk(stream, head, body);
    }
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']).to_owned();
    let Ok(name) = ServerName::try_from(name).or_else(|_| ServerName::try_from("localhost")) else {
        return Vec::new();
    };
    let trust = ClientConfig::builder().dangerous().with_custom_certificate_verifier(Arc::new(Believes));
    match ClientConnection::new(Arc::new(trust.with_no_client_auth()), name) {
        Ok(connection) => talk(StreamOwned::new(connection, stream), head, body),
        Err(_) => Vec::new(),
    }
}

fn talk(mut stream: impl Read + Write, head: &[String], body: &[u8]) -> Vec<String> {
    let mut bytes = head.iter().map(|line| format!("{line}\r\n")).collect::<String>().into_bytes();
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    if stream.write_all(&bytes).and_then(|()| stream.flush()).is_err() {
        return Vec::new();
    }
    let mut input = BufReader::new(stream);
    loop {
        let lines = sink::head(&mut input).unwrap_or_default();
        // Interim answers come before the one that counts.
        let interim = lines.first().is_some_and(|l| l.contains(" 10"));
        if !interim {
            return lines;
        }
    }
}

/// Believes every certificate: it is our own, whatever it says.
#[derive(Debug)]
struct Believes;

// === impl Believes ===

impl ServerCertVerifier for Believes {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
