//! Lists of certificates (manual, 5.1 "crt-list"): each line a file, options for it alone, and the names it is for.

use std::io::ErrorKind;
use std::sync::Arc;

use weir_config::{Class, Entry, Keyword, Sections, Word};
use weir_diag::{Diagnostic, Diagnostics, Form, Span, system_words};
use weir_tls::acceptor::Filter;
use weir_tls::lists::ListLine;
use weir_tls::ocsp::Updating;
use weir_tls::pair::{Origin, Pair, Sources};
use weir_tls::store::{Fault, Load};

use super::super::{BIND, BindCtx, BindFn, Outside};
use super::{Through, below, indented, load_fault, standing};
use crate::conf::{Bind, BindCertificate, Endpoint, GlobalTls, TlsWords, Verify};

/// The certificates of a list.
pub(super) fn load(ctx: &mut BindCtx<'_>, word: &Word) -> Result<Vec<BindCertificate>, Diagnostic> {
    let said = |message: String| word.alert(format!("'crt-list' : {message}"));
    let name = word.text();
    let path = below(ctx.tls.crt_base.as_ref(), &name);
    let text = match ctx.outside.read(path.as_ref()) {
        // A folder is a list without lines, as the reference takes it.
        Err(error) if error.kind() == ErrorKind::IsADirectory => Vec::new(),
        read => {
            read.map_err(|error| said(format!("cannot open file '{path}' : {}", system_words(&error))))?
        }
    };
    let list: Arc<str> = (*name).into();
    let (mut certificates, mut lines) = (Vec::new(), Vec::new());
    for (number, line) in text.split(|b| *b == b'\n').enumerate() {
        let number = number + 1;
        let at = format!("{path}:{number}");
        let Some(line) = Line::read(line).map_err(|m| said(format!("parsing [{at}]: {m}")))? else {
            continue;
        };
        let mut around =
            Around { outside: ctx.outside, tls: ctx.tls, out: ctx.out, span: word.span, bracketed: true };
        let options = match around.options(&line.options, &at) {
            Err(message) if message.starts_with("acme ") => {
                ctx.out.push(word.alert(message).form(Form::Bare));
                continue;
            }
            options => options.map_err(said)?,
        };
        let file = below(ctx.tls.crt_base.as_ref(), &line.file);
        let pairs = around.shown(&file, &options).map_err(|fault| {
            let (first, refused) = refused(word, fault, &file, (&path, number), ctx.tls);
            first.into_iter().for_each(|first| ctx.out.push(first));
            refused
        })?;
        exclusions(&line, word.span).into_iter().for_each(|said| ctx.out.push(said));
        let shown = options.shown();
        for pair in pairs {
            let path = pair.path.clone();
            lines.push(ListLine {
                bracketed: path.starts_with('@'),
                number,
                path,
                options: shown.clone(),
                filters: line.written.clone(),
            });
            certificates.push(BindCertificate {
                pair,
                filters: line.filters.clone(),
                default: false,
                words: options.words.clone(),
                line: Some((list.clone(), number)),
            });
        }
    }
    ctx.tls.store.lists.put(&list, lines);
    Ok(certificates)
}

/// What is to be said of names that are excluded.
fn exclusions(line: &Line, span: Span) -> Vec<Diagnostic> {
    let warn = |said: String| Diagnostic::warning(span, said).tight();
    let stars = line.written.iter().filter(|name| name.starts_with("!*"));
    let mut said: Vec<Diagnostic> = stars
        .map(|name| warn(format!("crt-list: Unsupported exclusion (!) on a wildcard filter \"{name}\"")))
        .collect();
    if line.filters.iter().any(|f| f.negative) && !line.filters.iter().any(|f| f.name.starts_with("*.")) {
        said.push(warn(format!(
            "crt-list: negative filters on crt-list line \"{}\" without a positive wildcard filter won't do anything!",
            line.file
        )));
    }
    said
}

/// The certificates of an `ssl-f-use` line: words, of which `crt` names the certificate.
pub(super) fn of_frontend(
    around: &mut Around<'_>,
    list: &Arc<str>,
    args: &[Word],
    place: &str,
) -> Result<Vec<BindCertificate>, Diagnostic> {
    let at = Word { bytes: b"ssl-f-use".as_slice().into(), span: around.span };
    let mut texts: Vec<String> = args.iter().map(|w| w.text().into_owned()).collect();
    let word = texts.iter().position(|t| t == "crt");
    let word = word.ok_or_else(|| at.alert(NO_CRT))?;
    let end = texts.len().min(word + 2);
    let file = texts.drain(word..end).nth(1).unwrap_or_default();
    let options = around.options(&texts, place).map_err(|m| {
        let m = m.strip_prefix(&format!("parsing [{place}]: ")).unwrap_or(&m);
        at.alert(match m.strip_prefix("unknown ssl keyword ") {
            Some(word) => format!("unknown crt keyword '{word}'"),
            None => m.to_owned(),
        })
    })?;
    let path = below(around.tls.crt_base.as_ref(), &file);
    let pairs = around.shown(&path, &options).map_err(|fault| at.alert(load_fault(&fault, around.tls).1))?;
    let mut lines = around.tls.store.lists.lines(list).unwrap_or_default();
    let mut certificates = Vec::new();
    for pair in pairs {
        let shown = options.shown();
        lines.push(ListLine { path: pair.path.clone(), options: shown, ..ListLine::default() });
        certificates.push(BindCertificate {
            pair,
            filters: Vec::new(),
            default: false,
            words: options.words.clone(),
            line: Some((list.clone(), 0)),
        });
    }
    around.tls.store.lists.put(list, lines);
    Ok(certificates)
}

/// A line that comes at run time.
pub(crate) struct LateLine {
    /// The line of the list.
    pub(crate) line: ListLine,
    /// The names that it is for.
    pub(crate) filters: Vec<Filter>,
    /// Its options.
    pub(crate) words: Option<Arc<TlsWords>>,
    /// What it says of the certificate itself, where it says anything.
    pub(crate) given: Option<(Sources, Updating)>,
}

/// Reads a line that comes at run time; files that nobody read are not there.
pub(crate) fn late(tls: &GlobalTls, outside: &dyn Outside, text: &[u8]) -> Result<Option<LateLine>, String> {
    let at = "CLI:1";
    let Some(line) = Line::read(text).map_err(|m| format!("parsing [{at}]: {m}"))? else { return Ok(None) };
    let mut out = Diagnostics::default();
    let mut around = Around { outside, tls, out: &mut out, span: Span::default(), bracketed: true };
    let read = around.options(&line.options, at)?;
    let given = read.of_certificate().map(|(others, updating)| (others.clone(), updating));
    let (options, words) = (read.shown(), read.words);
    let path = below(tls.crt_base.as_ref(), &line.file);
    let filters = line.filters;
    Ok(Some(LateLine {
        line: ListLine { number: 0, path, options, bracketed: false, filters: line.written },
        filters,
        words,
        given,
    }))
}

/// What the words of a line need.
pub(super) struct Around<'a> {
    pub(super) outside: &'a dyn Outside,
    pub(super) tls: &'a GlobalTls,
    pub(super) out: &'a mut Diagnostics,
    pub(super) span: Span,
    /// They stand between brackets, on a line of a list.
    pub(super) bracketed: bool,
}

/// What the options of a line say.
#[derive(Default)]
struct Options {
    words: Option<Arc<TlsWords>>,
    /// Other files of the certificate.
    others: Sources,
    /// `ocsp-update`
    updating: Updating,
    /// `jwt`
    tokens: bool,
}

impl Options {
    /// What is said of the certificate itself, where anything is.
    fn of_certificate(&self) -> Option<(&Sources, Updating)> {
        let said = self.others != Sources::default() || self.updating != Updating::Default || self.tokens;
        said.then_some((&self.others, self.updating))
    }

    /// As the runtime API shows them.
    fn shown(&self) -> String {
        let updating = match self.updating {
            Updating::Default => "",
            Updating::On => "ocsp-update on",
            Updating::Off => "ocsp-update off",
        };
        let words = self.words.as_deref().map(shown).unwrap_or_default();
        [words.as_str(), updating].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

// === impl Around ===

impl Around<'_> {
    /// The certificates of a line, which clients are shown from now on.
    fn shown(&mut self, path: &str, options: &Options) -> Result<Vec<Arc<Pair>>, Fault> {
        let pairs = self.pairs(path, options)?;
        for pair in &pairs {
            standing(self.out, self.span, self.tls, pair)?;
        }
        if options.tokens {
            self.tls.store.allow_tokens(path);
        }
        Ok(pairs)
    }

    fn pairs(&self, path: &str, options: &Options) -> Result<Vec<Arc<Pair>>, Fault> {
        let (store, files, extra) = (&self.tls.store, Through(self.outside), self.tls.extra);
        let given = options.of_certificate();
        if let Some(what) = store.conflict(path, given, extra) {
            return Err(Fault::Conflict(what));
        }
        if let Some((others, updating)) = given {
            let (name, crt) = (path.to_owned(), path.to_owned());
            let written = Sources { crt: Some(crt.clone()), ..others.clone() };
            let load = Load { name, crt, others: others.clone(), written, updating, origin: Origin::List };
            store.declare(load, &files, extra)?;
        }
        store.named(path, &files, extra, Sources::of_list)
    }

    /// The words of a line's options, read as those of a `bind` line.
    fn options(&mut self, texts: &[String], at: &str) -> Result<Options, String> {
        let words: Vec<Word> =
            texts.iter().map(|text| Word { bytes: text.as_bytes().into(), span: self.span }).collect();
        let mut bind = [Bind::new(Endpoint::Fd(-1), self.span)];
        let mut options = Options::default();
        let mut has_words = false;
        let mut rest = words.as_slice();
        while let Some((name, tail)) = rest.split_first() {
            let text = name.text();
            if let Some(place) = beside(&text, &mut options.others) {
                let value = tail.first().map(|w| w.text().into_owned()).unwrap_or_default();
                *place = Some(value);
                rest = tail.get(1..).unwrap_or_default();
                continue;
            }
            if text == "ocsp-update" {
                options.updating =
                    super::updating(tail.first()).map_err(|m| format!("parsing [{at}] : {m}"))?;
                rest = tail.get(1..).unwrap_or_default();
                continue;
            }
            if text == "jwt" {
                options.tokens =
                    super::on_off("jwt", tail.first()).map_err(|m| format!("parsing [{at}] : {m}"))?;
                rest = tail.get(1..).unwrap_or_default();
                continue;
            }
            if text == "acme" {
                let acme = tail.first().map(Word::text).unwrap_or_default();
                return Err(super::without_section(&acme, at));
            }
            if ["alias", "domains", "ips"].contains(&&*text) {
                rest = tail.get(1..).unwrap_or_default();
                continue;
            }
            let known = KNOWN.contains(&&*text).then(|| BIND.parameter(Class::Bind, rest)).flatten();
            let Some((keyword, _)) = known else {
                return Err(format!("parsing [{at}]: unknown ssl keyword {text}"));
            };
            has_words = true;
            let count = usize::from(keyword.entry.arity.max);
            let Some((values, after)) = tail.split_at_checked(count) else {
                if let (false, weir_config::State::Works(run)) = (self.bracketed, keyword.state) {
                    let (outside, tls) = (self.outside, self.tls);
                    let mut own = BindCtx { binds: &mut bind, name, out: self.out, outside, tls };
                    run(&mut own, &[]).map_err(|fault| fault.message)?;
                }
                return Err(format!("parsing [{at}]: ssl args out of '[]' for {text}"));
            };
            rest = after;
            if let weir_config::State::Works(run) = keyword.state {
                let (outside, tls) = (self.outside, self.tls);
                let mut own = BindCtx { binds: &mut bind, name, out: self.out, outside, tls };
                run(&mut own, values).map_err(|fault| fault.message)?;
            }
        }
        let [bind] = bind;
        options.words = has_words.then(|| Arc::new(bind.tls.words));
        Ok(options)
    }
}

/// What is said of a line whose certificate was named before with other words.
/// What is said of a certificate on a line of a list that cannot be loaded, and what is said before it.
fn refused(
    word: &Word,
    fault: Fault,
    file: &str,
    (list, number): (&str, usize),
    tls: &GlobalTls,
) -> (Option<Diagnostic>, Diagnostic) {
    let line = format!("error processing line {number} in file '{list}'");
    let (first, message) = load_fault(&fault, tls);
    let said = match fault {
        Fault::Conflict(what) => {
            let what = format!(
                "'{file}' in crt-list '{list}' line {number}, is already defined with incompatible parameters:\n{what}"
            );
            return (None, word.alert(format!("\n  'crt-list' : {what}")));
        }
        Fault::Missing(..) => message,
        Fault::NotOpened(path) => Fault::Missing(path, ErrorKind::NotFound.into()).to_string(),
        Fault::NoIdentity(..) => format!("{line} : {message}"),
        _ => format!("{line} : {message}\n{}", Fault::Keyless(file.to_owned())),
    };
    let first = first.map(|first| word.alert(first).form(Form::Config));
    (first, word.alert(indented(&format!("'crt-list' : {said}"))))
}

/// Where the file of a word belongs that is no word of `bind` lines.
fn beside<'a>(word: &str, others: &'a mut Sources) -> Option<&'a mut Option<String>> {
    match word {
        "crt" => Some(&mut others.crt),
        "key" => Some(&mut others.key),
        "ocsp" => Some(&mut others.ocsp),
        "issuer" => Some(&mut others.issuer),
        "sctl" => Some(&mut others.sctl),
        _ => None,
    }
}

/// The options of a line as the runtime API shows them.
fn shown(words: &TlsWords) -> String {
    let mut parts: Vec<String> = Vec::new();
    if let Some(list) = &words.alpn {
        let names: Vec<_> = list.iter().map(|name| String::from_utf8_lossy(name)).collect();
        // A byte of nothing stands behind them in the answers of the reference.
        let text = if names.is_empty() { "no-alpn".to_owned() } else { format!("alpn {}", names.join(",")) };
        parts.push(format!("{text}\0"));
    }
    let verify = words.verify.map(|verify| match verify {
        Verify::None => "none",
        Verify::Optional => "optional",
        Verify::Required => "required",
    });
    parts.extend(verify.map(|verify| format!("verify {verify}")));
    parts.extend(words.no_ca_names.then(|| "no-ca-names".to_owned()));
    parts.extend(words.early.then(|| "allow-0rtt".to_owned()));
    let versions = words.versions;
    let rest = [
        ("ca-file", words.ca.as_ref().map(|file| file.path.as_str())),
        ("crl-file", words.crl.as_ref().map(|file| file.path.as_str())),
        ("ciphers", words.ciphers.as_deref()),
        ("ciphersuites", words.ciphersuites.as_deref()),
        ("curves", words.curves.as_deref()),
        ("ecdhe", words.ecdhe.as_deref()),
        ("client-sigalgs", words.client_sigalgs.as_deref()),
        ("sigalgs", words.sigalgs.as_deref()),
        ("ssl-min-ver", versions.min.map(|version| version.name())),
        ("ssl-max-ver", versions.max.map(|version| version.name())),
    ];
    parts.extend(rest.into_iter().filter_map(|(name, value)| Some(format!("{name} {}", value?))));
    parts.join(" ")
}

/// A line of `weir keywords` for each word that may stand on a line.
pub(in super::super) fn listing() -> Vec<String> {
    let of_bind = |name: &&str| BIND.iter().find(|k| k.entry.class == Class::Bind && k.entry.name == *name);
    let own = |keyword: &Keyword<BindFn>| {
        let entry = Entry { class: Class::CrtList, sections: Sections::empty(), ..keyword.entry };
        Keyword { entry, state: keyword.state }.listing()
    };
    KNOWN.iter().filter_map(of_bind).map(own).collect()
}

/// A line of a list.
#[derive(Debug, Default)]
struct Line {
    file: String,
    options: Vec<String>,
    filters: Vec<Filter>,
    /// The names as written.
    written: Vec<String>,
}

// === impl Line ===

impl Line {
    /// Reads a line; `None` where it says nothing.
    fn read(bytes: &[u8]) -> Result<Option<Self>, String> {
        let text = String::from_utf8_lossy(bytes);
        let mut line = Self::default();
        let mut inside = None;
        for piece in pieces(text.trim()) {
            match (piece.as_str(), inside) {
                (_, None) if line.file.is_empty() && piece.starts_with('#') => return Ok(None),
                ("[", _) if line.file.is_empty() => return Err("file must start with a cert".to_owned()),
                ("[", None) => inside = Some(true),
                ("[", Some(_)) => return Err("too many '['".to_owned()),
                ("]", Some(true)) => inside = Some(false),
                ("]", _) => return Err("missing '['".to_owned()),
                (_, Some(true)) => line.options.push(piece),
                _ if line.file.is_empty() => line.file = piece,
                _ => line.name(piece),
            }
        }
        if inside == Some(true) {
            // Without an end the words are names, as the reference takes them.
            std::mem::take(&mut line.options).into_iter().for_each(|name| line.name(name));
        }
        Ok((!line.file.is_empty()).then_some(line))
    }

    /// Takes a name that the certificate is for, or not.
    fn name(&mut self, written: String) {
        let name = written.trim_start_matches('!').to_ascii_lowercase();
        // Nobody is kept from a star.
        let negative = written.starts_with('!') && !name.starts_with('*');
        self.filters.push(Filter { name, negative });
        self.written.push(written);
    }
}

/// The words of a line; brackets stand for themselves, quotes and backslashes take away a blank's meaning.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', None | Some('"')) => word.extend(chars.next()),
            (_, Some(end)) if c == end => quote = None,
            ('"' | '\'', None) => quote = Some(c),
            (' ' | '\t' | '[' | ']', None) => {
                if !word.is_empty() {
                    pieces.push(std::mem::take(&mut word));
                }
                if c == '[' || c == ']' {
                    pieces.push(c.to_string());
                }
            }
            _ => word.push(c),
        }
    }
    if !word.is_empty() {
        pieces.push(word);
    }
    pieces
}

/// The words of `bind` lines that may stand here.
const KNOWN: &[&str] = &[
    "allow-0rtt",
    "alpn",
    "ca-file",
    "ca-verify-file",
    "ciphers",
    "ciphersuites",
    "client-sigalgs",
    "crl-file",
    "curves",
    "ecdhe",
    "ktls",
    "no-alpn",
    "no-ca-names",
    "npn",
    "sigalgs",
    "ssl-max-ver",
    "ssl-min-ver",
    "verify",
];

const NO_CRT: &str = "Trying to load a certificate but no 'crt' keyword specified.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_a_file_options_and_names() {
        let line = Line::read(b"a.pem [alpn h2,http/1.1 verify none] *.X.y !a.x.y *").unwrap().unwrap();
        assert_eq!((line.file.as_str(), line.options.len()), ("a.pem", 4));
        let names: Vec<_> = line.filters.iter().map(|f| (f.name.as_str(), f.negative)).collect();
        assert_eq!(names, [("*.x.y", false), ("a.x.y", true), ("*", false)]);
        assert!(Line::read(b"  # nothing").unwrap().is_none() && Line::read(b"").unwrap().is_none());
        assert!(Line::read(b"[alpn h2] x").is_err() && Line::read(b"a.pem ]").is_err());
    }
}
