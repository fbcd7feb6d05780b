//! `weir lint FILE...`: what loads and is wrong all the same (see the room `weir-lint`).

use std::path::PathBuf;

use weir_lint::{Level, Shape};

use crate::access::Access;
use crate::cli::Options;
use crate::finish::Finish;
use crate::load;
use crate::say::{self, Voice};

/// Prints the findings about the files, which are one configuration. 0 where nothing is worth a warning, 1 where
/// something is, 2 where the configuration does not load.
pub(crate) fn run(files: Vec<PathBuf>, shape: Shape, voice: &Voice) -> Finish {
    let options = Options { files, check: true, ..Options::default() };
    let configuration = load::load(&options, &Access::Own);
    if configuration.diagnostics.is_fatal() {
        let report = load::report(&configuration.conf, &options);
        voice.report(&configuration.diagnostics, &configuration.sources, &report);
        return Finish::Exit(2);
    }
    let findings = weir_lint::lint(&configuration.document, &configuration.conf);
    say::print(weir_lint::render(&findings, &configuration.sources, shape));
    let warns = findings.iter().any(|f| f.rule.level == Level::Warning);
    Finish::Exit(i32::from(warns))
}
