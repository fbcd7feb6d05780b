//! Everything unsafe: socket options, splice, descriptor passing, privileges, capabilities.
