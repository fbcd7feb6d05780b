//! Processes: making one, waiting for its end, and signals.
//!
//! [`fork`] copies the calling thread only, so it is for the time before threads start. Signals are blocked and then
//! read from a descriptor ([`Signals`]): no code runs inside a handler.

use std::ffi::c_int;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

/// A signal's number.
pub type Signal = c_int;

/// Which of two processes [`fork`] came back in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forked {
    /// The one that called, with the number of its child.
    Parent(i32),
    /// The one that was made.
    Child,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It left with this code.
    Exit(i32),
    /// A signal ended it.
    Killed(Signal),
}

/// Signals that are blocked in this process and read from a descriptor instead.
#[derive(Debug)]
pub struct Signals {
    fd: OwnedFd,
    set: libc::sigset_t,
}

/// Makes a copy of this process.
///
/// Fails with `EDEADLK` in a process of several threads, where the copy could wait forever for a lock.
pub fn fork() -> io::Result<Forked> {
    if threads() > 1 {
        return Err(io::Error::from_raw_os_error(libc::EDEADLK));
    }
    // SAFETY: the process has one thread, so no lock is held by a thread that the copy lacks.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Forked::Child),
        pid => Ok(Forked::Parent(pid)),
    }
}

/// Waits for a child to end.
pub fn wait(pid: i32) -> io::Result<Ended> {
    loop {
        match wait_with(pid, 0) {
            Ok(Some((_, ended))) => return Ok(ended),
            Ok(None) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A child that has ended and was not waited for yet; `None` where there is none.
pub fn reap() -> Option<(i32, Ended)> {
    wait_with(-1, libc::WNOHANG).ok().flatten()
}

/// Sends a signal to a process; signal 0 only asks whether it is there.
pub fn kill(pid: i32, signal: Signal) -> io::Result<()> {
    // SAFETY: no memory is involved.
    checked(unsafe { libc::kill(pid, signal) })
}

/// Ends this process by the default action of `signal`, so that whoever waits sees the signal.
///
/// Falls back on the exit code that a shell shows for it.
pub fn end_by(signal: Signal) -> ! {
    // SAFETY: plain calls that change this process' handling of one signal and send it to itself; the set is
    // initialised by sigemptyset before it is used.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        let mut set = MaybeUninit::uninit();
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, set.as_ptr(), ptr::null_mut());
        libc::raise(signal);
    }
    std::process::exit(128 + signal)
}

/// Lets `signal` pass without effect.
pub fn ignore(signal: Signal) {
    // SAFETY: SIG_IGN is no function of ours.
    unsafe { libc::signal(signal, libc::SIG_IGN) };
}

/// Has the kernel send `signal` to this process when its parent ends.
pub fn end_with_parent(signal: Signal) -> io::Result<()> {
    // SAFETY: PR_SET_PDEATHSIG takes one number.
    checked(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal as libc::c_ulong, 0, 0, 0) })
}

/// What the system calls a signal: `Terminated`.
pub fn signal_name(signal: Signal) -> String {
    // SAFETY: strsignal returns a string that lives until its next call in this thread; it is copied at once.
    let text = unsafe {
        let text = libc::strsignal(signal);
        if text.is_null() {
            return format!("signal {signal}");
        }
        std::ffi::CStr::from_ptr(text)
    };
    text.to_string_lossy().into_owned()
}

/// Waits until one of `fds` can be read or has ended; says which. `None` waits without end; in milliseconds.
pub fn readable(fds: &[BorrowedFd<'_>], millis: Option<u32>) -> io::Result<Vec<bool>> {
    let mut list: Vec<libc::pollfd> =
        fds.iter().map(|fd| libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 }).collect();
    let timeout = millis.map_or(-1, |ms| c_int::try_from(ms).unwrap_or(c_int::MAX));
    // SAFETY: the list lives during the call and its length is the one given.
    let got = unsafe { libc::poll(list.as_mut_ptr(), list.len() as libc::nfds_t, timeout) };
    match checked(got.min(0)) {
        Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
        _ => Ok(list.iter().map(|entry| got > 0 && entry.revents != 0).collect()),
    }
}

// === impl Signals ===

impl Signals {
    /// Blocks `signals` in this thread, and so in every thread it starts, and makes them readable.
    pub fn block(signals: &[Signal]) -> io::Result<Self> {
        let mut set = MaybeUninit::uninit();
        // SAFETY: sigemptyset initialises the set before any other use of it.
        let set = unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            for &signal in signals {
                libc::sigaddset(set.as_mut_ptr(), signal);
            }
            set.assume_init()
        };
        // SAFETY: the set is initialised; the old mask is not asked for.
        match unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &set, ptr::null_mut()) } {
            0 => {}
            error => return Err(io::Error::from_raw_os_error(error)),
        }
        // SAFETY: the set is initialised; a descriptor that comes back is new and nobody else's.
        let fd = unsafe { libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        checked(fd.min(0))?;
        // SAFETY: as above.
        Ok(Self { fd: unsafe { OwnedFd::from_raw_fd(fd) }, set })
    }

    /// The next signal that has arrived; `None` where there is none.
    pub fn next(&self) -> Option<Signal> {
        let mut info = [0; size_of::<libc::signalfd_siginfo>()];
        let count = rustix::io::read(&self.fd, &mut info).ok()?;
        let number: [u8; 4] = info.get(..4)?.try_into().ok()?;
        (count == info.len()).then(|| Signal::from_ne_bytes(number))
    }

    /// Takes the block away again, for a child that goes on alone.
    pub fn unblock(self) {
        // SAFETY: the set was initialised by `block`.
        unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, &self.set, ptr::null_mut()) };
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

// === impl Ended ===

impl Ended {
    /// The code that a shell shows: 128 and the number of the signal.
    pub fn code(self) -> i32 {
        match self {
            Self::Exit(code) => code,
            Self::Killed(signal) => 128 + signal,
        }
    }
}

fn wait_with(pid: i32, options: c_int) -> io::Result<Option<(i32, Ended)>> {
    let mut status = 0;
    // SAFETY: the status lives during the call.
    match unsafe { libc::waitpid(pid, &mut status, options) } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(None),
        pid if libc::WIFEXITED(status) => Ok(Some((pid, Ended::Exit(libc::WEXITSTATUS(status))))),
        pid if libc::WIFSIGNALED(status) => Ok(Some((pid, Ended::Killed(libc::WTERMSIG(status))))),
        _ => Ok(None),
    }
}

/// The threads of this process; one where `/proc` does not tell.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count)
}

fn checked(result: c_int) -> io::Result<()> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Signal numbers that the program listens to.
pub mod signal {
    pub use libc::{
        SIGCHLD, SIGHUP, SIGINT, SIGKILL, SIGPIPE, SIGQUIT, SIGTERM, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocked_signals_are_read_in_order_of_arrival() {
        std::thread::spawn(|| {
            let signals = Signals::block(&[libc::SIGUSR2]).unwrap();
            assert_eq!(signals.next(), None);
            // SAFETY: sends a signal that this thread blocks to this thread.
            unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGUSR2) };
            assert_eq!(readable(&[signals.as_fd()], Some(1000)).unwrap(), [true]);
            assert_eq!(signals.next(), Some(libc::SIGUSR2));
            assert_eq!(signals.next(), None);
            signals.unblock();
        })
        .join()
        .unwrap();
    }

    #[test]
    fn an_end_shows_the_code_of_a_shell() {
        assert_eq!((Ended::Exit(3).code(), Ended::Killed(libc::SIGKILL).code()), (3, 137));
        assert_eq!(signal_name(libc::SIGTERM), "Terminated");
    }

    #[test]
    fn a_process_of_several_threads_is_not_copied() {
        let (hold, wait) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || wait.recv());
        assert_eq!(fork().unwrap_err().raw_os_error(), Some(libc::EDEADLK));
        drop(hold);
        assert!(thread.join().unwrap().is_err());
    }
}
