//! Asks responders what they say of certificates, one after the other, when it is time or somebody wishes it (manual,
//! 12.7.1 "ocsp-update"; management manual, 9.3 "update ssl ocsp-response").
//!
//! A thread of its own does it, which is there once there is something to ask. Who is asked when, and what came of it,
//! `tls::ocsp` knows; what came counts for sessions that begin from then on.

mod fetch;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use weir_expr::date::Civil;
use weir_tls::certificate::Certificate;
use weir_tls::ocsp::{self, Due, Outcome};
use weir_tls::pair::Pair;

use self::fetch::{Answer, Failure, Request};
use crate::clock;
use crate::conf::GlobalTls;
use crate::log::{self, Level};
use crate::operator::certificates;
use crate::runtime::Runtime;
use crate::snapshot::Snapshot;

/// The hold on the thread that asks.
#[derive(Debug)]
pub(crate) struct Asker(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    runtime: Arc<Runtime>,
    /// The configuration that runs.
    snapshot: Mutex<Weak<Snapshot>>,
    woken: Condvar,
    started: AtomicBool,
    stopped: AtomicBool,
}

// === impl Asker ===

impl Asker {
    /// Nobody is asked yet.
    pub(crate) fn new(runtime: Arc<Runtime>) -> Self {
        Self(Arc::new(Shared {
            runtime,
            snapshot: Mutex::default(),
            woken: Condvar::new(),
            started: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
        }))
    }

    /// The questions of this configuration count from now on.
    pub(crate) fn serve(&self, snapshot: &Arc<Snapshot>) {
        *self.0.lock() = Arc::downgrade(snapshot);
        if !snapshot.global.tls.store.updates.is_empty() {
            self.wake();
        }
    }

    /// There is something to ask.
    pub(crate) fn wake(&self) {
        if !self.0.started.swap(true, Relaxed) {
            let shared = self.0.clone();
            let thread = std::thread::Builder::new().name("ocsp".to_owned());
            // Where the system gives no thread, the next wish tries again.
            self.0.started.store(thread.spawn(move || shared.run()).is_ok(), Relaxed);
        }
        self.0.woken.notify_one();
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        self.0.stopped.store(true, Relaxed);
        self.0.woken.notify_one();
    }
}

// === impl Shared ===

impl Shared {
    fn run(&self) {
        while !self.stopped.load(Relaxed) {
            let current = self.lock();
            let due = current.upgrade().map(|snapshot| {
                let (store, only_wishes) = (&snapshot.global.tls.store, snapshot.global.tls.ocsp.disabled);
                (store.updates.due(now(), only_wishes), snapshot.clone())
            });
            match due {
                Some((Ok(due), snapshot)) => {
                    drop(current);
                    self.ask(&snapshot, &due);
                }
                Some((Err(Some(seconds)), _)) => {
                    let wait = Duration::from_secs(seconds.unsigned_abs()).min(TURN);
                    let _ = self.woken.wait_timeout(current, wait);
                }
                Some((Err(None), _)) | None => {
                    let _ = self.woken.wait_timeout(current, TURN);
                }
            }
        }
    }

    /// Asks about a certificate, and takes what is said of it.
    fn ask(&self, snapshot: &Arc<Snapshot>, due: &Due) {
        let tls = &snapshot.global.tls;
        let meant = tls.store.known_as(&due.identity);
        let first = meant.first().and_then(|pair| Some((pair, pair.responder()?)));
        let (outcome, request_line) = match first {
            Some((pair, (identity, address))) => {
                let url = format!("{address}/{}", ocsp::path(identity));
                let request = Request { url, proxy: tls.ocsp.proxy };
                answered(snapshot, &request, pair, &meant)
            }
            None => (Outcome::NoAnswer, None),
        };
        let (number, text) = (outcome.number(), outcome.text());
        let delays = (i64::from(tls.ocsp.least), i64::from(tls.ocsp.most));
        let (failures, successes) = tls.store.updates.settle(&due.identity, outcome, now(), delays);
        let line = format!("<OCSP-UPDATE> {} {number} \"{text}\" {failures} {successes}", due.path);
        log::line(&snapshot.log, &self.runtime, Level::Notice, &line);
        if let Some(line) = request_line {
            log::line(&snapshot.log, &self.runtime, Level::Info, &line);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Weak<Snapshot>> {
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What comes of a question about certificates, and what is logged of it as of a request.
fn answered(
    snapshot: &Snapshot,
    request: &Request,
    pair: &Pair,
    meant: &[Arc<Pair>],
) -> (Outcome, Option<String>) {
    clock::refresh();
    let (begun, at) = (clock::now(), clock::wall());
    let answer = match fetch::get(request, &snapshot.global.http_client) {
        Ok(answer) if answer.status == 200 => answer,
        Ok(_) => return (Outcome::NoAnswer, None),
        Err(failure) => {
            clock::refresh();
            let took = clock::now().millis_since(begun);
            return (Outcome::NoAnswer, Some(line_of(failure, request, at, took)));
        }
    };
    if answer.kind != "application/ocsp-response" {
        return (Outcome::NotDeclared, None);
    }
    let outcome = match judged(&answer, pair) {
        Ok(until) => {
            certificates::staple(snapshot, meant, &answer.body);
            Outcome::Done(until)
        }
        Err(outcome) => outcome,
    };
    (outcome, None)
}

/// A certificate that clients are shown is asked about from now on, if the configuration says so.
pub(crate) fn expect(tls: &GlobalTls, pair: &Pair) {
    let Some((identity, _)) = pair.asked(tls.extra.asks) else { return };
    let (least, most) = (i64::from(tls.ocsp.least), i64::from(tls.ocsp.most));
    let known = pair.staple.response.as_deref().and_then(|bytes| ocsp::Response::parse(bytes).ok());
    let until = known.and_then(|response| response.judge(None, now()).ok());
    let next = until.map(|until| until.min(now() + most).max(now() + least));
    tls.store.updates.add(identity, &pair.path, next);
}

/// Until when an answer about a certificate holds; what is wrong with it otherwise.
fn judged(answer: &Answer, pair: &Pair) -> Result<i64, Outcome> {
    let unchecked = |fault: ocsp::Fault| Outcome::Unchecked(fault.of_check());
    let response = ocsp::Response::parse(&answer.body).map_err(unchecked)?;
    let issuer = pair.issuer.as_ref().and_then(|der| Certificate::parse(der));
    if !issuer.is_some_and(|issuer| response.is_signed_for(&issuer, now())) {
        return Err(unchecked(ocsp::Fault::Unsigned));
    }
    response.judge(pair.staple.identity.as_deref(), now()).map_err(|fault| {
        let fault = match fault {
            ocsp::Fault::OtherCertificate => ocsp::Fault::NoCertificate,
            other => other,
        };
        Outcome::NotTaken(fault.to_string())
    })
}

/// What is logged of a question that nobody answered, as of a request of anybody else.
fn line_of(failure: Failure, request: &Request, at: u64, took: i64) -> String {
    let (times, status, ending, retries) = match failure {
        Failure::Address | Failure::Name => (format!("{took}/-1/-1/-1/{took}"), 503, "LR", 0),
        Failure::Connection(retries) => (format!("2/0/-1/-1/{took}"), 503, "SC", retries),
        Failure::Answer => (format!("2/0/0/-1/{took}"), 502, "SH", 0),
        Failure::Garbage => (format!("2/0/0/-1/{took}"), 502, "PH", 0),
    };
    let seconds = (at / 1_000_000).cast_signed();
    let civil = Civil::new(seconds, weir_sys::time::local_offset(seconds));
    let date = format!("{}.{:03}", String::from_utf8_lossy(&civil.log()), at / 1000 % 1000);
    let url = &request.url;
    format!(
        "-:- [{date}] <OCSP-UPDATE> -/- {times} {status} 0 - - {ending}-- 0/0/0/0/{retries} 0/0 {{}} \"GET {url} HTTP/1.1\""
    )
}

/// Seconds since 1970.
fn now() -> i64 {
    clock::refresh();
    (clock::wall() / 1_000_000).cast_signed()
}

/// How often the thread looks whether it is still wanted.
const TURN: Duration = Duration::from_secs(1);
