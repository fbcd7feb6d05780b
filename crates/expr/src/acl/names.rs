//! Names of criteria that stand for a fetch with a matching method, and the predefined ACLs (manual, 7.1, 7.4).

use std::borrow::Cow;

use weir_config::{Arity, Class, Entry, Keyword, Sections, Word};
use weir_diag::Span;

use crate::pattern::Method;

/// A criterion: the fetch and the method that it stands for.
pub type Criterion = Keyword<(&'static str, Method)>;

/// Criteria whose own method another one takes the place of, beside those whose name shows it.
pub(super) const OWN_METHODS: [&str; 2] = ["http_auth_group", "method"];

/// All criteria that are no plain fetches.
pub const CRITERIA: &[Criterion] = &[
    criterion("base", "base", Method::Str),
    criterion("base_beg", "base", Method::Beg),
    criterion("base_dir", "base", Method::Dir),
    criterion("base_dom", "base", Method::Dom),
    criterion("base_end", "base", Method::End),
    criterion("base_len", "base", Method::Len),
    criterion("base_reg", "base", Method::Reg),
    criterion("base_sub", "base", Method::Sub),
    criterion("cook", "req.cook", Method::Str),
    criterion("cook_beg", "req.cook", Method::Beg),
    criterion("cook_dir", "req.cook", Method::Dir),
    criterion("cook_dom", "req.cook", Method::Dom),
    criterion("cook_end", "req.cook", Method::End),
    criterion("cook_len", "req.cook", Method::Len),
    criterion("cook_reg", "req.cook", Method::Reg),
    criterion("cook_sub", "req.cook", Method::Sub),
    criterion("hdr", "req.hdr", Method::Str),
    criterion("hdr_beg", "req.hdr", Method::Beg),
    criterion("hdr_dir", "req.hdr", Method::Dir),
    criterion("hdr_dom", "req.hdr", Method::Dom),
    criterion("hdr_end", "req.hdr", Method::End),
    criterion("hdr_len", "req.hdr", Method::Len),
    criterion("hdr_reg", "req.hdr", Method::Reg),
    criterion("hdr_sub", "req.hdr", Method::Sub),
    criterion("http_auth_group", "http_auth_group", Method::Str),
    criterion("method", "method", Method::Str),
    criterion("path", "path", Method::Str),
    criterion("path_beg", "path", Method::Beg),
    criterion("path_dir", "path", Method::Dir),
    criterion("path_dom", "path", Method::Dom),
    criterion("path_end", "path", Method::End),
    criterion("path_len", "path", Method::Len),
    criterion("path_reg", "path", Method::Reg),
    criterion("path_sub", "path", Method::Sub),
    criterion("payload", "req.payload", Method::Bin),
    criterion("payload_lv", "req.payload_lv", Method::Bin),
    criterion("req.ssl_ver", "req.ssl_ver", Method::Int),
    criterion("req_rdp_cookie", "req.rdp_cookie", Method::Str),
    criterion("req_rdp_cookie_cnt", "req.rdp_cookie_cnt", Method::Int),
    criterion("req_ssl_sni", "req.ssl_sni", Method::Str),
    criterion("req_ssl_ver", "req.ssl_ver", Method::Int),
    criterion("req_ver", "req.ver", Method::Str),
    criterion("resp_ver", "res.ver", Method::Str),
    criterion("scook", "res.cook", Method::Str),
    criterion("scook_beg", "res.cook", Method::Beg),
    criterion("scook_dir", "res.cook", Method::Dir),
    criterion("scook_dom", "res.cook", Method::Dom),
    criterion("scook_end", "res.cook", Method::End),
    criterion("scook_len", "res.cook", Method::Len),
    criterion("scook_reg", "res.cook", Method::Reg),
    criterion("scook_sub", "res.cook", Method::Sub),
    criterion("shdr", "res.hdr", Method::Str),
    criterion("shdr_beg", "res.hdr", Method::Beg),
    criterion("shdr_dir", "res.hdr", Method::Dir),
    criterion("shdr_dom", "res.hdr", Method::Dom),
    criterion("shdr_end", "res.hdr", Method::End),
    criterion("shdr_len", "res.hdr", Method::Len),
    criterion("shdr_reg", "res.hdr", Method::Reg),
    criterion("shdr_sub", "res.hdr", Method::Sub),
    criterion("ssl_fc_sni_end", "ssl_fc_sni", Method::End),
    criterion("ssl_fc_sni_reg", "ssl_fc_sni", Method::Reg),
    criterion("url", "url", Method::Str),
    criterion("url_beg", "url", Method::Beg),
    criterion("url_dir", "url", Method::Dir),
    criterion("url_dom", "url", Method::Dom),
    criterion("url_end", "url", Method::End),
    criterion("url_len", "url", Method::Len),
    criterion("url_reg", "url", Method::Reg),
    criterion("url_sub", "url", Method::Sub),
    criterion("urlp", "urlp", Method::Str),
    criterion("urlp_beg", "urlp", Method::Beg),
    criterion("urlp_dir", "urlp", Method::Dir),
    criterion("urlp_dom", "urlp", Method::Dom),
    criterion("urlp_end", "urlp", Method::End),
    criterion("urlp_len", "urlp", Method::Len),
    criterion("urlp_reg", "urlp", Method::Reg),
    criterion("urlp_sub", "urlp", Method::Sub),
];

const fn criterion(name: &'static str, fetch: &'static str, method: Method) -> Criterion {
    let entry =
        Entry::new(Class::Acl, name, Sections::PROXIES, Arity::ANY, "A fetch with a matching method.");
    Keyword::works(entry, (fetch, method))
}

/// Whether it is one of the names of ACLs, not a fetch alone.
pub(super) fn is_criterion(criterion: &[u8]) -> bool {
    let (name, _) = named(criterion);
    CRITERIA.iter().any(|c| c.entry.name.as_bytes() == name)
}

/// The name that begins a criterion, and what follows it.
fn named(criterion: &[u8]) -> (&[u8], &[u8]) {
    let is_name = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-' | b':');
    let end = criterion.iter().position(|c| !is_name(c)).unwrap_or(criterion.len());
    criterion.split_at_checked(end).unwrap_or((criterion, b""))
}

/// The expression that a criterion stands for, and its own matching method where it has one.
pub(super) fn underlying(criterion: &[u8]) -> (Cow<'_, [u8]>, Option<Method>) {
    let (name, rest) = named(criterion);
    let Some(found) = CRITERIA.iter().find(|c| c.entry.name.as_bytes() == name) else {
        return (Cow::Borrowed(criterion), None);
    };
    let weir_config::State::Works((fetch, method)) = found.state else {
        return (Cow::Borrowed(criterion), None);
    };
    if fetch == found.entry.name && method == Method::Str {
        return (Cow::Borrowed(criterion), None);
    }
    (Cow::Owned([fetch.as_bytes(), rest].concat()), Some(method))
}

/// What is wrong with the expression of a criterion: those that are no plain fetches say it by their own name.
pub(super) fn mistake(criterion: &str, message: &str) -> String {
    let (name, _) = named(criterion.as_bytes());
    let name = String::from_utf8_lossy(name);
    if message.contains("referenced in arg ") || !is_criterion(criterion.as_bytes()) {
        return format!("{message} in ACL expression '{criterion}'");
    }
    let behind = |start: &str| message.strip_prefix(start)?.split_once("' : ").map(|(_, rest)| rest);
    match behind("invalid args in fetch method '") {
        Some(rest) => format!("in argument to '{name}', {rest}"),
        None => format!("ACL keyword '{name}' : {}", behind("fetch method '").unwrap_or(message)),
    }
}

/// The words of a predefined ACL.
pub(super) fn predefined(name: &[u8]) -> Option<Vec<Word>> {
    let (_, words) = PREDEFINED.iter().find(|(n, _)| n.as_bytes() == name)?;
    let word = |w: &str| Word { bytes: w.as_bytes().into(), span: Span::default() };
    Some(words.split(' ').map(word).collect())
}

const PREDEFINED: &[(&str, &str)] = &[
    ("TRUE", "always_true"),
    ("FALSE", "always_false"),
    ("LOCALHOST", "src 127.0.0.1/8 ::1"),
    ("HTTP", "req.proto_http"),
    ("HTTP_1.0", "req.ver 1.0"),
    ("HTTP_1.1", "req.ver 1.1"),
    ("HTTP_2.0", "req.ver 2.0"),
    ("HTTP_3.0", "req.ver 3.0"),
    ("HTTP_CONTENT", "req.hdr_val(content-length) gt 0"),
    ("HTTP_URL_ABS", "url_reg ^[^/:]*://"),
    ("HTTP_URL_SLASH", "url_beg /"),
    ("HTTP_URL_STAR", "url *"),
    ("METH_CONNECT", "method CONNECT"),
    ("METH_DELETE", "method DELETE"),
    ("METH_GET", "method GET HEAD"),
    ("METH_HEAD", "method HEAD"),
    ("METH_OPTIONS", "method OPTIONS"),
    ("METH_POST", "method POST"),
    ("METH_PUT", "method PUT"),
    ("METH_TRACE", "method TRACE"),
    ("RDP_COOKIE", "req.rdp_cookie_cnt gt 0"),
    ("REQ_CONTENT", "req.len gt 0"),
    ("WAIT_END", "wait_end"),
];
