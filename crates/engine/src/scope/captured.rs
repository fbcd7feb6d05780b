//! What is kept of a request for the log, from before rules change it.

use std::cell::{OnceCell, RefCell};

use weir_expr::Side;
use weir_http::{Head, cookie};

use crate::conf::CaptureCookie;

/// What is kept of a request as it came, whatever rules make of its head.
#[derive(Debug, Default)]
pub(crate) struct Captured {
    /// The request line, cut at `tune.http.logurilen`; empty where there was none.
    line: Vec<u8>,
    method_end: usize,
    target_end: usize,
    /// The unique id, once it is made.
    unique_id: OnceCell<Vec<u8>>,
    /// The storage of the one before.
    spare: RefCell<Vec<u8>>,
    /// The cookies of both sides, `name=value`; empty where there was none.
    cookies: [Vec<u8>; 2],
}

// === impl Captured ===

impl Captured {
    /// Keeps the request line.
    pub(crate) fn take(&mut self, head: &Head, limit: usize) {
        self.line.clear();
        self.line.extend_from_slice(head.method());
        self.method_end = self.line.len();
        self.line.push(b' ');
        self.line.extend_from_slice(head.target());
        self.target_end = self.line.len();
        let (major, minor) = head.version();
        self.line.extend_from_slice(&[b' ', b'H', b'T', b'T', b'P', b'/', b'0' + major, b'.', b'0' + minor]);
        self.line.truncate(limit.saturating_sub(1));
    }

    /// Keeps the first cookie of a message that begins with what is wanted.
    pub(crate) fn take_cookie(&mut self, wanted: &CaptureCookie, side: Side, head: &Head) {
        let [request, response] = &mut self.cookies;
        let (header, kept): (&[u8], _) = match side {
            Side::Client => (b"cookie", request),
            Side::Server => (b"set-cookie", response),
        };
        let lines =
            head.lines().iter().filter(|line| *head.name(line) == *header).map(|line| head.value(line));
        for line in lines {
            // Behind the first of a response's line are its attributes.
            let most = if side == Side::Client { usize::MAX } else { 1 };
            for piece in cookie::pieces(line).take(most) {
                let Some(value) = piece.value else { continue };
                kept.clear();
                kept.extend_from_slice(line.get(piece.name).unwrap_or_default());
                kept.push(b'=');
                kept.extend_from_slice(line.get(value).unwrap_or_default());
                if kept.starts_with(&wanted.name) {
                    return kept.truncate(wanted.length);
                }
            }
        }
        kept.clear();
    }

    /// The unique id, which `make` writes at the first question.
    pub(crate) fn unique_id(&self, make: impl FnOnce(&mut Vec<u8>)) -> &[u8] {
        self.unique_id.get_or_init(|| {
            let mut id = self.spare.take();
            make(&mut id);
            id
        })
    }

    /// The unique id, where there is one that says something.
    pub(crate) fn known_unique_id(&self) -> Option<&[u8]> {
        self.unique_id.get().map(Vec::as_slice).filter(|id| !id.is_empty())
    }

    /// Empties it; the storage stays.
    pub(crate) fn clear(&mut self) {
        self.cookies.iter_mut().for_each(Vec::clear);
        self.line.clear();
        if let Some(mut id) = self.unique_id.take() {
            id.clear();
            self.spare.replace(id);
        }
    }

    pub(super) fn cookie(&self, side: Side) -> Option<&[u8]> {
        let [request, response] = &self.cookies;
        let kept = if side == Side::Client { request } else { response };
        (!kept.is_empty()).then_some(kept)
    }

    /// The request line; absent where there was none.
    pub(crate) fn line(&self) -> Option<&[u8]> {
        (!self.line.is_empty()).then_some(&self.line)
    }

    pub(super) fn method(&self) -> Option<&[u8]> {
        self.line()?.get(..self.method_end)
    }

    pub(super) fn target(&self) -> Option<&[u8]> {
        let line = self.line()?;
        line.get(self.method_end + 1..self.target_end.min(line.len()))
    }

    pub(super) fn version(&self) -> Option<&[u8]> {
        self.line()?.get(self.target_end + 1..)
    }
}
