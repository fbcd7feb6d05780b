//! Bytes both ways, as they come: `mode tcp`, and HTTP after an upgrade or `CONNECT`.
//!
//! Each direction is a [`Flow`]: it reads when it has nothing to write, passes an end of stream on as a
//! half-close, and takes to `splice` when much comes at once. One deadline covers both (manual, 4.2
//! "timeout client", "timeout server", "timeout tunnel", "timeout client-fin").

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use weir_sys::splice::Pipe;

use crate::buffer::Buffer;
use crate::clock::{self, Tick};
use crate::ending::{Cause, Ending, Stage};
use crate::io::Stream;
use crate::timer::Timer;

/// What a tunnel may wait for, and how it is carried.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) client: Option<Duration>,
    pub(crate) server: Option<Duration>,
    pub(crate) tunnel: Option<Duration>,
    pub(crate) client_fin: Option<Duration>,
    pub(crate) server_fin: Option<Duration>,
    /// Traffic one way does not keep the other side alive (`option independent-streams`).
    pub(crate) independent: bool,
    pub(crate) splice_request: bool,
    pub(crate) splice_response: bool,
    pub(crate) pipe_size: Option<usize>,
}

/// One end of a tunnel.
pub(crate) struct End<'a> {
    pub(crate) stream: &'a Stream,
    pub(crate) input: &'a mut Buffer,
}

/// What went through a tunnel, and how it ended.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Passed {
    /// From client to server, in bytes.
    pub(crate) up: u64,
    /// From server to client, in bytes.
    pub(crate) down: u64,
    pub(crate) ending: Ending,
}

/// Passes bytes until both sides are done, one fails, or a timeout strikes. `counted` is called with what
/// went up and down whenever something did.
pub(crate) async fn run(
    client: End<'_>,
    server: End<'_>,
    timer: &Timer,
    rules: &Rules,
    mut counted: impl FnMut(u64, u64),
) -> Passed {
    let mut up = Flow::new(rules.splice_request, rules.pipe_size);
    let mut down = Flow::new(rules.splice_response, rules.pipe_size);
    let mut clock = Deadlines::new(rules);
    let mut seen = (0, 0);
    let ending = poll_fn(|cx| {
        loop {
            let a = up.poll(cx, client.stream, client.input, server.stream);
            let b = down.poll(cx, server.stream, server.input, client.stream);
            let moved = (up.passed - seen.0, down.passed - seen.1);
            if moved != (0, 0) {
                seen = (up.passed, down.passed);
                counted(moved.0, moved.1);
            }
            clock.note(rules, moved, &up, &down);
            if let Some(ending) = verdict(&a, &b) {
                return Poll::Ready(ending);
            }
            timer.set(clock.first());
            if !timer.poll_expired(cx) {
                return Poll::Pending;
            }
            return Poll::Ready(clock.expired());
        }
    })
    .await;
    Passed { up: up.passed, down: down.passed, ending }
}

/// One direction.
struct Flow {
    /// The source has ended.
    ended: bool,
    /// The end was passed on.
    closed: bool,
    passed: u64,
    may_splice: bool,
    pipe_size: usize,
    pipe: Option<Pipe>,
}

/// How a direction stands.
enum Step {
    /// More may come.
    Open,
    /// It is over, as it should be.
    Closed,
    /// Its source failed.
    ReadFailed,
    /// Its sink failed.
    WriteFailed,
}

/// When which side has been silent too long.
struct Deadlines {
    client: Tick,
    server: Tick,
}

// === impl Flow ===

impl Flow {
    fn new(may_splice: bool, pipe_size: Option<usize>) -> Self {
        let pipe_size = pipe_size.unwrap_or(PIPE_SIZE);
        Self { ended: false, closed: false, passed: 0, may_splice, pipe_size, pipe: None }
    }

    fn poll(&mut self, cx: &mut Context<'_>, from: &Stream, input: &mut Buffer, to: &Stream) -> Step {
        if self.closed {
            return Step::Closed;
        }
        loop {
            if !input.is_empty() {
                match to.poll_write(cx, input.data(), false) {
                    Poll::Ready(Ok(n)) => {
                        input.consume(n);
                        self.passed += n as u64;
                        continue;
                    }
                    Poll::Ready(Err(_)) => return Step::WriteFailed,
                    Poll::Pending => return Step::Open,
                }
            }
            if self.pipe.is_some() {
                match self.poll_splice(cx, from, to) {
                    Poll::Ready(None) => {}
                    Poll::Ready(Some(step)) => return step,
                    Poll::Pending => return Step::Open,
                }
            }
            if self.ended {
                to.shutdown_write();
                self.closed = true;
                input.release();
                return Step::Closed;
            }
            if self.pipe.is_some() {
                continue;
            }
            match from.poll_read(cx, input.space()) {
                Poll::Ready(Ok(0)) => self.ended = true,
                Poll::Ready(Ok(n)) => {
                    input.filled(n);
                    self.speed_up(input);
                }
                Poll::Ready(Err(_)) => return Step::ReadFailed,
                Poll::Pending => {
                    input.release();
                    return Step::Open;
                }
            }
        }
    }

    /// A buffer that was filled by one read: much is coming.
    fn speed_up(&mut self, input: &mut Buffer) {
        if !input.is_full() {
            return;
        }
        if self.may_splice && input.is_large() {
            self.pipe = Pipe::open(self.pipe_size).ok();
            self.may_splice = false;
        }
        input.grow();
    }

    /// Moves bytes through the pipe. `Ready(None)`: the pipe is empty and the source has ended.
    fn poll_splice(&mut self, cx: &mut Context<'_>, from: &Stream, to: &Stream) -> Poll<Option<Step>> {
        let Some(pipe) = &mut self.pipe else { return Poll::Ready(None) };
        loop {
            while pipe.held() > 0 {
                match to.poll_write_with(cx, |fd| pipe.drain(fd, false)) {
                    Poll::Ready(Ok(n)) => self.passed += n as u64,
                    Poll::Ready(Err(_)) => return Poll::Ready(Some(Step::WriteFailed)),
                    Poll::Pending => return Poll::Pending,
                }
            }
            if self.ended {
                self.pipe = None;
                return Poll::Ready(None);
            }
            match from.poll_read_with(cx, |fd| pipe.fill(fd, self.pipe_size)) {
                Poll::Ready(Ok(0)) => self.ended = true,
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(Some(Step::ReadFailed)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

// === impl Deadlines ===

impl Deadlines {
    fn new(rules: &Rules) -> Self {
        let now = clock::now();
        Self {
            client: now.after(rules.tunnel.or(rules.client)),
            server: now.after(rules.tunnel.or(rules.server)),
        }
    }

    /// Moves the deadlines of the sides that said or took something.
    fn note(&mut self, rules: &Rules, (up, down): (u64, u64), a: &Flow, b: &Flow) {
        if up == 0 && down == 0 && !a.closed && !b.closed {
            return;
        }
        let now = clock::now();
        let open = rules.tunnel;
        // Once a side was sent the other's end, its own shorter timeout applies (manual, 4.2
        // "timeout client-fin").
        let client =
            if b.closed { rules.client_fin.or(open).or(rules.client) } else { open.or(rules.client) };
        let server =
            if a.closed { rules.server_fin.or(open).or(rules.server) } else { open.or(rules.server) };
        if up + down > 0 {
            if up > 0 || !rules.independent {
                self.client = now.after(client);
            }
            if down > 0 || !rules.independent {
                self.server = now.after(server);
            }
        } else {
            self.client = self.client.min(now.after(client));
            self.server = self.server.min(now.after(server));
        }
    }

    fn first(&self) -> Tick {
        self.client.min(self.server)
    }

    fn expired(&self) -> Ending {
        let cause = if self.client <= self.server { Cause::ClientTimeout } else { Cause::ServerTimeout };
        Ending::new(cause, Stage::Data)
    }
}

/// What both directions together amount to.
fn verdict(up: &Step, down: &Step) -> Option<Ending> {
    let blame = |cause| Some(Ending::new(cause, Stage::Data));
    match (up, down) {
        (Step::ReadFailed, _) | (_, Step::WriteFailed) => blame(Cause::Client),
        (Step::WriteFailed, _) | (_, Step::ReadFailed) => blame(Cause::Server),
        (Step::Closed, Step::Closed) => Some(Ending::default()),
        _ => None,
    }
}

/// What a pipe is asked to hold where the configuration does not say.
const PIPE_SIZE: usize = 256 * 1024;

/// Whether an error means that the peer is gone, not that something is wrong here.
pub(crate) fn is_reset(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}
