//! Muxes: from bytes on a connection to messages and frames, and back.

pub(crate) mod h1;
pub(crate) mod h2;
pub(crate) mod rest;
