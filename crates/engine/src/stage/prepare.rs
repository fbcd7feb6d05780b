//! What the request gets on its way, and what it must not have (manual, 4.2 "monitor-uri",
//! "option http-restrict-req-hdr-names", "unique-id-header", "http-send-name-header").

use weir_http::{h1::CaseMap, uri};

use crate::conf::{HeaderNames, Options};
use crate::ending::{Cause, Stage};
use crate::log;
use crate::stage::{address_lines, rules};
use crate::transaction::{Messages, Stop, Transaction};

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

/// Tells the server its name, in the place of what the request says of it.
pub(crate) fn name_server(t: &mut Transaction) {
    let Some(assigned) = &t.assigned else { return };
    let back = t.proxy().shared.conf.clone();
    let Some(header) = &back.send_name_header else { return };
    let head = &mut t.messages.request;
    head.remove(|_, name, _| name.eq_ignore_ascii_case(header));
    head.append(header, assigned.server.conf().name.as_bytes());
}

/// As [`name_server`], where the name is the last line of all, behind `extra`: those lines and it.
pub(crate) fn name_line(t: &mut Transaction, extra: &[u8]) -> Option<Vec<u8>> {
    let server = t.assigned.as_ref()?.server.clone();
    let back = t.proxy().shared.conf.clone();
    let header = back.send_name_header.as_ref()?;
    t.messages.request.remove(|_, name, _| name.eq_ignore_ascii_case(header));
    let name = header.to_ascii_lowercase();
    Some([extra, &*name, b": ", server.conf().name.as_bytes(), b"\r\n"].concat())
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

/// Hands the unique id on.
fn add_unique_id(t: &mut Transaction) {
    let front = t.client.frontend.clone();
    let Some(name) = &front.conf().unique_id_header else { return };
    log::unique_id(t);
    let Messages { request, captured, .. } = &mut *t.messages;
    if let Some(id) = captured.known_unique_id() {
        request.append(name, id);
    }
}
