//! What ended a transaction, layer by layer (manual, 7.3.6 "term_events").
//!
//! Nothing is recorded while a request is served: the events follow from the ending, from what both connections said last
//! and from what is closed after the transaction. Each is a letter for the layer, a capital one towards the server, and
//! a digit: 1 we closed, 2 the other side did, 3 it reset, 5 and 6 the same before its message was complete, 7 a
//! timeout or no connection, 8 a rule decided, 9 no valid message, B closed along with the last bytes.

use crate::ending::{Cause, Ending, Stage};
use crate::io::Heard;
use crate::mux::h1::Taken;
use crate::stage::prepare;
use crate::transaction::Transaction;

/// The tuple as text: `{f1,m1,e1,s1S1,E1,M1,F1}`.
pub(super) struct Events {
    bytes: [u8; LONGEST],
    len: usize,
}

/// What the events follow from.
struct Story<'a> {
    t: &'a Transaction,
    ending: Ending,
    client: Heard,
    server: Heard,
    /// There is a request, or a session that has begun.
    exists: bool,
    over: bool,
    http: bool,
    /// The client owes some of its request.
    partial: bool,
    /// The server ended before the client did.
    server_first: bool,
}

// === impl Events ===

impl Events {
    /// What is known now.
    pub(super) fn of(t: &Transaction) -> Self {
        let story = Story::of(t);
        let mut events = Self { bytes: [0; LONGEST], len: 0 };
        events.push("{");
        events.push(story.client_connection());
        for layer in [story.client_mux(), story.client_end(), story.stream_by_client()] {
            events.push(",");
            events.push(layer);
        }
        events.push(story.stream());
        for layer in [story.server_end(), story.server_mux(), story.server_connection()] {
            events.push(",");
            events.push(layer);
        }
        events.push("}");
        events
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    fn push(&mut self, text: &str) {
        if let Some(room) = self.bytes.get_mut(self.len..self.len + text.len()) {
            room.copy_from_slice(text.as_bytes());
            self.len += text.len();
        }
    }
}

// === impl Story ===

impl<'a> Story<'a> {
    fn of(t: &'a Transaction) -> Self {
        let (http, over) = (t.is_http(), t.facts.finished.is_some());
        Self {
            t,
            ending: t.facts.ending,
            client: t.client.stream.heard(),
            server: t.facts.far_heard,
            exists: if over { !http } else { t.has_begun() || t.facts.connected.is_some() }
                || t.facts.requested.is_some(),
            over,
            http,
            partial: http && t.front.taken != Taken::All,
            server_first: t.facts.server_first,
        }
    }

    fn client_connection(&self) -> &'static str {
        match (self.client, self.server_first) {
            _ if !self.over => "",
            (Heard::End, _) if !self.exists => "f2",
            (Heard::End, false) => "f2f1",
            (Heard::End, true) => "f1f2",
            (Heard::Reset, false) => "f3",
            (Heard::Reset, true) => "f1f3",
            (Heard::Nothing, _) if self.client_stays() => "",
            (Heard::Nothing, _) => "f1",
        }
    }

    fn client_mux(&self) -> &'static str {
        if !self.over {
            return "";
        }
        if !self.exists {
            return match (self.client, self.t.client.input.is_empty()) {
                _ if self.ending.is_by(Cause::Proxy) => "m9",
                (Heard::Nothing, _) => "",
                (Heard::End, true) => "m2",
                (Heard::End, false) => "m5",
                (Heard::Reset, true) => "m3",
                (Heard::Reset, false) => "m6",
            };
        }
        match (self.client, self.server_first) {
            (Heard::Nothing, _) if self.client_stays() => "",
            (Heard::Nothing, _) => "m1",
            (Heard::End, false) if self.partial => "m5m1",
            (Heard::End, false) => "m2m1",
            (Heard::End, true) => "m1m2m1",
            (Heard::Reset, false) if self.partial => "m6m1",
            (Heard::Reset, false) if self.http => "m1",
            (Heard::Reset, false) => "m3m1",
            (Heard::Reset, true) => "m1m3m1",
        }
    }

    fn client_end(&self) -> &'static str {
        match (self.exists, self.client) {
            (false, _) => "-",
            _ if !self.over => "",
            _ if self.t.facts.malformed => "e9e1",
            (_, Heard::End) if self.partial => "e5e1",
            (_, Heard::End) if self.http => "e2e1",
            (_, Heard::Reset) if self.partial => "e6e1",
            _ => "e1",
        }
    }

    /// What the client did to the stream of HTTP, which comes first.
    fn stream_by_client(&self) -> &'static str {
        match self.client {
            _ if !self.exists => "-",
            _ if !self.over || !self.http => "",
            Heard::Nothing => "",
            _ if self.partial => "s5",
            Heard::End => "s2",
            Heard::Reset => "s3",
        }
    }

    fn stream(&self) -> &'static str {
        match (self.exists, self.over) {
            (false, _) => "",
            (true, false) => self.t.facts.unreached.map_or("", |_| "S1"),
            (true, true) if self.http => self.stream_of_http(),
            (true, true) => self.stream_of_tcp(),
        }
    }

    fn stream_of_http(&self) -> &'static str {
        match (self.ending.cause, self.ending.stage) {
            (Cause::Proxy, _) if self.t.facts.malformed => "s6s1s9S1",
            (Cause::None, _) if self.server == Heard::End => "S2s1",
            (Cause::None, _) if self.t.facts.came_at_once => "s1S1",
            (Cause::Client, _) if self.partial || self.client == Heard::Reset => "s1S1",
            (Cause::Local, _) if self.t.messages.service.is_some() => "S2S1s1",
            (Cause::Proxy | Cause::Local, Stage::Headers) if self.t.facts.answered.is_some() => "S8S1s1",
            (Cause::Proxy, Stage::Headers | Stage::Data) => "S6S1S9s1",
            (Cause::Proxy | Cause::Local, _) | (Cause::ClientTimeout, Stage::Request) => "s8S1s1",
            (Cause::ClientTimeout, _) => "s7S1s1",
            (Cause::ServerTimeout, Stage::Headers | Stage::Data) => "S7S1s1",
            (Cause::Server, Stage::Headers | Stage::Data) if self.partial => "S5S1s1",
            (Cause::Server, Stage::Headers | Stage::Data) => "S5s1",
            _ => "S1s1",
        }
    }

    fn stream_of_tcp(&self) -> &'static str {
        let client_ended = self.client == Heard::End;
        match self.ending.cause {
            Cause::None if self.server_first => "S2s1s2S1",
            Cause::None => "s2S1S2s1",
            Cause::Client if self.server_first => "S2s1s5S1",
            Cause::Client => "s5s1S1",
            Cause::Proxy => "s8S1s1",
            Cause::Server if self.t.facts.connected.is_none() => "S1s1",
            Cause::Server if client_ended => "s2S1S5s1",
            Cause::Server => "S5S1s1",
            Cause::ClientTimeout if self.server_first => "S2s1s7S1",
            Cause::ClientTimeout => "s7S1S7s1",
            Cause::ServerTimeout if client_ended => "s2S1S7s1",
            Cause::ServerTimeout => "S7s1s7S1",
            _ => "S1s1",
        }
    }

    fn server_end(&self) -> &'static str {
        match (self.ending.cause, self.server) {
            _ if !self.exists => "-",
            _ if !self.over => "",
            _ if self.t.messages.service.is_some() => "E2E1",
            _ if self.t.facts.connected.is_none() => "",
            _ if !self.http || self.t.facts.malformed => "E1",
            (Cause::Proxy, _) if self.t.facts.answered.is_none() || self.ending.stage == Stage::Data => {
                "E9E1"
            }
            (Cause::Server, Heard::End) => "E5E1",
            (Cause::Server, Heard::Reset) => "E6E1",
            (Cause::None, Heard::End) => "E2E1",
            _ => "E1",
        }
    }

    fn server_mux(&self) -> &'static str {
        match (self.ending.cause, self.server) {
            _ if !self.has_server() => "-",
            _ if !self.over || self.t.facts.connected.is_none() || self.server_stays() => "",
            (Cause::Server, Heard::End) if self.http => "M5M1",
            (Cause::Server, Heard::Reset) if self.http => "M6M1",
            (_, Heard::Reset) if !self.http && self.client == Heard::End => "M1M3M1",
            (_, Heard::Reset) if !self.http => "M3M1",
            (_, Heard::End) if !self.http && !self.server_first => "M1M2M1",
            (_, Heard::End) => "M2M1",
            _ => "M1",
        }
    }

    fn server_connection(&self) -> &'static str {
        match self.server {
            _ if !self.has_server() => "-",
            _ if self.t.facts.connected.is_none() => "F7",
            _ if !self.over || self.server_stays() => "",
            Heard::End if self.http && self.t.facts.answered.is_some() => "FBF1",
            Heard::End if self.http || self.server_first => "F2F1",
            Heard::End => "F1F2",
            Heard::Reset if !self.http && self.client == Heard::End => "F1F3",
            Heard::Reset => "F3",
            Heard::Nothing => "F1",
        }
    }

    /// Whether a connection to a server was tried.
    fn has_server(&self) -> bool {
        let tried = self.t.facts.connected.is_some() || self.t.facts.unreached.is_some();
        self.exists && tried && self.t.messages.service.is_none()
    }

    /// Whether the client's connection outlives the transaction: for other requests, or to read what is left of this one.
    fn client_stays(&self) -> bool {
        !self.exists
            || self.t.client.stream.lane().is_some()
            || self.t.front.keep_alive
            || self.t.client.rest.is_some() && !self.t.facts.dropped
    }

    /// Whether the connection to the server may carry another request.
    fn server_stays(&self) -> bool {
        self.t.far.is_some() && self.t.messages.reusable && !prepare::server_closes(self.t)
    }
}

/// Four events of two characters for each of seven layers at most, and what stands between them.
const LONGEST: usize = 7 * 8 + 8;
