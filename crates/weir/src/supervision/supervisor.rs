//! The process that keeps the privileges: starts the worker, serves its questions, keeps its sockets, starts another
//! where it dies, and passes on what it is told.
//!
//! It has one thread, waits in one place and reads nothing from the network. It stops when it is told to, or when the
//! first worker does not come up.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use weir_engine::conf::CliLevel;
use weir_sys::process::{self, Ended, Forked, Signal, Signals, signal};
use weir_sys::{daemon, descriptors};

use super::Grants;
use super::client::{Client, receive};
use super::codec::encode;
use super::master_cli::{MasterCli, Passed};
use super::master_commands::Status;
use super::notify::{self, Condition};
use super::protocol::{Answer, Failure, Order, Question, Report};
use crate::access::{self, Bound};
use crate::finish::Finish;
use crate::inheritance::Inheritance;
use crate::say::Voice;

/// Which process a caller of [`Supervisor::run`] is in when it comes back.
#[derive(Debug)]
pub(crate) enum Role {
    /// The supervisor, and all is over.
    Supervisor(Finish),
    /// A worker that has everything before it.
    Worker(Seat),
}

/// What a worker talks to its supervisor with.
#[derive(Debug)]
pub(crate) struct Seat {
    /// Questions.
    pub(crate) client: Client,
    /// Orders come in, reports go out.
    pub(crate) control: Control,
}

/// The channel of orders and reports, at the worker's end.
#[derive(Debug)]
pub(crate) struct Control(OwnedFd);

/// How a supervisor behaves.
pub(crate) struct Manner<'a> {
    /// `-W`: it speaks as a master does.
    pub(crate) master: bool,
    /// `-S`: where it takes commands.
    pub(crate) cli: Option<MasterCli>,
    /// `-Ws`: systemd is told.
    pub(crate) notify: bool,
    /// What is to be done once the first worker serves.
    pub(crate) once_ready: &'a dyn Fn() -> Result<(), String>,
    /// Reads the configuration's words anew, for a reload.
    pub(crate) regrant: &'a dyn Fn() -> Grants,
}

/// See the module.
pub(crate) struct Supervisor<'a> {
    manner: Manner<'a>,
    voice: &'a Voice,
    signals: Signals,
    grants: Grants,
    /// Sockets of the process that this one replaces.
    inheritance: Option<Inheritance>,
    kept: HashMap<Vec<u8>, Kept>,
    worker: Option<Worker>,
    stage: Stage,
    deaths: u32,
    since: Instant,
    /// Reloads that were asked for, and those of them that failed.
    reloads: (u32, u32),
    /// The configuration that was loaded last is the one that runs.
    loaded: bool,
}

/// A listening socket that outlives workers.
struct Kept {
    fd: OwnedFd,
    /// The configuration that runs has it.
    used: bool,
    /// The configuration that is being loaded has it.
    asked: bool,
}

struct Worker {
    pid: i32,
    channels: Option<Channels>,
    ready: bool,
    since: Instant,
}

struct Channels {
    questions: OwnedFd,
    control: OwnedFd,
}

/// ```text
/// Starting ──ready──► Serving ──death──► Waiting ──time──► Serving
///     └─────death──► over    └──signal──► Leaving ──death──► over
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The first worker is loading.
    Starting,
    /// A worker serves, or is loading after another died.
    Serving,
    /// There is no worker until then.
    Waiting(Instant),
    /// Told to end by this signal.
    Leaving(Signal),
}

enum Next {
    Go,
    Spawn,
    End(Finish),
}

// === impl Control ===

impl Control {
    /// Tells the supervisor. It may be gone: then the next order says so.
    pub(crate) fn report(&self, report: &Report) {
        let _ = descriptors::send(&self.0, &encode(report), &[]);
    }

    /// The next order; `None` where the supervisor is gone.
    pub(crate) fn order(&self) -> Option<(Order, Option<OwnedFd>)> {
        let (order, fds) = receive(&self.0).ok().flatten()?;
        Some((order, fds.into_iter().next()))
    }
}

impl AsFd for Control {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

// === impl Supervisor ===

impl<'a> Supervisor<'a> {
    /// A supervisor for a configuration that names `grants`.
    pub(crate) fn new(
        manner: Manner<'a>,
        grants: Grants,
        inheritance: Option<Inheritance>,
        voice: &'a Voice,
    ) -> io::Result<Self> {
        process::ignore(signal::SIGPIPE);
        let signals = Signals::block(SIGNALS)?;
        let (kept, worker) = (HashMap::new(), None);
        let (since, stage) = (Instant::now(), Stage::Starting);
        Ok(Self {
            manner,
            voice,
            signals,
            grants,
            inheritance,
            kept,
            worker,
            stage,
            deaths: 0,
            since,
            reloads: (0, 0),
            loaded: true,
        })
    }

    /// Starts a worker and stays with it. Comes back twice: in each worker at once, in the supervisor at the end.
    pub(crate) fn run(mut self) -> io::Result<Role> {
        let mut next = Next::Spawn;
        loop {
            match next {
                Next::Go => {}
                Next::Spawn => {
                    if let Some(seat) = self.spawn()? {
                        return Ok(Role::Worker(seat));
                    }
                }
                Next::End(finish) => return Ok(Role::Supervisor(finish)),
            }
            next = self.turn()?;
        }
    }

    /// Makes a worker process; comes back with a seat in that process.
    fn spawn(&mut self) -> io::Result<Option<Seat>> {
        let (questions, far_questions) = daemon::packet_pair()?;
        let (control, far_control) = daemon::packet_pair()?;
        for kept in self.kept.values_mut() {
            kept.asked = false;
        }
        match process::fork()? {
            Forked::Child => {
                // What the supervisor keeps open would stay open in the worker, too.
                self.kept.clear();
                self.inheritance = None;
                self.worker = None;
                self.manner.cli = None;
                self.voice.introduce_again();
                Ok(Some(Seat { client: Client::new(far_questions), control: Control(far_control) }))
            }
            Forked::Parent(pid) => {
                if self.manner.master {
                    self.voice.notice(format_args!("Initializing new worker ({pid})"));
                }
                let channels = Some(Channels { questions, control });
                self.worker = Some(Worker { pid, channels, ready: false, since: Instant::now() });
                Ok(None)
            }
        }
    }

    /// Waits for something to happen and deals with it.
    fn turn(&mut self) -> io::Result<Next> {
        let millis = match self.stage {
            Stage::Waiting(until) => {
                let left = until.saturating_duration_since(Instant::now());
                Some(u32::try_from(left.as_millis()).unwrap_or(u32::MAX).saturating_add(1))
            }
            _ => None,
        };
        let cli = self.manner.cli.as_ref().and_then(MasterCli::patience);
        let cli = cli.map(|pace| u32::try_from(pace.as_millis()).unwrap_or(u32::MAX));
        let millis = [millis, cli].into_iter().flatten().min();
        let mut fds = vec![self.signals.as_fd()];
        if let Some(channels) = self.channels() {
            fds.extend([channels.questions.as_fd(), channels.control.as_fd()]);
        }
        let of_worker = if fds.len() == 3 { 1..3 } else { 0..0 };
        let of_cli = fds.len();
        fds.extend(self.manner.cli.iter().flat_map(MasterCli::fds));
        let ready = process::readable(&fds, millis)?;
        let is_ready = |at: usize| (at == 0 || of_worker.contains(&at)) && ready.get(at) == Some(&true);
        if is_ready(1) {
            self.serve_question();
        }
        if is_ready(2)
            && let Some(finish) = self.hear_report()
        {
            return Ok(Next::End(finish));
        }
        if cli.is_some() || ready.get(of_cli..).unwrap_or_default().contains(&true) {
            self.serve_commands();
        }
        while is_ready(0)
            && let Some(signal) = self.signals.next()
        {
            if let Next::End(finish) = self.signalled(signal) {
                return Ok(Next::End(finish));
            }
        }
        match self.stage {
            Stage::Waiting(until) if until <= Instant::now() => {
                self.stage = Stage::Serving;
                Ok(Next::Spawn)
            }
            _ => Ok(Next::Go),
        }
    }

    fn serve_commands(&mut self) {
        let worker = self.worker.as_ref().map(|worker| (worker.pid, worker.since.elapsed()));
        let (uptime, reloads, loaded) = (self.since.elapsed(), self.reloads, self.loaded);
        let status = Status { worker, uptime, reloads, loaded };
        let Some(cli) = self.manner.cli.as_mut() else { return };
        let (passed, reload) = cli.serve(status);
        passed.into_iter().for_each(|session| self.pass(session));
        if reload && !self.reload() {
            self.tell_of_reload(false);
        }
    }

    /// Has the worker serve a session; one that nobody takes ends at once.
    fn pass(&self, session: Passed) {
        let Passed { end, level, experimental, expert } = session;
        let level = match level {
            CliLevel::User => 0,
            CliLevel::Operator => 1,
            CliLevel::Admin => 2,
        };
        if let Some(channels) = self.channels() {
            let order = encode(&Order::Session { level, experimental, expert });
            let _ = descriptors::send(&channels.control, &order, &[end.as_fd()]);
        }
    }

    fn tell_of_reload(&mut self, loaded: bool) {
        self.loaded = loaded;
        self.voice.record().close();
        if let Some(cli) = &mut self.manner.cli {
            cli.reloaded(loaded);
        }
    }

    fn signalled(&mut self, signal: Signal) -> Next {
        match signal {
            signal::SIGCHLD => {
                while let Some((pid, ended)) = process::reap() {
                    if self.worker.as_ref().is_some_and(|worker| worker.pid == pid) {
                        return self.worker_ended(pid, ended);
                    }
                }
            }
            signal::SIGTERM | signal::SIGINT | signal::SIGUSR1 => return self.leave(signal),
            signal::SIGHUP | signal::SIGUSR2 => {
                self.reload();
            }
            other => self.pass_on(other),
        }
        Next::Go
    }

    /// Told to end: the worker is told, and its sockets are not kept any more.
    fn leave(&mut self, signal: Signal) -> Next {
        if self.manner.master && !matches!(self.stage, Stage::Leaving(_)) {
            self.voice.warning("Exiting Master process...");
        }
        self.tell_systemd(Condition::Stopping);
        self.kept.clear();
        self.stage = Stage::Leaving(signal);
        if self.worker.is_none() {
            return Next::End(self.finish(signal));
        }
        self.pass_on(signal);
        Next::Go
    }

    fn pass_on(&self, signal: Signal) {
        if let Some(worker) = &self.worker {
            // It may have ended just now; its end is on its way as a signal.
            let _ = process::kill(worker.pid, signal);
        }
    }

    /// Begins a reload; whether there is somebody who can.
    fn reload(&mut self) -> bool {
        let ready = self.worker.as_ref().is_some_and(|worker| worker.ready);
        if !ready || self.channels().is_none() {
            self.voice.warning("Cannot reload while no worker serves.");
            return false;
        }
        self.voice.record().open();
        self.voice.notice("Reloading the configuration.");
        self.reloads.0 += 1;
        self.tell_systemd(Condition::Reloading);
        for kept in self.kept.values_mut() {
            kept.asked = false;
        }
        self.grants = (self.manner.regrant)();
        if let Some(channels) = self.channels()
            && let Err(error) = descriptors::send(&channels.control, &encode(&Order::Reload), &[])
        {
            self.voice.alert(format_args!("Cannot ask the worker to reload: {error}."));
            return false;
        }
        true
    }

    fn hear_report(&mut self) -> Option<Finish> {
        match receive::<Report>(&self.channels()?.control) {
            Ok(Some((Report::Ready, _))) => {
                if let Some(worker) = &mut self.worker {
                    worker.ready = true;
                }
                self.adopt_sockets(true);
                self.came_up()
            }
            Ok(Some((Report::Reloaded(worked, text, log), _))) => {
                self.voice.record().add(log.as_bytes());
                self.adopt_sockets(worked);
                if worked {
                    self.tell_systemd(Condition::Ready);
                    self.voice.notice(format_args!("Reload done. {text}"));
                } else {
                    self.tell_systemd(Condition::ReloadFailed);
                    self.reloads.1 += 1;
                    self.voice
                        .warning(format_args!("Reload failed, the running configuration stays: {text}"));
                }
                self.tell_of_reload(worked);
                None
            }
            Ok(Some((Report::Draining, _))) => {
                self.kept.clear();
                self.stage = Stage::Leaving(signal::SIGUSR1);
                None
            }
            Ok(None) | Err(_) => {
                self.hang_up();
                None
            }
        }
    }

    /// After a load: forgets the sockets of the configuration that does not run.
    fn adopt_sockets(&mut self, worked: bool) {
        self.kept.retain(|_, kept| {
            kept.used = if worked { kept.asked } else { kept.used };
            kept.used
        });
    }

    fn came_up(&mut self) -> Option<Finish> {
        if self.stage != Stage::Starting {
            return None;
        }
        self.stage = Stage::Serving;
        self.inheritance = None;
        if self.manner.master {
            self.voice.notice("Loading success.");
        }
        self.tell_systemd(Condition::Ready);
        if let Err(fault) = (self.manner.once_ready)() {
            self.voice.alert(fault);
            self.pass_on(signal::SIGTERM);
            return Some(Finish::Exit(1));
        }
        None
    }

    fn serve_question(&mut self) {
        let Some(channels) = self.channels() else { return };
        let Ok(Some((question, _))) = receive::<Question>(&channels.questions) else {
            self.hang_up();
            return;
        };
        let (answer, fd) = self.answer(&question).unwrap_or_else(|failure| (Answer::Failed(failure), None));
        let fds: Vec<_> = fd.iter().map(AsFd::as_fd).collect();
        if let Some(channels) = self.channels() {
            // A worker that is gone needs no answer.
            let _ = descriptors::send(&channels.questions, &encode(&answer), &fds);
        }
    }

    fn answer(&mut self, question: &Question) -> Result<(Answer, Option<OwnedFd>), Failure> {
        let named = match question {
            Question::Open(path) => self.grants.file(path),
            Question::List(path) => self.grants.file(path) || self.grants.folder(path),
            Question::Bind(spec, _) => self.grants.listens(spec),
            Question::Resolve(name) | Question::Account(name, _) => self.grants.host(name),
        };
        if !named {
            return Err(Failure::not_named());
        }
        let system = |error: io::Error| Failure::of(&error);
        match question {
            Question::Open(path) => {
                let file = std::fs::File::open(path).map_err(system)?;
                Ok((Answer::Opened, Some(file.into())))
            }
            Question::List(path) => Ok((Answer::Listed(access::list(path).map_err(system)?), None)),
            Question::Resolve(name) => Ok((Answer::Resolved(access::resolve(name).map_err(system)?), None)),
            Question::Account(name, group) => {
                let number =
                    access::account(name, *group).ok_or(Failure { errno: 0, step: "unknown".into() })?;
                Ok((Answer::Account(number), None))
            }
            Question::Bind(spec, _) => {
                let key = encode(question);
                let (fd, complaints) = match self.kept.remove(&key) {
                    Some(kept) => (Kept { asked: true, ..kept }, Vec::new()),
                    None => {
                        let inherited = self.inheritance.as_ref().and_then(|all| all.take(spec));
                        let bound = inherited.map(|fd| Bound { fd, complaints: Vec::new() });
                        let Bound { fd, complaints } = bound.map_or_else(|| access::bind(spec), Ok)?;
                        (Kept { fd, used: false, asked: true }, complaints)
                    }
                };
                let copy = fd.fd.try_clone().map_err(system)?;
                self.kept.insert(key, fd);
                Ok((Answer::Bound(complaints), Some(copy)))
            }
        }
    }

    /// A worker whose channels have ended is not listened to any more; its own end follows as a signal.
    fn hang_up(&mut self) {
        if let Some(worker) = &mut self.worker {
            worker.channels = None;
        }
    }

    fn worker_ended(&mut self, pid: i32, ended: Ended) -> Next {
        let worker = self.worker.take();
        let (code, how) = (ended.code(), describe(ended));
        match self.stage {
            Stage::Starting => {
                if self.manner.master {
                    self.voice.warning(format_args!(
                        "Failed to load worker ({pid}) exited with code {code} ({how})"
                    ));
                }
                Next::End(Finish::Exit(if code == 0 { 1 } else { code }))
            }
            Stage::Leaving(signal) => {
                let finish = self.finish(signal);
                if self.manner.master {
                    let text = format!("Current worker ({pid}) exited with code {code} ({how})");
                    if code == 0 {
                        self.voice.warning(text)
                    } else {
                        self.voice.alert(text)
                    }
                    let code = finish.code();
                    self.voice.warning(format_args!("All workers exited. Exiting... ({code})"));
                }
                Next::End(finish)
            }
            Stage::Serving | Stage::Waiting(_) => {
                let lived = worker.as_ref().map_or(Duration::ZERO, |worker| worker.since.elapsed());
                self.deaths = if lived >= STEADY { 0 } else { self.deaths.saturating_add(1) };
                // Who has served before is missed; who did not come up will hardly do so the next time.
                let served = worker.is_some_and(|worker| worker.ready);
                let pause = pause(self.deaths).min(if served { SHORT_PAUSE } else { LONGEST_PAUSE });
                self.voice.alert(format_args!("Current worker ({pid}) exited with code {code} ({how})"));
                let millis = pause.as_millis();
                self.voice
                    .warning(format_args!("Starting another worker on the same sockets in {millis} ms."));
                self.stage = Stage::Waiting(Instant::now() + pause);
                Next::Go
            }
        }
    }

    /// How the supervisor ends where `signal` told it to: a master in its own way, others as the signal does.
    fn finish(&self, signal: Signal) -> Finish {
        match signal {
            signal::SIGUSR1 => Finish::Exit(0),
            signal::SIGTERM if self.manner.master => Finish::Exit(0),
            signal if self.manner.master => Finish::Exit(128 + signal),
            signal => Finish::Signal(signal),
        }
    }

    fn channels(&self) -> Option<&Channels> {
        self.worker.as_ref()?.channels.as_ref()
    }

    fn tell_systemd(&self, condition: Condition) {
        if self.manner.notify {
            notify::tell(condition);
        }
    }
}

fn describe(ended: Ended) -> String {
    match ended {
        Ended::Exit(_) => "Exit".to_owned(),
        Ended::Killed(signal) => process::signal_name(signal),
    }
}

/// How long to wait before another start after so many deaths in a row.
fn pause(deaths: u32) -> Duration {
    match deaths {
        0 | 1 => Duration::ZERO,
        more => Duration::from_millis(100 << (more - 2).min(6)).min(LONGEST_PAUSE),
    }
}

const SIGNALS: &[Signal] = &[
    signal::SIGCHLD,
    signal::SIGTERM,
    signal::SIGINT,
    signal::SIGUSR1,
    signal::SIGUSR2,
    signal::SIGHUP,
    signal::SIGTTOU,
    signal::SIGTTIN,
    signal::SIGQUIT,
];

/// A worker that lived so long is a worker that works.
const STEADY: Duration = Duration::from_secs(60);
const SHORT_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_death_is_repaired_at_once_and_later_ones_ever_slower() {
        let pauses: Vec<u128> = (0..12).map(|deaths| pause(deaths).as_millis()).collect();
        assert_eq!(pauses, [0, 0, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, 5000]);
    }
}
