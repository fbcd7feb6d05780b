//! What `-v` and `-vv` say.
//!
//! Tools read the first line, `Feature list :`, the polling systems, the multiplexer protocols, services and filters.
//! A program that is called `haproxy` is asked by tools that know one answer only: it gives the version of the
//! language first, and its own behind it.

use std::fmt::Write as _;
use std::thread::available_parallelism;

/// How much of the version is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `-v`
    Short,
    /// `-vv`
    Full,
    /// `-vq`: the whole number.
    Number,
    /// `-vqs`: without what follows the dash.
    Release,
    /// `-vqb`: the branch.
    Branch,
}

/// The version of this program.
pub(crate) const OWN: &str = env!("CARGO_PKG_VERSION");
/// The branch of the language that it speaks.
pub(crate) const BRANCH: &str = "3.4";
/// The release whose behaviour it was compared with.
pub(crate) const RELEASE: &str = "3.4.7";

/// The text for `form`, said by a program of this name.
pub(crate) fn text(form: Form, program: &str) -> String {
    let as_reference = program == "haproxy";
    match form {
        Form::Short => head(as_reference),
        Form::Full => full(as_reference),
        Form::Number if as_reference => format!("{RELEASE}-weir{OWN}\n"),
        Form::Release if as_reference => format!("{RELEASE}\n"),
        Form::Branch if as_reference => format!("{BRANCH}\n"),
        Form::Number | Form::Release => format!("{OWN}\n"),
        Form::Branch => format!("{}\n", branch_of(OWN)),
    }
}

/// The version that messages name: `weir version is ...`.
pub(crate) fn number(program: &str) -> String {
    if program == "haproxy" { format!("{RELEASE}-weir{OWN}") } else { OWN.to_owned() }
}

// === impl Form ===

impl Form {
    /// The form that the letters behind `-v` ask for.
    pub(super) fn named(letters: &[u8]) -> Self {
        match letters {
            [b'v', ..] => Self::Full,
            b"q" => Self::Number,
            b"qs" => Self::Release,
            b"qb" => Self::Branch,
            _ => Self::Short,
        }
    }
}

fn head(as_reference: bool) -> String {
    let mut out = if as_reference {
        format!("HAProxy version {RELEASE}-weir{OWN} {DATE} - answered by Weir {OWN}\n")
    } else {
        format!("Weir version {OWN} {DATE} - reads the configuration language of HAProxy {BRANCH}\n")
    };
    let _ = writeln!(
        out,
        "Status: Weir {OWN}, language and behaviour of HAProxy {BRANCH} (long-term supported branch)"
    );
    if let Some(system) = system() {
        let _ = writeln!(out, "Running on: {system}");
    }
    out
}

fn full(as_reference: bool) -> String {
    let mut out = head(as_reference);
    let threads = available_parallelism().map_or(1, usize::from);
    let allocator = if cfg!(feature = "mimalloc") { "mimalloc" } else { "system" };
    let _ = writeln!(
        out,
        "Build options : \n  TARGET  = {}-{}\n  ALLOC   = {allocator}\n  DEBUG   = {}\n",
        std::env::consts::OS,
        std::env::consts::ARCH,
        if cfg!(debug_assertions) { "on" } else { "" },
    );
    let _ = writeln!(out, "Feature list : {}\n", features());
    let _ = writeln!(out, "Default settings :\n  bufsize = 16384, maxrewrite = 1024, maxpollevents = 200\n");
    let _ = writeln!(
        out,
        "Built with multi-threading support (MAX_TGROUPS=1, MAX_THREADS=1024, default={threads}).\n\
         Built with network namespace support.\n\
         Built with transparent proxy support using: IP_TRANSPARENT IPV6_TRANSPARENT IP_FREEBIND\n"
    );
    out.push_str(POLLING);
    out.push_str("\nAvailable multiplexer protocols :\n(protocols marked as <default> cannot be specified using 'proto' keyword)\n");
    for (name, mode, side, mux, flags) in MUXES {
        let _ = writeln!(out, "  {name:>9} : mode={mode:<4}  side={side:<5}  mux={mux:<4}  flags={flags}");
    }
    let _ = writeln!(out, "\nAvailable services : {}\nAvailable filters :", list(SERVICES));
    for (class, name) in FILTERS {
        let _ = writeln!(out, "\t[{class:>5}] {name}");
    }
    if FILTERS.is_empty() {
        out.push_str("\tnone\n");
    }
    out.push('\n');
    out
}

/// `+HTTP -LUA`: what was built in.
pub(crate) fn features() -> String {
    let shown = |(name, there): &(&str, bool)| format!("{}{name}", if *there { '+' } else { '-' });
    FEATURES.iter().map(shown).collect::<Vec<_>>().join(" ")
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(" ") }
}

fn branch_of(version: &str) -> &str {
    version.rsplit_once('.').map_or(version, |(branch, _)| branch)
}

/// `Linux 6.1.0 #1 SMP x86_64`, as the system tells it.
fn system() -> Option<String> {
    let read = |name: &str| std::fs::read_to_string(format!("/proc/sys/kernel/{name}")).ok();
    let (kind, release, version) = (read("ostype")?, read("osrelease")?, read("version")?);
    Some(format!("{} {} {} {}", kind.trim(), release.trim(), version.trim(), std::env::consts::ARCH))
}

/// The day of the release.
pub(crate) const DATE: &str = "2026/11/21";

/// The features that `.if feature(NAME)` knows, and whether they are here.
pub(crate) const FEATURES: &[(&str, bool)] = &[
    ("51DEGREES", false),
    ("ACCEPT4", true),
    ("ACME", false),
    ("BACKTRACE", false),
    ("CLOSEFROM", false),
    ("CPU_AFFINITY", true),
    ("CRYPT_H", false),
    ("DEVICEATLAS", false),
    ("DL", false),
    ("ECH", false),
    ("ENGINE", false),
    ("EPOLL", true),
    ("EVPORTS", false),
    ("GETADDRINFO", true),
    ("KQUEUE", false),
    ("KTLS", false),
    ("LIBATOMIC", false),
    ("LIBCRYPT", false),
    ("LINUX_CAP", true),
    ("LINUX_SPLICE", true),
    ("LINUX_TPROXY", true),
    ("LUA", false),
    ("MATH", true),
    ("MEMORY_PROFILING", false),
    ("NETFILTER", true),
    ("NS", true),
    ("OBSOLETE_LINKER", false),
    ("OPENSSL", true),
    ("OPENSSL_AWSLC", true),
    ("OPENSSL_WOLFSSL", false),
    ("OT", false),
    ("PCRE", false),
    ("PCRE2", true),
    ("PCRE2_JIT", true),
    ("PCRE_JIT", false),
    ("POLL", false),
    ("PRCTL", true),
    ("PROCCTL", false),
    ("PROMEX", false),
    ("PTHREAD_EMULATION", false),
    ("QUIC", false),
    ("QUIC_OPENSSL_COMPAT", false),
    ("RT", true),
    ("SHM_OPEN", false),
    ("SLZ", false),
    ("SSL", true),
    ("STATIC_PCRE", false),
    ("STATIC_PCRE2", true),
    ("TFO", true),
    ("THREAD", true),
    ("THREAD_DUMP", false),
    ("TPROXY", true),
    ("TRACE", false),
    ("WURFL", false),
    ("ZLIB", false),
];

const POLLING: &str = "Available polling systems :\n      epoll : pref=300,  test result OK\n\
                       Total: 1 (1 usable), will use epoll.\n";

/// Name, mode, side, mux and flags.
const MUXES: &[(&str, &str, &str, &str, &str)] = &[
    ("<default>", "HTTP", "FE|BE", "H1", "HTX"),
    ("h1", "HTTP", "FE|BE", "H1", "HTX|NO_UPG"),
    ("<default>", "TCP", "FE|BE", "PASS", ""),
    ("none", "TCP", "FE|BE", "PASS", "NO_UPG"),
];

const SERVICES: &[&str] = &[];
const FILTERS: &[(&str, &str)] = &[];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_what_tools_of_the_name_expect() {
        let ours = text(Form::Short, "weir");
        assert!(ours.starts_with(&format!("Weir version {OWN} ")) && ours.contains("HAProxy 3.4"), "{ours}");
        for form in [Form::Short, Form::Full] {
            assert!(text(form, "haproxy").starts_with("HAProxy version 3.4"), "{form:?}");
        }
        assert_eq!(text(Form::Branch, "haproxy"), "3.4\n");
        assert_eq!(text(Form::Release, "haproxy"), "3.4.7\n");
        assert_eq!(text(Form::Release, "weir"), format!("{OWN}\n"));
    }

    #[test]
    fn the_full_text_has_the_lines_that_tools_read() {
        let text = text(Form::Full, "weir");
        for line in [
            "Feature list : -51DEGREES +ACCEPT4 ",
            "Available polling systems :",
            "Total: 1 (1 usable), will use epoll.",
            "Available multiplexer protocols :",
            "         h1 : mode=HTTP  side=FE|BE  mux=H1    flags=HTX|NO_UPG",
            "Available services : ",
            "Available filters :",
        ] {
            assert!(text.contains(line), "{line:?} in {text}");
        }
    }

    #[test]
    fn the_feature_list_is_in_order() {
        assert!(FEATURES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
