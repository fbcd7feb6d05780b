//! The dashboard (`http-request use-service dashboard`): one page without outside assets that shows the last hour, the
//! servers and what was refused lately, and lets an operator drain and enable servers.
//!
//! The page is built ahead from `crates/admin/dashboard` and asks for [`report`] every few seconds (`?data=OBJECT`);
//! [`history`] keeps the hour. Who may change something is said by the proxy's `stats admin` rules, and a token of
//! this process in the form keeps pages of others from asking in an operator's name.

mod history;
mod report;

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Weak};

use weir_engine::service::{Answer, Body, DASHBOARD, Pieces, Request, RequestBody, Service};

use crate::page::form;
use crate::world::World;

use history::History;

/// The service.
#[derive(Debug)]
pub struct Dashboard {
    world: Weak<World>,
    history: Arc<History>,
    token: String,
}

/// Text that is sent as it is.
#[derive(Debug)]
struct Whole(Vec<u8>);

/// Lets an engine show the dashboard.
pub fn register(world: &Arc<World>) {
    let history = Arc::new(History::default());
    let dashboard =
        Dashboard { world: Arc::downgrade(world), history: history.clone(), token: random_token() };
    world.engine.runtime().process.services.register(DASHBOARD, Arc::new(dashboard));
    history::follow(Arc::downgrade(world), history);
}

impl Service for Dashboard {
    fn label(&self) -> &'static str {
        "<DASHBOARD>"
    }

    fn reads_body(&self, method: &[u8]) -> bool {
        method == b"POST"
    }

    fn asks_for_admin(&self) -> bool {
        true
    }

    fn answer(&self, request: &Request<'_>) -> Answer {
        let Some(world) = self.world.upgrade() else { return standard(503) };
        if request.method == b"POST" {
            return self.change(&world, request);
        }
        if !matches!(request.method, b"GET" | b"HEAD") {
            return standard(405);
        }
        let at = request.target.iter().position(|b| *b == b'?').map_or(request.target.len(), |at| at + 1);
        let query = request.target.get(at..).unwrap_or_default();
        match query.strip_prefix(b"data=") {
            Some(object) => {
                let object = String::from_utf8_lossy(&form::decoded(object)).into_owned();
                let token = request.admin.then_some(self.token.as_str());
                let text = report::of(&world, &self.history, &object, token);
                answer("application/json", text.into_bytes())
            }
            None => answer("text/html; charset=utf-8", PAGE.as_bytes().to_vec()),
        }
    }
}

impl Dashboard {
    /// Does what the page asks for in the name of an operator.
    fn change(&self, world: &World, request: &Request<'_>) -> Answer {
        let RequestBody::Whole(body) = request.body else { return standard(413) };
        let known = body
            .split(|b| *b == b'&')
            .any(|field| field.strip_prefix(b"token=") == Some(self.token.as_bytes()));
        if !request.admin || !known {
            return standard(403);
        }
        match form::apply(world, request.proxy, body) {
            form::Outcome::Done => answer("text/plain", b"done\n".to_vec()),
            _ => standard(400),
        }
    }
}

impl Pieces for Whole {
    fn write(&mut self, out: &mut Vec<u8>) -> bool {
        out.append(&mut self.0);
        false
    }
}

fn answer(kind: &str, text: Vec<u8>) -> Answer {
    let headers = vec![
        ("cache-control", "no-store".to_owned()),
        ("content-type", kind.to_owned()),
        ("content-security-policy", POLICY.to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
    ];
    Answer { status: 200, headers, body: Body::Pieces(Box::new(Whole(text))) }
}

fn standard(status: u16) -> Answer {
    Answer { status, headers: Vec::new(), body: Body::Standard }
}

/// 128 bits that nobody else knows.
fn random_token() -> String {
    format!("{:016x}{:016x}", RandomState::new().hash_one(1), RandomState::new().hash_one(2))
}

/// The page, by `cargo xtask dashboard`.
const PAGE: &str = include_str!("../../dashboard/built.html");

/// It loads nothing from anywhere, and no page may hold it in a frame.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; \
                      connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
