//! The HTTP/1 codec (RFC 9112): heads and bodies from bytes, and bytes from them.

mod body;
mod framing;
mod parse;
mod write;

pub use body::{ChunkDecoder, ChunkStep};
pub use framing::{BodyLength, expects_continue, persists, request_body, response_body, token_in};
pub use parse::{Fault, Limits, Parse, Parser, parse_request, parse_response};
pub use write::{chunk_header, write_head};
