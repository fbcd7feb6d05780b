//! Our codec on one end of a connection, the `h2` crate on the other: whatever schedule bodies, windows, resets and
//! trailers follow, each end gets what the other one said, and neither finds a fault.
//!
//! `WEIR_SEED` replays the schedule whose number a failure names.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that cannot go on has failed"
)]

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};
use tokio::task::LocalSet;
use weir_http::Head;
use weir_http::h2::{Config, Connection, ErrorCode, Event, Kind, Role, Settings};

#[test]
fn clients_of_another_kind_are_served() {
    let complete: usize = seeds().map(|seed| run(seed, client_of_another_kind)).sum();
    assert!(complete > 0, "no exchange was complete");
}

#[test]
fn servers_of_another_kind_are_asked() {
    let complete: usize = seeds().map(|seed| run(seed, server_of_another_kind)).sum();
    assert!(complete > 0, "no exchange was complete");
}

fn seeds() -> std::ops::Range<u64> {
    let one = std::env::var("WEIR_SEED").ok().and_then(|s| s.parse().ok());
    one.map_or(0..SCHEDULES, |seed: u64| seed..seed + 1)
}

/// Runs a schedule; how many exchanges were complete.
fn run(seed: u64, schedule: impl AsyncFnOnce(Random) -> usize) -> usize {
    println!("WEIR_SEED={seed}");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let random = Random((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    LocalSet::new().block_on(&runtime, schedule(random))
}

async fn client_of_another_kind(mut random: Random) -> usize {
    let (near, far) = duplex(random.among(&WIRES));
    let plans = plans(&mut random);
    let server = tokio::task::spawn_local(Ours::new(Role::Server, near, random.fork()).run());
    let (send, connection) = h2::client::Builder::new()
        .initial_window_size(random.among(&WINDOWS))
        .initial_connection_window_size(1 << 16)
        .max_frame_size(random.among(&[16_384, 40_000]))
        .header_table_size(random.among(&[0, 4096]))
        .handshake::<_, Bytes>(far)
        .await
        .unwrap();
    let connection = tokio::task::spawn_local(connection);
    let mut asking = Vec::new();
    for plan in plans {
        let send = send.clone().ready().await.unwrap();
        asking.push(tokio::task::spawn_local(ask(send, plan, random.fork())));
        if random.one_in(2) {
            tokio::task::yield_now().await;
        }
    }
    drop(send);
    let mut complete = 0;
    for one in asking {
        complete += usize::from(one.await.unwrap());
    }
    connection.await.unwrap().expect("our end finds no fault");
    server.await.unwrap();
    complete
}

/// One exchange as the client sees it; whether it was complete.
async fn ask(mut send: h2::client::SendRequest<Bytes>, plan: Plan, mut random: Random) -> bool {
    let uri = format!("https://a.example{}", plan.path());
    let mut request = Request::builder().method("POST").uri(uri).header("x-first", "1");
    for n in 0..plan.lines {
        request = request.header(format!("x-line-{n}"), "v".repeat(n * 40));
    }
    let (answer, body) = send.send_request(request.body(()).unwrap(), false).unwrap();
    let spoken = tokio::task::spawn_local(speak(body, plan.asks, h2::Reason::CANCEL));
    let answer = match answer.await {
        Ok(answer) => answer,
        Err(why) => return given_up(&plan, &why),
    };
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers().get("x-first").unwrap(), "1");
    let heard = hear(answer.into_body(), plan.answers, &mut random).await;
    spoken.await.unwrap();
    heard.map_or_else(|why| given_up(&plan, &why), |()| plan.asks.breaks.is_none())
}

/// An exchange ends before its time where one end was told to end it.
fn given_up(plan: &Plan, why: &h2::Error) -> bool {
    let planned = plan.answers.breaks.is_some() && why.reason() == Some(h2::Reason::INTERNAL_ERROR)
        || plan.asks.breaks.is_some() && why.reason() == Some(h2::Reason::CANCEL);
    assert!(planned, "{plan:?}: {why}");
    false
}

async fn server_of_another_kind(mut random: Random) -> usize {
    let (near, far) = duplex(random.among(&WIRES));
    let plans = plans(&mut random);
    // Who asks before it knows the limits finds some streams refused. Windows must not shrink then: the other end
    // does not give back what exceeds them.
    let eager = random.one_in(3);
    let ours = Ours::new(Role::Client, near, random.fork()).asking(plans, eager);
    let client = tokio::task::spawn_local(ours.run());
    let mut server = h2::server::Builder::new()
        .initial_window_size(if eager { 1 << 20 } else { random.among(&WINDOWS) })
        .max_concurrent_streams(random.among(&[1, 3, 100]))
        .max_frame_size(random.among(&[16_384, 40_000]))
        .handshake::<_, Bytes>(far)
        .await
        .unwrap();
    while let Some(came) = server.accept().await {
        // Our end closes without a word when it has all that it wanted.
        let Ok((request, respond)) = came else { break };
        tokio::task::spawn_local(answer(request, respond, random.fork()));
    }
    drop(server);
    client.await.unwrap()
}

/// One exchange as the server sees it.
async fn answer(
    request: Request<h2::RecvStream>,
    mut respond: h2::server::SendResponse<Bytes>,
    mut random: Random,
) {
    let plan = Plan::of(request.uri().path());
    assert_eq!(
        request.headers().keys().filter(|name| name.as_str().starts_with("x-line-")).count(),
        plan.lines
    );
    let head = Response::builder().header("x-first", "1").body(()).unwrap();
    let asked = request.into_body();
    if random.one_in(2) {
        tokio::task::spawn_local(async move {
            let heard = hear(asked, plan.asks, &mut random).await;
            assert!(heard.is_ok() || plan.asks.breaks.or(plan.answers.breaks).is_some(), "{plan:?}");
        });
    } else if hear(asked, plan.asks, &mut random).await.is_err() {
        assert!(plan.asks.breaks.is_some(), "{plan:?}");
        return;
    }
    if let Ok(body) = respond.send_response(head, false) {
        speak(body, plan.answers, h2::Reason::INTERNAL_ERROR).await;
    }
}

/// Sends a body, as the other end's windows allow.
async fn speak(mut to: h2::SendStream<Bytes>, body: Body, reason: h2::Reason) {
    let mut sent = 0;
    while sent < body.until() {
        to.reserve_capacity(body.until() - sent);
        // Where the other end gave up nothing more is to be said.
        let Some(Ok(room)) = poll_fn(|cx| to.poll_capacity(cx)).await else { return };
        let n = room.min(body.until() - sent);
        if n > 0 && to.send_data(bytes(sent, n).into(), false).is_err() {
            return;
        }
        sent += n;
    }
    // The other end may have ended the stream meanwhile.
    let _ = match (body.breaks, body.trailers) {
        (Some(_), _) => {
            to.send_reset(reason);
            Ok(())
        }
        (None, true) => {
            let line = ("x-last".parse().unwrap(), "1".parse().unwrap());
            to.send_trailers(HeaderMap::from_iter([line]))
        }
        (None, false) => to.send_data(Bytes::new(), true),
    };
}

/// Takes a body to its end.
async fn hear(mut from: h2::RecvStream, body: Body, random: &mut Random) -> Result<(), h2::Error> {
    let mut heard = 0;
    while let Some(data) = from.data().await {
        let data = data?;
        assert_eq!(data, bytes(heard, data.len()));
        heard += data.len();
        if random.one_in(3) {
            tokio::task::yield_now().await;
        }
        from.flow_control().release_capacity(data.len())?;
    }
    let trailers = from.trailers().await?;
    assert_eq!((heard, trailers.is_some()), (body.len, body.trailers), "{body:?}");
    Ok(())
}

/// Our end, and what it does.
struct Ours {
    role: Role,
    wire: DuplexStream,
    random: Random,
    connection: Connection,
    input: Vec<u8>,
    /// What is still to be asked.
    plans: Vec<Plan>,
    /// It asks before the other end said what it allows.
    eager: bool,
    exchanges: BTreeMap<u32, Exchange>,
    complete: usize,
}

/// An exchange on our end.
struct Exchange {
    plan: Plan,
    /// Octets said and heard.
    said: usize,
    heard: usize,
    /// This end, and the other, are done.
    spoken: bool,
    ended: bool,
}

// === impl Ours ===

impl Ours {
    fn new(role: Role, wire: DuplexStream, mut random: Random) -> Self {
        let settings = Settings {
            max_concurrent_streams: random.among(&[2, 100]),
            initial_window_size: random.among(&WINDOWS),
            enable_push: role == Role::Server,
            ..Settings::default()
        };
        let config = Config {
            settings,
            buffers: random.among(&[0, 4, 100]),
            buffer: 16_384,
            max_lines: 101,
            max_head: 16_384,
            max_glitches: 0,
        };
        let connection = Connection::new(role, config);
        let (input, plans, exchanges) = Default::default();
        Self { role, wire, random, connection, input, plans, eager: false, exchanges, complete: 0 }
    }

    fn asking(self, plans: Vec<Plan>, eager: bool) -> Self {
        Self { plans, eager, ..self }
    }

    /// Until the other end closes, or all that was to be asked is answered.
    async fn run(mut self) -> usize {
        loop {
            self.begin();
            let more = self.speak();
            let said = self.connection.output().is_empty();
            if said && self.role == Role::Client && self.plans.is_empty() && self.exchanges.is_empty() {
                return self.complete;
            }
            if !self.pass(more).await {
                return self.complete;
            }
            self.take_in();
        }
    }

    /// Asks for as much as may be asked for.
    fn begin(&mut self) {
        if !self.eager && self.connection.peer_settings().max_concurrent_streams == u32::MAX {
            return;
        }
        while let Some(plan) = self.plans.last().copied()
            && let Some(stream) = self.connection.open()
        {
            let mut head = Head::default();
            head.set_request(b"POST", format!("https://a.example{}", plan.path()).as_bytes(), (2, 0));
            head.append(b"host", b"a.example");
            head.append(b"x-first", b"1");
            for n in 0..plan.lines {
                head.append(format!("x-line-{n}").as_bytes(), "v".repeat(n * 40).as_bytes());
            }
            self.connection.send_head(stream, Kind::Request, &head, b"https", false);
            self.exchanges.insert(stream, Exchange::new(plan));
            self.plans.pop();
        }
    }

    /// Says a piece of each body that may go on; whether there is more to say at once.
    fn speak(&mut self) -> bool {
        let streams: Vec<u32> = self.exchanges.keys().copied().collect();
        let pieces: Vec<usize> = streams.iter().map(|_| 1 + self.random.below(20_000)).collect();
        streams.into_iter().zip(pieces).fold(false, |more, (stream, piece)| self.say(stream, piece) || more)
    }

    /// Says at most `piece` octets of a body, and its end; whether anything went.
    fn say(&mut self, stream: u32, piece: usize) -> bool {
        let Some(exchange) = self.exchanges.get_mut(&stream).filter(|e| !e.spoken) else { return false };
        let body = exchange.plan.body(self.role, true);
        let left = body.until() - exchange.said;
        let n = left.min(piece);
        let last = body.breaks.is_none() && !body.trailers && n == left;
        let taken = self.connection.send_data(stream, &bytes(exchange.said, n), last);
        exchange.said += taken;
        if taken < left {
            return taken > 0;
        }
        exchange.spoken = true;
        if body.breaks.is_some() {
            let client = self.role == Role::Client;
            self.connection.reset(stream, if client { ErrorCode::Cancel } else { ErrorCode::InternalError });
            self.forget(stream);
        } else {
            if body.trailers {
                let mut trailers = Head::default();
                trailers.append(b"x-last", b"1");
                self.connection.send_head(stream, Kind::Trailers, &trailers, b"", true);
            }
            self.settle(stream);
        }
        true
    }

    /// Writes and reads what goes, waiting for that unless there is more to say; false where the other end closed.
    async fn pass(&mut self, more: bool) -> bool {
        let mut space = vec![0; 1 + self.random.below(9000)];
        let (connection, wire) = (&mut self.connection, &mut self.wire);
        let read = poll_fn(|cx| {
            let mut moved = more;
            while !connection.output().is_empty() {
                match Pin::new(&mut *wire).poll_write(cx, connection.output()) {
                    Poll::Ready(Ok(n)) => connection.sent(n),
                    Poll::Ready(Err(_)) => return Poll::Ready(Some(0)),
                    Poll::Pending => break,
                }
                moved = true;
            }
            let mut buf = ReadBuf::new(&mut space);
            match Pin::new(&mut *wire).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) => Poll::Ready(Some(buf.filled().len())),
                Poll::Ready(Err(_)) => Poll::Ready(Some(0)),
                Poll::Pending if moved => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        })
        .await;
        tokio::task::yield_now().await;
        self.input.extend_from_slice(&space[..read.unwrap_or(0)]);
        read != Some(0)
    }

    fn take_in(&mut self) {
        let mut head = Head::default();
        let input = std::mem::take(&mut self.input);
        let mut rest = input.as_slice();
        loop {
            let step = self.connection.step(rest, &mut head);
            match step.event {
                Event::More => {
                    self.input = rest[step.consumed..].to_vec();
                    return;
                }
                Event::Head { stream, end } => self.head(stream, end, &head),
                Event::Data { stream, skip, len, end } => self.data(stream, &rest[skip..skip + len], end),
                Event::Trailers { stream } => {
                    assert!(head.has(b"x-last"));
                    self.end(stream, true);
                }
                Event::Reset { stream, code, by_peer } => self.reset(stream, code, by_peer),
                Event::Over { .. } | Event::Malformed { .. } => panic!("{:?}", step.event),
                Event::GoAway { code, .. } => assert_eq!(code, ErrorCode::NoError),
                Event::Nothing | Event::Window { .. } => {}
            }
            rest = &rest[step.consumed..];
        }
    }

    fn head(&mut self, stream: u32, end: bool, head: &Head) {
        assert!(!end && head.has(b"x-first"));
        if self.role == Role::Server {
            let plan = Plan::of(head.target().strip_prefix(b"https://a.example").unwrap());
            let lines = head.lines().iter().filter(|l| head.name(l).starts_with(b"x-line-"));
            assert_eq!(lines.count(), plan.lines);
            self.exchanges.insert(stream, Exchange::new(plan));
            let mut answer = Head::default();
            answer.set_response(200, b"", (2, 0));
            answer.append(b"x-first", b"1");
            self.connection.send_head(stream, Kind::Response, &answer, b"", false);
        }
    }

    fn data(&mut self, stream: u32, data: &[u8], end: bool) {
        if let Some(exchange) = self.exchanges.get_mut(&stream) {
            assert_eq!(data, bytes(exchange.heard, data.len()));
            exchange.heard += data.len();
        }
        self.connection.credit(stream, data.len());
        if end {
            self.end(stream, false);
        }
    }

    /// The other end has said all of its message.
    fn end(&mut self, stream: u32, trailers: bool) {
        if let Some(exchange) = self.exchanges.get_mut(&stream) {
            let body = exchange.plan.body(self.role, false);
            assert_eq!((exchange.heard, trailers), (body.len, body.trailers), "{:?}", exchange.plan);
            exchange.ended = true;
            self.settle(stream);
        }
    }

    fn reset(&mut self, stream: u32, code: ErrorCode, by_peer: bool) {
        let Some(exchange) = self.exchanges.get(&stream) else { return };
        let plan = exchange.plan;
        if code == ErrorCode::RefusedStream {
            // It was begun before the limit was known (RFC 9113, 8.7).
            self.plans.push(plan);
            return self.forget(stream);
        }
        assert!(by_peer && plan.asks.breaks.or(plan.answers.breaks).is_some(), "{plan:?}: {code:?}");
        self.forget(stream);
    }

    fn settle(&mut self, stream: u32) {
        if self.exchanges.get(&stream).is_some_and(|e| e.spoken && e.ended) {
            self.complete += 1;
            self.forget(stream);
        }
    }

    fn forget(&mut self, stream: u32) {
        self.exchanges.remove(&stream);
        self.connection.release(stream);
    }
}

// === impl Exchange ===

impl Exchange {
    fn new(plan: Plan) -> Self {
        Self { plan, said: 0, heard: 0, spoken: false, ended: false }
    }
}

/// What the two ends of an exchange say; both read it from the request's path.
#[derive(Clone, Copy, Debug)]
struct Plan {
    asks: Body,
    answers: Body,
    /// Further lines of the request, each longer than the one before.
    lines: usize,
}

#[derive(Clone, Copy, Debug)]
struct Body {
    len: usize,
    trailers: bool,
    /// The stream is reset after so many octets.
    breaks: Option<usize>,
}

fn plans(random: &mut Random) -> Vec<Plan> {
    let count = 1 + random.below(8);
    let mut plan =
        || Plan { asks: Body::any(random), answers: Body::any(random), lines: random.among(&[0, 0, 5, 20]) };
    (0..count).map(|_| plan()).collect()
}

// === impl Plan ===

impl Plan {
    fn path(&self) -> String {
        let number =
            |b: Body| format!("{}.{}.{}", b.len, u8::from(b.trailers), b.breaks.map_or(-1, |n| n as i64));
        format!("/{}/{}/{}", number(self.asks), number(self.answers), self.lines)
    }

    fn of(path: impl AsRef<[u8]>) -> Self {
        let text = String::from_utf8(path.as_ref().to_vec()).unwrap();
        let parts: Vec<i64> = text[1..].split(['/', '.']).map(|n| n.parse().unwrap()).collect();
        let body = |at: usize| Body {
            len: parts[at] as usize,
            trailers: parts[at + 1] == 1,
            breaks: usize::try_from(parts[at + 2]).ok(),
        };
        Self { asks: body(0), answers: body(3), lines: parts[6] as usize }
    }

    /// What the end with this role says, or hears.
    fn body(&self, role: Role, says: bool) -> Body {
        if (role == Role::Client) == says { self.asks } else { self.answers }
    }
}

// === impl Body ===

impl Body {
    fn any(random: &mut Random) -> Self {
        let len = random.among(&[0, 1, 5, 1000, 16_384, 16_385, 40_000]);
        let breaks = random.one_in(6).then(|| random.below(len + 1));
        Self { len, trailers: random.one_in(3), breaks }
    }

    /// How much is said.
    fn until(&self) -> usize {
        self.breaks.unwrap_or(self.len)
    }
}

/// A part of what every body is.
fn bytes(from: usize, len: usize) -> Vec<u8> {
    (from..from + len).map(|at| (at % 251) as u8).collect()
}

/// Numbers that look random and are the same every time.
struct Random(u64);

// === impl Random ===

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() >> 11) as usize % n
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn among<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    fn fork(&mut self) -> Self {
        Self(self.next() | 1)
    }
}

/// Schedules of each kind.
const SCHEDULES: u64 = 30;
/// What may lie on the way, in octets.
const WIRES: [usize; 3] = [64, 1 << 12, 1 << 16];
/// Windows of streams, from hardly any to more than enough.
const WINDOWS: [u32; 5] = [20, 200, 1000, 16_384, 1 << 20];
