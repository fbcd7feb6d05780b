//! HTTP/2 on a connection: many streams, each of which carries one transaction.
//!
//! A [`Link`] is a connection, a [`Lane`] one stream of it in the hands of a transaction. One task drives a link
//! (`driver`): it alone reads and writes the socket, and wakes the lanes for which something came. Lanes put what
//! they say into the codec and wake the driver, so that many messages leave in one write. What the two ends may say,
//! windows and limits are the codec's to judge (`weir_http::h2`).

mod back;
mod driver;
mod front;
mod lane;
mod patience;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::task::Waker;

use weir_http::h2::{self, Config, Role, Settings, Tally};

use crate::buffer::BufferPool;
use crate::conf::{H2Side, Tune};
use crate::connection::Client;
use crate::io::{Connection, Stream};
use crate::local;
use crate::runtime::Counters;
use crate::trace;

pub(crate) use back::{Held, Links, Rest, open};
pub(crate) use front::serve;
pub(crate) use lane::{Gone, Lane};

use lane::Mailbox;

/// A connection that carries streams.
pub(crate) struct Link {
    root: Root,
    codec: RefCell<h2::Connection>,
    mailboxes: RefCell<HashMap<u32, Rc<Mailbox>>>,
    /// Wakes the task that drives it.
    driver: RefCell<Option<Waker>>,
    /// Lanes wait for room to write.
    crowded: Cell<bool>,
    /// Nothing comes or goes any more.
    over: Cell<bool>,
    /// Who held it does not any more: it closes when its streams are over.
    let_go: Cell<bool>,
    /// Faults that the tables of clients have counted.
    counted: Cell<u32>,
    buffers: Rc<BufferPool>,
}

/// What a link lies on.
enum Root {
    /// A client's connection; its streams are its requests.
    Client(Rc<Client>),
    /// A connection to a server of a backend.
    Server(Stream, Rc<local::Proxy>),
}

// === impl Link ===

impl Link {
    fn new(root: Root, config: Config, buffers: &Rc<BufferPool>) -> Rc<Self> {
        let role = if matches!(root, Root::Client(_)) { Role::Server } else { Role::Client };
        let this = Rc::new(Self {
            root,
            codec: RefCell::new(h2::Connection::new(role, config)),
            mailboxes: RefCell::default(),
            driver: RefCell::default(),
            crowded: Cell::new(false),
            over: Cell::new(false),
            let_go: Cell::new(false),
            counted: Cell::new(0),
            buffers: buffers.clone(),
        });
        this.counters().h2_total_connections.add(1);
        this
    }

    fn socket(&self) -> &Stream {
        match &self.root {
            Root::Client(client) => &client.stream,
            Root::Server(stream, _) => stream,
        }
    }

    /// What the frontend or backend counts.
    fn counters(&self) -> &Counters {
        match &self.root {
            Root::Client(client) => client.frontend.front(),
            Root::Server(_, backend) => backend.back(),
        }
    }

    /// Counts what came and went since it was last counted.
    fn tell(&self) {
        let tally = self.codec.borrow_mut().take_tally();
        if tally == Tally::default() {
            return;
        }
        if let Root::Client(client) = &self.root {
            trace::frames(client, &tally);
        }
        let counters = self.counters();
        for (counter, n) in [
            (&counters.h2_headers_rcvd, tally.headers),
            (&counters.h2_data_rcvd, tally.data),
            (&counters.h2_settings_rcvd, tally.settings),
            (&counters.h2_rst_stream_rcvd, tally.resets),
            (&counters.h2_goaway_rcvd, tally.leaves),
            (&counters.h2_detected_conn_protocol_errors, tally.connection_errors),
            (&counters.h2_detected_strm_protocol_errors, tally.stream_errors),
            (&counters.h2_rst_stream_resp, tally.resets_sent),
            (&counters.h2_goaway_resp, tally.leaves_sent),
        ] {
            if n > 0 {
                counter.add(n.into());
            }
        }
    }

    /// A lane for a stream that begins.
    fn lane(self: &Rc<Self>, id: u32, mailbox: Mailbox) -> Lane {
        let mailbox = Rc::new(mailbox);
        self.mailboxes.borrow_mut().insert(id, mailbox.clone());
        if !mailbox.is_of_none() {
            self.counters().h2_total_streams.add(1);
        }
        Lane { link: self.clone(), id, mailbox }
    }

    /// The connection below all streams.
    fn connection(&self) -> &Connection {
        self.socket().connection()
    }

    /// Wakes the driver: something is to be sent.
    fn kick(&self) {
        if let Some(driver) = self.driver.borrow().as_ref() {
            driver.wake_by_ref();
        }
    }

    fn mailbox(&self, stream: u32) -> Option<Rc<Mailbox>> {
        self.mailboxes.borrow().get(&stream).cloned()
    }

    /// Streams that somebody holds.
    fn lanes(&self) -> usize {
        self.mailboxes.borrow().len()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.tell();
        if let Root::Client(client) = &self.root {
            trace::client(client, &trace::H2_END);
        }
        self.counters().h2_closed_connections.add(1);
    }
}

/// What one side's connections may cost (manual, 3.2 "tune.h2.*").
pub(crate) fn config(tune: &Tune, side: &H2Side, role: Role) -> Config {
    let h2 = &tune.h2;
    let room = (tune.bufsize as u32).saturating_sub(OVERHEAD).max(1);
    let buffer = room.max(BUFFER);
    let window = side.initial_window_size.or(h2.initial_window_size).unwrap_or(buffer);
    let streams = side.max_concurrent_streams.or(h2.max_concurrent_streams).unwrap_or(STREAMS);
    let settings = Settings {
        header_table_size: h2.header_table_size.unwrap_or(Settings::default().header_table_size),
        enable_push: role == Role::Server,
        max_concurrent_streams: streams,
        initial_window_size: window,
        max_frame_size: h2.max_frame_size.unwrap_or(0).clamp(FRAME, tune.bufsize.max(FRAME as usize) as u32),
        enable_connect_protocol: role == Role::Server && !h2.no_websockets || role == Role::Client,
        ..Settings::default()
    };
    Config {
        settings,
        buffers: side.rxbuf.unwrap_or_default().div_ceil(room).max(streams),
        buffer,
        max_lines: tune.max_headers,
        max_head: tune.bufsize,
        max_glitches: side.glitches_threshold,
    }
}

/// Streams at once where the configuration does not say.
const STREAMS: u32 = 100;
/// What a sign of life is asked for with.
const PING: [u8; 8] = [0, 1, 2, 3, 4, 5, 6, 7];
/// The smallest limit for a frame's payload that may be announced (RFC 9113, 4.2).
const FRAME: u32 = 16_384;
/// Octets of a buffer that describe what lies in the others.
const OVERHEAD: u32 = 48;
/// The least that a stream may have waiting, in octets.
const BUFFER: u32 = 16_384;
