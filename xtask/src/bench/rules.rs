//! Twenty rules of the kinds that configurations are full of, and the files that they read.

use std::fmt::Write;

/// What clients ask for: a line in the middle of the map.
pub(crate) const PATH: &str = "/t5000/items?id=42";

/// What browsers and proxies before us send.
pub(crate) const HEADERS: &[&str] = &[
    "X-Forwarded-For: 192.0.2.7",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language: en-US,en;q=0.5",
    "Cookie: session=0123456789abcdef; theme=dark",
    "X-Debug: 1",
];

/// The rules of the frontend; `{nets}` and `{tenants}` are the files.
pub(crate) const LINES: &str = "    acl blocked src -f {nets}
    acl bad_hop hdr_ip(x-forwarded-for) -f {nets}
    acl api path_beg /api/ /v1/ /v2/
    acl static path_end .css .js .png .svg .woff2
    acl admin path_reg ^/admin(/|$)
    acl session req.cook(session) -m found
    http-request deny if blocked
    http-request deny if bad_hop
    http-request deny if admin !{ src 10.0.0.0/8 192.168.0.0/16 }
    http-request set-var(txn.tenant) path,field(2,/),map_str({tenants},none)
    http-request set-var(txn.host) req.hdr(host),lower
    http-request set-var(req.id) url_param(id)
    http-request deny deny_status 429 if { var(txn.tenant) -m str blocked }
    http-request set-header X-Tenant %[var(txn.tenant)]
    http-request set-header X-Request-Id %[var(txn.host)]-%[var(req.id)]
    http-request set-header X-Forwarded-Proto http
    http-request add-header Via \"1.1 edge\"
    http-request del-header X-Debug
    http-request replace-header Cookie (.*)theme=[^;]*(.*) \\1\\2 if session
    http-request set-header X-Kind api if api
    http-request set-header Cache-Control no-cache unless static
    http-request set-log-level debug if { path /health }
    http-response set-header X-Served-By %[be_name]
    http-response del-header Server
    http-response set-header Strict-Transport-Security max-age=31536000
    http-response set-header X-Tenant %[var(txn.tenant)] if { status 200:299 }
";

/// A thousand networks, none of which any client is in.
pub(crate) fn networks() -> String {
    (0..1000).fold(String::new(), |mut text, n| {
        let _ = writeln!(text, "10.{}.{}.0/24", n / 250, n % 250);
        text
    })
}

/// The map: ten thousand tenants and their names.
pub(crate) fn tenants() -> String {
    (0..10_000).fold(String::new(), |mut text, n| {
        let _ = writeln!(text, "t{n} tenant-number-{n}");
        text
    })
}
