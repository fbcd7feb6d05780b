//! Memory of idle kept-alive connections.

use super::contender::{Contender, Origin};
use super::cpu;
use super::scenario::Kind;
use crate::Result;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// KiB of private memory that each of `count` idle connections adds, each after one request.
pub(crate) fn measure(contender: &Contender, origin: &Origin, count: usize, tls: bool) -> Result<f64> {
    allow_descriptors(count)?;
    let program = contender.start(if tls { Kind::IdleTls } else { Kind::Idle }, origin)?;
    let tls = if tls { Some(Arc::new(tls_client()?)) } else { None };
    // Pools and arenas are filled first, so that only the connections are counted.
    drop(open(program.address, 64, tls.as_ref())?);
    std::thread::sleep(SETTLE);
    let before = cpu::memory(&program.pids())?;
    let connections = open(program.address, count, tls.as_ref())?;
    std::thread::sleep(SETTLE);
    let after = cpu::memory(&program.pids())?;
    drop(connections);
    Ok((after - before) / count as f64)
}

/// Opens connections one after the other, each with one request and its answer.
fn open(address: SocketAddr, count: usize, tls: Option<&Arc<ClientConfig>>) -> Result<Vec<Box<dyn Client>>> {
    let connect = |_| -> std::io::Result<Box<dyn Client>> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut client: Box<dyn Client> = match tls {
            None => Box::new(stream),
            Some(config) => {
                let name = address.ip().into();
                let session = ClientConnection::new(config.clone(), name).map_err(std::io::Error::other)?;
                Box::new(StreamOwned::new(session, stream))
            }
        };
        client.write_all(b"GET / HTTP/1.1\r\nHost: bench\r\nUser-Agent: idle\r\nAccept: */*\r\n\r\n")?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"xxxxxxxxxx") {
            let mut chunk = [0; 4096];
            let size = client.read(&mut chunk)?;
            if size == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            answer.extend(chunk.iter().take(size));
        }
        Ok(client)
    };
    (0..count).map(connect).collect::<std::io::Result<_>>().map_err(|error| format!("idle client: {error}"))
}

/// A client that trusts the certificate of [`Contender::start`] alone and keeps no sessions, so that its own
/// memory stays small.
fn tls_client() -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let any = Arc::new(AnyCertificate(provider.clone()));
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?.dangerous();
    let mut config = builder.with_custom_certificate_verifier(any).with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// What an idle client is made of.
trait Client: Read + Write {}

impl<T: Read + Write> Client for T {}

/// Trusts whatever certificate comes: the peer is the program that the bench has started.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Raises the limit of open files as far as is allowed, and says if that is not far enough.
fn allow_descriptors(count: usize) -> Result {
    let limit = getrlimit(Resource::Nofile);
    let wanted = count as u64 + 200;
    let maximum = limit.maximum.unwrap_or(u64::MAX);
    if maximum < wanted {
        return Err(format!("only {maximum} open files are allowed: use --idle with less"));
    }
    let raised = Rlimit { current: Some(maximum.min(65_536).max(wanted)), maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).map_err(|error| error.to_string())
}

const SETTLE: Duration = Duration::from_millis(700);
