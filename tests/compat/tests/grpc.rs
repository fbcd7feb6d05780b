//! gRPC through the program: calls of all four kinds between a client and a server that the crate `h2` makes, each end
//! waiting for the other where nothing may be kept back, trailers in both directions, and what expressions see of
//! messages while they pass.

use std::rc::Rc;
use std::time::Duration;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use h2::client::SendRequest;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream, client, server};
use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{LocalSet, spawn_local};

use weir_compat::{Proxy, Subject, compat};
use weir_testkit::Running;

/// `{1: "abc", 2: 150}` in protobuf.
const RECORD: &[u8] = b"\x0a\x03abc\x10\x96\x01";
const METHODS: &str = "
http-request wait-for-body time 5s at-least 13 if { path /s.S/Unary }
http-request set-var(txn.name) req.body,ungrpc(1) if { path /s.S/Unary }
http-request set-var(txn.number) req.body,ungrpc(2,int32) if { path /s.S/Unary }
http-response wait-for-body time 5s at-least 13 if { var(txn.name) -m found }
http-response set-header x-read %[var(txn.name)],%[var(txn.number)],%[res.body,ungrpc(2,int32)]
http-response set-header x-status %[res.hdr(grpc-status)]
";

#[test]
fn calls_of_every_kind_pass() {
    compat(|t| {
        called(t, METHODS, async |mut stub: Stub| {
            let mut call = stub.call("Unary").await;
            call.say(RECORD);
            call.end(&[("x-sum", "7")]);
            assert_eq!(call.header("x-read").await, "abc,150,150");
            assert_eq!(call.hear().await.unwrap(), RECORD);
            assert_eq!(call.status().await, "0 x-sum=7");

            let mut call = stub.call("Refused").await;
            call.say(b"?");
            assert_eq!(call.header("x-status").await, "12");
            assert_eq!(call.status().await, "12");

            let mut call = stub.call("Fails").await;
            call.say(b"?");
            assert_eq!(call.hear().await.unwrap(), "first");
            assert_eq!(call.status().await, "8 grpc-message=no%20more");

            assert_eq!(call.hear().await, None);
            assert_eq!(stub.call("Nobody").await.status().await, "12");
        });
    });
}

#[test]
fn messages_are_not_kept_back() {
    compat(|t| {
        called(t, "", async |mut stub: Stub| {
            // The server says the next one when the one before has come.
            let mut call = stub.call("Count").await;
            call.say(b"20");
            call.end(&[]);
            for n in 0..20 {
                assert_eq!(call.hear().await.unwrap(), format!("number {n}"));
                stub.turns.add_permits(1);
            }
            assert_eq!(call.status().await, "0");

            // The client does.
            let mut call = stub.call("Sum").await;
            for n in 0..20 {
                call.say(n.to_string().as_bytes());
                stub.turn().await;
            }
            call.end(&[]);
            assert_eq!(call.hear().await.unwrap(), "190");
            assert_eq!(call.status().await, "0");

            // Both do.
            let mut call = stub.call("Echo").await;
            for n in 0..20 {
                call.say(n.to_string().as_bytes());
                assert_eq!(call.hear().await.unwrap(), n.to_string());
            }
            call.end(&[]);
            assert_eq!(call.hear().await, None);
            assert_eq!(call.status().await, "0");
        });
    });
}

#[test]
fn calls_end_at_any_time_from_either_side() {
    compat(|t| {
        called(t, "", async |mut stub: Stub| {
            // The client gives up within the answer, and the server hears of it.
            let mut call = stub.call("Until").await;
            call.say(b"?");
            assert_eq!(call.hear().await.unwrap(), "go on");
            call.out.send_reset(Reason::CANCEL);
            stub.turn().await;

            // The server ends before the client does.
            let mut call = stub.call("Fails").await;
            call.say(b"?");
            assert_eq!(call.hear().await.unwrap(), "first");
            assert_eq!(call.status().await, "8 grpc-message=no%20more");
        });
    });
}

#[test]
fn many_calls_share_a_connection() {
    compat(|t| {
        called(t, "", async |stub: Stub| {
            let calls = (0..32).map(|n| {
                let mut stub = stub.clone();
                spawn_local(async move {
                    let large = Bytes::from(vec![b'0' + n; 200_000]);
                    let mut call = stub.call("Echo").await;
                    for _ in 0..3 {
                        call.say(&large);
                        assert_eq!(call.hear().await.unwrap(), large);
                    }
                    call.end(&[]);
                    assert_eq!(call.status().await, "0");
                })
            });
            for call in calls.collect::<Vec<_>>() {
                call.await.expect("a call");
            }
        });
    });
}

/// Lets the client call the server through the program.
fn called(t: &mut Subject, lines: &str, client: impl AsyncFnOnce(Stub)) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    t.set("grpc", listener.local_addr().expect("an address").to_string());
    let config = Proxy::http().frontend(lines).servers("server s {grpc} proto h2");
    let mut proxy = t.start(&config.text());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    LocalSet::new().block_on(&runtime, async {
        let turns = Rc::new(Semaphore::new(0));
        let listener = TcpListener::from_std(listener).expect("a socket");
        spawn_local(serve(listener, turns.clone()));
        let stub = Stub::connected(&mut proxy, turns).await;
        tokio::time::timeout(PATIENCE, client(stub)).await.expect("the calls end");
    });
}

// The client.

/// A connection for calls.
#[derive(Clone)]
struct Stub {
    send: SendRequest<Bytes>,
    /// What one end did that the other waits for, outside of the connection.
    turns: Rc<Semaphore>,
}

/// A call.
struct Call {
    out: SendStream<Bytes>,
    answer: Option<client::ResponseFuture>,
    head: HeaderMap,
    messages: Option<Messages>,
}

// === impl Stub ===

impl Stub {
    async fn connected(proxy: &mut Running, turns: Rc<Semaphore>) -> Self {
        let socket = TcpStream::connect(proxy.address("fe")).await.expect("a connection");
        let (send, connection) = client::handshake(socket).await.expect("HTTP/2");
        spawn_local(connection);
        Self { send, turns }
    }

    async fn call(&mut self, method: &str) -> Call {
        let request = Request::post(format!("http://grpc.example/s.S/{method}"))
            .header("te", "trailers")
            .header("content-type", "application/grpc");
        self.send = self.send.clone().ready().await.expect("room for a call");
        let (answer, out) = self.send.send_request(request.body(()).unwrap(), false).expect("a call");
        Call { out, answer: Some(answer), head: HeaderMap::new(), messages: None }
    }

    /// Waits for what the other end does.
    async fn turn(&self) {
        self.turns.acquire().await.expect("a turn").forget();
    }
}

// === impl Call ===

impl Call {
    fn say(&mut self, message: &[u8]) {
        self.out.send_data(framed(message), false).expect("a message");
    }

    fn end(&mut self, trailers: &[(&'static str, &'static str)]) {
        match trailers {
            [] => self.out.send_data(Bytes::new(), true).expect("the end"),
            _ => self.out.send_trailers(lines(trailers)).expect("the end"),
        }
    }

    async fn messages(&mut self) -> &mut Messages {
        if let Some(answer) = self.answer.take() {
            let (head, body) = answer.await.expect("an answer").into_parts();
            assert_eq!(head.status, 200);
            self.head = head.headers;
            self.messages = Some(Messages { body, bytes: BytesMut::new() });
        }
        self.messages.as_mut().expect("an answer")
    }

    async fn header(&mut self, name: &str) -> String {
        self.messages().await;
        text(self.head.get(name))
    }

    async fn hear(&mut self) -> Option<Bytes> {
        self.messages().await.next().await
    }

    /// How the call ended, and what else is told at its end.
    async fn status(&mut self) -> String {
        let trailers = self.messages().await.end().await;
        if trailers.is_empty() {
            return text(self.head.get("grpc-status"));
        }
        let others = trailers.iter().filter(|(name, _)| *name != "grpc-status");
        let others = others.map(|(name, value)| format!(" {name}={}", text(Some(value))));
        text(trailers.get("grpc-status")) + &others.collect::<String>()
    }
}

// The server.

async fn serve(listener: TcpListener, turns: Rc<Semaphore>) {
    while let Ok((socket, _)) = listener.accept().await {
        let turns = turns.clone();
        spawn_local(async move {
            let mut connection = server::handshake(socket).await.expect("HTTP/2");
            while let Some(Ok((request, respond))) = connection.accept().await {
                spawn_local(answer(request, respond, turns.clone()));
            }
        });
    }
}

async fn answer(request: Request<RecvStream>, mut respond: SendResponse<Bytes>, turns: Rc<Semaphore>) {
    let (head, body) = request.into_parts();
    assert_eq!(text(head.headers.get("te")), "trailers");
    let mut messages = Messages { body, bytes: BytesMut::new() };
    let head_of = |status: Option<&str>| {
        let head = Response::builder().header("content-type", "application/grpc");
        let head = status.into_iter().fold(head, |head, status| head.header("grpc-status", status));
        head.body(()).expect("a head")
    };
    let method = head.uri.path().trim_start_matches("/s.S/");
    if !["Unary", "Fails", "Count", "Sum", "Echo", "Until"].contains(&method) {
        respond.send_response(head_of(Some("12")), true).expect("an answer");
        return;
    }
    let mut out = respond.send_response(head_of(None), false).expect("an answer");
    let mut say = |message: &[u8]| out.send_data(framed(message), false).expect("a message");
    let mut trailers = vec![("grpc-status", "0".to_owned())];
    match method {
        "Unary" => {
            say(&messages.next().await.expect("a message"));
            let came = messages.end().await;
            trailers.push(("x-sum", text(came.get("x-sum"))));
        }
        "Fails" => {
            messages.next().await.expect("a message");
            say(b"first");
            trailers = vec![("grpc-status", "8".to_owned()), ("grpc-message", "no%20more".to_owned())];
        }
        "Count" => {
            let count = messages.next().await.expect("a message");
            for n in 0..text_of(&count).parse().expect("a number") {
                say(format!("number {n}").as_bytes());
                turns.acquire().await.expect("a turn").forget();
            }
        }
        "Sum" => {
            let mut sum = 0;
            while let Some(message) = messages.next().await {
                sum += text_of(&message).parse::<u32>().expect("a number");
                turns.add_permits(1);
            }
            say(sum.to_string().as_bytes());
        }
        "Echo" => {
            while let Some(message) = messages.next().await {
                say(&message);
            }
        }
        _ => {
            messages.next().await.expect("a message");
            say(b"go on");
            let reason = std::future::poll_fn(|cx| out.poll_reset(cx)).await.expect("a reset");
            assert_eq!(reason, Reason::CANCEL);
            turns.add_permits(1);
            return;
        }
    }
    let trailers = trailers.iter().map(|(n, v)| (*n, HeaderValue::from_str(v).expect("a value")));
    out.send_trailers(trailers.map(|(n, v)| (n.parse().expect("a name"), v)).collect()).expect("the end");
}

// Messages.

/// Messages as they come.
struct Messages {
    body: RecvStream,
    bytes: BytesMut,
}

// === impl Messages ===

impl Messages {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(message) = self.whole() {
                return Some(message);
            }
            let Some(data) = self.body.data().await else {
                assert!(self.bytes.is_empty(), "a message breaks off");
                return None;
            };
            let data = data.expect("data");
            self.body.flow_control().release_capacity(data.len()).expect("a window");
            self.bytes.extend_from_slice(&data);
        }
    }

    fn whole(&mut self) -> Option<Bytes> {
        let (_, len) = self.bytes.get(..5)?.split_first()?;
        let len = u32::from_be_bytes(len.try_into().ok()?) as usize;
        self.bytes.get(..5 + len)?;
        self.bytes.advance(5);
        Some(self.bytes.split_to(len).freeze())
    }

    /// The trailers, once no message comes any more.
    async fn end(&mut self) -> HeaderMap {
        assert_eq!(self.next().await, None);
        self.body.trailers().await.expect("an end").unwrap_or_default()
    }
}

fn framed(message: &[u8]) -> Bytes {
    let mut out = BytesMut::new();
    out.put_u8(0);
    out.put_u32(message.len() as u32);
    out.put_slice(message);
    out.freeze()
}

fn lines(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    lines.iter().map(|(n, v)| (n.parse().expect("a name"), HeaderValue::from_static(v))).collect()
}

fn text(value: Option<&HeaderValue>) -> String {
    value.map(|v| text_of(v.as_bytes())).unwrap_or_default()
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// How long all calls of a test may take.
const PATIENCE: Duration = Duration::from_secs(30);
