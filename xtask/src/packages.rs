//! The programs of the system that tests and benches need, installed through apt where that is allowed.

use crate::Result;
use crate::shell::{run, which};
use std::process::Command;

/// Installs what is missing of these programs where apt is there and this is root; otherwise says what is missing.
///
/// # Errors
/// Where one is missing and apt could not install it.
pub(crate) fn ensure(programs: &[&str]) -> Result {
    let missing = || programs.iter().copied().filter(|name| which(name).is_none()).collect::<Vec<_>>();
    if missing().is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing().into_iter().map(package_of).collect();
    let hint = format!("missing: {} (Debian: apt-get install {})", missing().join(" "), packages.join(" "));
    if which("apt-get").is_none() || !rustix::process::geteuid().is_root() {
        return Err(hint);
    }
    println!("installing {}", packages.join(" "));
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args(["-qq", "-y"]).args(arguments);
        run(&mut command)
    };
    // A stale or partly unreachable index is no reason to stop: the installation says what is really missing.
    let _ = apt(&["update"]);
    let mut install = vec!["install", "--no-install-recommends"];
    install.extend(&packages);
    apt(&install)?;
    if missing().is_empty() { Ok(()) } else { Err(hint) }
}

/// The Debian package that a program is in.
fn package_of(program: &str) -> &str {
    match program {
        "cc" => "gcc",
        "taskset" => "util-linux",
        "dpkg" => "dpkg",
        "node" => "nodejs",
        "h2load" | "nghttp" => "nghttp2-client",
        "perf" => "linux-perf",
        other => other,
    }
}
