//! How a client stays with its server without a table (manual, 4.2 "cookie", "dynamic-cookie-key").

use std::sync::Arc;
use std::time::Duration;

use bitflags::bitflags;
use weir_expr::Expr;

/// Ways to stay with a server that need no table.
#[derive(Clone, Debug, Default)]
pub struct Persistence {
    /// `cookie`
    pub cookie: Option<Cookie>,
    /// `dynamic-cookie-key`
    pub dynamic_key: Option<Box<[u8]>>,
    /// `persist rdp-cookie`
    pub rdp_cookie: Option<RdpCookie>,
}

/// What finds the cookie that a terminal server gave its client.
#[derive(Clone, Debug)]
pub struct RdpCookie(pub Arc<Expr>);

/// A `cookie` line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cookie {
    /// Its name; upper and lower case differ.
    pub name: Box<[u8]>,
    /// Who sets it.
    pub mode: CookieMode,
    /// Its flags.
    pub flags: CookieFlags,
    /// `domain`, in order.
    pub domains: Vec<Box<[u8]>>,
    /// `maxidle`; zero for none.
    pub max_idle: Duration,
    /// `maxlife`; zero for none.
    pub max_life: Duration,
    /// `attr`, in order.
    pub attributes: Vec<Box<[u8]>>,
}

/// Who sets the cookie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CookieMode {
    /// Nobody: it is only looked at.
    #[default]
    Passive,
    /// The server; its value is replaced.
    Rewrite,
    /// The proxy.
    Insert,
    /// The server; its value is led by the server's name.
    Prefix,
}

bitflags! {
    /// Flags of a `cookie` line, by their words.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct CookieFlags: u8 {
        /// Neither the server nor a client that has its server sees it.
        const INDIRECT = 1;
        /// Answers that set it are not for caches.
        const NOCACHE = 2;
        /// Set in answers to `POST` only.
        const POSTONLY = 4;
        /// The server's own is left alone.
        const PRESERVE = 8;
        /// `HttpOnly`
        const HTTPONLY = 16;
        /// `Secure`
        const SECURE = 32;
        /// Values come from the addresses of servers.
        const DYNAMIC = 64;
    }
}
