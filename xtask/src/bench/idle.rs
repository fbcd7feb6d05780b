//! Memory of idle kept-alive connections.

use super::contender::{Contender, Origin};
use super::cpu;
use super::scenario::Kind;
use crate::Result;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// KiB of private memory that each of `count` idle connections adds, each after one request.
pub(crate) fn measure(contender: &Contender, origin: &Origin, count: usize) -> Result<f64> {
    allow_descriptors(count)?;
    let program = contender.start(Kind::Idle, origin)?;
    // Pools and arenas are filled first, so that only the connections are counted.
    drop(open(program.address, 64)?);
    std::thread::sleep(SETTLE);
    let before = cpu::memory(&program.pids())?;
    let connections = open(program.address, count)?;
    std::thread::sleep(SETTLE);
    let after = cpu::memory(&program.pids())?;
    drop(connections);
    Ok((after - before) / count as f64)
}

/// Opens connections one after the other, each with one request and its answer.
fn open(address: SocketAddr, count: usize) -> Result<Vec<TcpStream>> {
    let connect = |_| -> std::io::Result<TcpStream> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: bench\r\nUser-Agent: idle\r\nAccept: */*\r\n\r\n")?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"xxxxxxxxxx") {
            let mut chunk = [0; 4096];
            let size = stream.read(&mut chunk)?;
            if size == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            answer.extend(chunk.iter().take(size));
        }
        Ok(stream)
    };
    (0..count).map(connect).collect::<std::io::Result<_>>().map_err(|error| format!("idle client: {error}"))
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
