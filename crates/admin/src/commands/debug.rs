//! `debug dev` and `debug counters`: for those who look into the program itself (management manual, 9.3).
//!
//! Most need `expert-mode on`. What would need writing into memory at will is not here.

use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, Instant};

use weir_config::values::leading_integer;
use weir_engine::conf::CliLevel::{Admin, Operator, User};
use weir_engine::log;
use weir_sys::listen;

use super::anonymous::masked;
use crate::cli::{Call, CommandKeyword, Outcome, Severity, Shown, command};
use crate::world::World;

/// The commands of this file.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    let mut table = vec![
        command(
            "debug counters",
            "[?|all|bug|cnt|chk|glt]*",
            Operator,
            "dump/reset rare event counters",
            counters,
        ),
        command("debug dev hash", "  [msg]", User, "return msg hashed if anon is set", hash),
    ];
    let expert = [
        command("debug dev bug", "", Admin, "call BUG_ON() and crash", panic),
        command("debug dev check", "", Admin, "call CHECK_IF() and possibly crash", nothing),
        command("debug dev close", " <fd> [hard]", Admin, "close this file descriptor", close),
        command("debug dev deadlock", "[nbtask]", Admin, "deadlock between this number of tasks", deadlock),
        command("debug dev delay", " [ms]", Admin, "sleep this long", delay),
        command("debug dev exit", "  [code]", Admin, "immediately exit the process", exit),
        command("debug dev fd", "", Admin, "scan for rogue/unhandled FDs", descriptors),
        command("debug dev hex", "   <addr> [len]", Admin, "dump a memory area", memory),
        command("debug dev log", "   [msg] ...", Admin, "send this msg to global logs", send),
        command("debug dev loop", "  <ms> [isolated|warn]", Admin, "loop this long, possibly isolated", busy),
        command("debug dev panic", "", Admin, "immediately trigger a panic", panic),
        command("debug dev sched", " {task|tasklet} [k=v]*", Admin, "stress the scheduler", schedule),
        command("debug dev stream", "[k=v]*", Admin, "show/manipulate stream flags", stream),
        command("debug dev sym", "   <addr>", Admin, "resolve symbol address", symbol),
        command("debug dev task", "<ptr> [wake|expire|kill]", Admin, TASK, task),
        command("debug dev tkill", " [thr] [sig]", Admin, "send signal to thread", signal),
        command("debug dev warn", "", Admin, "call WARN_ON() and possibly crash", nothing),
        command("debug dev write", " [size]", Admin, "write that many bytes in return", write),
    ];
    table.extend(expert.map(|command| Shown::Expert.of(command)));
    table
}

/// Nothing rare is counted: there is nothing to list.
fn counters(call: &mut Call<'_, World>) -> Outcome {
    const KNOWN: &[&str] = &["all", "bug", "cnt", "chk", "glt", "show", "reset", "on", "off"];
    if call.args.iter().any(|word| !KNOWN.iter().any(|known| known.as_bytes() == word.as_slice())) {
        return call.fail(
            "Expects an optional action ('reset','show','on','off'), optional types ('bug','chk','cnt','glt') and \
             optionally 'all' to even dump null counters.",
        );
    }
    match call.args.iter().any(|word| word == b"all" || word == b"show") {
        true => call.say("Count     Type Location function(): \"condition\" [comment]"),
        false => Outcome::Done,
    }
}

fn hash(call: &mut Call<'_, World>) -> Outcome {
    match call.has(0) {
        true => {
            let text = masked(call.settings.anonymous, &call.arg(0));
            call.tell(Severity::Info, text)
        }
        false => call.tell(Severity::Info, ""),
    }
}

/// Ends a connection by its descriptor. The descriptor itself stays with who has it: nothing else may get its number
/// while somebody believes that it is a connection.
fn close(call: &mut Call<'_, World>) -> Outcome {
    if !call.has(0) {
        return call.fail("Missing file descriptor number (optionally followed by 'hard').");
    }
    let number = leading_integer(call.arg(0).as_bytes());
    let number = i32::try_from(number).ok().filter(|n| (0..call.world.about.sockets as i32).contains(n));
    let Some(number) = number else { return call.fail("File descriptor out of range.") };
    let socket = listen::duplicate(number).ok();
    match socket.and_then(|socket| rustix::net::shutdown(socket, rustix::net::Shutdown::Both).ok()) {
        Some(()) => Outcome::Done,
        None => call.fail("File descriptor was already closed."),
    }
}

fn deadlock(call: &mut Call<'_, World>) -> Outcome {
    match leading_integer(call.arg(0).as_bytes()) {
        0 => Outcome::Done,
        _ => call.fail("No task holds a lock while it waits: there is nothing to deadlock."),
    }
}

fn schedule(call: &mut Call<'_, World>) -> Outcome {
    match call.arg(0).as_ref() {
        "task" | "tasklet" => call.fail("Tasks cannot be made here but by connections and checks."),
        _ => call.usage(!call.has(0), SCHEDULE.as_bytes()),
    }
}

/// Streams have no flags that could be shown or set.
fn stream(call: &mut Call<'_, World>) -> Outcome {
    let Some(word) = call.args.first() else { return call.usage(true, STREAM.as_bytes()) };
    let text = String::from_utf8_lossy(word).into_owned();
    let name = text.split(['=', '^', '+', '-']).next().unwrap_or_default().to_owned();
    match FLAGS.contains(&name.as_str()) {
        true => call.fail(format!("Streams have no '{name}' here.")),
        false => call.fail(format!("Unsupported field name: '{name}'.")),
    }
}

fn delay(call: &mut Call<'_, World>) -> Outcome {
    let time = millis(call, 0).unwrap_or(Duration::from_millis(500));
    call.settings.silent_wait = true;
    Outcome::Wait(time.min(LONGEST))
}

fn exit(call: &mut Call<'_, World>) -> Outcome {
    let code = leading_integer(call.arg(0).as_bytes());
    std::process::exit(i32::try_from(code & 0xff).unwrap_or(0));
}

/// Open descriptors, by what the system says of them.
fn descriptors(call: &mut Call<'_, World>) -> Outcome {
    for seen in weir_sys::descriptors::survey() {
        let _ = writeln!(call.out, "{:5} type={} mod={:04o} getfd=+0", seen.fd, seen.kind.word(), seen.mode);
    }
    Outcome::Done
}

fn memory(call: &mut Call<'_, World>) -> Outcome {
    if !call.has(0) {
        return call.fail("Missing memory address to dump from.");
    }
    let (start, length) = (address(&call.arg(0)), call.has(1).then(|| address(&call.arg(1))));
    let Some(start) = start.filter(|start| *start != 0) else {
        return call.fail("Will not dump from NULL address.");
    };
    let wanted = usize::try_from(length.flatten().unwrap_or(32)).unwrap_or(0).min(MOST_DUMPED);
    let mut bytes = vec![0; wanted];
    let read = std::fs::File::open("/proc/self/mem").and_then(|file| file.read_at(&mut bytes, start));
    let Ok(count) = read else { return call.fail("This memory cannot be read.") };
    for (at, line) in bytes.get(..count).unwrap_or_default().chunks(16).enumerate() {
        let hex: String = line.iter().map(|byte| format!(" {byte:02x}")).collect();
        let text: String = line.iter().map(|byte| printable(*byte)).collect();
        let _ = writeln!(call.out, "{:#x}:{hex:<48} |{text}|", start + 16 * at as u64);
    }
    Outcome::Done
}

fn send(call: &mut Call<'_, World>) -> Outcome {
    let text = String::from_utf8_lossy(&call.args.join(&b' ')).into_owned();
    let engine = &call.world.engine;
    if let Some(proxy) = engine.snapshot().proxies.iter().find(|p| p.conf.is_frontend()) {
        log::event(proxy, engine.runtime(), log::Level::Info, &text);
    }
    Outcome::Done
}

/// Keeps the thread of the runtime API at work, and nothing else.
fn busy(call: &mut Call<'_, World>) -> Outcome {
    let until = Instant::now() + millis(call, 0).unwrap_or_default().min(LONGEST);
    while Instant::now() < until {
        std::hint::spin_loop();
    }
    Outcome::Done
}

fn panic(_: &mut Call<'_, World>) -> Outcome {
    std::process::abort()
}

/// A condition that does not hold, in a program that goes on then.
fn nothing(_: &mut Call<'_, World>) -> Outcome {
    Outcome::Done
}

/// No place in memory is a task that could be touched from here.
fn task(call: &mut Call<'_, World>) -> Outcome {
    let digits = call.arg(0).starts_with(|c: char| c.is_ascii_digit());
    match digits {
        true => call.fail("The designated memory area doesn't look like a valid task/tasklet"),
        false => call.usage(!call.has(0), TASK_USAGE.as_bytes()),
    }
}

fn symbol(call: &mut Call<'_, World>) -> Outcome {
    if !call.has(0) {
        return call.fail("Missing memory address to be resolved.");
    }
    let word = call.arg(0).into_owned();
    let Some(at) = address(&word) else { return call.fail("Missing memory address to be resolved.") };
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let found = maps.lines().find_map(|line| {
        let (range, rest) = line.split_once(' ')?;
        let (from, to) = range.split_once('-')?;
        let (from, to) = (u64::from_str_radix(from, 16).ok()?, u64::from_str_radix(to, 16).ok()?);
        let name = rest.split_whitespace().nth(4).unwrap_or("?");
        (from..to).contains(&at).then(|| format!("{name}+{:#x}", at - from))
    });
    call.say(format!("{word} resolves to {}", found.unwrap_or_else(|| "?".into())))
}

/// The process as a whole gets it: threads cannot be told apart from outside.
fn signal(call: &mut Call<'_, World>) -> Outcome {
    let thread = leading_integer(call.arg(0).as_bytes());
    if usize::try_from(thread).map_or(true, |thread| thread > call.world.engine.runtime().workers) {
        return call.fail("Thread number out of range (use 0 for current).");
    }
    let number = if call.has(1) { leading_integer(call.arg(1).as_bytes()) } else { ABORT };
    let Ok(number) = i32::try_from(number) else { return call.fail("Invalid signal.") };
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    match weir_sys::process::kill(own, number) {
        Ok(()) => Outcome::Done,
        Err(_) => call.fail("Invalid signal."),
    }
}

fn write(call: &mut Call<'_, World>) -> Outcome {
    let count = leading_integer(call.arg(0).as_bytes());
    let Some(count) = usize::try_from(count).ok().filter(|_| call.has(0)) else {
        return call.fail("Missing output size.");
    };
    for at in 0..count.min(MOST_WRITTEN) {
        call.out.push(if at % 65 == 64 { b'\n' } else { b'.' });
    }
    call.out.push(b'\n');
    Outcome::Done
}

fn millis(call: &Call<'_, World>, at: usize) -> Option<Duration> {
    let number = call.has(at).then(|| leading_integer(call.arg(at).as_bytes()))?;
    Some(Duration::from_millis(u64::try_from(number).unwrap_or(0)))
}

fn address(word: &str) -> Option<u64> {
    match word.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => word.parse().ok(),
    }
}

fn printable(byte: u8) -> char {
    if (b' '..0x7f).contains(&byte) { char::from(byte) } else { '.' }
}

const SCHEDULE: &str = "Usage: debug dev sched {task|tasklet} { <obj> = <value> }*
     <obj>   = {count | tid | inter }
     <value> = 64-bit dec/hex integer (0x prefix supported)
";
const STREAM: &str = "Usage: debug dev stream [ strm=<ptr> ] { <obj> <op> <value> | wake }*
     <obj>   = { strm.f | strm.x | scf.s | scb.s | txn.f | req.f | res.f }
     <op>    = {'' (show) | '=' (assign) | '^' (xor) | '+' (or) | '-' (andnot)}
     <value> = 'now' | 64-bit dec/hex integer (0x prefix supported)
     'wake' wakes the stream assigned to 'strm' (default: current)
";
/// What streams of the reference have.
const FLAGS: [&str; 9] = ["strm", "strm.f", "strm.x", "scf.s", "scb.s", "txn.f", "req.f", "res.f", "wake"];
const TASK: &str = "show/wake/expire/kill task/tasklet";
const LONGEST: Duration = Duration::from_secs(60);
const MOST_DUMPED: usize = 1 << 20;
const MOST_WRITTEN: usize = 1 << 24;
/// SIGABRT
const ABORT: i64 = 6;
const TASK_USAGE: &str = "Usage: debug dev task <ptr> [ wake | expire | kill ]
  By default, dumps some info on task/tasklet <ptr>. 'wake' will wake it up
  with all conditions flags but init/exp. 'expire' will expire the entry, and
  'kill' will kill it (warning: may crash since later not idempotent!). All
  changes may crash the process if performed on a wrong object!
";
