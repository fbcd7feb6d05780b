//! The server behind the program under a bench: answers fixed bytes on one thread and epoll, as cheaply as can be.
//!
//! Prints the address that it serves HTTP on and the address of a log target that it drains, then runs until
//! its standard input ends, so that it never outlives the bench. A port may be given, to come back where it was. `GET /1m` is answered with 1 MB, everything
//! else with a small page; requests have no body.

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};

fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    let listeners = listen(port)?;
    let log = UdpSocket::bind("127.0.0.1:0")?;
    println!(
        "{} {}",
        listeners.first().map(TcpListener::local_addr).transpose()?.ok_or(ErrorKind::NotFound)?,
        log.local_addr()?
    );
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    Server::new(listeners, log)?.run()
}

/// Sockets at eight addresses of the loopback network, all on one port; 0 for a free one.
fn listen(port: u16) -> std::io::Result<Vec<TcpListener>> {
    let first = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let port = first.local_addr()?.port();
    let others = (2..=8).map(|n| TcpListener::bind((Ipv4Addr::new(127, 0, 0, n), port)));
    std::iter::once(Ok(first)).chain(others).collect()
}

struct Server {
    epoll: OwnedFd,
    listeners: Vec<TcpListener>,
    log: UdpSocket,
    connections: Vec<Option<Connection>>,
    small: Vec<u8>,
    large: Vec<u8>,
}

struct Connection {
    stream: TcpStream,
    input: Vec<u8>,
    /// Answers still to be written: whether the large one, and from which byte on.
    answers: VecDeque<(bool, usize)>,
    wants_write: bool,
}

// === impl Server ===

impl Server {
    fn new(listeners: Vec<TcpListener>, log: UdpSocket) -> std::io::Result<Server> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        for listener in &listeners {
            listener.set_nonblocking(true)?;
            epoll::add(&epoll, listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
        }
        log.set_nonblocking(true)?;
        epoll::add(&epoll, &log, EventData::new_u64(LOG), EventFlags::IN)?;
        let answer = |size: usize| {
            let head = format!(
                "HTTP/1.1 200 OK\r\nServer: origin\r\nContent-Type: text/plain\r\nContent-Length: {size}\r\n\r\n"
            );
            [head.into_bytes(), vec![b'x'; size]].concat()
        };
        let connections = Vec::new();
        Ok(Server { epoll, listeners, log, connections, small: answer(100), large: answer(1_000_000) })
    }

    fn run(mut self) -> std::io::Result<()> {
        let mut events = Vec::with_capacity(256);
        loop {
            events.clear();
            if let Err(error) = epoll::wait(&self.epoll, spare_capacity(&mut events), None) {
                if error == rustix::io::Errno::INTR {
                    continue;
                }
                return Err(error.into());
            }
            for Event { data, .. } in events.drain(..) {
                match data.u64() {
                    LISTENER => self.accept()?,
                    LOG => while self.log.recv(&mut [0; 1]).is_ok() {},
                    index => self.serve(usize::try_from(index).unwrap_or(usize::MAX))?,
                }
            }
        }
    }

    fn accept(&mut self) -> std::io::Result<()> {
        let fresh: Vec<TcpStream> = self
            .listeners
            .iter()
            .flat_map(|l| std::iter::from_fn(|| l.accept().ok()))
            .map(|(s, _)| s)
            .collect();
        for stream in fresh {
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            let free = self.connections.iter().position(Option::is_none);
            let index = free.unwrap_or(self.connections.len());
            epoll::add(&self.epoll, &stream, EventData::new_u64(index as u64), EventFlags::IN)?;
            let connection =
                Connection { stream, input: Vec::new(), answers: VecDeque::new(), wants_write: false };
            match self.connections.get_mut(index) {
                Some(slot) => *slot = Some(connection),
                None => self.connections.push(Some(connection)),
            }
        }
        Ok(())
    }

    fn serve(&mut self, index: usize) -> std::io::Result<()> {
        let Some(slot) = self.connections.get_mut(index) else { return Ok(()) };
        let Some(connection) = slot else { return Ok(()) };
        if connection.read().is_err() || connection.write(&self.small, &self.large).is_err() {
            *slot = None;
            return Ok(());
        }
        let wants_write = !connection.answers.is_empty();
        if wants_write != connection.wants_write {
            connection.wants_write = wants_write;
            let flags = if wants_write { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
            epoll::modify(&self.epoll, connection.stream.as_fd(), EventData::new_u64(index as u64), flags)?;
        }
        Ok(())
    }
}

// === impl Connection ===

impl Connection {
    /// Reads what is there and notes an answer for each whole request.
    fn read(&mut self) -> std::io::Result<()> {
        let mut chunk = [0; 16384];
        match self.stream.read(&mut chunk) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => self.input.extend(chunk.iter().take(count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        while let Some(at) = self.input.windows(4).position(|window| window == b"\r\n\r\n") {
            self.answers.push_back((self.input.starts_with(b"GET /1m "), 0));
            self.input.drain(..at + 4);
        }
        Ok(())
    }

    /// Writes answers until none is left or the socket is full.
    fn write(&mut self, small: &[u8], large: &[u8]) -> std::io::Result<()> {
        while let Some((is_large, written)) = self.answers.front_mut() {
            let answer = if *is_large { large } else { small };
            let rest = answer.get(*written..).unwrap_or_default();
            match self.stream.write(rest) {
                Ok(count) if count < rest.len() => *written += count,
                Ok(_) => {
                    self.answers.pop_front();
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

const LISTENER: u64 = u64::MAX;
const LOG: u64 = u64::MAX - 1;
