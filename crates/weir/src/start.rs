//! From a command line to processes that serve: load, decide who supervises whom, become a daemon, start.

use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use weir_diag::system_words;
use weir_engine::conf::Conf;
use weir_sys::privileges::is_root;
use weir_sys::process::{self, Forked, signal};
use weir_sys::{daemon, limits};

use crate::access::Access;
use crate::cli::Options;
use crate::cli::version;
use crate::dumps;
use crate::finish::Finish;
use crate::inheritance::Inheritance;
use crate::load::{self, Configuration};
use crate::say::{self, Loudness, Voice};
use crate::serve::Service;
use crate::supervision::{Grants, Manner, MasterCli, Role, Supervisor};

/// Loads what the command line names, and checks or serves it.
pub(crate) fn run(options: &Options, mut voice: Voice) -> Finish {
    match prepare(options) {
        Ok(()) => {}
        Err(fault) => {
            voice.alert(fault);
            return Finish::Exit(1);
        }
    }
    for (option, reason) in &options.inert {
        voice.notice(format_args!("'{option}' has no effect: {reason}."));
    }
    let configuration = load::load(options, &Access::Own);
    if configuration.files.is_empty() && !configuration.diagnostics.is_fatal() {
        // Folders without a file to load.
        crate::show_usage(voice.program());
        return Finish::Exit(1);
    }
    if configuration.conf.global.quiet {
        voice.lower(if options.check { Loudness::Silent } else { Loudness::Alerts });
    }
    let accepted = load::announce(&configuration, options, &voice);
    for dump in &options.dumps {
        if let Err(fault) = dumps::print(dump, &configuration) {
            voice.alert(fault);
            return Finish::Exit(1);
        }
    }
    if options.check {
        return check(&configuration, options);
    }
    if !accepted {
        return Finish::Exit(1);
    }
    if !listens(&configuration.conf) {
        let program = voice.program();
        voice.alert(format_args!(
            "[{program}.main()] No enabled listener found (check for 'bind' directives) ! Exiting."
        ));
        return Finish::Exit(1);
    }
    serve(options, &voice, configuration)
}

/// Whether a configuration has anything to listen on.
pub(crate) fn listens(conf: &Conf) -> bool {
    let serves =
        |proxy: &weir_engine::conf::Proxy| proxy.is_frontend() && !proxy.disabled && !proxy.binds.is_empty();
    conf.proxies.iter().any(|proxy| serves(proxy)) || !conf.global.stats_sockets.is_empty()
}

/// What must happen before a file is read.
fn prepare(options: &Options) -> Result<(), String> {
    if let Some(megabytes) = options.memory {
        limit_memory(megabytes)
            .map_err(|error| format!("Cannot limit the memory to {megabytes} megabytes: {error}."))?;
    }
    if let Some(folder) = &options.folder {
        std::env::set_current_dir(folder).map_err(|error| {
            format!("Could not change to directory {} : {}", folder.display(), system_words(&error))
        })?;
    }
    if options.master_cli.is_some() && !options.master {
        return Err("a master CLI socket was defined, but master-worker mode (-W) is not enabled.".into());
    }
    Ok(())
}

/// Limits this process and those it makes. The allocator takes address space ahead that would count as used, so the
/// program begins once more, as the same process, with an allocator that takes little.
fn limit_memory(megabytes: u64) -> std::io::Result<()> {
    if cfg!(feature = "mimalloc") && std::env::var_os(RESERVE).is_none() {
        let mut words = std::env::args_os();
        let mut again = Command::new(std::env::current_exe()?);
        if let Some(called) = words.next() {
            again.arg0(called);
        }
        return Err(again.args(words).env(RESERVE, "4MiB").exec());
    }
    limits::set_memory(megabytes.saturating_mul(1 << 20))
}

fn check(configuration: &Configuration, options: &Options) -> Finish {
    let report = load::report(&configuration.conf, options);
    let (text, code) =
        report.check(&configuration.diagnostics, options.verbose, listens(&configuration.conf));
    if !configuration.conf.global.quiet {
        say::print(text);
    }
    Finish::Exit(code.into())
}

/// Becomes a daemon where asked to, then serves, alone or under a supervisor.
fn serve(options: &Options, voice: &Voice, configuration: Configuration) -> Finish {
    let conf = &configuration.conf;
    let herald = if conf.global.daemon {
        match detach(voice) {
            Ok(Detached::Parent(finish)) => return finish,
            Ok(Detached::Daemon(herald)) => Some(herald),
            Err(error) => {
                voice.alert(format_args!("[{}.main()] Cannot fork: {error}.", voice.program()));
                return Finish::Exit(1);
            }
        }
    } else {
        None
    };
    warn_root(conf, voice);
    let pidfile = conf.global.pidfile.clone().filter(|_| conf.global.daemon || conf.global.master_worker);
    let Ok(inheritance) = inherit(options, voice) else { return Finish::Exit(1) };
    let once_ready = || announce(options, voice, pidfile.as_deref(), herald.as_ref());
    if !supervised(conf) {
        let (access, once_ready) = (Access::Own, &once_ready);
        let service = Service { options, access, control: None, voice, inheritance, once_ready };
        return service.run(configuration);
    }
    let regrant = || {
        let fresh = load::words(options, &Access::Own);
        Grants::of(&fresh.document, &options.files, &fresh.files).with_lists(|path| std::fs::read(path))
    };
    let cli = options
        .master_cli
        .as_ref()
        .map(|words| MasterCli::listen(words, version::number("haproxy"), voice.record().clone()));
    let cli = match cli.transpose() {
        Ok(cli) => cli,
        Err(fault) => {
            voice.alert(fault);
            return Finish::Exit(1);
        }
    };
    let manner = Manner {
        master: conf.global.master_worker,
        cli,
        notify: options.notify,
        once_ready: &once_ready,
        regrant: &regrant,
    };
    let grants = Grants::of(&configuration.document, &options.files, &configuration.files)
        .with_lists(|path| std::fs::read(path));
    let role = Supervisor::new(manner, grants, inheritance, voice).and_then(Supervisor::run);
    match role {
        Ok(Role::Supervisor(finish)) => finish,
        Ok(Role::Worker(seat)) => {
            let access = Access::Asked(seat.client);
            let once_ready = || herald.as_ref().map_or(Ok(()), Herald::leave_terminal);
            let service = Service {
                options,
                access,
                control: Some(seat.control),
                voice,
                inheritance: None,
                once_ready: &once_ready,
            };
            service.run(configuration)
        }
        Err(error) => {
            voice.alert(format_args!("[{}.main()] Cannot supervise: {error}.", voice.program()));
            Finish::Exit(1)
        }
    }
}

/// The sockets of the process that this one replaces, where it is named (`-x`).
fn inherit(options: &Options, voice: &Voice) -> Result<Option<Inheritance>, ()> {
    let Some(path) = options.old_socket.as_deref() else { return Ok(None) };
    Inheritance::fetch(path).map(Some).map_err(|_| {
        if std::os::unix::net::UnixStream::connect(path).is_err() {
            let path = path.display();
            voice.warning(format_args!("Failed to connect to the old process socket '{path}'"));
        }
        voice.alert("Failed to get the sockets from the old process!");
    })
}

/// Whether a supervisor keeps privileges that the worker gives up, or a master was asked for.
fn supervised(conf: &Conf) -> bool {
    let global = &conf.global;
    let drops = global.chroot.is_some() || global.uid.is_some_and(|uid| uid != 0) || global.gid.is_some();
    global.master_worker || (is_root() && drops)
}

fn warn_root(conf: &Conf, voice: &Voice) {
    let global = &conf.global;
    if is_root() && global.uid.is_none() {
        voice.warning(format_args!(
            "[{}.main()] started as root without 'user' or 'uid': a fault in the program would have all rights of the \
             system. Name a user in 'global' ('user root' where it is meant), and a 'chroot'.",
            voice.program()
        ));
    }
}

/// What follows once connections are served: the number is written down, older processes leave, the terminal is left.
fn announce(
    options: &Options,
    voice: &Voice,
    pidfile: Option<&Path>,
    herald: Option<&Herald>,
) -> Result<(), String> {
    if let Some(path) = pidfile {
        std::fs::write(path, format!("{}\n", std::process::id()))
            .map_err(|_| format!("[{}.main()] Cannot create pidfile {}", voice.program(), path.display()))?;
    }
    if let Some(old) = &options.old {
        old.signal(if old.finish { signal::SIGUSR1 } else { signal::SIGTERM });
    }
    if let Some(herald) = herald {
        herald.leave_terminal()?;
        // Whoever started it may have been ended meanwhile.
        let _ = (&herald.tell).write_all(b"!");
    }
    Ok(())
}

/// What a daemon needs once it serves.
struct Herald {
    /// Where it says that it serves.
    tell: UnixStream,
    /// What takes the place of the terminal.
    null: OwnedFd,
}

// === impl Herald ===

impl Herald {
    fn leave_terminal(&self) -> Result<(), String> {
        daemon::silence(&self.null).map_err(|error| format!("Cannot leave the terminal: {error}."))
    }
}

enum Detached {
    /// The process that was started: how it ends.
    Parent(Finish),
    Daemon(Herald),
}

/// Makes a daemon. The first process stays until the daemon serves or fails, so that its exit code tells.
fn detach(voice: &Voice) -> std::io::Result<Detached> {
    let (mut here, there) = UnixStream::pair()?;
    match process::fork()? {
        Forked::Child => {
            drop(here);
            daemon::leave_session()?;
            voice.introduce_again();
            Ok(Detached::Daemon(Herald { tell: there, null: daemon::null()? }))
        }
        Forked::Parent(pid) => {
            drop(there);
            let mut word = [0];
            if here.read(&mut word)? == 1 {
                return Ok(Detached::Parent(Finish::Exit(0)));
            }
            let code = process::wait(pid)?.code();
            voice.alert(format_args!("Process {pid} exited with code {code} (Exit)"));
            Ok(Detached::Parent(Finish::Exit(code)))
        }
    }
}

/// How much address space the allocator takes at once.
const RESERVE: &str = "MIMALLOC_ARENA_RESERVE";
