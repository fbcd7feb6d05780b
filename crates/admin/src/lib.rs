//! The runtime API, statistics, metrics and pages.
