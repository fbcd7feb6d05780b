//! Bytes both ways, as they come: `mode tcp`, and HTTP after an upgrade or `CONNECT`.
//!
//! Each direction is a [`Flow`]: it reads when it has nothing to write, passes an end of stream on as a
//! half-close, and takes to `splice` when much comes at once. One deadline covers both (manual, 4.2
//! "timeout client", "timeout server", "timeout tunnel", "timeout client-fin").

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use weir_sys::splice::Pipe;

use crate::buffer::Buffer;
use crate::clock::{self, Tick};
use crate::ending::{Cause, Ending, Stage};
use crate::filter::Gate;
use crate::io::Stream;
use crate::timer::Timer;

/// What a tunnel may wait for, and how it is carried.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) client: Option<Duration>,
    pub(crate) server: Option<Duration>,
    pub(crate) tunnel: Option<Duration>,
    pub(crate) client_fin: Option<Duration>,
    pub(crate) server_fin: Option<Duration>,
    /// Traffic one way does not keep the other side alive (`option independent-streams`).
    pub(crate) independent: bool,
    pub(crate) splices: bool,
    pub(crate) pipe_size: Option<usize>,
    /// What says how much may pass up and down.
    pub(crate) gates: [Option<Rc<Gate>>; 2],
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
    /// The server has said all that it has to say.
    pub(crate) server_ended: bool,
    /// It was the first of both to do so.
    pub(crate) server_first: bool,
    pub(crate) ending: Ending,
}

/// Passes bytes until both sides are done, one fails, somebody tells them to end, or a timeout strikes. `counted` is called with what
/// went up and down whenever something did.
pub(crate) async fn run(
    client: End<'_>,
    server: End<'_>,
    timer: &Timer,
    rules: &Rules,
    mut told: impl FnMut(&mut Context<'_>) -> Option<Cause>,
    mut counted: impl FnMut(u64, u64),
) -> Passed {
    let [up_gate, down_gate] = &rules.gates;
    let mut up = Flow::new(rules.splices, rules.pipe_size, up_gate.as_ref());
    let mut down = Flow::new(rules.splices, rules.pipe_size, down_gate.as_ref());
    let mut clock = Deadlines::new(rules);
    let mut seen = (0, 0);
    let mut server_first = false;
    let ending = poll_fn(|cx| {
        let a = up.poll(cx, client.stream, client.input, server.stream);
        let b = down.poll(cx, server.stream, server.input, client.stream);
        server_first |= down.ended && !up.ended;
        let moved = (up.passed - seen.0, down.passed - seen.1);
        if moved != (0, 0) {
            seen = (up.passed, down.passed);
            counted(moved.0, moved.1);
        }
        if let Some(ending) = verdict(&a, &b) {
            return Poll::Ready(ending);
        }
        if let Some(cause) = told(cx) {
            // As the reference names it, whatever the session was doing.
            return Poll::Ready(Ending::new(cause, Stage::Connect));
        }
        clock.note(rules, moved, &up, &down);
        let (due, cause) = clock.due(&up, &down);
        timer.set(due);
        if !timer.poll_expired(cx) {
            return Poll::Pending;
        }
        Poll::Ready(Ending::new(cause, Stage::Data))
    })
    .await;
    Passed { up: up.passed, down: down.passed, server_ended: down.ended, server_first, ending }
}

/// One direction.
#[derive(Default)]
struct Flow {
    /// The source has ended.
    ended: bool,
    /// The end was passed on.
    closed: bool,
    /// The sink takes nothing, and something is there for it.
    blocked: bool,
    passed: u64,
    may_splice: bool,
    pipe_size: usize,
    pipe: Option<Pipe>,
    gate: Option<Rc<Gate>>,
}

/// The way from client to server alone, while what the server says is held back.
#[derive(Default)]
pub(crate) struct Upload(Flow);

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

/// When which side has been silent too long. A session ends when every side that anything is expected of has
/// been; who was first is to blame. Once a side has sent its end, nothing is expected of it but to take what
/// lies there for it; a side that takes nothing ends the session alone.
struct Deadlines {
    client: Tick,
    server: Tick,
    /// Ends that were passed on so far: towards the server, towards the client.
    closed: (bool, bool),
    /// `option independent-streams`
    independent: bool,
}

// === impl Upload ===

impl Upload {
    /// Passes on what the client says; failures show when the tunnel is run.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, from: &Stream, input: &mut Buffer, to: &Stream) {
        self.0.poll(cx, from, input, to);
    }

    /// How many bytes went through.
    pub(crate) fn passed(&self) -> u64 {
        self.0.passed
    }
}

// === impl Flow ===

impl Flow {
    fn new(may_splice: bool, pipe_size: Option<usize>, gate: Option<&Rc<Gate>>) -> Self {
        let pipe_size = pipe_size.unwrap_or(PIPE_SIZE);
        let may_splice = may_splice && gate.is_none();
        Self { may_splice, pipe_size, gate: gate.cloned(), ..Self::default() }
    }

    fn poll(&mut self, cx: &mut Context<'_>, from: &Stream, input: &mut Buffer, to: &Stream) -> Step {
        if self.closed {
            return Step::Closed;
        }
        loop {
            if !input.is_empty() {
                let mut data = input.data();
                if let Some(gate) = &self.gate {
                    let Poll::Ready(allowed) = gate.poll_allowed(cx, data.len()) else { return Step::Open };
                    data = data.get(..allowed).unwrap_or(data);
                }
                match to.poll_write(cx, data, false) {
                    Poll::Ready(Ok(n)) => {
                        if let Some(gate) = &self.gate {
                            gate.passed(data.get(..n).unwrap_or_default());
                        }
                        input.consume(n);
                        self.passed += n as u64;
                        continue;
                    }
                    Poll::Ready(Err(_)) => return Step::WriteFailed,
                    Poll::Pending => {
                        self.blocked = true;
                        return Step::Open;
                    }
                }
            }
            self.blocked = false;
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
                    let splices = from.spliceable().is_some() && to.spliceable().is_some();
                    self.speed_up(input, splices);
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
    fn speed_up(&mut self, input: &mut Buffer, splices: bool) {
        if !input.is_full() {
            return;
        }
        if self.may_splice && input.is_large() && splices {
            self.pipe = Pipe::open(self.pipe_size).ok();
            self.may_splice = false;
        }
        input.grow();
    }

    /// Moves bytes through the pipe. `Ready(None)`: the pipe is empty and the source has ended.
    fn poll_splice(&mut self, cx: &mut Context<'_>, from: &Stream, to: &Stream) -> Poll<Option<Step>> {
        let Some(pipe) = &mut self.pipe else { return Poll::Ready(None) };
        let (Some(from), Some(to)) = (from.spliceable(), to.spliceable()) else { return Poll::Ready(None) };
        loop {
            while pipe.held() > 0 {
                match to.poll_write_with(cx, |fd| pipe.drain(fd, false)) {
                    Poll::Ready(Ok(n)) => {
                        self.passed += n as u64;
                        to.spliced_out(n);
                    }
                    Poll::Ready(Err(_)) => return Poll::Ready(Some(Step::WriteFailed)),
                    Poll::Pending => {
                        self.blocked = true;
                        return Poll::Pending;
                    }
                }
            }
            self.blocked = false;
            if self.ended {
                self.pipe = None;
                return Poll::Ready(None);
            }
            match from.poll_read_with(cx, |fd| pipe.fill(fd, self.pipe_size)) {
                Poll::Ready(Ok(0)) => self.ended = true,
                Poll::Ready(Ok(n)) => from.spliced_in(n),
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
            closed: (false, false),
            independent: rules.independent,
        }
    }

    /// Moves the deadlines of the sides that said or took something, or were told of an end.
    fn note(&mut self, rules: &Rules, (up, down): (u64, u64), a: &Flow, b: &Flow) {
        let closed = (a.closed, b.closed);
        let told = (closed.0 && !self.closed.0, closed.1 && !self.closed.1);
        self.closed = closed;
        let held = |flow: &Flow| flow.gate.as_ref().is_some_and(|g| g.is_closed());
        let (up, down) = (up + u64::from(held(a)), down + u64::from(held(b)));
        if up == 0 && down == 0 && !told.0 && !told.1 {
            return;
        }
        let now = clock::now();
        if up > 0 || (down > 0 && !rules.independent) || told.1 {
            // A side that was told of an end has a timeout of its own (manual, 4.2 "timeout client-fin").
            let fin = rules.client_fin.filter(|_| closed.1);
            self.client = now.after(fin.or(rules.tunnel).or(rules.client));
        }
        if down > 0 || (up > 0 && !rules.independent) || told.0 {
            let fin = rules.server_fin.filter(|_| closed.0);
            self.server = now.after(fin.or(rules.tunnel).or(rules.server));
        }
    }

    /// When the session ends, and who is to blame then.
    fn due(&self, up: &Flow, down: &Flow) -> (Tick, Cause) {
        let client = (!up.ended || down.blocked).then_some(self.client);
        // While the client takes nothing, the server cannot be blamed for its silence.
        let server = ((!down.ended && !down.blocked) || up.blocked).then_some(self.server);
        let (last, cause) = match (client, server) {
            // Each side for itself: the first that was silent too long ends the session.
            (Some(c), Some(s)) if self.independent && c <= s => (c, Cause::ClientTimeout),
            (Some(_), Some(s)) if self.independent => (s, Cause::ServerTimeout),
            (Some(c), Some(s)) if c <= s => (s, Cause::ClientTimeout),
            (Some(c), Some(_)) => (c, Cause::ServerTimeout),
            (None, Some(s)) => (s, Cause::ServerTimeout),
            (Some(c), None) => (c, Cause::ClientTimeout),
            (None, None) => (Tick::NEVER, Cause::Internal),
        };
        match (down.blocked, up.blocked) {
            (true, _) => (self.client, cause),
            (_, true) => (self.server, cause),
            _ => (last, cause),
        }
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
