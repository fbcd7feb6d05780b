//! The version-neutral HTTP message and the HTTP/1 codec, without sockets or clocks.
