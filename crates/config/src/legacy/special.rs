//! Old spellings whose arguments must be taken apart.

use weir_diag::{Diagnostic, Diagnostics};

use super::{like, reading};
use crate::{Line, Sections, Word};

/// Headers and body behind the version of `option httpchk`, as `http-check send`; `None` where there are none.
pub(super) fn httpchk(line: &Line, args: &[Word]) -> Option<Vec<Line>> {
    let (request, tail) = args.split_at_checked(2)?;
    let text = tail.iter().map(Word::text).collect::<Vec<_>>().join(" ");
    let (version, hidden) = text.split_once("\r\n").or_else(|| text.split_once('\n'))?;
    let (headers, body) = match hidden.split_once("\r\n\r\n") {
        Some((headers, body)) => (headers, body),
        None => match hidden.strip_prefix("\r\n") {
            Some(body) => ("", body),
            None => (hidden, ""),
        },
    };
    let place = line.words.first();
    let mut check = like(place, "option httpchk");
    check.extend_from_slice(request);
    check.push(one(place, version));
    let mut send = like(place, "http-check send");
    for header in headers.split("\r\n").filter(|h| !h.trim().is_empty()) {
        let (name, value) = header.split_once(':')?;
        send.extend([one(place, "hdr"), one(place, name.trim()), one(place, value.trim())]);
    }
    if !body.is_empty() {
        send.extend([one(place, "body"), one(place, body)]);
    }
    let mut lines = vec![Line { words: check, ..line.clone() }];
    if send.len() > 2 {
        lines.push(Line { words: send, ..line.clone() });
    }
    Some(lines)
}

/// One word of `text`, blanks and all, standing where `place` stands.
pub(super) fn one(place: Option<&Word>, text: &str) -> Word {
    Word { bytes: text.as_bytes().into(), span: place.map(|w| w.span).unwrap_or_default() }
}

/// `appsession NAME len N timeout T`: a table of the cookies that servers set.
pub(super) fn appsession(line: &Line, args: &[Word]) -> Option<Vec<Line>> {
    let [name, len, length, timeout, holds, options @ ..] = args else { return None };
    // Cookies by the beginning of their names are none of today's.
    if !len.is("len") || !timeout.is("timeout") || options.iter().any(|w| w.is("prefix")) {
        return None;
    }
    let (name, length, holds) = (name.text(), length.text(), holds.text());
    let place = line.words.first();
    let mut texts = vec![
        format!("stick-table type string len {length} size 200k expire {holds}"),
        format!("stick match req.cook({name})"),
    ];
    let in_query = options.iter().any(|w| w.is("query-string"));
    let delimiter = if in_query { "" } else { ",;" };
    texts.push(format!("stick match url_param({name}{delimiter})"));
    if options.iter().any(|w| w.is("request-learn")) {
        texts.push(format!("stick store-request req.cook({name})"));
    }
    texts.push(format!("stick store-response res.cook({name})"));
    Some(texts.iter().map(|text| Line { words: like(place, text), ..line.clone() }).collect())
}

/// `monitor-net NET` as a rule.
pub(super) fn monitor_net(line: &Line, args: &[Word]) -> Option<Vec<Line>> {
    let net = args.first()?;
    let mut words = like(line.words.first(), "http-request return status 200 if { src");
    words.push(net.clone());
    words.extend(like(line.words.first(), "}"));
    Some(vec![Line { words, ..line.clone() }])
}

/// `mode health`: any request is answered 200.
pub(super) fn mode_health(line: &Line, _: &[Word]) -> Option<Vec<Line>> {
    let place = line.words.first();
    let modern = ["mode http", "http-request return status 200"];
    Some(modern.iter().map(|text| Line { words: like(place, text), ..line.clone() }).collect())
}

/// `process` on a `bind` or `stats socket` line: what named a process goes, what named a thread stays.
pub(super) fn without_process(line: Line, section: Sections, out: &mut Diagnostics) -> Vec<Line> {
    let is_bind = Sections::PROXIES.intersects(section) && line.words.first().is_some_and(|w| w.is("bind"));
    let is_socket = section == Sections::GLOBAL
        && line.words.first().is_some_and(|w| w.is("stats"))
        && line.words.get(1).is_some_and(|w| w.is("socket"));
    let at = line.words.iter().skip(2).position(|w| w.is("process")).map(|n| n + 2);
    let (Some(at), true) = (at, is_bind || is_socket) else { return vec![line] };
    let Some((before, [process, set, after @ ..])) = line.words.split_at_checked(at) else {
        return vec![line];
    };
    let mut words = before.to_vec();
    if let Some((_, threads)) = set.text().split_once('/') {
        words.extend(like(Some(process), &format!("thread {threads}")));
    }
    words.extend_from_slice(after);
    let place: Vec<_> = before.iter().take(2).map(Word::text).collect();
    let place = place.join(" ");
    let fault = format!(
        "'process {}' on 'bind' lines is not supported anymore, please use 'thread' instead.",
        set.text()
    );
    let message = match is_socket {
        true => format!("'stats socket' : ''{}'", fault.trim_start_matches('\'')),
        false => format!("'{place}' : {fault}"),
    };
    let lines = vec![Line { words, ..line.clone() }];
    out.push(Diagnostic::warning(process.span, message).hint(reading(&lines)));
    lines
}

/// Whether a word in a header is an address to listen on rather than a mistake.
pub(super) fn is_address(word: &Word) -> bool {
    word.bytes.contains(&b':') || word.bytes.contains(&b'@') || word.bytes.starts_with(b"/")
}
