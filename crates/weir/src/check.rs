//! `weir check FILE...`: each file by itself, all its messages, and one line that tells the outcome.

use std::path::{Path, PathBuf};

use crate::access::Access;
use crate::cli::Options;
use crate::finish::Finish;
use crate::load;
use crate::say::{self, Voice};
use crate::start::listens;

/// Checks each file as a configuration of its own; the exit code is that of the worst.
pub(crate) fn run(files: &[PathBuf], voice: &Voice) -> Finish {
    let worst = files.iter().map(|file| one(file, voice)).max();
    Finish::Exit(worst.unwrap_or(0))
}

fn one(file: &Path, voice: &Voice) -> i32 {
    let options = Options { files: vec![file.to_path_buf()], check: true, ..Options::default() };
    let mut configuration = load::load(&options, &Access::Own);
    // Who asks this program, and not in HAProxy's way, hears all.
    configuration.diagnostics.extend(std::mem::take(&mut configuration.conf.start_faults));
    let report = load::report(&configuration.conf, &options);
    voice.report(&configuration.diagnostics, &configuration.sources, &report);
    let verdict = match (report.accepts(&configuration.diagnostics), listens(&configuration.conf)) {
        (false, _) => "has faults",
        (true, false) => "is valid, and listens on nothing",
        (true, true) => "is valid",
    };
    say::print(format_args!("{}: {verdict}\n", file.display()));
    i32::from(!report.accepts(&configuration.diagnostics))
}
