//! Checks by a program (manual, 4.2 "external-check command"): it runs with the rights of the worker, and its exit
//! status is the judgement.

use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use weir_balance::health::CheckStatus;

use super::Place;
use super::script::Outcome;
use crate::clock;
use crate::conf::{Endpoint, Mode, Program};
use crate::io::Stream;
use crate::runtime::Saying;
use crate::timer::Timer;

/// Runs the program once; one that takes longer than `most` is ended.
pub(super) async fn check(place: &Place, program: &Program, most: Duration, timer: &Timer) -> Outcome {
    timer.set(clock::now().after(Some(most)));
    let judged = |status, code| Outcome { code: Some(code), ..Outcome::new(status, "") };
    let Ok(mut running) = start(place, program) else {
        return judged(CheckStatus::ProcError, CANNOT_RUN);
    };
    match running.ended(timer).await {
        Some(Ok(status)) if status.success() => judged(CheckStatus::ProcOk, 0),
        Some(Ok(status)) => judged(CheckStatus::ProcError, status.code().unwrap_or(-1)),
        Some(Err(error)) => Outcome::of_error(CheckStatus::ProcError, &error),
        None => {
            place.runtime.process.voice.say(Saying::Warning, &format!("kill {}", running.child.id()));
            running.end(timer).await;
            judged(CheckStatus::ProcTimeout, 0)
        }
    }
}

/// A program that was started.
struct Running {
    child: Child,
    /// Readable once it has ended.
    handle: Stream,
}

fn start(place: &Place, program: &Program) -> io::Result<Running> {
    let [proxy, server] = addresses(place);
    let or_none = |text: &String| if text.is_empty() { "NOT_USED".to_owned() } else { text.clone() };
    let mut command = Command::new(executable(program));
    if !program.keeps_environment {
        command.env_clear();
    }
    command
        .args(proxy.iter().chain(&server).map(or_none))
        .envs(environment(place, &proxy, &server))
        .env("PATH", program.path.as_deref().unwrap_or_default())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let child = command.spawn()?;
    let pid = Pid::from_child(&child);
    let handle: OwnedFd = pidfd_open(pid, PidfdFlags::NONBLOCK)?;
    Ok(Running { child, handle: Stream::new(handle)? })
}

/// The program itself: with a path to look in, its first hit there.
fn executable(program: &Program) -> String {
    if program.command.contains('/') {
        return program.command.clone();
    }
    let folders = program.path.as_deref().unwrap_or_default().split(':');
    let mut files = folders.map(|folder| format!("{folder}/{}", program.command));
    files.find(|file| std::path::Path::new(file).is_file()).unwrap_or_else(|| program.command.clone())
}

/// Address and port of the proxy and of the server; empty where there is none.
fn addresses(place: &Place) -> [[String; 2]; 2] {
    let shown = |endpoint: Option<&Endpoint>| match endpoint {
        Some(Endpoint::Inet(a)) => [a.ip().to_string(), a.port().to_string()],
        Some(Endpoint::Unix(path)) => [path.display().to_string(), String::new()],
        _ => [String::new(), String::new()],
    };
    let bind = place.proxy.conf.binds.first();
    [shown(bind.map(|bind| &bind.endpoint)), shown(place.server.conf.endpoint.as_ref())]
}

fn environment(place: &Place, proxy: &[String; 2], server: &[String; 2]) -> [(&'static str, String); 12] {
    let (p, s) = (&place.proxy.conf, &place.server);
    let [proxy_address, proxy_port] = proxy.clone();
    let [server_address, server_port] = server.clone();
    let protocol = if p.mode == Mode::Http { "h1" } else { "tcp" };
    [
        ("HAPROXY_PROXY_ADDR", proxy_address),
        ("HAPROXY_PROXY_PORT", proxy_port),
        ("HAPROXY_PROXY_NAME", p.name.clone()),
        ("HAPROXY_PROXY_ID", p.id.to_string()),
        ("HAPROXY_SERVER_ADDR", server_address),
        ("HAPROXY_SERVER_PORT", server_port),
        ("HAPROXY_SERVER_NAME", s.conf.name.clone()),
        ("HAPROXY_SERVER_ID", s.conf.id.to_string()),
        ("HAPROXY_SERVER_MAXCONN", s.runtime.maxconn.load(Relaxed).to_string()),
        ("HAPROXY_SERVER_CURCONN", s.runtime.serving.now().to_string()),
        ("HAPROXY_SERVER_SSL", u8::from(s.conf.tls.ssl).to_string()),
        ("HAPROXY_SERVER_PROTO", protocol.to_owned()),
    ]
}

// === impl Running ===

impl Running {
    /// How it ended; none where the time was over first.
    async fn ended(&mut self, timer: &Timer) -> Option<io::Result<ExitStatus>> {
        let in_time = poll_fn(|cx| match self.handle.poll_readable(cx) {
            Poll::Ready(()) => Poll::Ready(true),
            Poll::Pending if timer.poll_expired(cx) => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        })
        .await;
        in_time.then(|| self.child.wait())
    }

    /// Ends it: politely first, then for good.
    async fn end(&mut self, timer: &Timer) {
        let pid = Pid::from_child(&self.child);
        for signal in [Signal::TERM, Signal::KILL] {
            // One that is gone already needs no signal.
            let _ = kill_process(pid, signal);
            timer.set(clock::now().after(Some(PATIENCE)));
            if self.ended(timer).await.is_some() {
                return;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Where the check itself is given up, the program is not left behind.
        if !matches!(self.child.try_wait(), Ok(Some(_))) && self.child.kill().is_ok() {
            let _ = self.child.wait();
        }
    }
}

/// The exit status of what cannot be run.
const CANNOT_RUN: i32 = 255;
/// How long a program may take to end when it is told to.
const PATIENCE: Duration = Duration::from_secs(1);
