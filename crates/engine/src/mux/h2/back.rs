//! Connections to servers in HTTP/2: requests of many clients share them, on one worker.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::{Rc, Weak};
use std::task::Poll;
use std::time::Duration;

use weir_http::h2::Role;

use super::driver::{Driver, News};
use super::patience::{Due, Limits, Patience};
use super::{Lane, Link, Mailbox, Root, config};
use crate::clock::{self, Tick};
use crate::io::Stream;
use crate::local;
use crate::worker::Worker;

/// The links to one server that may take further streams.
#[derive(Default)]
pub(crate) struct Links(RefCell<Vec<(u64, Weak<Link>)>>);

// === impl Links ===

impl Links {
    /// A stream on a link with this key, where one has room.
    pub(crate) fn open(&self, key: u64, worker: &Worker) -> Option<Lane> {
        let mut links = self.0.borrow_mut();
        links.retain(|(_, link)| link.upgrade().is_some_and(|l| !l.is_closing()));
        let fits = links.iter().filter(|(k, _)| *k == key);
        fits.filter_map(|(_, link)| link.upgrade()).find_map(|link| link.open(worker))
    }

    /// Lets requests with this key use a link.
    pub(crate) fn share(&self, key: u64, lane: &Lane) {
        self.0.borrow_mut().push((key, Rc::downgrade(&lane.link)));
    }
}

impl Link {
    pub(super) fn is_closing(&self) -> bool {
        self.over.get() || self.codec.borrow().is_leaving()
    }

    /// Begins a stream, where both ends allow one more.
    fn open(self: &Rc<Self>, worker: &Worker) -> Option<Lane> {
        let h2 = worker.view().snapshot.global.tune.h2;
        let most = h2.be.max_concurrent_streams.or(h2.max_concurrent_streams).unwrap_or(super::STREAMS);
        if self.over.get() || most > 0 && self.lanes() >= most as usize {
            return None;
        }
        let id = self.codec.borrow_mut().open()?;
        Some(self.lane(id, Mailbox::default()))
    }
}

/// A link that somebody holds: without, it is closed as soon as its streams are over.
pub(crate) struct Held(Rc<Link>);

// === impl Held ===

impl Held {
    /// A stream on it, where it has room.
    pub(crate) fn open(&self, worker: &Worker) -> Option<Lane> {
        if self.is_over() { None } else { self.0.open(worker) }
    }

    /// Whether no further stream can begin.
    pub(crate) fn is_over(&self) -> bool {
        self.0.is_closing()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.let_go.set(true);
        self.0.kick();
    }
}

impl Lane {
    /// Holds the link that it is a stream of.
    pub(crate) fn hold(&self) -> Held {
        Held(self.link.clone())
    }
}

/// How a connection without streams rests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rest {
    /// The time before it is closed; none where somebody holds it until then ([`Held`]).
    pub(crate) time: Option<Duration>,
    /// `idle-ping` of the server.
    pub(crate) ping: Option<Duration>,
}

/// Speaks HTTP/2 over a connection to a server, and begins the first stream. A link without streams rests for
/// what `rest` says.
pub(crate) fn open(stream: Stream, of: &Rc<local::Proxy>, worker: &Rc<Worker>, rest: Rest) -> Lane {
    let tune = &worker.view().snapshot.global.tune;
    let link =
        Link::new(Root::Server(stream, of.clone()), config(tune, &tune.h2.be, Role::Client), &worker.buffers);
    // A connection at its start has room for one stream, whatever its limits say.
    let id = link.codec.borrow_mut().open().unwrap_or_default();
    let lane = link.lane(id, Mailbox::default());
    tokio::task::spawn_local(drive(link, worker.clone(), rest));
    lane
}

async fn drive(link: Rc<Link>, worker: Rc<Worker>, rest: Rest) {
    let mut driver = Driver::new(&link, worker.buffers.buffer());
    let timer = worker.wheel.timer();
    let limits = Limits { stream: rest.time, sign: None, ping: rest.ping };
    let mut wait: Option<Patience> = None;
    poll_fn(|cx| {
        if let Poll::Ready(News::Over) = driver.poll(cx) {
            return Poll::Ready(());
        }
        if link.lanes() > 0 {
            wait = None;
            timer.set(Tick::NEVER);
            return Poll::Pending;
        }
        if rest.time == Some(Duration::ZERO) || link.let_go.get() || link.codec.borrow().is_leaving() {
            return Poll::Ready(());
        }
        let (now, seen) = (clock::now(), driver.reads);
        let (due, next) = wait.get_or_insert_with(|| Patience::new(limits, now, seen)).look(now, seen);
        timer.set(next);
        match due {
            Due::Late | Due::Dead => return Poll::Ready(()),
            Due::Ping => {
                link.codec.borrow_mut().ping(&super::PING);
                if driver.poll(cx).is_ready() {
                    return Poll::Ready(());
                }
            }
            Due::Nothing => {}
        }
        if timer.poll_expired(cx) {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    })
    .await;
    driver.close();
    link.socket().shutdown_write();
}
