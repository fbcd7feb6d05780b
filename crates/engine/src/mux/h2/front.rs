//! A client's connection in HTTP/2: each of its streams is a request with a transaction of its own.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use weir_http::h2::{ErrorCode, Role};

use super::driver::{Driver, News};
use super::{Link, Mailbox, Root, config};
use crate::clock;
use crate::connection::{self, Client};
use crate::io::Stream;
use crate::transaction::Transaction;

/// Serves the requests of a connection that begins with, or is known to be, HTTP/2.
pub(crate) async fn serve(mut client: Box<Client>) {
    let worker = client.worker.clone();
    let input = std::mem::take(&mut client.input);
    let tune = &worker.view().snapshot.global.tune;
    let config = config(tune, &tune.h2.fe, Role::Server);
    let most = tune.h2.max_total_streams;
    let client: Rc<Client> = Rc::from(client);
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
    let wait = match requests {
        0 => timeouts.http_request.or(timeouts.client),
        _ => timeouts.http_keep_alive.or(timeouts.client),
    };
    let mut idle = false;
    poll_fn(|cx| {
        if let Poll::Ready(news) = driver.poll(cx) {
            return Poll::Ready(news);
        }
        // Transactions have timeouts of their own: only a connection without any may be late.
        if link.lanes() > 0 {
            idle = false;
            client.timer.set(clock::Tick::NEVER);
            return Poll::Pending;
        }
        if !idle {
            idle = true;
            client.timer.set(clock::now().after(wait));
        }
        let stopping = client.worker.runtime.process.is_stopping();
        let late = client.timer.poll_expired(cx);
        let left = link.codec.borrow().is_leaving();
        if stopping || late || left {
            if !left {
                link.codec.borrow_mut().leave(ErrorCode::NoError);
            }
            return match driver.poll(cx) {
                Poll::Ready(news) => Poll::Ready(news),
                Poll::Pending => Poll::Ready(News::Over),
            };
        }
        Poll::Pending
    })
    .await
}

/// Starts the transaction of a request.
fn begin(client: &Rc<Client>, link: &Rc<Link>, (id, end): (u32, bool), driver: &mut Driver, requests: u32) {
    let lane = Stream::Lane(link.lane(id, Mailbox::of_request(end)));
    let mut t = Transaction::new(Client::on_lane(client, lane, requests));
    std::mem::swap(&mut t.messages.request, &mut driver.head);
    let worker = client.worker.clone();
    let storage = connection::stored(&worker, t);
    tokio::task::spawn_local(async move {
        connection::run(&worker, storage).await;
    });
}

/// Requests that are begun in one go.
const TURN: u32 = 32;
