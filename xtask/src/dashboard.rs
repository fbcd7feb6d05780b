//! Builds the dashboard's one page from its sources, and tells whether it was built from them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::Result;
use crate::shell::{project, run as run_command, target};

/// `cargo xtask dashboard [--check]`.
pub(crate) fn run(options: &[String]) -> Result {
    match options {
        [] => build(),
        [one] if one == "--check" => check(),
        _ => Err("dashboard takes --check".into()),
    }
}

fn build() -> Result {
    let out = target().join("dashboard");
    let mut compiler = Command::new("npm");
    compiler.args(["exec", "--yes", "--package", COMPILER, "--", "tsc", "--strict", "--target", "es2022"]);
    compiler.args(["--lib", "es2022,dom,dom.iterable", "--types", "", "--removeComments", "--outDir"]);
    run_command(compiler.arg(&out).arg(folder().join("dashboard.ts")))?;
    let script = fs::read_to_string(out.join("dashboard.js")).map_err(|error| error.to_string())?;
    let style = format!("{}{}", read("vendor/uPlot.min.css")?, read("dashboard.css")?);
    let script = format!("{}\n{script}", read("vendor/uPlot.iife.min.js")?);
    if script.contains("</script") || style.contains("</style") {
        return Err("a source ends the element that it is to be in".into());
    }
    let page = read("dashboard.html")?.replace("/*STYLE*/", &style).replace("/*SCRIPT*/", &script);
    let text = format!("{page}{}", mark(&page)?);
    fs::write(folder().join("built.html"), text).map_err(|error| error.to_string())
}

fn check() -> Result {
    let built = read("built.html")?;
    let (page, said) = built.rsplit_once("<!-- ").unwrap_or((&built, ""));
    if format!("<!-- {said}") == mark(page)? {
        return Ok(());
    }
    Err("built.html is not made of its sources (cargo xtask dashboard)".into())
}

/// The line that ends a page: what it was made of, and what it is.
fn mark(page: &str) -> Result<String> {
    let mut sources = String::new();
    for name in SOURCES {
        sources.push_str(&read(name)?);
    }
    Ok(format!("<!-- sources {:016x} page {:016x} -->\n", fingerprint(&sources), fingerprint(page)))
}

/// FNV-1a.
fn fingerprint(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn read(name: &str) -> Result<String> {
    fs::read_to_string(folder().join(name)).map_err(|error| format!("{name}: {error}"))
}

fn folder() -> PathBuf {
    project().join("crates/admin/dashboard")
}

const COMPILER: &str = "typescript@7.0.2";
const SOURCES: [&str; 5] =
    ["dashboard.html", "dashboard.css", "dashboard.ts", "vendor/uPlot.min.css", "vendor/uPlot.iife.min.js"];
