//! Histograms of latency, which HAProxy's exporter lacks: `weir_{frontend,backend,server}_{phase}_seconds`. They are told
//! where `latency` is asked for, so that what is told without it is what HAProxy tells.

use std::io::Write as _;

use weir_engine::runtime::{Distribution, Phase};
use weir_engine::snapshot::Snapshot;

use super::export::{escaped, head};
use super::metrics;
use super::query::Query;
use crate::latency::{self, Kind, Object};

/// Writes the histograms of all objects.
pub(super) fn write(snapshot: &Snapshot, query: &Query, out: &mut Vec<u8>) {
    let objects = latency::objects(snapshot);
    for kind in [Kind::Frontend, Kind::Backend, Kind::Server] {
        for phase in Phase::ALL {
            let name = format!("weir_{}_{}_seconds", word(kind), phase.word());
            let mut of_kind = objects.iter().filter(|object| object.kind == kind).peekable();
            if !query.wants(&name) || of_kind.peek().is_none() {
                continue;
            }
            head(&name, help(phase), metrics::Kind::Histogram, out);
            for object in of_kind {
                values(&name, &labels(object), &object.told(phase), out);
            }
        }
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Frontend => "frontend",
        Kind::Backend => "backend",
        Kind::Server => "server",
    }
}

fn help(phase: Phase) -> &'static str {
    match phase {
        Phase::Queue => "From the request to the choice of a server",
        Phase::Connect => "From the choice of a server to the connection with it",
        Phase::Response => "From the connection to the head of the answer",
        Phase::Total => "From the first byte of a request to the last of its answer",
    }
}

fn labels(object: &Object<'_>) -> String {
    let proxy = format!("proxy=\"{}\"", escaped(object.proxy));
    match object.kind {
        Kind::Server => format!("{proxy},server=\"{}\"", escaped(object.name)),
        Kind::Frontend | Kind::Backend => proxy,
    }
}

fn values(name: &str, labels: &str, told: &Distribution, out: &mut Vec<u8>) {
    for micros in BOUNDS {
        let seconds = micros as f64 / 1e6;
        let _ = writeln!(out, "{name}_bucket{{{labels},le=\"{seconds}\"}} {}", told.below(micros));
    }
    let (count, sum) = (told.count(), told.sum() as f64 / 1e6);
    let _ = write!(
        out,
        "{name}_bucket{{{labels},le=\"+Inf\"}} {count}\n{name}_sum{{{labels}}} {sum}\n{name}_count{{{labels}}} {count}\n"
    );
}

/// The bounds that are told, in microseconds.
const BOUNDS: [u64; 17] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000, 60_000_000,
];
