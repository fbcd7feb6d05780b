//! The HTTP/1 codec (RFC 9112): heads and bodies from bytes, and bytes from them.

mod authority;
mod body;
mod chars;
mod framing;
mod judge;
mod parse;
mod settle;
mod write;

pub(crate) use authority::is_valid_host as is_host_valid;
pub use chars::{is_token, trim};
pub(crate) use judge::number as decimal_number;

pub use body::{ChunkDecoder, ChunkStep};
pub use framing::{
    BodyLength, and_chunks, client_line, persists, request_body, response_body, server_line, strip_length,
    take_expectation, token_in, wants_to_persist,
};
pub use parse::{
    Fault, Limits, Parse, Parser, accounted, accounted_lines, parse_request, parse_response, parse_trailers,
    weight,
};
pub use settle::{Settled, settle_request, settle_response, settle_te};
pub use write::{CaseMap, Outgoing, chunk_header, write_head, write_trailers};
