//! What is known of a transaction when it is over: what the log tells and the counters count.

use std::net::SocketAddr;
use std::sync::Arc;

use weir_balance::queue::Priority;
use weir_sys::connect::PacketMarks;
use weir_tls::session::Failure;

use crate::clock::Tick;
use crate::ending::{Cause, Ending, Stage};
use crate::io::{Heard, Stream};
use crate::mux::h2::{Gone, Lane};
use crate::persistence::Persisted;
use crate::refusal::{Refusal, Unreached};

/// Times, sizes and ends of one transaction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// When its first byte came, or its connection where there is no request.
    pub(crate) begun: Tick,
    /// The request was there: its head was complete, and what rules and options wait for of it had come.
    pub(crate) requested: Option<Tick>,
    /// A server was chosen, after the queue.
    pub(crate) assigned: Option<Tick>,
    /// The connection to the server was there.
    pub(crate) connected: Option<Tick>,
    /// The head of the response was there, and what `tcp-response` waits for of it.
    pub(crate) answered: Option<Tick>,
    /// It was over.
    pub(crate) finished: Option<Tick>,
    /// From the client.
    pub(crate) bytes_in: u64,
    /// To the client.
    pub(crate) bytes_out: u64,
    /// To the server.
    pub(crate) bytes_up: u64,
    /// From the server.
    pub(crate) bytes_down: u64,
    /// What the head of the request weighs as the server got it; none where no server got it.
    pub(crate) sent_request: Option<u64>,
    /// What the head of the response weighs as it came.
    pub(crate) response_head: u64,
    /// How much more the response weighs as the client got it than as it came.
    pub(crate) response_growth: i64,
    /// The status that the client got; 0 for none.
    pub(crate) status: u16,
    /// Why the connection was refused before its first byte.
    pub(crate) refusal: Option<Refusal>,
    /// Why there was no connection to the server.
    pub(crate) unreached: Option<Unreached>,
    /// What went wrong with the session of TLS with it.
    pub(crate) far_failure: Option<Box<Failure>>,
    /// Why the server's stream ended before its time, where that is over.
    pub(crate) far_gone: Option<Gone>,
    /// How the server's connection ended, where that is over.
    pub(crate) far_heard: Heard,
    /// The server ended before the client did, where bytes were passed as they came.
    pub(crate) server_first: bool,
    /// The request's body was no valid one.
    pub(crate) malformed: bool,
    /// The whole answer was there when its head was.
    pub(crate) came_at_once: bool,
    /// Who ended it; the first to fail is named.
    pub(crate) ending: Ending,
    /// Connection attempts beyond the first.
    pub(crate) retries: u32,
    /// How many of them there may be, where a rule set it.
    pub(crate) own_retries: Option<u32>,
    /// Its turn in a queue, as rules set it.
    pub(crate) priority: Priority,
    /// Whether another server than the first was tried.
    pub(crate) redispatched: bool,
    /// How many went before it in the server's queue, and in the backend's.
    pub(crate) queued: (u32, u32),
    /// The connection to the server had served others before.
    pub(crate) reused: bool,
    /// Its number in the process, once a byte came or its session is known to be one.
    pub(crate) number: Option<u32>,
    /// What the log counts of both messages, towards the server and towards the client: start lines and header
    /// lines without their separators, bodies without their framing (see [`weir_http::h1::accounted`]).
    pub(crate) log_bytes: (u64, u64),
    /// What of `log_bytes` the head of the request is.
    pub(crate) head_bytes: u64,
    /// What of `log_bytes` passed as a stream, which the counters have in whole.
    pub(crate) streamed: (u64, u64),
    /// What of `log_bytes` the counters of `show stat` have already.
    pub(crate) counted: (u64, u64),
    /// Our own end of the connection to the server, where the log shows it.
    pub(crate) back_source: Option<SocketAddr>,
    /// The level of its line where a rule set it; `Some(None)` for no line at all.
    pub(crate) log_level: Option<Option<crate::log::Level>>,
    /// What became of the persistence cookie.
    pub(crate) persisted: Persisted,
    /// The client is not to be told of the end.
    pub(crate) dropped: bool,
    /// The log shows no time for the request: it was turned away.
    pub(crate) turned_away: bool,
    /// How packets to the server are marked.
    pub(crate) marks: PacketMarks,
    /// The last rule that ended a set.
    pub(crate) last_rule: Option<LastRule>,
    /// The rule that waited when its client left.
    pub(crate) interrupted: Option<LastRule>,
    /// A rule said that the request is not sent twice.
    pub(crate) not_replayed: bool,
    /// The status of the answer that lies ready, and the one that it stands for.
    pub(crate) meant: Option<(u16, u16)>,
    /// The response is an answer of our own.
    pub(crate) replied: bool,
    /// Its line was written.
    pub(crate) logged: bool,
}

/// Where the rule stands that ended a set.
#[derive(Clone, Debug)]
pub(crate) struct LastRule {
    pub(crate) file: Arc<str>,
    pub(crate) line: u32,
    /// It ended the transaction, not only its set.
    pub(crate) decided: bool,
}

// === impl Facts ===

impl Facts {
    /// Names who ended it, unless somebody is named already.
    pub(crate) fn blame(&mut self, cause: Cause, stage: Stage) {
        if self.ending.is_normal() {
            self.ending = Ending::new(cause, stage);
        }
    }

    /// Whether nothing went wrong that an operator might want to see (manual, 8.3.2). What rules answer is as usual as
    /// what servers do.
    pub(crate) fn is_normal(&self) -> bool {
        let ended = match self.ending.is_normal() {
            true => self.retries == 0,
            false => self.ending.is_by(Cause::Local),
        };
        ended && !self.redispatched && self.status < 500
    }

    /// Remembers how the stream to the server ended, which outlives the transaction or is closed before its end.
    pub(crate) fn part(&mut self, far: &Stream) {
        self.far_gone = far.lane().and_then(Lane::gone);
        self.far_heard = far.heard();
    }
}
