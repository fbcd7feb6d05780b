//! Whether a request is for the statistics page of its frontend or its backend, and who may see and change it (manual,
//! 4.2 "stats ...").

use std::rc::Rc;

use weir_http::uri;

use super::{Order, STATS};
use crate::conf::StatsPage;
use crate::local;
use crate::stage::rules;
use crate::transaction::{Stop, Transaction};

/// Has the page of a proxy answer, where the request is for it.
pub(crate) async fn of(t: &mut Transaction, proxy: &Rc<local::Proxy>) -> Result<(), Stop> {
    match &proxy.conf().stats {
        Some(page) if is_for(page, t) => Box::pin(shown(t, proxy)).await,
        _ => Ok(()),
    }
}

/// The same of the backend, where it is another proxy.
pub(crate) async fn of_backend(t: &mut Transaction) -> Result<(), Stop> {
    match t.backend.clone() {
        Some(backend) if backend.shared.index != t.client.frontend.shared.index => of(t, &backend).await,
        _ => Ok(()),
    }
}

/// Whether the request is for the page: anything that begins like its address.
fn is_for(page: &StatsPage, t: &Transaction) -> bool {
    let request = &t.messages.request;
    let target = match page.uri.first() {
        Some(b'/') => uri::path_and_query(request.target()),
        _ => request.target(),
    };
    matches!(request.method(), b"GET" | b"HEAD" | b"POST") && target.starts_with(&page.uri)
}

async fn shown(t: &mut Transaction, proxy: &Rc<local::Proxy>) -> Result<(), Stop> {
    let Some(service) = t.client.worker.runtime.process.services.find(STATS) else {
        return Err(Stop::Answer(503));
    };
    t.messages.service = Some(Order { service, proxy: proxy.shared.clone(), admin: false, ruled: false });
    let now = t.now();
    (t.facts.assigned, t.facts.connected) = (Some(now), Some(now));
    if let Err(stop) = rules::stats(t, proxy).await {
        // In HAProxy a page that a rule refused is one that nobody waited for, on both of its sides.
        proxy.back().client_aborts.add(2);
        // The log knows that it was refused, and not as what.
        t.facts.meant = Some((t.messages.response.status(), 400));
        return Err(stop);
    }
    let admin = rules::stats_admin(t, proxy);
    if let Some(order) = &mut t.messages.service {
        order.admin = admin;
    }
    Err(Stop::Serve)
}
