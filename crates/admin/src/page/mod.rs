//! The statistics page of proxies (manual, 4.2 "stats ..."; management manual, 9): HTML that looks and reads as users of
//! HAProxy know it, CSV, JSON and typed output of the same rows, and the form that changes servers.
//!
//! [`StatsPage`] is a service of the engine. What an address asks for is [`query`]'s to read, what a form asks for
//! [`form`]'s; [`pieces`] makes the body, a proxy at a time.

pub mod form;
mod html;
mod pieces;
pub mod query;

pub(crate) use form::decoded;
pub(crate) use html::module_of;

use std::sync::{Arc, Weak};

use weir_engine::service::{Answer, Body, Request, RequestBody, STATS, Service};

use crate::world::World;

use pieces::Report;
use query::{Format, Query};

/// The service that shows the pages of all proxies.
#[derive(Debug)]
pub struct StatsPage {
    world: Weak<World>,
}

/// Lets an engine show the statistics pages of its proxies.
pub fn register(world: &Arc<World>) {
    let page = StatsPage { world: Arc::downgrade(world) };
    world.engine.runtime().process.services.register(STATS, Arc::new(page));
}

impl Service for StatsPage {
    fn label(&self) -> &'static str {
        "<STATS>"
    }

    fn reads_body(&self, method: &[u8]) -> bool {
        method == b"POST"
    }

    fn answer(&self, request: &Request<'_>) -> Answer {
        let (Some(world), Some(page)) = (self.world.upgrade(), request.proxy.conf.stats.clone()) else {
            return Answer { status: 503, headers: Vec::new(), body: Body::Standard };
        };
        let query = Query::parse(request.target, &page.uri, page.refresh.is_some());
        if request.method == b"POST" {
            let outcome = match request.body {
                _ if !request.admin => form::Outcome::Denied,
                RequestBody::TooLong => form::Outcome::TooLong,
                RequestBody::Whole(body) => form::apply(&world, request.proxy, body),
            };
            return redirect(&query, &page.uri, outcome);
        }
        let kind = match query.format {
            Format::Html => "text/html",
            Format::Csv | Format::Typed => "text/plain",
            Format::Json | Format::Schema => "application/json",
        };
        let mut headers = vec![("cache-control", "no-cache".to_owned()), ("content-type", kind.to_owned())];
        if let Some(refresh) = page.refresh.filter(|_| query.refreshes) {
            headers.push(("refresh", refresh.as_secs().to_string()));
        }
        let body = match request.method {
            b"HEAD" => Body::Unsaid,
            _ => Body::Pieces(Box::new(Report::new(world, request.proxy, page, query, request.admin))),
        };
        Answer { status: 200, headers, body }
    }
}

/// Sends the browser to the page that tells what became of a form.
fn redirect(query: &Query, uri: &[u8], outcome: form::Outcome) -> Answer {
    let uri = String::from_utf8_lossy(uri);
    let location = format!("{uri};st={}{}", outcome.code(), query.kept());
    let headers = vec![
        ("cache-control", "no-cache".to_owned()),
        ("content-type", "text/plain".to_owned()),
        ("content-length", "0".to_owned()),
        ("location", location),
    ];
    Answer { status: 303, headers, body: Body::Empty }
}
