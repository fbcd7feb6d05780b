//! From files to a configuration: parse, resolve, and what the command line puts over it.
//!
//! Reads through [`Access`], so that the same code runs before privileges are dropped and behind the supervisor.
//! Prints nothing: the messages are part of the answer.

use std::path::PathBuf;
use std::sync::Arc;

use weir_config::{Document, Environment, Line, Loaded, Loader, Prefix, Section, Sections, Word};
use weir_diag::{Diagnostic, Diagnostics, Form, Report, Severity, Sources, Span};
use weir_engine::conf::Conf;
use weir_engine::log::system_name;

use crate::access::Access;
use crate::cli::{Options, Switches, version};
use crate::keywords;
use crate::say::Voice;

/// A configuration and everything that was said about it.
#[derive(Debug)]
pub(crate) struct Configuration {
    /// What it means. To be used only where no message is an alert.
    pub(crate) conf: Conf,
    /// Its words.
    pub(crate) document: Document,
    /// Its texts.
    pub(crate) sources: Sources,
    /// What is to be said about it.
    pub(crate) diagnostics: Diagnostics,
    /// The files it was read from.
    pub(crate) files: Vec<String>,
}

/// Loads the files that `options` name.
pub(crate) fn load(options: &Options, access: &Access) -> Configuration {
    let mut loaded = words(options, access);
    let mut diagnostics = loaded.diagnostics;
    switch(options, &mut loaded.document);
    diagnostics.extend(meet(options, &mut loaded.document));
    let (mut conf, resolved) = weir_engine::keywords::resolve(&loaded.document, &loaded.sources, access);
    diagnostics.extend(resolved);
    diagnostics.arrange();
    if !options.check {
        diagnostics.extend(std::mem::take(&mut conf.start_faults));
    }
    put_over(options, &mut conf);
    Configuration {
        conf,
        document: loaded.document,
        sources: loaded.sources,
        diagnostics,
        files: loaded.files,
    }
}

/// The words of the files, their meaning left alone.
pub(crate) fn words(options: &Options, access: &Access) -> Loaded {
    let paths: Vec<String> = options.files.iter().map(|p| p.to_string_lossy().into_owned()).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let features = keywords::features();
    let environment = environment(options);
    Loader { files: access, sections: keywords::SECTIONS, features: &features, environment }.load(&paths)
}

/// Says what is to be said about a configuration; whether it may be used.
pub(crate) fn announce(configuration: &Configuration, options: &Options, voice: &Voice) -> bool {
    let Configuration { conf, sources, diagnostics, .. } = configuration;
    let report = report(conf, options);
    voice.report(diagnostics, sources, &report);
    report.accepts(diagnostics)
}

/// How the messages of a load are shown, and whether warnings are fatal.
pub(crate) fn report(conf: &Conf, options: &Options) -> Report<'static> {
    Report {
        preamble: &[],
        excerpts: true,
        diag: options.switches.contains(Switches::DIAGNOSTICS),
        zero_warning: conf.global.zero_warning,
    }
}

/// What a configuration sees of the environment at the start (manual, 2.3): the process' own and the predefined.
pub(crate) fn environment(options: &Options) -> Environment {
    use std::os::unix::ffi::OsStringExt;

    let mut environment = Environment::default();
    for (name, value) in std::env::vars_os() {
        environment.set(name.into_vec(), value.into_vec());
    }
    environment.set("HAPROXY_BRANCH", version::BRANCH);
    environment.set("HAPROXY_STARTUP_VERSION", version::RELEASE);
    environment.set("HAPROXY_LOCALPEER", options.local_peer.clone().unwrap_or_else(system_name));
    if options.master {
        environment.set("HAPROXY_MWORKER", "1");
    }
    for (name, format) in LOG_FORMATS {
        environment.set(*name, *format);
    }
    environment
}

/// Switches that stand for words of the file (management manual, chapter 3): `-dV` for `ssl-server-verify none`, `-dr`
/// for `none` as the last way to find a server's address, `-dt` for a `traces` section before all others.
fn switch(options: &Options, document: &mut Document) {
    let word = |text: &str, span: Span| Word { bytes: text.as_bytes().into(), span };
    let line = |words: &[&str]| Line {
        prefix: Prefix::None,
        words: words.iter().map(|text| word(text, Span::default())).collect(),
        name_len: 1,
        span: Span::default(),
    };
    if !options.traces.is_empty() {
        let order = |words: &String| line(&words.split(' ').collect::<Vec<_>>());
        let lines = options.traces.iter().map(order).collect();
        document.sections.insert(0, Section { kind: Sections::TRACES, header: line(&["traces"]), lines });
    }
    if options.switches.contains(Switches::NO_SERVER_VERIFY) {
        let lines = vec![line(&["ssl-server-verify", "none"])];
        document.sections.push(Section { kind: Sections::GLOBAL, header: line(&["global"]), lines });
    }
    if options.switches.contains(Switches::IGNORE_RESOLUTION) {
        let mut by_default = false;
        for line in document.sections.iter_mut().flat_map(|section| section.lines.iter_mut()) {
            let Some(at) = line.words.iter().position(|word| word.is("init-addr")) else { continue };
            by_default |= line.words.first().is_some_and(|word| word.is("default-server"));
            if let Some(ways) = line.words.get_mut(at + 1) {
                *ways = word(&format!("{},none", ways.text()), ways.span);
            }
        }
        let lacks_ways = |line: &Line| {
            line.words.first().is_some_and(|word| word.is("server"))
                && !line.words.iter().any(|word| word.is("init-addr"))
        };
        let lines = document.sections.iter_mut().flat_map(|section| section.lines.iter_mut());
        for line in lines.filter(|line| !by_default && lacks_ways(line)) {
            let span = line.span;
            line.words.extend([word("init-addr", span), word("last,libc,none", span)]);
        }
    }
}

/// What the command line says twice, and what the file says in vain because the command line has said it (`-L`, `-W`,
/// `-Ws`).
fn meet(options: &Options, document: &mut Document) -> Vec<Diagnostic> {
    let warning = |text: &&str| Diagnostic::new(Severity::Warning, None, *text).form(Form::Bare);
    let mut said: Vec<Diagnostic> = options.warnings.iter().map(warning).collect();
    let is = |line: &Line, name: &str| {
        line.prefix == Prefix::None && line.words.first().is_some_and(|w| w.is(name))
    };
    for section in document.sections.iter_mut().filter(|section| section.kind == Sections::GLOBAL) {
        for line in &section.lines {
            let bare = |message: &str| Diagnostic::warning(line.span, message).form(Form::Bare);
            if options.notify && is(line, "daemon") {
                said.push(bare(
                    "config : 'daemon' is not compatible with -Ws (master-worker mode for systemd), ignoring.",
                ));
            }
            if options.master && is(line, "master-worker") {
                said.push(bare("config : master-worker mode is already configured."));
            }
            if options.local_peer.is_some() && is(line, "localpeer") {
                let message =
                    "'localpeer' ignored since it is already set by using the '-L' command line argument.";
                said.push(line.warning(message));
            }
        }
        section.lines.retain(|line| options.local_peer.is_none() || !is(line, "localpeer"));
    }
    said
}

/// The command line has the last word over the file (management manual, chapter 3).
fn put_over(options: &Options, conf: &mut Conf) {
    let global = &mut conf.global;
    let has = |switch| options.switches.contains(switch);
    // Under `-Ws` the service manager watches the process that it started, which stays whatever the file says.
    let by_file = global.daemon && !options.notify;
    global.daemon = (by_file || options.daemon) && !options.foreground();
    global.master_worker |= options.master;
    global.no_splice |= has(Switches::NO_SPLICE) || has(Switches::NO_FAST_FORWARD);
    global.no_reuse_port |= has(Switches::NO_REUSE_PORT);
    global.zero_warning |= has(Switches::ZERO_WARNING);
    global.fork_wanted |= has(Switches::INSECURE_FORK);
    global.quiet = (global.quiet || options.quiet) && !options.verbose;
    global.maxconn = options.maxconn.or(global.maxconn);
    if let Some(name) = &options.local_peer {
        global.localpeer = Some(name.clone());
    }
    if let Some(most) = options.proxy_maxconn {
        for proxy in conf.proxies.iter_mut().map(Arc::make_mut).filter(|proxy| proxy.maxconn.is_none()) {
            proxy.maxconn = Some(most);
        }
    }
    if let Some(path) = &options.pidfile {
        global.pidfile = Some(PathBuf::from(path));
    }
}

/// The default formats of log lines under the names that a configuration may use them by (manual, 2.3).
const LOG_FORMATS: &[(&str, &str)] = &[
    (
        "HAPROXY_HTTP_LOG_FMT",
        "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc \
         %sq/%bq %hr %hs %{+Q}r",
    ),
    (
        "HAPROXY_HTTP_CLF_LOG_FMT",
        "%{+Q}o %{-Q}ci - - [%trg] %r %ST %B \"\" \"\" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta %tsc \
         %ac %fc %bc %sc %rc %sq %bq %CC %CS %hrl %hsl",
    ),
    (
        "HAPROXY_HTTPS_LOG_FMT",
        "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc \
         %sq/%bq %hr %hs %{+Q}r \
         %[fc_err]/%[ssl_fc_err,hex]/%[ssl_c_err]/%[ssl_c_ca_err]/%[ssl_fc_is_resumed] \
         %[ssl_fc_sni]/%sslv/%sslc",
    ),
    ("HAPROXY_TCP_LOG_FMT", "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq"),
    (
        "HAPROXY_TCP_CLF_LOG_FMT",
        "%{+Q}o %{-Q}ci - - [%T] \"TCP \" 000 %B \"\" \"\" %cp %ms %ft %b %s %Th %Tw %Tc %Tt %U \
         %ts-- %ac %fc %bc %sc %rc %sq %bq \"\" \"\" ",
    ),
];
