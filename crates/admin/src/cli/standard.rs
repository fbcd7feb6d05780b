//! The commands that every session has, whatever its socket speaks about.

use std::time::Duration;

use weir_config::values::{Unit, parse_time};
use weir_config::{Arity, Class, Entry, Keyword, Sections};
use weir_engine::conf::{CliLevel, SeverityOutput};

use super::{Call, Command, CommandKeyword, Outcome, Settings, Severity, Shown, Waited, World};

/// The commands of every session: those to be sorted among others, and those that end every list.
pub fn standard<W: World>() -> (Vec<CommandKeyword<W>>, Vec<CommandKeyword<W>>) {
    let among = vec![
        mode("experimental-mode", "lets experimental commands be given", |call| {
            switch(call, "experimental-mode", |s| &mut s.experimental)
        }),
        mode("expert-mode", "lets commands for developers be given", |call| {
            switch(call, "expert-mode", |s| &mut s.expert)
        }),
        command("echo", "<text>", CliLevel::User, "print text to the output", echo),
        command(
            "operator",
            "",
            CliLevel::Operator,
            "lower the level of the current CLI session to operator",
            operator,
        ),
        command(
            "set severity-output",
            "[none|number|string]",
            CliLevel::User,
            "set presence of severity level in feedback information",
            set_severity_output,
        ),
        command("set timeout", "[cli] <delay>", CliLevel::User, "change a timeout setting", set_timeout),
        command(
            "show cli level",
            "",
            CliLevel::User,
            "display the level of the current CLI session",
            |call| call.tell(Severity::Info, word(call.settings.level)),
        ),
        command("user", "", CliLevel::User, "lower the level of the current CLI session to user", user),
        command(
            "wait",
            "{-h|<delay_ms>} cond [args...]",
            CliLevel::Admin,
            "wait the specified delay or condition (-h to see list)",
            wait,
        ),
    ];
    let last = vec![
        command("help", "[<command>]", CliLevel::User, "list matching or all commands", help),
        command(
            "prompt",
            "[help | n | i | p | timed ]*",
            CliLevel::User,
            "toggle interactive mode with prompt",
            prompt,
        ),
        command("quit", "", CliLevel::User, "disconnect", |_| Outcome::Quit),
    ];
    (among, last)
}

/// A table's entry.
pub const fn command<W: 'static>(
    name: &'static str,
    usage: &'static str,
    level: CliLevel,
    help: &'static str,
    run: fn(&mut Call<'_, W>) -> Outcome,
) -> CommandKeyword<W> {
    let entry = Entry::new(Class::Cli, name, Sections::empty(), Arity::ANY, help);
    Keyword::works(entry, Command { usage, level, shown: Shown::Always, run })
}

/// The word of a level.
pub(crate) const fn word(level: CliLevel) -> &'static str {
    match level {
        CliLevel::User => "user",
        CliLevel::Operator => "operator",
        CliLevel::Admin => "admin",
    }
}

fn mode<W: World>(
    name: &'static str,
    help: &'static str,
    run: fn(&mut Call<'_, W>) -> Outcome,
) -> CommandKeyword<W> {
    Shown::Never.of(command(name, "[on|off]", CliLevel::Admin, help, run))
}

/// Turns a mode of the session on or off, or tells of it; what is neither turns it off.
fn switch<W>(call: &mut Call<'_, W>, name: &str, of: fn(&mut Settings) -> &mut bool) -> Outcome {
    if call.has(0) {
        *of(call.settings) = call.arg(0) == "on";
        return Outcome::Done;
    }
    let on = if *of(call.settings) { "ON" } else { "OFF" };
    call.tell(Severity::Info, format!("{name} is {on}"))
}

fn help<W>(call: &mut Call<'_, W>) -> Outcome {
    call.tell(Severity::Info, "The following commands are valid at this level:");
    if call.args.is_empty() {
        call.registry.list(call.settings.modes(), call.out);
    } else {
        call.registry.suggest(call.args, call.settings.modes(), call.out);
    }
    Outcome::Done
}

fn echo<W>(call: &mut Call<'_, W>) -> Outcome {
    let text = call.args.join(&b' ');
    call.tell(Severity::Info, text)
}

fn operator<W>(call: &mut Call<'_, W>) -> Outcome {
    call.settings.lower(CliLevel::Operator);
    Outcome::Done
}

fn user<W>(call: &mut Call<'_, W>) -> Outcome {
    call.settings.lower(CliLevel::User);
    Outcome::Done
}

/// `prompt` alone goes from no prompt to one and back; its words name the mode (management manual, 9.3).
fn prompt<W>(call: &mut Call<'_, W>) -> Outcome {
    let (mut mode, mut timed) = (None, false);
    for word in call.args {
        match word.as_slice() {
            b"n" => mode = Some((false, false)),
            b"i" => mode = Some((true, false)),
            b"p" => mode = Some((true, true)),
            b"timed" => timed = true,
            _ => {
                return call.usage(word == b"help", PROMPT_USAGE);
            }
        }
    }
    let settings = &mut *call.settings;
    settings.timed ^= timed;
    let toggled = timed || !settings.prompt;
    (settings.interactive, settings.prompt) = mode.unwrap_or((toggled, toggled));
    Outcome::Done
}

fn set_timeout<W>(call: &mut Call<'_, W>) -> Outcome {
    if call.arg(0) != "cli" {
        return call.fail("'set timeout' only supports 'cli'.");
    }
    let Some(text) = call.args.get(1) else { return call.fail("Expects an integer value.") };
    match parse_time(text, Unit::Seconds) {
        Ok(time) if !time.duration.is_zero() => {
            call.settings.timeout = time.duration;
            Outcome::Done
        }
        _ => call.fail("Invalid timeout value."),
    }
}

fn set_severity_output<W>(call: &mut Call<'_, W>) -> Outcome {
    match SeverityOutput::of(&call.arg(0)) {
        Some(output) => {
            call.settings.severities = output;
            Outcome::Done
        }
        None => call.fail("one of 'none', 'number', 'string' is a required argument"),
    }
}

fn wait<W: World>(call: &mut Call<'_, W>) -> Outcome {
    let Some(text) = call.args.first() else { return call.fail("Expects a duration in milliseconds.") };
    if text == b"-h" || call.args.get(1).is_some_and(|word| word == b"-h") {
        return call.usage(true, WAIT_USAGE);
    }
    let time = match parse_time(text, Unit::Milliseconds) {
        Ok(time) if !time.duration.is_zero() => time.duration.min(LONGEST_WAIT),
        _ => return call.fail("Invalid duration."),
    };
    let condition = call.args.get(1..).unwrap_or_default();
    if condition.is_empty() {
        return Outcome::Wait(time);
    }
    match call.world.waited(condition) {
        Waited::Met => call.tell(Severity::Info, "Done."),
        Waited::Never(why) => call.fail(format!("Failed. {why}")),
        Waited::Wrong(why) => call.fail(why),
        Waited::Unknown => call.usage(false, WAIT_USAGE),
        Waited::NotYet(_) => {
            call.settings.waits_for = condition.to_vec();
            Outcome::Wait(time)
        }
    }
}

const PROMPT_USAGE: &[u8] = b"Usage: prompt [help | n | i | p | timed]*
Changes the default prompt and interactive mode. Available options:
  help    display this help
  n       set to single-command mode (no prompt, single command)
  i       set to interactive mode only (no prompt, multi-command)
  p       set to prompt+interactive mode (prompt + multi-command)
  timed   toggle displaying the current date in the prompt
Without any argument, toggles between n/i->p, p->n.
";

const WAIT_USAGE: &[u8] = b"Usage: wait {-h|<duration>} [condition [args...]]
  - '-h' displays this help
  - <duration> is the maximum wait time, optionally suffixed by the unit among
    'us', 'ms', 's', 'm', 'h', and 'd'. ; the default unit is milliseconds.
  - <condition> indicates what to wait for, no longer than the specified
    duration. Supported conditions are:
    - <none> : by default, just sleep for the specified duration.
    - srv-removable <px>/<sv> : wait for this server to become removable.
    - be-removable <px> : wait for this backend to become removable.
";

const LONGEST_WAIT: Duration = Duration::from_secs(86_400);
