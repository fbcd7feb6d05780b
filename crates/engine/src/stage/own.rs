//! Connections to servers that only one client's session may use (manual, 4.2 "http-reuse never",
//! "max-session-srv-conns"). They lie with the session and close with it.

use std::rc::Rc;

use crate::io::Stream;
use crate::local::Server;
use crate::mux::h1::Conn;
use crate::mux::h2;
use crate::transaction::Transaction;

/// A connection to a server that rests with a client.
pub(crate) struct Own {
    server: Rc<Server>,
    /// What must be the same for a request to go over it.
    key: u64,
    held: Held,
}

/// A connection that rests alone, or one that carries streams now and then.
enum Held {
    Conn(Conn),
    Link(h2::Held),
}

/// A connection to this server that the client has for itself.
pub(crate) fn take(t: &Transaction, server: &Rc<Server>, key: u64) -> Option<Conn> {
    let worker = &t.client.worker;
    let mut own = t.client.session().own.borrow_mut();
    let fits = |o: &Own| o.key == key && Rc::ptr_eq(&o.server, server);
    let streams = own.iter().filter(|o| fits(o)).find_map(|o| match &o.held {
        Held::Link(link) => link.open(worker),
        Held::Conn(_) => None,
    });
    if let Some(lane) = streams {
        return Some(Conn::new(Stream::Lane(lane), worker.buffers.buffer()));
    }
    while let Some(at) = own.iter().position(|o| fits(o) && matches!(o.held, Held::Conn(_))) {
        match own.remove(at).held {
            Held::Conn(conn) if !conn.stream.has_news() => return Some(conn),
            _ => {}
        }
    }
    None
}

/// Lets a connection rest with the client, where it may have one more.
pub(crate) fn keep(t: &Transaction, server: Rc<Server>, key: u64, conn: Conn) {
    put(t, Own { server, key, held: Held::Conn(conn) });
}

/// Lets further streams of the client begin on the link of this one, where the client may have one more.
pub(crate) fn share(t: &Transaction, server: Rc<Server>, key: u64, lane: &h2::Lane) {
    put(t, Own { server, key, held: Held::Link(lane.hold()) });
}

/// Closes what rests of this server: it has closed one already.
pub(crate) fn forget(t: &Transaction, server: &Rc<Server>) {
    t.client.session().own.borrow_mut().retain(|o| !Rc::ptr_eq(&o.server, server));
}

/// The servers to which the client has connections, the last first.
pub(crate) fn last_server(t: &Transaction, is_wanted: impl Fn(&Rc<Server>) -> bool) -> Option<Rc<Server>> {
    let own = t.client.session().own.borrow();
    own.iter().rev().map(|o| &o.server).find(|s| is_wanted(s)).cloned()
}

fn put(t: &Transaction, new: Own) {
    let wanted = t.client.frontend.conf().max_session_srv_conns;
    let most = usize::try_from(wanted).unwrap_or(MOST);
    let mut own = t.client.session().own.borrow_mut();
    own.retain(|o| !o.is_over());
    if own.len() < most {
        own.push(new);
    }
}

// === impl Own ===

impl Own {
    fn is_over(&self) -> bool {
        match &self.held {
            Held::Conn(conn) => conn.stream.has_news(),
            Held::Link(link) => link.is_over(),
        }
    }
}

/// How many a client may have where the configuration does not say (manual, 4.2 "max-session-srv-conns").
const MOST: usize = 5;
