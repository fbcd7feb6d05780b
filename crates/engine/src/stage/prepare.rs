//! What the request gets on its way, and what it must not have (manual, 4.2 "monitor-uri",
//! "option http-restrict-req-hdr-names", "unique-id-header", "http-send-name-header").

use std::rc::Rc;

use weir_http::{h1::CaseMap, uri};

use crate::conf::{HeaderNames, Options};
use crate::ending::{Cause, Stage};
use crate::stage::{address_lines, rules};
use crate::transaction::{Messages, Stop, Transaction};
use crate::{local, log};

/// What the frontend decides before anything else.
pub(crate) fn frontend(t: &mut Transaction) -> Result<(), Stop> {
    let front = t.client.frontend.clone();
    if let Some(monitored) = &front.conf().monitor_uri
        && uri::path_and_query(t.messages.request.target()) == &**monitored
    {
        front.front().intercepted.add(1);
        t.facts.logged = true; // Probes are not logged.
        let failed = rules::monitor_fails(t);
        return Err(Stop::Answer(if failed { 503 } else { 200 }));
    }
    restrict_names(t, front.conf().header_names)
}

/// Tells the server that the request may be a repeated one (RFC 8470 section 5.1).
pub(crate) fn tell_early(t: &mut Transaction) {
    if t.client.stream.session().is_some_and(|session| session.has_early()) {
        t.messages.request.append(b"early-data", b"1");
    }
}

/// Makes the request ready for a server.
pub(crate) fn request(t: &mut Transaction) -> Result<(), Stop> {
    let back = t.proxy().clone();
    restrict_names(t, back.conf().header_names)?;
    add_unique_id(t);
    address_lines::add(t);
    Ok(())
}

/// What tells a server its name: the proxy that knows the header, and the server.
pub(crate) struct ServerName {
    back: Rc<local::Proxy>,
    server: Rc<local::Server>,
}

impl ServerName {
    /// Takes out what the request says in the place of it; nothing where the server is not told.
    pub(crate) fn of(t: &mut Transaction) -> Option<Self> {
        t.proxy().conf().send_name_header.as_ref()?;
        let (back, server) = (t.proxy().clone(), t.assigned.as_ref()?.server.clone());
        let this = Self { back, server };
        let (header, _) = this.line()?;
        t.messages.request.remove(|_, name, _| name == header);
        Some(this)
    }

    /// Name, in lower case, and value of the line.
    pub(crate) fn line(&self) -> Option<(&[u8], &[u8])> {
        let header = self.back.conf().send_name_header.as_deref()?;
        Some((header, self.server.conf().name.as_bytes()))
    }
}

/// Whether the server's connection ends after this request.
pub(crate) fn server_closes(t: &Transaction) -> bool {
    let back = t.proxy();
    back.conf().options.intersects(Options::HTTP_CLOSE | Options::HTTP_SERVER_CLOSE)
        || t.client.frontend.has(Options::HTTP_SERVER_CLOSE)
}

/// Whether the server is told that its connection ends; it may be left in the belief that it goes on (manual,
/// 4.2 "option http-pretend-keepalive").
pub(crate) fn tells_close(t: &Transaction) -> bool {
    server_closes(t) && !t.proxy().has(Options::HTTP_PRETEND_KEEPALIVE)
}

/// The spelling of names that the server insists on.
pub(crate) fn server_cases(t: &Transaction) -> Option<&CaseMap> {
    let back = t.proxy();
    back.shared.cases.as_deref().filter(|_| back.has(Options::H1_CASE_ADJUST_BOGUS_SERVER))
}

/// The spelling of names that the client insists on.
pub(crate) fn client_cases(t: &Transaction) -> Option<&CaseMap> {
    let front = &t.client.frontend;
    front.shared.cases.as_deref().filter(|_| front.has(Options::H1_CASE_ADJUST_BOGUS_CLIENT))
}

/// Names that applications confuse with others.
fn restrict_names(t: &mut Transaction, wanted: HeaderNames) -> Result<(), Stop> {
    let plain = |name: &[u8]| name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-');
    let head = &mut t.messages.request;
    match wanted {
        HeaderNames::Preserve => Ok(()),
        HeaderNames::Delete => {
            head.remove(|_, name, _| !plain(name));
            Ok(())
        }
        HeaderNames::Reject if head.lines().iter().all(|l| plain(head.name(l))) => Ok(()),
        HeaderNames::Reject => {
            t.facts.blame(Cause::Proxy, Stage::Request);
            t.client.frontend.front().denied_requests.add(1);
            Err(Stop::Answer(403))
        }
    }
}

/// Makes the unique id of what is known before a server is chosen, and hands it on.
fn add_unique_id(t: &mut Transaction) {
    let front = t.client.frontend.clone();
    log::unique_id(t);
    let Some(name) = &front.conf().unique_id_header else { return };
    let Messages { request, captured, .. } = &mut *t.messages;
    if let Some(id) = captured.known_unique_id() {
        request.append(name, id);
    }
}
