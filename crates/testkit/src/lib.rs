//! Scripted clients and servers, and a harness that starts a program on a configuration.
