//! The guides that users start from, command by command: a machine of its own (a container with systemd, from
//! debootstrap) has the Debian package installed in HAProxy's place, and the scripts of `tests/guides` run there. Other
//! machines of the guides are a network namespace with nginx in it. Needs to be root.

use crate::Result;
use crate::packages;
use crate::shell::{output, project, run as run_command, target};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// `cargo xtask guides FILE.deb [NAME..]`.
pub(crate) fn run(options: &[String]) -> Result {
    let Some((package, names)) = options.split_first() else {
        return Err(
            "guides takes the file of a package, and the names of guides where not all are meant".into()
        );
    };
    packages::ensure(&["debootstrap", "systemd-nspawn", "nsenter"])?;
    let folder = project().join("tests/guides");
    let mut scripts: Vec<String> = fs::read_dir(&folder)
        .map_err(|error| format!("{}: {error}", folder.display()))?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(".sh").map(str::to_owned))
        .filter(|name| name != "lib" && (names.is_empty() || names.contains(name)))
        .collect();
    scripts.sort();
    let machine = Machine::boot(&folder, Path::new(package))?;
    machine.run(&["dpkg", "-i", "/root/weir.deb"])?;
    let mut failed = Vec::new();
    for name in scripts {
        println!("{name}");
        if machine.run(&["bash", &format!("/root/guides/{name}.sh")]).is_err() {
            failed.push(name);
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("not as the guide says: {}", failed.join(", "))) }
}

/// A booted container.
struct Machine {
    nspawn: Child,
    /// The number of its first process, seen from here.
    leader: String,
}

// === impl Machine ===

impl Machine {
    fn boot(guides: &Path, package: &Path) -> Result<Self> {
        let root = root()?;
        run_command(Command::new("cp").arg("-a").arg(guides).arg(root.join("root/guides")))?;
        run_command(Command::new("cp").arg(package).arg(root.join("root/weir.deb")))?;
        let mut nspawn = Command::new("systemd-nspawn");
        nspawn.args(["--quiet", "--boot", "--private-network", "--register=no", "--keep-unit"]);
        nspawn.arg("--capability=CAP_NET_ADMIN").arg("--machine=weirguides").arg("--directory").arg(&root);
        nspawn.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let nspawn = nspawn.spawn().map_err(|error| format!("systemd-nspawn: {error}"))?;
        let mut machine = Self { nspawn, leader: String::new() };
        let deadline = Instant::now() + Duration::from_secs(60);
        while !machine.is_up() {
            if Instant::now() > deadline || machine.nspawn.try_wait().is_ok_and(|end| end.is_some()) {
                return Err("the container does not come up".into());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        machine.run(&["sh", "-c", "echo 127.0.1.1 $(hostname) >> /etc/hosts"])?;
        Ok(machine)
    }

    /// Whether all of its services are started; finds the first process once there is one.
    fn is_up(&mut self) -> bool {
        if self.leader.is_empty() {
            let nspawn = self.nspawn.id().to_string();
            let children = output(Command::new("pgrep").args(["-P", &nspawn])).unwrap_or_default();
            self.leader = children.lines().next().unwrap_or_default().to_owned();
        }
        let state =
            output(self.command(&["sh", "-c", "systemctl is-system-running || true"]).stderr(Stdio::null()));
        !self.leader.is_empty() && state.is_ok_and(|s| ["running", "degraded"].contains(&s.trim()))
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.leader, "-a", "env", "-i", "HOME=/root", "LC_ALL=C", "TERM=dumb", PATH]);
        command.args(words).stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Result {
        run_command(&mut self.command(words))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.command(&["systemctl", "poweroff"]).stderr(Stdio::null()).status();
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline && self.nspawn.try_wait().is_ok_and(|end| end.is_none()) {
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.nspawn.kill();
        let _ = self.nspawn.wait();
    }
}

/// A root with what the guides use, made once and copied for each run.
fn root() -> Result<PathBuf> {
    let (clean, root) = (target().join("package/machine"), target().join("package/guides"));
    let made = clean.join("made");
    if !made.exists() {
        let _ = fs::remove_dir_all(&clean);
        let mut debootstrap = Command::new("debootstrap");
        debootstrap.args(["--variant=minbase", &format!("--include={}", INSTALLED.join(",")), "bookworm"]);
        run_command(debootstrap.arg(&clean))?;
        for service in NOT_AT_BOOT {
            // A service that is not enabled is none to disable.
            let _ = output(
                Command::new("systemctl")
                    .arg(format!("--root={}", clean.display()))
                    .args(["disable", service]),
            );
        }
        fs::write(&made, "").map_err(|error| error.to_string())?;
    }
    if root.exists() {
        fs::remove_dir_all(&root).map_err(|error| error.to_string())?;
    }
    run_command(Command::new("cp").arg("-a").arg(&clean).arg(&root))?;
    Ok(root)
}

const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The programs that the guides name, and what the package needs.
const INSTALLED: [&str; 22] = [
    "apache2",
    "curl",
    "dbus",
    "firewalld",
    "hatop",
    "init-system-helpers",
    "iproute2",
    "iptables",
    "libcrypt1",
    "logrotate",
    "nano",
    "nginx-light",
    "passwd",
    "procps",
    "rsyslog",
    "socat",
    "sudo",
    "systemd",
    "systemd-sysv",
    "ufw",
    "bsdutils",
    "kmod",
];
/// What the scripts start themselves.
const NOT_AT_BOOT: [&str; 5] = ["apache-htcacheclean", "apache2", "firewalld", "nginx", "ufw"];
