//! Samples, fetches, converters, patterns, ACLs, maps, variables and log formats.
