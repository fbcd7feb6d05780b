//! The old spellings, in the order of the sections they stand in.

use weir_diag::Form;

use super::{USUAL, edits, special};
use crate::{Line, Sections, Word};

/// An old spelling and what becomes of it.
pub(super) struct Rewrite {
    /// The words that a line begins with.
    pub(super) from: &'static [&'static str],
    pub(super) sections: Sections,
    pub(super) to: To,
    /// What the reference says of it. `{}` stands for the first argument.
    pub(super) message: &'static str,
    pub(super) form: Form,
    /// The reference still loads it, with a warning that `expose-deprecated-directives` silences.
    pub(super) still_known: bool,
}

#[derive(Clone, Copy)]
pub(super) enum To {
    /// These words instead of the old ones, the arguments kept.
    Words(&'static str),
    /// Nothing: it has no effect any more.
    Gone,
    /// Other lines; `None` where the line is not an old spelling after all.
    Lines(fn(&Line, &[Word]) -> Option<Vec<Line>>),
    /// Other lines where the arguments allow it; else this is to be written instead.
    Tried(fn(&Line, &[Word]) -> Option<Vec<Line>>, &'static str),
    /// It cannot be rewritten; this is to be written instead.
    Refused(&'static str),
}

const fn old(sections: Sections, from: &'static [&'static str], to: To, message: &'static str) -> Rewrite {
    Rewrite { from, sections, to, message, form: USUAL, still_known: false }
}

const fn proxy(from: &'static [&'static str], to: To, message: &'static str) -> Rewrite {
    old(Sections::PROXIES, from, to, message)
}

const fn global(from: &'static [&'static str], to: To, message: &'static str) -> Rewrite {
    old(Sections::GLOBAL, from, to, message)
}

/// Of the `req*` and `rsp*` family: line edits by regular expression, to be written as rules.
const fn edit(from: &'static [&'static str], instead: &'static str, message: &'static str) -> Rewrite {
    old(Sections::PROXIES, from, To::Refused(instead), message)
}

/// The same where the expression may be one that rules know.
const fn rule(
    from: &'static [&'static str],
    make: fn(&Line, &[Word]) -> Option<Vec<Line>>,
    instead: &'static str,
    message: &'static str,
) -> Rewrite {
    old(Sections::PROXIES, from, To::Tried(make, instead), message)
}

const fn renamed(from: &'static [&'static str], to: &'static str, message: &'static str) -> Rewrite {
    Rewrite { still_known: true, ..old(Sections::GLOBAL, from, To::Words(to), message) }
}

impl Rewrite {
    const fn tight(mut self) -> Self {
        self.form = Form::Tight;
        self
    }

    const fn still_known(mut self) -> Self {
        self.still_known = true;
        self
    }
}

pub(super) const REWRITES: &[Rewrite] = &[
    // Timeouts.
    proxy(&["contimeout"], To::Words("timeout connect"), CONTIMEOUT),
    proxy(&["clitimeout"], To::Words("timeout client"), CLITIMEOUT),
    proxy(&["srvtimeout"], To::Words("timeout server"), SRVTIMEOUT),
    proxy(&["timeout", "contimeout"], To::Words("timeout connect"), CONTIMEOUT),
    proxy(&["timeout", "clitimeout"], To::Words("timeout client"), CLITIMEOUT),
    proxy(&["timeout", "srvtimeout"], To::Words("timeout server"), SRVTIMEOUT),
    proxy(&["timeout", "appsession"], To::Gone, "'timeout appsession' is not supported anymore since HAProxy 1.6."),
    proxy(&["grace"], To::Gone, "the 'grace' keyword is not supported any more since HAProxy version 2.5.").tight(),
    // Options.
    proxy(
        &["redispatch"],
        To::Words("option redispatch"),
        "keyword 'redispatch' directive is not supported anymore since HAProxy 2.1. Use 'option redispatch'.",
    ),
    proxy(
        &["option", "forceclose"],
        To::Words("option httpclose"),
        "option 'forceclose' is not supported any more since HAProxy 2.0, please just remove it, or use \
         'option httpclose' if absolutely needed.",
    )
    .tight(),
    proxy(
        &["option", "http-tunnel"],
        To::Gone,
        "option 'http-tunnel' is not supported any more since HAProxy 2.1, please just remove it, it shouldn't be \
         needed.",
    )
    .tight(),
    proxy(&["option", "http-use-htx"], To::Gone, "option 'http-use-htx' is not supported any more since HAProxy 2.1."),
    proxy(&["option", "tcpsplice"], To::Words("option splice-auto"), "option 'tcpsplice' is now 'option splice-auto'."),
    proxy(
        &["option", "independant-streams"],
        To::Words("option independent-streams"),
        "option 'independant-streams' is now spelled 'independent-streams'.",
    ),
    proxy(
        &["option", "accept-invalid-http-request"],
        To::Words("option accept-unsafe-violations-in-http-request"),
        "option 'accept-invalid-http-request' is deprecated. please use 'option \
         accept-unsafe-violations-in-http-request' if absolutely needed.",
    )
    .tight(),
    proxy(
        &["option", "accept-invalid-http-response"],
        To::Words("option accept-unsafe-violations-in-http-response"),
        "option 'accept-invalid-http-response' is deprecated. please use 'option \
         accept-unsafe-violations-in-http-response' if absolutely needed.",
    )
    .tight(),
    proxy(
        &["option", "http_proxy"],
        To::Refused(
            "write `http-request do-resolve(txn.dst,RESOLVERS) hdr(host),host_only`, then `http-request set-dst \
             var(txn.dst)`, and a server with the address 0.0.0.0:0",
        ),
        "option 'http_proxy' is not supported any more since HAProxy 2.5. This option stopped working in HAProxy 1.9 \
         and usually had nasty side effects. It can be more reliably implemented with combinations of 'http-request \
         set-dst' and 'http-request set-uri', and even 'http-request do-resolve' if DNS resolution is desired.",
    )
    .tight(),
    proxy(
        &["option", "httpchk"],
        To::Lines(special::httpchk),
        "'option httpchk' : hiding headers or body at the end of the version string is unsupported.Use 'http-check \
         send' directive instead..",
    ),
    // Where traffic goes.
    old(
        Sections::BACKENDS,
        &["dispatch"],
        To::Words("server dispatch"),
        "'dispatch' is deprecated in 3.3 and will be removed in 3.5. The modern way to do the same is to create a \
         server with the same address, and possibly to assign any extra server a weight of zero if any:\n    server \
         dispatch {}\nNote that it is still possible to silence this warning by setting \
         'expose-deprecated-directives' in the 'global' section, but do not wait to fix your configuration!",
    )
    .tight()
    .still_known(),
    old(
        Sections::BACKENDS,
        &["option", "transparent"],
        To::Words("server transparent 0.0.0.0"),
        "option 'transparent' is deprecated in 3.3 and will be removed in 3.5. The modern way to do the same is to \
         create a server with address 0.0.0.0. It is still possible to silence this warning by setting \
         'expose-deprecated-directives' in the 'global' section, but do not wait to fix your configuration!",
    )
    .tight()
    .still_known(),
    old(
        Sections::BACKENDS,
        &["transparent"],
        To::Words("server transparent 0.0.0.0"),
        "'transparent' is deprecated in 3.3 and will be removed in 3.5. The modern way to do the same is to create a \
         server with address 0.0.0.0. It is still possible to silence this warning by setting \
         'expose-deprecated-directives' in the 'global' section, but do not wait to fix your configuration!",
    )
    .tight()
    .still_known(),
    proxy(
        &["hash-type", "avalanche"],
        To::Words("hash-type map-based sdbm avalanche"),
        "experimental feature 'hash-type avalanche' is not supported anymore, please use 'hash-type map-based sdbm \
         avalanche' instead.",
    ),
    proxy(&["bind-process"], To::Gone, "'bind-process' is not supported anymore.").tight(),
    // Rules.
    proxy(
        &["block"],
        To::Words("http-request deny"),
        "The 'block' directive is not supported anymore since HAProxy 2.1. Use 'http-request deny' which uses the \
         exact same syntax.",
    ),
    old(
        Sections::FRONTENDS,
        &["monitor-net"],
        To::Lines(special::monitor_net),
        "'monitor-net' doesn't exist anymore. Please use 'http-request return status 200 if { src {} }' instead.",
    ),
    proxy(
        &["monitor-net"],
        To::Refused("write the rule in each frontend; an anonymous 'defaults' section takes none"),
        "'monitor-net' doesn't exist anymore. Please use 'http-request return status 200 if { src {} }' instead.",
    ),
    old(
        Sections::FRONTENDS,
        &["mode", "health"],
        To::Lines(special::mode_health),
        "'mode health' doesn't exist anymore. Please use 'http-request return status 200' instead.",
    ),
    proxy(
        &["appsession"],
        To::Tried(
            special::appsession,
            "write `stick-table type string len 52 size 100k expire 3h`, `stick store-response res.cook(NAME)` and \
             `stick match req.cook(NAME)`; or let the proxy's own cookie stick: `cookie SRV insert indirect nocache`",
        ),
        "'appsession' is not supported anymore since HAProxy 1.6.",
    ),
    edit(&["cliexp"], HEADER_EDIT, CLIEXP),
    edit(&["srvexp"], RESPONSE_EDIT, SRVEXP),
    rule(&["reqrep"], edits::replace, HEADER_EDIT, REQREP),
    rule(&["reqirep"], edits::replace, HEADER_EDIT, REQIREP),
    rule(&["reqadd"], edits::add, "write `http-request add-header NAME VALUE`", REQADD),
    rule(&["reqallow"], edits::judge, "write `http-request allow if ...`", REQALLOW),
    rule(&["reqiallow"], edits::judge, "write `http-request allow if ...`", REQIALLOW),
    rule(&["reqdel"], edits::del, "write `http-request del-header NAME`", REQDEL),
    rule(&["reqidel"], edits::del, "write `http-request del-header NAME`", REQIDEL),
    rule(&["reqdeny"], edits::judge, "write `http-request deny if ...`", REQDENY),
    rule(&["reqideny"], edits::judge, "write `http-request deny if ...`", REQIDENY),
    rule(&["reqtarpit"], edits::judge, "write `http-request tarpit if ...`", REQTARPIT),
    rule(&["reqitarpit"], edits::judge, "write `http-request tarpit if ...`", REQITARPIT),
    edit(&["reqpass"], "leave it out and except the lines from the rules that follow", REQPASS),
    edit(&["reqipass"], "leave it out and except the lines from the rules that follow", REQIPASS),
    rule(&["reqsetbe"], edits::set_backend, "write `use_backend NAME if ...`", REQSETBE),
    rule(&["reqisetbe"], edits::set_backend, "write `use_backend NAME if ...`", REQISETBE),
    rule(&["rspadd"], edits::add, "write `http-response add-header NAME VALUE`", RSPADD),
    rule(&["rsprep"], edits::replace, RESPONSE_EDIT, RSPREP),
    rule(&["rspirep"], edits::replace, RESPONSE_EDIT, RSPIREP),
    rule(&["rspdel"], edits::del, "write `http-response del-header NAME`", RSPDEL),
    rule(&["rspidel"], edits::del, "write `http-response del-header NAME`", RSPIDEL),
    rule(&["rspdeny"], edits::judge, "write `http-response deny if ...`", RSPDENY),
    rule(&["rspideny"], edits::judge, "write `http-response deny if ...`", RSPIDENY),
    // The process.
    global(
        &["nbproc"],
        To::Gone,
        "nbproc is not supported any more since HAProxy 2.5. Threads will automatically be used on multi-processor \
         machines if available.",
    ),
    global(&["tune.chksize"], To::Gone, "option 'tune.chksize' is not supported any more (tune.bufsize is used instead)."),
    global(&["stats", "bind-process"], To::Gone, "'stats bind-process' is not supported anymore."),
    global(&["nosepoll"], To::Gone, "'nosepoll' is not supported anymore: there is no speculative polling to turn off."),
    global(&["debug"], To::Gone, "'debug' is not supported anymore in a configuration: use -d on the command line."),
    global(&["no-quic"], To::Words("tune.quic.listen off"), "'no-quic' is not supported anymore: use 'tune.quic.listen off'."),
    Rewrite {
        form: Form::Tight,
        still_known: false,
        ..renamed(
            &["tune.ssl.capture-cipherlist-size"],
            "tune.ssl.capture-buffer-size",
            "'tune.ssl.capture-cipherlist-size' is deprecated and will be removed in version 2.7. Please use \
             'tune.ssl.capture-buffer-size' instead.",
        )
    },
];

const CONTIMEOUT: &str =
    "the 'contimeout' directive is not supported anymore since HAProxy 2.1. Use 'timeout connect'.";
const CLITIMEOUT: &str =
    "the 'clitimeout' directive is not supported anymore since HAProxy 2.1. Use 'timeout client'.";
const SRVTIMEOUT: &str =
    "the 'srvtimeout' directive is not supported anymore since HAProxy 2.1. Use 'timeout server'.";

const HEADER_EDIT: &str =
    "write `http-request replace-header NAME REGEX FORMAT`, or `replace-path` for the request line";
const RESPONSE_EDIT: &str = "write `http-response replace-header NAME REGEX FORMAT`";

macro_rules! gone {
    ($($name:ident $word:literal $rest:literal),* $(,)?) => {
        $(const $name: &str =
            concat!("The '", $word, "' directive is not supported anymore since HAProxy 2.1.", $rest);)*
    };
}

gone! {
    CLIEXP "cliexp" " Use 'http-request replace-path', 'http-request replace-uri' or 'http-request replace-header' instead.",
    SRVEXP "srvexp" " Use 'http-response replace-header' instead.",
    REQREP "reqrep" " Use 'http-request replace-path', 'http-request replace-uri' or 'http-request replace-header' instead.",
    REQIREP "reqirep" " Use 'http-request replace-header' instead.",
    REQADD "reqadd" " Use 'http-request add-header' instead.",
    REQALLOW "reqallow" " Use 'http-request allow' instead.",
    REQIALLOW "reqiallow" " Use 'http-request allow' instead.",
    REQDEL "reqdel" " Use 'http-request del-header' instead.",
    REQIDEL "reqidel" " Use 'http-request del-header' instead.",
    REQDENY "reqdeny" " Use 'http-request deny' instead.",
    REQIDENY "reqideny" " Use 'http-request deny' instead.",
    REQTARPIT "reqtarpit" " Use 'http-request tarpit' instead.",
    REQITARPIT "reqitarpit" " Use 'http-request tarpit' instead.",
    REQSETBE "reqsetbe" " Use 'use_backend' instead.",
    REQISETBE "reqisetbe" " Use 'use_backend' instead.",
    RSPADD "rspadd" " Use 'http-response add-header' instead.",
    RSPREP "rsprep" " Use 'http-response replace-header' instead.",
    RSPIREP "rspirep" " Use 'http-response replace-header' instead.",
    RSPDEL "rspdel" " Use 'http-response del-header' .",
    RSPIDEL "rspidel" " Use 'http-response del-header' instead.",
    RSPDENY "rspdeny" " Use 'http-response deny' instead.",
    RSPIDENY "rspideny" " Use 'http-response deny' instead.",
}

const REQPASS: &str = "The 'reqpass' not supported anymore since HAProxy 2.1.";
const REQIPASS: &str = "The 'reqipass' not supported anymore since HAProxy 2.1.";
