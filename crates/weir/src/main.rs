//! A TCP and HTTP load balancer that reads haproxy.cfg.
fn main() {}
