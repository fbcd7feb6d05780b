//! The programs of the system that tests and benches need, installed through apt where that is allowed.

use crate::Result;
use crate::shell::{run, which};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Installs what is missing of these programs where apt is there and this is root; otherwise says what is missing.
///
/// # Errors
/// Where one is missing and apt could not install it.
pub(crate) fn ensure(programs: &[&str]) -> Result {
    let missing = || programs.iter().copied().filter(|name| !is_installed(name)).collect::<Vec<_>>();
    if missing().is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing().into_iter().map(package_of).collect();
    let hint = format!("missing: {} (Debian: apt-get install {})", missing().join(" "), packages.join(" "));
    if which("apt-get").is_none() || !rustix::process::geteuid().is_root() {
        return Err(hint);
    }
    println!("installing {}", packages.join(" "));
    let _quiet = NoServices::begin();
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("RUNLEVEL", "1")
            .args(["-qq", "-y"])
            .args(arguments);
        run(&mut command)
    };
    // A stale or partly unreachable index is no reason to stop: the installation says what is really missing.
    let _ = apt(&["update"]);
    let mut install = vec!["install", "--no-install-recommends"];
    install.extend(&packages);
    apt(&install)?;
    if missing().is_empty() { Ok(()) } else { Err(hint) }
}

/// True where a program is on `PATH`, or among those of PostgreSQL, which has a folder for each of its versions.
fn is_installed(name: &str) -> bool {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    which(name).is_some()
        || versions.map(|version| version.path()).any(|v| v.join("bin").join(name).is_file())
}

/// While it lives no package that is installed starts its service: tests start their own.
struct NoServices {
    /// The file that forbids it, where none did before.
    policy: Option<&'static Path>,
}

// === impl NoServices ===

impl NoServices {
    fn begin() -> NoServices {
        let policy = Path::new("/usr/sbin/policy-rc.d");
        let forbid = || {
            std::fs::write(policy, "#!/bin/sh\nexit 101\n")?;
            std::fs::set_permissions(policy, Permissions::from_mode(0o755))
        };
        // Where it cannot be written, the services run beside the tests and hurt none.
        let written = !policy.exists() && forbid().is_ok();
        NoServices { policy: written.then_some(policy) }
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if let Some(policy) = self.policy {
            let _ = std::fs::remove_file(policy);
        }
    }
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
        "mariadbd" | "mariadb-install-db" => "mariadb-server",
        "initdb" => "postgresql",
        "systemd-nspawn" => "systemd-container",
        "nsenter" => "util-linux",
        "testssl" => "testssl.sh",
        other => other,
    }
}
