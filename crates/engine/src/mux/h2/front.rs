//! A client's connection in HTTP/2: each of its streams is a request with a transaction of its own.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use weir_http::h2::{ErrorCode, Role};

use super::driver::{Driver, News};
use super::patience::{Due, Limits, Patience};
use super::{Link, Mailbox, Root, config};
use crate::clock;
use crate::connection::{self, Client};
use crate::io::Stream;
use crate::trace;
use crate::transaction::Messages;

/// Serves the requests of a connection that begins with, or is known to be, HTTP/2.
pub(crate) async fn serve(mut client: Box<Client>) {
    let worker = client.worker.clone();
    let input = std::mem::take(&mut client.input);
    let tune = &worker.view().snapshot.global.tune;
    let config = config(tune, &tune.h2.fe, Role::Server);
    let most = tune.h2.max_total_streams;
    let client: Rc<Client> = Rc::from(client);
    trace::client(&client, &trace::H2_NEW);
    let link = Link::new(Root::Client(client.clone()), config, &worker.buffers);
    let mut driver = Driver::new(&link, input);
    let mut requests = 0;
    while let News::Request { stream, end } = next(&client, &link, &mut driver, requests).await {
        begin(&client, &link, (stream, end), &mut driver, requests);
        requests += 1;
        if most > 0 && requests >= most {
            link.codec.borrow_mut().leave(ErrorCode::NoError);
        }
        // Who asks for much at once waits until others had their turn, and what it gave up is cleared away.
        if requests.is_multiple_of(TURN) {
            tokio::task::yield_now().await;
        }
    }
    driver.close();
    client.stream.shutdown_write();
    client.stream.drain();
}

/// Waits for the next request, as long as it may.
async fn next(client: &Rc<Client>, link: &Rc<Link>, driver: &mut Driver, requests: u32) -> News {
    let timeouts = &client.frontend.conf().timeouts;
    let mut limits = limits(client, requests);
    let mut wait: Option<Patience> = None;
    let mut parting = None;
    let mut stopping = false;
    poll_fn(|cx| {
        if !stopping && client.worker.runtime.process.is_stopping() {
            stopping = true;
            wait = None;
            limits.stream = stop(client, link, driver, limits.stream);
        }
        if let Poll::Ready(news) = driver.poll(cx) {
            return Poll::Ready(news);
        }
        // Transactions have timeouts of their own: only a connection without any may be late.
        if link.lanes() > 0 {
            wait = None;
            client.timer.set(clock::Tick::NEVER);
            // A stop of the process wakes whoever holds a timer.
            let _ = client.timer.poll_expired(cx);
            return Poll::Pending;
        }
        let now = clock::now();
        if let Some(heard) = parting {
            // Who was told that no stream will be served closes, or says one thing too many.
            if driver.reads == heard && !client.timer.poll_expired(cx) {
                return Poll::Pending;
            }
            return last_words(link, driver, driver.reads == heard, cx);
        }
        let seen = driver.reads;
        let (due, next) = wait.get_or_insert_with(|| Patience::new(limits, now, seen)).look(now, seen);
        client.timer.set(next);
        if client.timer.poll_expired(cx) {
            cx.waker().wake_by_ref();
        }
        if link.codec.borrow().is_leaving() {
            return last_words(link, driver, false, cx);
        }
        match due {
            Due::Nothing => {}
            Due::Ping => {
                link.codec.borrow_mut().ping(&super::PING);
                let _ = driver.poll(cx);
            }
            Due::Dead => return last_words(link, driver, true, cx),
            // Who was warned had its time to turn elsewhere.
            Due::Late if driver.warned => return last_words(link, driver, true, cx),
            Due::Late => {
                link.codec.borrow_mut().leave(ErrorCode::NoError);
                let left = driver.reads;
                if let Poll::Ready(news) = driver.poll(cx) {
                    return Poll::Ready(news);
                }
                // Half of a header block says no more than nothing: nobody is there to hear it.
                if link.codec.borrow().is_amid_block() {
                    return Poll::Ready(News::Over);
                }
                parting = Some(left);
                client.timer.set(now.after(timeouts.client_fin.or(timeouts.client)));
                let _ = client.timer.poll_expired(cx);
            }
        }
        Poll::Pending
    })
    .await
}

/// How long a client is waited for that has made so many requests.
fn limits(client: &Client, requests: u32) -> Limits {
    let timeouts = &client.frontend.conf().timeouts;
    let stream = timeouts.http_keep_alive.filter(|_| requests > 0).or(timeouts.http_request);
    let sign = timeouts.client.filter(|_| stream.is_none());
    Limits { stream, sign, ping: client.listener.conf().and_then(|bind| bind.idle_ping) }
}

/// The process stops: the client is told once to turn to another connection, while what it still asks for is
/// served; or nothing is said and the connection closes at its share of `close-spread-time` (manual, 3.1). Gives how
/// long a stream is waited for.
fn stop(client: &Client, link: &Link, driver: &mut Driver, wait: Option<Duration>) -> Option<Duration> {
    match client.worker.view().snapshot.global.close_spread_time {
        None => {
            if !std::mem::replace(&mut driver.warned, true) {
                link.codec.borrow_mut().announce_leave();
            }
            wait
        }
        Some(None) => wait,
        Some(Some(time)) => Some(wait.unwrap_or(time).min(client.share_of(time))),
    }
}

/// Sends what is still to be said, and a word of parting where `again`.
fn last_words(link: &Link, driver: &mut Driver, again: bool, cx: &mut Context<'_>) -> Poll<News> {
    if again {
        link.codec.borrow_mut().part();
    }
    match driver.poll(cx) {
        Poll::Ready(news) => Poll::Ready(news),
        Poll::Pending => Poll::Ready(News::Over),
    }
}

/// Starts the transaction of a request.
fn begin(client: &Rc<Client>, link: &Rc<Link>, (id, end): (u32, bool), driver: &mut Driver, requests: u32) {
    let none = driver.head.method().is_empty();
    let lane = Stream::Lane(link.lane(id, Mailbox::of_request(end, none)));
    let client = Client::on_lane(client, lane, requests);
    let mut messages = Messages::of(&client.worker);
    std::mem::swap(&mut messages.request, &mut driver.head);
    tokio::task::spawn_local(connection::run(client, messages));
}

/// Requests that are begun in one go.
const TURN: u32 = 32;
