//! The body of a statistics page: what comes before all proxies, each proxy, and what comes after.

use std::sync::Arc;

use weir_engine::conf;
use weir_engine::service::Pieces;
use weir_engine::snapshot::{Proxy, Snapshot};

use super::html;
use super::query::{Format, Query};
use crate::stat::row::{self, Row};
use crate::stat::{self, EXPLAINED, Filter};
use crate::world::World;

/// A page while it is sent.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) world: Arc<World>,
    pub(super) snapshot: Arc<Snapshot>,
    /// The proxy whose page it is.
    pub(super) own: String,
    pub(super) page: Arc<conf::StatsPage>,
    pub(super) query: Query,
    /// Servers can be chosen, and changed.
    pub(super) admin: bool,
    at: Step,
    first: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Begin,
    Proxy(usize),
    Over,
}

// === impl Report ===

impl Report {
    pub(super) fn new(
        world: Arc<World>,
        proxy: &Proxy,
        page: Arc<conf::StatsPage>,
        query: Query,
        admin: bool,
    ) -> Self {
        let snapshot = world.engine.snapshot();
        let own = proxy.conf.name.clone();
        Self { world, snapshot, own, page, query, admin, at: Step::Begin, first: true }
    }

    fn begin(&self, out: &mut Vec<u8>) {
        match self.query.format {
            Format::Html => html::begin(self, out),
            Format::Csv => row::write_header(out),
            Format::Typed => {}
            Format::Json => out.push(b'['),
            Format::Schema => out.extend_from_slice(crate::commands::SCHEMA.as_bytes()),
        }
    }

    /// Whether the page shows a proxy at all.
    fn shows(&self, proxy: &Proxy) -> bool {
        let name = &proxy.conf.name;
        let shown = !proxy.conf.disabled && proxy.conf.log_forward.is_none();
        shown && self.page.is_in_scope(name, &self.own) && self.query.shows(name)
    }

    fn proxy(&mut self, proxy: &Proxy, out: &mut Vec<u8>) {
        let filter = Filter {
            proxy: None,
            kinds: -1,
            server: None,
            up: self.query.up,
            no_maintenance: self.query.no_maintenance,
        };
        let mut rows = Vec::new();
        stat::of_proxy(&self.world, proxy, &filter, &mut |row: Row| rows.push(row));
        let format = match self.query.format {
            Format::Html => return html::proxy(self, proxy, &rows, out),
            Format::Csv => row::Format::Csv,
            Format::Typed => row::Format::Typed,
            Format::Json | Format::Schema => row::Format::Json,
        };
        for mut row in rows {
            if !self.page.legends {
                EXPLAINED.into_iter().for_each(|column| row.clear(column));
            }
            row.write(format, false, self.first, out);
            self.first = false;
        }
    }

    fn end(&self, out: &mut Vec<u8>) {
        match self.query.format {
            Format::Html => html::end(out),
            Format::Json => out.extend_from_slice(b"]\n"),
            Format::Csv | Format::Typed | Format::Schema => {}
        }
    }
}

impl Pieces for Report {
    fn write(&mut self, out: &mut Vec<u8>) -> bool {
        match self.at {
            Step::Begin => {
                self.begin(out);
                let is_schema = self.query.format == Format::Schema;
                self.at = if is_schema { Step::Over } else { Step::Proxy(0) };
                !is_schema
            }
            Step::Proxy(at) => match self.snapshot.proxies.ranked(at).cloned() {
                Some(proxy) => {
                    if self.shows(&proxy) {
                        self.proxy(&proxy, out);
                    }
                    self.at = Step::Proxy(at + 1);
                    true
                }
                None => {
                    self.end(out);
                    self.at = Step::Over;
                    false
                }
            },
            Step::Over => false,
        }
    }
}
