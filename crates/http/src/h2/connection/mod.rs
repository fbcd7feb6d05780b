//! One end of a connection.

mod receive;
mod send;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use hashbrown::HashMap;

use self::stream::Stream;
use super::assemble::Assembler;
use super::error::ErrorCode;
use super::frame;
use super::hpack::Decoder;
use super::settings::{MAX_WINDOW, Settings};

/// Which end this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The other end sends requests.
    Server,
    /// This end sends requests.
    Client,
}

/// What a connection may cost.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// What we tell the other end.
    pub settings: Settings,
    /// How much of bodies may come before it is read, in buffers: each stream has one, and those that receive a body
    /// when it begins share most of the others.
    pub buffers: u32,
    /// Octets of such a buffer.
    pub buffer: u32,
    /// Lines that a head may have (`tune.http.maxhdr`).
    pub max_lines: usize,
    /// Octets of a header block, and of the lines in it (`tune.bufsize`).
    pub max_head: usize,
    /// Frames out of the ordinary after which the connection ends; 0 for any number.
    pub max_glitches: u32,
}

/// One end of a connection.
#[derive(Debug)]
pub struct Connection {
    role: Role,
    config: Config,
    theirs: Settings,
    /// The other end said what its limits are.
    acquainted: bool,
    decoder: Decoder,
    assembler: Assembler,
    phase: Phase,
    /// A header block whose end is still to come.
    block: Block,
    streams: HashMap<u32, Stream>,
    /// Streams that this end reset, of late: the other end may not have heard of it yet.
    cast_off: VecDeque<u32>,
    /// Heads that may be sent once the other end is known to take them, with their streams.
    held: Vec<(u32, Vec<u8>)>,
    /// Streams that the other end turned out not to take, and of which nobody was told yet.
    unfit: Vec<u32>,
    /// The highest stream that the other end began.
    last_theirs: u32,
    /// The next stream that this end begins.
    next_own: u32,
    /// What may be sent on all streams together, in octets.
    send_window: i64,
    /// What may come on all streams together.
    receive_window: i64,
    /// What was read and not yet given back to the other end.
    owed: u32,
    out: Vec<u8>,
    sent: usize,
    /// Room for header blocks in the making.
    scratch: Vec<u8>,
    glitches: u32,
    /// A head, or the lines after a body, was none, on no stream that could tell so.
    stray_head: bool,
    /// What happened since somebody asked.
    tally: Tally,
    /// We said that no further stream will be served.
    leaving: bool,
    /// The last stream that the other end serves, once it said so.
    their_last: Option<u32>,
}

/// What came next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// More bytes have to come.
    More,
    /// Something that only the connection cares for.
    Nothing,
    /// A message began; its head was written to where it was asked for. `end` says that no body follows.
    Head {
        /// Its stream.
        stream: u32,
        /// No body follows.
        end: bool,
    },
    /// What should have been a head, or the lines after a body, is none; its stream was reset.
    Malformed {
        /// Its stream.
        stream: u32,
    },
    /// The lines after a body, which is complete.
    Trailers {
        /// Its stream.
        stream: u32,
    },
    /// A part of a body: `len` octets after `skip` octets of the input.
    Data {
        /// Its stream.
        stream: u32,
        /// Octets before it.
        skip: usize,
        /// Octets of it.
        len: usize,
        /// The body is complete.
        end: bool,
    },
    /// A stream ended before its time; nothing more is sent or received on it.
    Reset {
        /// The stream.
        stream: u32,
        /// Why.
        code: ErrorCode,
        /// The other end ended it; else this end did, because of what came.
        by_peer: bool,
    },
    /// More may be sent on a stream, or on all of them where it is 0.
    Window {
        /// The stream.
        stream: u32,
    },
    /// The other end serves no stream above `last`, and begins none.
    GoAway {
        /// The last stream that it serves.
        last: u32,
        /// Why.
        code: ErrorCode,
    },
    /// The connection is over: what lies in the output says why, and is all that is still to be sent.
    Over {
        /// Why; nothing where the first bytes were not HTTP/2 and nothing is to be said.
        code: Option<ErrorCode>,
    },
}

/// How often something happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each counts the frames of its name that came")]
pub struct Tally {
    pub headers: u32,
    pub data: u32,
    pub settings: u32,
    pub resets: u32,
    pub leaves: u32,
    /// Faults that ended the connection.
    pub connection_errors: u32,
    /// Faults that ended a stream.
    pub stream_errors: u32,
    /// `RST_STREAM` that were sent because of a fault.
    pub resets_sent: u32,
    /// `GOAWAY` that were sent because of a fault.
    pub leaves_sent: u32,
}

/// What a look at the input found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Octets of the input that are done with.
    pub consumed: usize,
    /// What they meant.
    pub event: Event,
}

/// What is expected next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The client's first words.
    Preface,
    /// The first frame, which holds settings.
    Settings,
    /// A frame.
    Frame,
    /// The rest of a frame with a part of a body.
    Body { stream: u32, left: usize, padding: usize, end: bool },
    /// Octets that nobody wants.
    Skip(usize),
    /// The connection is over.
    Over(Option<ErrorCode>),
}

/// A header block that comes in parts.
#[derive(Debug, Default)]
struct Block {
    stream: u32,
    end: bool,
    frames: u32,
    /// Its stream was reset by this end.
    late: bool,
    bytes: Vec<u8>,
}

// === impl Connection ===

impl Connection {
    /// A connection at its start; its first words lie in the output.
    pub fn new(role: Role, config: Config) -> Self {
        let mut this = Self {
            role,
            config,
            theirs: Settings::default(),
            acquainted: false,
            decoder: Decoder::new(config.settings.header_table_size as usize),
            assembler: Assembler::default(),
            phase: if role == Role::Server { Phase::Preface } else { Phase::Settings },
            block: Block::default(),
            streams: HashMap::new(),
            cast_off: VecDeque::new(),
            held: Vec::new(),
            unfit: Vec::new(),
            last_theirs: 0,
            next_own: 1,
            send_window: i64::from(Settings::default().initial_window_size),
            receive_window: i64::from(MAX_WINDOW),
            owed: 0,
            out: Vec::new(),
            sent: 0,
            scratch: Vec::new(),
            glitches: 0,
            stray_head: false,
            tally: Tally::default(),
            leaving: false,
            their_last: None,
        };
        if role == Role::Client {
            this.out.extend_from_slice(frame::PREFACE);
        }
        this.config.settings.write(&mut this.out);
        frame::write_window(&mut this.out, 0, MAX_WINDOW - Settings::default().initial_window_size);
        this
    }

    /// What is to be sent.
    pub fn output(&self) -> &[u8] {
        self.out.get(self.sent..).unwrap_or_default()
    }

    /// So many octets of the output were sent.
    pub fn sent(&mut self, octets: usize) {
        self.sent += octets;
        if self.sent >= self.out.len() {
            self.out.clear();
            self.sent = 0;
        }
    }

    /// Whether so much waits to be sent that nothing more should be read: the other end asks faster than it
    /// listens.
    pub fn is_choked(&self) -> bool {
        self.out.len() - self.sent > MAX_UNSENT
    }

    /// Streams that live, or that nobody has let go of yet.
    pub fn streams(&self) -> usize {
        self.streams.len()
    }

    /// The highest stream that the other end began.
    pub fn last_stream(&self) -> u32 {
        self.last_theirs
    }

    /// Frames out of the ordinary so far.
    pub fn glitches(&self) -> u32 {
        self.glitches
    }

    /// What happened since the last time that this was asked.
    pub fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    /// Whether, since the last time that this was asked, there was a head that was none and that neither began a
    /// stream nor was told as [`Event::Malformed`] of one that never began.
    pub fn take_stray_head(&mut self) -> bool {
        std::mem::take(&mut self.stray_head)
    }

    /// Streams on which something is still to come or to go.
    pub fn open_streams(&self) -> usize {
        self.streams.values().filter(|s| !s.is_closed()).count()
    }

    /// How many streams the end that sends requests may have open.
    pub fn stream_limit(&self) -> u32 {
        let own = self.config.settings.max_concurrent_streams;
        if self.role == Role::Client { own.min(self.theirs.max_concurrent_streams) } else { own }
    }

    /// What the other end told us of its limits.
    pub fn peer_settings(&self) -> &Settings {
        &self.theirs
    }

    /// Whether the connection takes no further stream.
    pub fn is_leaving(&self) -> bool {
        let exhausted = self.role == Role::Server && self.last_theirs == MAX_WINDOW;
        self.leaving || exhausted || self.their_last.is_some() || matches!(self.phase, Phase::Over(_))
    }

    /// Nothing more of a stream is wanted: it no longer counts. Resets it where it has not ended.
    pub fn release(&mut self, stream: u32) {
        if self.streams.get(&stream).is_some_and(|s| !s.is_closed()) {
            self.reset(
                stream,
                if self.role == Role::Server { ErrorCode::NoError } else { ErrorCode::Cancel },
            );
        }
        self.streams.remove(&stream);
    }

    /// Ends the connection with a word on why.
    fn fail(&mut self, code: ErrorCode) -> Event {
        self.tally.connection_errors += 1;
        self.tally.leaves_sent += 1;
        let last = self.last();
        frame::write_go_away(&mut self.out, last, code);
        self.phase = Phase::Over(Some(code));
        Event::Over { code: Some(code) }
    }

    /// The highest stream that was begun, by this end where it sends requests: the other end never begins one then.
    pub(super) fn last(&self) -> u32 {
        match self.role {
            Role::Server => self.last_theirs,
            Role::Client => self.next_own.saturating_sub(2),
        }
    }

    /// Remembers that this end reset a stream: what was on its way is no fault (RFC 9113, 5.1).
    fn remember_reset(&mut self, stream: u32) {
        if !self.cast_off.contains(&stream) {
            if self.cast_off.len() >= MAX_CAST_OFF {
                self.cast_off.pop_front();
            }
            self.cast_off.push_back(stream);
        }
    }

    /// Counts something out of the ordinary; whether there was too much of it.
    fn glitch(&mut self) -> bool {
        self.glitches += 1;
        self.config.max_glitches > 0 && self.glitches >= self.config.max_glitches
    }
}

/// Octets that may wait to be sent before reading stops.
const MAX_UNSENT: usize = 64 << 10;
/// Streams that this end reset and that are remembered.
const MAX_CAST_OFF: usize = 128;
