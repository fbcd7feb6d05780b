//! Words of `global` that tune OpenSSL (manual, 3.1 and 3.2). What has no meaning here is judged as the reference judges
//! it, and says so.

use weir_config::{Arity, Class, Entry, Keyword, Line, Sections, values};
use weir_diag::Diagnostic;

use super::super::GlobalFn;
use super::super::process::put;

/// The lines of this file.
pub(in super::super) const GLOBAL_TLS_INERT: &[Keyword<GlobalFn>] = &[
    judged("ssl-dh-param-file", NO_DH, |c, line| {
        let word = line
            .arg(0)
            .ok_or_else(|| line.alert("'ssl-dh-param-file' expects a file path as an argument."))?;
        let path = word.text();
        let text = c.outside.read(path.as_ref().as_ref()).unwrap_or_default();
        if !weir_tls::pem::blocks(&text).iter().any(|block| block.label == "DH PARAMETERS") {
            return Err(
                word.alert(format!("'ssl-dh-param-file': unable to load DH parameters from file <{path}>."))
            );
        }
        Ok(())
    }),
    Keyword::judged(
        Entry::new(Class::Global, "ssl-passphrase-cmd", Sections::GLOBAL, Arity::ANY, HELP),
        |c, line| {
            if line.args().is_empty() {
                let expected = "expects a command line to a passphrase-providing tool (script/binary...) and its arguments.";
                let message = format!("global statement 'ssl-passphrase-cmd' {expected}");
                c.out.push(Diagnostic::warning(line.span, message));
                return Ok(());
            }
            c.global.tls.has_passphrases = true;
            Ok(())
        },
        NO_KEYS,
    ),
    any("ssl-security-level", LEVEL, |_, line| {
        let name = "ssl-security-level";
        let word = line.arg(0).ok_or_else(|| line.alert(format!("'{name}' : missing value")))?;
        let level = values::parse_integer(&word.bytes).ok_or_else(|| {
            word.alert(format!("'{name}' : expects an integer argument, found '{}'", word.text()))
        })?;
        if !(0..=5).contains(&level) {
            return Err(word.alert(format!("'{name}' : expects a value between 0 and 5")));
        }
        Ok(())
    }),
    word("tune.ssl.cachesize", "sessions that are kept for clients without tickets", |c, line| {
        put(count(line)?, &mut c.global.tls.memory.sessions)
    }),
    word(
        "tune.ssl.capture-buffer-size",
        "bytes that are kept of lists of clients' first words",
        |c, line| put(count(line)?, &mut c.global.tls.capture),
    ),
    word(
        "tune.ssl.capture-cipherlist-size",
        "'tune.ssl.capture-buffer-size' of older versions",
        |c, line| {
            needs_integer(line)?;
            c.out.push(
            Diagnostic::warning(
                line.span,
                "'tune.ssl.capture-cipherlist-size' is deprecated and will be removed in version 2.7. Please use \
                 'tune.ssl.capture-buffer-size' instead.",
            )
            .tight(),
        );
            put(super::super::listen::unsigned(line) as usize, &mut c.global.tls.capture)
        },
    ),
    judged("tune.ssl.certificate-compression", COMPRESSION, |_, line| {
        let text = line.arg(0).map(|w| w.text().into_owned()).unwrap_or_default();
        if text != "auto" && text != "off" {
            return Err(line.alert(format!(
                "'tune.ssl.certificate-compression' expects either 'auto' or 'off' but got '{text}'."
            )));
        }
        Ok(())
    }),
    judged("tune.ssl.default-dh-param", NO_DH, |_, line| {
        needs_integer(line)?;
        if (0..1024).contains(&line.arg(0).map_or(0, |w| values::leading_integer(&w.bytes))) {
            return Err(line.alert("'tune.ssl.default-dh-param' expects a value >= 1024."));
        }
        Ok(())
    }),
    word("tune.ssl.hard-maxrecord", "most plaintext of a record", |c, line| {
        put(count(line)?, &mut c.global.tls.records.always)
    }),
    word("tune.ssl.lifetime", "seconds for which sessions may be resumed", |c, line| {
        let expected = "'tune.ssl.lifetime' expects ssl sessions <lifetime> in seconds as argument.";
        let word = line.arg(0).ok_or_else(|| line.alert(expected))?;
        let time = values::parse_time(&word.bytes, values::Unit::Seconds);
        let time = time.map_err(|fault| match fault {
            values::TimeFault::Unexpected(c) => {
                word.alert(format!("unexpected character '{c}' in argument to <tune.ssl.lifetime>."))
            }
            values::TimeFault::Overflow => word.alert(format!(
                "timer overflow in argument '{}' to <tune.ssl.lifetime> (maximum value is 2147483647 ms or ~24.8 days).",
                word.text()
            )),
        })?;
        put(u32::try_from(time.duration.as_secs()).unwrap_or(u32::MAX), &mut c.global.tls.memory.lifetime)
    }),
    word("tune.ssl.maxrecord", "most plaintext of a record where somebody begins to speak", |c, line| {
        put(count(line)?, &mut c.global.tls.records.first)
    }),
    word("tune.ssl.ssl-ctx-cache-size", "certificates made for clients that are kept", |c, line| {
        put(Some(count(line)?), &mut c.global.tls.forged)
    }),
];

const fn word(name: &'static str, help: &'static str, run: GlobalFn) -> Keyword<GlobalFn> {
    Keyword::works(Entry::new(Class::Global, name, Sections::GLOBAL, Arity::between(0, 1), help), run)
}

/// As [`judged`], whatever follows the value.
const fn any(name: &'static str, reason: &'static str, run: GlobalFn) -> Keyword<GlobalFn> {
    Keyword::judged(Entry::new(Class::Global, name, Sections::GLOBAL, Arity::ANY, HELP), run, reason)
}

const fn judged(name: &'static str, reason: &'static str, run: GlobalFn) -> Keyword<GlobalFn> {
    Keyword::judged(
        Entry::new(Class::Global, name, Sections::GLOBAL, Arity::between(0, 1), HELP),
        run,
        reason,
    )
}

/// A number that may not be negative.
fn count(line: &Line) -> Result<usize, Diagnostic> {
    needs_integer(line)?;
    let n = line.arg(0).map_or(0, |w| values::leading_integer(&w.bytes));
    let positive = || line.alert(format!("'{}' expects a positive numeric value.", line.name()));
    usize::try_from(n).map_err(|_| positive())
}

pub(super) fn needs_integer(line: &Line) -> Result<(), Diagnostic> {
    match line.arg(0) {
        Some(_) => Ok(()),
        None => Err(line.alert(format!("'{}' expects an integer argument.", line.name()))),
    }
}

const COMPRESSION: &str = "certificates are sent as they are";
const HELP: &str = "see the configuration manual of HAProxy 3.4";
const LEVEL: &str = "what a low level would allow is not there";
const NO_DH: &str = "finite-field key exchange is not offered";
const NO_KEYS: &str = "encrypted keys are not read";
