//! The pages in a real browser: `tests/browser`.

use crate::Result;
use crate::packages;
use crate::shell::{cargo, project, run as run_command, target, which};
use std::process::Command;

/// `cargo xtask browser [--screenshots]`.
pub(crate) fn run(options: &[String]) -> Result {
    let pictures = match options {
        [] => false,
        [one] if one == "--screenshots" => true,
        _ => return Err("browser takes --screenshots".into()),
    };
    packages::ensure(&["chromium", "node", "npm"])?;
    run_command(&mut cargo(&["build", "--quiet", "--package", "weir"]))?;
    let folder = project().join("tests/browser");
    run_command(Command::new("npm").args(["ci", "--silent"]).current_dir(&folder))?;
    let mut tests = Command::new("node");
    tests.args(["--test", "pages.test.mjs"]).current_dir(&folder);
    tests.env("WEIR", target().join("debug/weir"));
    tests.env("CHROMIUM", which("chromium").unwrap_or_else(|| "chromium".into()));
    if pictures {
        tests.env("SCREENSHOTS", project().join("docs/screenshots"));
    }
    run_command(&mut tests)
}
