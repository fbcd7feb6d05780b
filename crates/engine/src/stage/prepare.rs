//! What the request gets on its way: the client's address, and the lines that belong to one connection only
//! taken off (manual, 4.2 "option forwardfor"; RFC 9110, 7.6.1).

use weir_http::h1::CaseMap;

use crate::conf::{AddressHeader, Options};
use crate::log;
use crate::transaction::{Stop, Transaction};

/// Makes the request ready for a server.
pub(crate) fn request(t: &mut Transaction) -> Result<(), Stop> {
    let rule = t.proxy().conf().forward_for.clone().or_else(|| t.client.frontend.conf().forward_for.clone());
    if let Some(rule) = rule {
        add_address(t, &rule);
    }
    add_unique_id(t);
    Ok(())
}

/// Hands the unique id on (manual, 4.2 "unique-id-header").
fn add_unique_id(t: &mut Transaction) {
    let front = t.client.frontend.clone();
    let Some(name) = &front.conf().unique_id_header else { return };
    log::make_unique_id(t);
    let messages = &mut *t.messages;
    if !messages.captured.unique_id.is_empty() {
        messages.request.append(name, &messages.captured.unique_id);
    }
}

fn add_address(t: &mut Transaction, rule: &AddressHeader) {
    let Some(ip) = t.client.source.ip() else { return };
    if rule.except.is_some_and(|net| net.contains(&ip))
        || (rule.if_none && t.messages.request.has(&rule.name))
    {
        return;
    }
    let mut text = [0u8; 46];
    let len = {
        use std::io::Write;
        let mut rest = &mut text[..];
        let _ = write!(rest, "{ip}");
        let left = rest.len();
        text.len() - left
    };
    t.messages.request.append(&rule.name, text.get(..len).unwrap_or_default());
}

/// Whether the server's connection ends after this request.
pub(crate) fn server_closes(t: &Transaction) -> bool {
    let back = t.proxy();
    back.conf().options.intersects(Options::HTTP_CLOSE | Options::HTTP_SERVER_CLOSE)
        || t.client.frontend.has(Options::HTTP_SERVER_CLOSE)
}

/// The spelling of names that the server insists on.
pub(crate) fn server_cases(t: &Transaction) -> Option<&CaseMap> {
    let _ = t;
    None
}

/// The spelling of names that the client insists on.
pub(crate) fn client_cases(t: &Transaction) -> Option<&CaseMap> {
    let _ = t;
    None
}
