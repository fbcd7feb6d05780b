//! Weir: a TCP and HTTP load balancer that reads haproxy.cfg.
//!
//! This room holds the command line, the supervisor and its worker, loading and reloading, and the wiring of the
//! keyword tables. It knows no protocol and no rule.

mod access;
mod api;
mod around;
mod check;
mod cli;
mod demo;
mod dumps;
mod explain;
mod finish;
mod inheritance;
mod keywords;
mod limits;
mod lint;
mod load;
mod modernize;
mod plan;
mod restore;
mod say;
mod serve;
mod sockets;
mod start;
pub mod supervision;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use cli::{Own, Request, usage, version};
use finish::Finish;
use say::{Loudness, Voice};

/// Does what the words of a command line ask for, the program's name before them, and ends the process.
pub fn main(mut words: Vec<OsString>) -> ! {
    // A system that does not know of large pages has none.
    let _ = weir_sys::limits::use_small_pages();
    let called = if words.is_empty() { OsString::from("weir") } else { words.remove(0) };
    act(&words, Path::new(&called)).now()
}

/// Does what the command line asks for.
fn act(words: &[OsString], called: &Path) -> Finish {
    let voice = Voice::new(called, Loudness::All);
    let program = voice.program().to_owned();
    match cli::parse(words) {
        Ok(Request::Run(options)) => {
            let loudness = if options.quiet { Loudness::Silent } else { Loudness::All };
            start::run(&options, Voice::new(called, loudness))
        }
        Ok(Request::Judge(condition)) => judge(&condition, &voice),
        Ok(Request::Version(form)) => answer(version::text(form, &program)),
        Ok(Request::MemoryHelp) => answer(cli::memory_help()),
        Ok(Request::Own(Own::HelpOn(text))) => answer(text.to_owned()),
        Ok(Request::Own(Own::Help)) => answer(usage::text(&program)),
        Ok(Request::Own(Own::Keywords)) => {
            answer(keywords::listing().iter().map(|line| format!("{line}\n")).collect::<String>())
        }
        Ok(Request::Own(Own::LongKeywords)) => {
            answer(keywords::long_listing().iter().map(|line| format!("{line}\n")).collect::<String>())
        }
        Ok(Request::Own(Own::Check(files))) => check::run(&files, &voice),
        Ok(Request::Own(Own::Plan(new, against))) => plan::run(&new, against.as_deref(), &voice),
        Ok(Request::Own(Own::Explain(question))) => explain::run(&question, &voice),
        Ok(Request::Own(Own::Test(file, junit))) => explain::suite::run(&file, junit.as_deref(), &voice),
        Ok(Request::Own(Own::Lint(shape, files))) => lint::run(files, shape, &voice),
        Ok(Request::Own(Own::Modernize(file))) => modernize::run(&file, &voice),
        Ok(Request::Own(Own::Demo)) => demo::run(voice),
        Err(misuse) => {
            if let Some(message) = &misuse.message {
                voice.alert(message);
            }
            let own = words.first().and_then(|word| cli::help::on(word.to_str()?));
            match own {
                Some(text) if misuse.usage => eprint!("{text}"),
                None if misuse.usage => show_usage(&program),
                _ => {}
            }
            Finish::Exit(1)
        }
    }
}

/// How the program is called, for who called it otherwise.
fn show_usage(program: &str) {
    say::print(version::text(version::Form::Short, program));
    eprintln!("{}", usage::text(program));
}

fn answer(text: String) -> Finish {
    say::print(text);
    Finish::Exit(0)
}

/// `-cc`: 0 for true, 1 for false, 2 where it cannot be judged.
fn judge(condition: &OsStr, voice: &Voice) -> Finish {
    let environment = load::environment(&cli::Options::default());
    match weir_config::evaluate_alone(condition.as_bytes(), &environment, &keywords::features()) {
        Ok(true) => Finish::Exit(0),
        Ok(false) => Finish::Exit(1),
        Err(fault) => {
            voice.alert(fault);
            Finish::Exit(2)
        }
    }
}
