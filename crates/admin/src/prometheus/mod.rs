//! The exporter for Prometheus (`http-request use-service prometheus-exporter`): names, types and labels as tools and
//! dashboards for HAProxy know them.
//!
//! [`query`] reads what is asked for, [`export`] makes the body, a metric at a time.

mod export;
mod histograms;
mod metrics;
mod process;
pub mod query;

use std::sync::{Arc, Weak};

use weir_engine::service::{Answer, Body, PROMETHEUS, Request, Service};

use crate::world::World;

use export::Export;
use query::Query;

/// The service.
#[derive(Debug)]
pub struct Exporter {
    world: Weak<World>,
}

/// Lets an engine tell Prometheus its statistics.
pub fn register(world: &Arc<World>) {
    let exporter = Exporter { world: Arc::downgrade(world) };
    world.engine.runtime().process.services.register(PROMETHEUS, Arc::new(exporter));
}

impl Service for Exporter {
    fn label(&self) -> &'static str {
        "<PROMEX>"
    }

    fn reads_body(&self, _: &[u8]) -> bool {
        false
    }

    fn answer(&self, request: &Request<'_>) -> Answer {
        let standard = |status| Answer { status, headers: Vec::new(), body: Body::Standard };
        let Some(world) = self.world.upgrade() else { return standard(503) };
        let Ok(query) = Query::parse(request.target) else { return standard(400) };
        let headers = vec![
            ("cache-control", "no-cache".to_owned()),
            ("content-type", "text/plain; version=0.0.4".to_owned()),
        ];
        Answer { status: 200, headers, body: Body::Pieces(Box::new(Export::new(world, query))) }
    }
}
