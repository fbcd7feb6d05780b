//! A process that serves: sockets, limits, privileges, engine, and then signals until it ends.
//!
//! The same code runs alone and as the worker of a supervisor; what differs comes in as [`Access`] and [`Control`].

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use weir_admin::cli::Modes;
use weir_admin::listen::Adopted;
use weir_diag::Sources;
use weir_engine::conf::{CliLevel, Global};
use weir_engine::operator::{backends, certificates};
use weir_engine::runtime::{Runtime, Saying};
use weir_engine::snapshot::Snapshot;
use weir_engine::{Engine, clock};
use weir_sys::capabilities::{self, Capability};
use weir_sys::limits as system;
use weir_sys::privileges::{self, DropStep, Identity};
use weir_sys::process::{self, Signal, Signals, signal};

use crate::access::Access;
use crate::api::{Api, Started};
use crate::around::Around;
use crate::cli::Options;
use crate::finish::Finish;
use crate::inheritance::Inheritance;
use crate::limits::{self, Needs};
use crate::load::{self, Configuration};
use crate::plan::Outline;
use crate::restore::Restored;
use crate::say::Voice;
use crate::sockets::{self, Sockets, Steering, Wanted};
use crate::supervision::Control;
use crate::supervision::protocol::{Order, Report};

/// What a serving process was given.
pub(crate) struct Service<'a> {
    /// The command line.
    pub(crate) options: &'a Options,
    /// Whose rights it uses.
    pub(crate) access: Access,
    /// The supervisor, where there is one.
    pub(crate) control: Option<Control>,
    /// Its voice.
    pub(crate) voice: &'a Voice,
    /// What the process had that this one replaces, where it has asked for it.
    pub(crate) inheritance: Option<Inheritance>,
    /// What is to be done once it serves, and a supervisor knows that it does.
    pub(crate) once_ready: &'a dyn Fn() -> Result<(), String>,
}

/// An engine with its sockets, and how it is to end.
struct Serving<'a> {
    service: Service<'a>,
    engine: Arc<Engine>,
    api: Api,
    around: Arc<Around>,
    sockets: Sockets,
    /// Where connections are sent while sockets are closed that another process may have.
    steering: Steering,
    maxconn: u32,
    global: Global,
    stage: Stage,
}

/// ```text
/// Running ──SIGUSR1──► Grace ──time──► Draining ──no connection, or time──► over
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Running,
    /// Told to leave; serves until then (`grace`).
    Grace(Instant),
    /// Takes no connection; ends when none is left, or then (`hard-stop-after`).
    Draining(Option<Instant>),
}

// === impl Service ===

impl<'a> Service<'a> {
    /// Serves `configuration` until told to end.
    pub(crate) fn run(self, configuration: Configuration) -> Finish {
        match self.start(configuration) {
            Ok((serving, signals)) => serving.until_the_end(&signals),
            Err(faults) => {
                let (voice, program) = faults;
                for fault in program {
                    voice.alert(fault);
                }
                Finish::Exit(1)
            }
        }
    }

    fn start(self, configuration: Configuration) -> Result<(Serving<'a>, Signals), (&'a Voice, Vec<String>)> {
        let began = Instant::now();
        let voice = self.voice;
        let single = |fault: String| (voice, vec![fault]);
        process::ignore(signal::SIGPIPE);
        weir_sys::crash::report_faults().map_err(|e| single(format!("Cannot report faults: {e}.")))?;
        let signals =
            Signals::block(SIGNALS).map_err(|e| single(format!("Cannot listen to signals: {e}.")))?;
        let outline = Outline::of(&configuration.document);
        let mut conf = configuration.conf;
        let restored = Restored::read(&mut conf, voice);
        let threads = threads(&conf.global);
        let wanted = sockets::wanted(&conf, threads);
        let sockets = wanted.iter().map(|want| u64::from(want.copies)).sum();
        let needs = Needs::of(&conf, threads, wanted.len() as u64, sockets);
        let main = |fault: String| single(format!("[{}.main()] {fault}", voice.program()));
        let fit = limits::apply(&conf.global, needs).map_err(main)?;
        if let Some(notice) = &fit.notice {
            voice.notice(notice);
        }
        let (sockets, complaints) =
            self.open(&wanted, &configuration.sources).map_err(|faults| (voice, faults))?;
        for complaint in complaints {
            voice.warning(complaint);
        }
        prepare_process(&conf.global, fit.sockets, voice);
        drop_privileges(&conf.global, voice).map_err(single)?;
        let runtime = Runtime::new(threads.into());
        let speaker = voice.clone();
        runtime.process.voice.set(move |saying, text| match saying {
            Saying::Notice => speaker.notice(text),
            Saying::Warning => speaker.warning(text),
            Saying::Alert => speaker.alert(text),
        });
        runtime.process.anonymous_key.store(conf.global.anonymous_key, Relaxed);
        fit.allow(&runtime);
        let snapshot = Snapshot::build(&conf, &runtime, fit.maxconn, clock::now());
        restored.apply(&runtime, &snapshot, voice);
        let engine =
            Engine::start(runtime, snapshot, &sockets.bindings()).map_err(|e| single(format!("{e}.")))?;
        let engine = Arc::new(engine);
        let started = Started { files: fit.files, sockets: fit.sockets, boot: began.elapsed() };
        let around = Around::new(voice.record().clone())
            .map_err(|e| single(format!("cannot start the runtime API: {e}.")))?;
        let around = Arc::new(around);
        around.hold(sockets.handed());
        around.run(&outline);
        let api = Api::start(&engine, self.options, &started, around.clone())
            .map_err(|e| single(format!("cannot start the runtime API: {e}.")))?;
        api.listen(&sockets, &conf.global);
        let serving = Serving {
            service: self,
            engine,
            api,
            around,
            sockets,
            steering: Steering::default(),
            maxconn: fit.maxconn,
            global: conf.global,
            stage: Stage::Running,
        };
        Ok((serving, signals))
    }

    /// Opens what is wanted, or takes it over from the process that this one replaces.
    fn open(&self, wanted: &[Wanted], sources: &Sources) -> Result<(Sockets, Vec<String>), Vec<String>> {
        let inheritance = self.inheritance.as_ref();
        let old = self.options.old.as_ref();
        let opened = sockets::open_patiently(wanted, &self.access, sources, old, inheritance);
        if let Some(left) = inheritance {
            left.close();
        }
        opened.map_err(|mut faults| {
            let program = self.voice.program();
            faults
                .push(format!("[{program}.main()] Some protocols failed to start their listeners! Exiting."));
            faults
        })
    }
}

// === impl Serving ===

impl Serving<'_> {
    fn until_the_end(mut self, signals: &Signals) -> Finish {
        if let Some(control) = &self.service.control {
            control.report(&Report::Ready);
        }
        if let Err(fault) = (self.service.once_ready)() {
            self.service.voice.alert(fault);
            self.engine.stop();
            return Finish::Exit(1);
        }
        self.service.voice.record().close();
        loop {
            if let Some(finish) = self.turn(signals) {
                return finish;
            }
        }
    }

    /// Waits for a signal, an order or a deadline, and deals with it.
    fn turn(&mut self, signals: &Signals) -> Option<Finish> {
        let mut fds = vec![signals.as_fd()];
        fds.push(self.around.as_fd());
        fds.extend(self.service.control.as_ref().map(AsFd::as_fd));
        let ready = process::readable(&fds, self.patience()).unwrap_or_default();
        if ready.get(1) == Some(&true) {
            self.obey();
        }
        if ready.get(2) == Some(&true) {
            match self.service.control.as_ref().and_then(Control::order) {
                Some((Order::Reload, _)) => self.reload(),
                Some((Order::Session { level, experimental, expert }, Some(fd))) => {
                    let level = match level {
                        0 => CliLevel::User,
                        1 => CliLevel::Operator,
                        _ => CliLevel::Admin,
                    };
                    self.api.adopt(Adopted { fd, level, modes: Modes { experimental, expert } });
                }
                Some((Order::Session { .. }, None)) => {}
                None => {
                    self.service.voice.alert("The supervisor is gone: finishing what runs, and leaving.");
                    self.service.control = None;
                    self.drain();
                }
            }
        }
        while let Some(signal) = signals.next() {
            match signal {
                signal::SIGTERM | signal::SIGINT => {
                    self.engine.stop();
                    return Some(Finish::Signal(signal));
                }
                signal::SIGUSR1 => self.leave(),
                signal::SIGTTOU => self.engine.pause(true),
                signal::SIGTTIN => self.engine.pause(false),
                signal::SIGHUP | signal::SIGUSR2 => self.reload(),
                _ => {}
            }
        }
        self.tick()
    }

    /// How long there is nothing to do without a signal, in milliseconds.
    fn patience(&self) -> Option<u32> {
        match self.stage {
            Stage::Running => None,
            Stage::Grace(until) => {
                let left = until.saturating_duration_since(Instant::now()).as_millis();
                Some(u32::try_from(left).unwrap_or(u32::MAX).saturating_add(1))
            }
            Stage::Draining(_) => Some(DRAIN_TURN),
        }
    }

    fn tick(&mut self) -> Option<Finish> {
        if matches!(self.stage, Stage::Draining(_)) && !self.engine.is_listening() {
            self.steering = Steering::default();
        }
        match self.stage {
            Stage::Grace(until) if until <= Instant::now() => {
                self.drain();
                None
            }
            Stage::Draining(_) if self.engine.is_drained() => {
                self.engine.stop();
                Some(Finish::Exit(0))
            }
            Stage::Draining(Some(until)) if until <= Instant::now() => {
                let left = self.engine.connections();
                self.service
                    .voice
                    .warning(format_args!("hard-stop-after is over: ending with {left} connections open."));
                self.engine.stop();
                Some(Finish::Exit(0))
            }
            _ => None,
        }
    }

    /// Told to finish: at once, or after `grace`.
    fn leave(&mut self) {
        match (self.stage, self.global.grace.filter(|grace| !grace.is_zero())) {
            (Stage::Running, Some(grace)) => self.stage = Stage::Grace(Instant::now() + grace),
            (Stage::Running | Stage::Grace(_), _) => self.drain(),
            (Stage::Draining(_), _) => {}
        }
    }

    fn drain(&mut self) {
        if self.around.were_sockets_taken() {
            self.steering = self.sockets.steer();
        }
        // The workers' copies are the last when they hear of it: a socket is closed when its queue is empty.
        self.sockets = Sockets::default();
        self.around.hold(Vec::new());
        self.engine.drain();
        self.api.close();
        if let Some(control) = &self.service.control {
            control.report(&Report::Draining);
        }
        self.stage = Stage::Draining(self.global.hard_stop_after.map(|time| Instant::now() + time));
    }

    /// Does what the runtime API asked for.
    fn obey(&mut self) {
        let snapshot = self.engine.snapshot();
        for name in self.around.orders() {
            if let Some(at) = snapshot.proxies.position(|p| p.conf.name == name && p.conf.is_frontend()) {
                self.sockets.shut(at);
            }
        }
        self.around.hold(self.sockets.handed());
        self.engine.replace(Arc::clone, &self.sockets.bindings());
    }

    /// Loads the files anew and takes them over, or leaves everything as it is.
    fn reload(&mut self) {
        if self.stage != Stage::Running {
            return;
        }
        let outcome = self.load_anew();
        let voice = self.service.voice;
        voice.record().close();
        let (worked, text) = match outcome {
            Ok(text) => (true, text),
            Err(text) => (false, text),
        };
        match &self.service.control {
            Some(control) => {
                // What does not fit into a packet is in the log all the same.
                let said = voice.record().text();
                let log = String::from_utf8_lossy(said.get(..MOST_TOLD).unwrap_or(&said)).into_owned();
                control.report(&Report::Reloaded(worked, text, log));
            }
            None if worked => voice.notice(format_args!("Reload done. {text}")),
            None => voice.warning(format_args!("Reload failed, the running configuration stays: {text}")),
        }
    }

    fn load_anew(&mut self) -> Result<String, String> {
        let Service { options, access, voice, .. } = &self.service;
        voice.record().open();
        let configuration = load::load(options, access);
        if !load::announce(&configuration, options, voice) {
            return Err("the files have faults.".into());
        }
        let outline = Outline::of(&configuration.document);
        let conf = configuration.conf;
        let threads = u16::try_from(self.engine.runtime().workers).unwrap_or(u16::MAX);
        let wanted = sockets::wanted(&conf, threads);
        let copies = wanted.iter().map(|want| u64::from(want.copies)).sum();
        let needs = Needs::of(&conf, threads, wanted.len() as u64, copies);
        // Where the file says the same, what operators made of it stays.
        let changed =
            (conf.global.maxconn, conf.global.ulimit_n) != (self.global.maxconn, self.global.ulimit_n);
        let fit = changed.then(|| limits::apply(&conf.global, needs)).transpose()?;
        let (sockets, complaints) =
            sockets::open(&wanted, &self.sockets, access, &configuration.sources, None)
                .map_err(|faults| faults.join(" "))?;
        for complaint in complaints {
            voice.warning(complaint);
        }
        clock::refresh();
        if let Some(fit) = fit {
            fit.notice.iter().for_each(|notice| voice.notice(notice));
            fit.allow(self.engine.runtime());
            self.maxconn = fit.maxconn;
        }
        let build = |old: &Arc<Snapshot>| {
            let conf = backends::kept(&conf, self.engine.runtime(), |lost| voice.notice(lost));
            let snapshot = Snapshot::build(&conf, self.engine.runtime(), self.maxconn, clock::now());
            let lost = snapshot.patterns.adopt(&old.patterns);
            for lost in lost.into_iter().chain(certificates::carry(old, &snapshot)) {
                voice.notice(lost);
            }
            for proxy in snapshot.proxies.iter() {
                proxy.runtime.frontend.shut.store(false, Relaxed);
            }
            snapshot
        };
        self.engine.replace(build, &sockets.bindings());
        self.api.listen(&sockets, &conf.global);
        self.around.hold(sockets.handed());
        self.around.run(&outline);
        self.sockets = sockets;
        self.global = conf.global;
        Ok(format!("{} proxies.", conf.proxies.len()))
    }
}

/// What a process is given that is about to serve with so many descriptors, while it has its privileges.
fn prepare_process(global: &Global, sockets: u64, voice: &Voice) {
    if global.prealloc_fd
        && let Err(error) = system::make_room_for_descriptors(sockets)
    {
        voice.warning(format_args!("Unable to preallocate file descriptors: {error}."));
    }
    // Threads that are started later have it from this one.
    if let Some(niceness) = global.niceness
        && let Err(error) = system::set_niceness(niceness)
    {
        voice.warning(format_args!("Cannot set the priority to {niceness}: {error}."));
    }
}

/// Enters the root folder and becomes the user that the configuration names.
fn drop_privileges(global: &Global, voice: &Voice) -> Result<(), String> {
    let main = format!("[{}.main()]", voice.program());
    // The zone's file cannot be read from another root.
    weir_sys::time::local_offset(0);
    if let Some(root) = &global.chroot {
        let entered = if root.as_os_str() == "auto" {
            privileges::enter_empty_root()
        } else {
            privileges::enter_root(root)
        };
        entered.map_err(|_| format!("{main} Cannot chroot({}).", root.display()))?;
    }
    let kept: Vec<Capability> = global.setcap.iter().filter_map(|name| Capability::named(name)).collect();
    let changes_user = global.uid.is_some_and(|uid| uid != 0);
    if !kept.is_empty() && changes_user {
        capabilities::keep_over_user_change()
            .map_err(|e| format!("{main} Cannot keep capabilities: {e}."))?;
    }
    let identity = Identity { uid: global.uid, gid: global.gid };
    privileges::become_identity(identity).map_err(|(step, error)| match step {
        DropStep::Groups => format!("{main} Cannot leave the supplementary groups: {error}."),
        DropStep::Group => format!("{main} Cannot set gid {}.", global.gid.unwrap_or_default()),
        DropStep::User => format!("{main} Cannot set uid {}.", global.uid.unwrap_or_default()),
    })?;
    if !kept.is_empty() && changes_user {
        capabilities::restrict_to(&kept).map_err(|e| format!("{main} Cannot keep capabilities: {e}."))?;
    }
    if !global.setuid_wanted
        && let Err(error) = system::forbid_new_privileges()
    {
        voice.warning(format_args!("{main} Cannot forbid new privileges: {error}."));
    }
    if global.set_dumpable
        && let Err(error) = system::allow_core_files()
    {
        voice.warning(format_args!("{main} Cannot allow core files: {error}."));
    }
    Ok(())
}

/// `nbthread`, or a worker for each processor that may be used; no more than `thread-hard-limit`.
fn threads(global: &Global) -> u16 {
    let cpus = || system::usable_cpus().ok().and_then(|cpus| u16::try_from(cpus.len()).ok());
    let laid_out = || global.layout.as_ref().and_then(|layout| u16::try_from(layout.threads).ok());
    let wanted = global.nbthread.or_else(laid_out).or_else(cpus).unwrap_or(1).max(1);
    wanted.min(global.thread_limit.unwrap_or(u16::MAX))
}

const SIGNALS: &[Signal] = &[
    signal::SIGTERM,
    signal::SIGINT,
    signal::SIGUSR1,
    signal::SIGUSR2,
    signal::SIGHUP,
    signal::SIGTTOU,
    signal::SIGTTIN,
    signal::SIGQUIT,
];

/// How much of what a reload said the supervisor hears, in bytes.
const MOST_TOLD: usize = 16 * 1024;

/// How often a draining process looks whether it is done, in milliseconds.
const DRAIN_TURN: u32 = 20;
