//! What a process says when it dies of a fault: which signal, where, and the backtrace, on standard error.
//!
//! Then it ends by that signal, as it would have without this. A handler may not do much; should writing the backtrace
//! get stuck, because the fault struck inside the allocator, an alarm ends the process.

use std::backtrace::Backtrace;
use std::ffi::c_int;
use std::io;

use crate::process::signal_name;

/// Tells of faults from now on.
pub fn report_faults() -> io::Result<()> {
    for &signal in FAULTS {
        // SAFETY: the structure is plain data; all fields that matter are set below.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = handler as extern "C" fn(c_int) as usize;
        action.sa_flags = libc::SA_ONSTACK | libc::SA_RESETHAND | libc::SA_NODEFER;
        // SAFETY: the action lives during the call, and its handler for as long as the program.
        if unsafe { libc::sigaction(signal, &action, std::ptr::null_mut()) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

extern "C" fn handler(signal: c_int) {
    // SAFETY: setting an alarm and a default action touches no memory of ours.
    unsafe {
        libc::signal(libc::SIGALRM, libc::SIG_DFL);
        libc::alarm(LONGEST);
    }
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("?");
    let text = format!(
        "[ALERT]    ({}) : Process {} died of signal {signal} ({}) in thread {name}:\n{}\n",
        std::process::id(),
        std::process::id(),
        signal_name(signal),
        Backtrace::force_capture(),
    );
    // SAFETY: the text lives during the call.
    unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
    // SAFETY: the default action is in force again (SA_RESETHAND): this ends the process.
    unsafe { libc::raise(signal) };
}

const FAULTS: &[c_int] = &[libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGABRT];
/// How long the report may take, in seconds.
const LONGEST: u32 = 2;
