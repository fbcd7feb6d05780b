//! Muxes: from bytes on a connection to messages and frames, and back.

pub(crate) mod h1;
