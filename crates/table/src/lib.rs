//! Stick tables: counters, rates and expiry, without sockets or clocks.
