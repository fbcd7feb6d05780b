//! The test of a Debian package: it is installed in a root that debootstrap made, serves the distribution's default
//! configuration there, reloads, and is removed without a trace. Needs to be root.

use crate::Result;
use crate::packages;
use crate::shell::{output, run as run_command, target};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// `cargo xtask package FILE.deb`.
pub(crate) fn run(options: &[String]) -> Result {
    let [package] = options else { return Err("package takes the file of a package".into()) };
    packages::ensure(&["debootstrap"])?;
    for theirs in [false, true] {
        pass(package, theirs)?;
    }
    println!("installed, served, reloaded and removed without a trace");
    Ok(())
}

/// One life of the package, on a configuration of its own or on that of the distribution's HAProxy.
fn pass(package: &str, theirs: bool) -> Result {
    let root = Root::new()?;
    if theirs {
        root.adopt_configuration()?;
    }
    let before = root.files()?;
    fs::copy(package, root.path.join("tmp/weir.deb")).map_err(|error| format!("{package}: {error}"))?;
    root.command("dpkg", &["-i", "/tmp/weir.deb"])?;
    fs::remove_file(root.path.join("tmp/weir.deb")).map_err(|error| error.to_string())?;
    expect("haproxy is Weir", output(&mut root.chroot("haproxy", &["-v"]))?.contains("eir"))?;
    serve(&root)?;
    root.command("dpkg", &["--purge", "weir"])?;
    let left: Vec<String> = root.files()?.difference(&before).cloned().collect();
    expect(&format!("nothing is left: {}", left.join(" ")), left.is_empty())?;
    Ok(())
}

/// Starts it on what the distribution has, reloads it and ends it.
fn serve(root: &Root) -> Result {
    let run = root.path.join("run");
    for folder in ["haproxy", "weir"] {
        fs::create_dir_all(run.join(folder)).map_err(|error| error.to_string())?;
    }
    let config = "/etc/haproxy/haproxy.cfg";
    root.command("weir", &["-c", "-V", "-f", config])?;
    let pidfile = run.join("weir/weir.pid");
    let mut command = root.chroot("weir", &["-W", "-db", "-f", config, "-p", "/run/weir/weir.pid"]);
    let mut serving = Serving(command.spawn().map_err(|error| error.to_string())?);
    let admin = run.join("haproxy/admin.sock");
    until("it serves", || admin.exists() && pidfile.exists())?;
    let uptime = || -> Option<String> {
        let mut socat = Command::new("sh");
        socat.args(["-c", &format!("echo 'show info' | socat - UNIX-CONNECT:{}", admin.display())]);
        output(&mut socat).ok()
    };
    until("it answers", || uptime().is_some_and(|info| info.contains("Uptime_sec:")))?;
    run_command(Command::new("kill").args(["-USR2", &serving.0.id().to_string()]))?;
    until("it answers after a reload", || uptime().is_some_and(|info| info.contains("Uptime_sec:")))?;
    run_command(Command::new("kill").args(["-TERM", &serving.0.id().to_string()]))?;
    until("it ends", || serving.0.try_wait().is_ok_and(|status| status.is_some()))?;
    // What a boot would find gone.
    for folder in ["haproxy", "weir"] {
        let _ = fs::remove_dir_all(run.join(folder));
    }
    Ok(())
}

fn expect(what: &str, holds: bool) -> Result {
    if holds { Ok(()) } else { Err(format!("not so: {what}")) }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) -> Result {
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        if holds() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(format!("never: {what}"))
}

/// A root of its own, made once and copied for each run.
struct Root {
    path: PathBuf,
}

/// The program; ended with the test.
struct Serving(Child);

// === impl Root ===

impl Root {
    fn new() -> Result<Self> {
        let (clean, path) = (target().join("package/clean"), target().join("package/root"));
        if !clean.join("usr/bin/dpkg").exists() {
            let _ = fs::remove_dir_all(&clean);
            let mut command = Command::new("debootstrap");
            command.args(["--variant=minbase", "bookworm"]).arg(&clean);
            run_command(&mut command)?;
        }
        if path.exists() {
            fs::remove_dir_all(&path).map_err(|error| error.to_string())?;
        }
        run_command(Command::new("cp").arg("-a").arg(&clean).arg(&path))?;
        Ok(Self { path })
    }

    /// Puts what HAProxy's package of the distribution has in `/etc/haproxy` there.
    fn adopt_configuration(&self) -> Result {
        let folder = target().join("package/haproxy");
        if !folder.join("etc/haproxy").exists() {
            fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
            run_command(Command::new("apt-get").args(["-qq", "download", "haproxy"]).current_dir(&folder))?;
            let unpack = "for file in haproxy_*.deb; do dpkg-deb -x \"$file\" .; done";
            run_command(Command::new("sh").args(["-c", unpack]).current_dir(&folder))?;
        }
        run_command(Command::new("cp").arg("-a").arg(folder.join("etc/haproxy")).arg(self.path.join("etc")))
    }

    fn chroot(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("chroot");
        command.arg(&self.path).arg(program).args(arguments);
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C");
        command
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Result {
        run_command(&mut self.chroot(program, arguments))
    }

    /// Every file but those in which the system itself keeps records.
    fn files(&self) -> Result<BTreeSet<String>> {
        let mut found = BTreeSet::new();
        walk(&self.path, Path::new("/"), &mut found).map_err(|error| error.to_string())?;
        Ok(found)
    }
}

fn walk(root: &Path, folder: &Path, found: &mut BTreeSet<String>) -> std::io::Result<()> {
    for entry in fs::read_dir(root.join(folder.strip_prefix("/").unwrap_or(folder)))? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        let text = path.to_string_lossy().into_owned();
        if RECORDS.iter().any(|record| text.starts_with(record)) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            walk(root, &path, found)?;
        }
        found.insert(text);
    }
    Ok(())
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What changes with every installation: logs, backups, the lists of accounts before the last.
const RECORDS: [&str; 10] = [
    "/proc",
    "/sys",
    "/dev",
    "/var/log",
    "/var/lib/dpkg/",
    "/var/cache",
    "/etc/passwd-",
    "/etc/group-",
    "/etc/shadow-",
    "/etc/gshadow-",
];
