//! Starts a program on a configuration, watches it, and ends it.

use crate::peer::{PATIENCE, Peer};
use crate::ports::are_listening;
use crate::template::Template;
use rustix::process::{Pid, Signal, kill_process};
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A program that understands `haproxy.cfg`.
#[derive(Debug, Clone)]
pub struct Program {
    name: &'static str,
    path: PathBuf,
}

/// A start in preparation: a folder of its own, names for placeholders, arguments, environment.
#[derive(Debug)]
pub struct Launch {
    program: Program,
    dir: TempDir,
    template: Template,
    arguments: Vec<String>,
    names_its_config: bool,
    environment: Vec<(String, String)>,
}

/// A running program. Dropping it kills the process, its children, and removes its folder.
#[derive(Debug)]
pub struct Running {
    child: Child,
    dir: TempDir,
    template: Template,
    stdout: Captured,
    stderr: Captured,
}

/// How a program ended and what it said.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The exit code, or `None` where a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

/// A folder of its own that goes away with the value.
#[derive(Debug)]
pub struct TempDir(PathBuf);

/// What a pipe has delivered so far, gathered by a thread.
#[derive(Debug)]
struct Captured {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

// === impl Program ===

impl Program {
    /// A program by its path; `name` is for messages.
    pub fn at(name: &'static str, path: impl Into<PathBuf>) -> Program {
        Program { name, path: path.into() }
    }

    /// Weir as it was built last, if it was (see [`weir_path`]).
    pub fn weir() -> Option<Program> {
        weir_path().map(|path| Program::at("weir", path))
    }

    /// The reference HAProxy, if there is one (see [`oracle_path`]).
    pub fn reference() -> Option<Program> {
        oracle_path().map(|path| Program::at("the reference", path))
    }

    /// What messages call it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Prepares a start.
    pub fn launch(&self) -> Launch {
        let dir = TempDir::new();
        let mut template = Template::default();
        template.set("dir", dir.0.display().to_string());
        Launch {
            program: self.clone(),
            dir,
            template,
            arguments: vec!["-db".to_owned()],
            names_its_config: false,
            environment: Vec::new(),
        }
    }

    /// Runs the program with these arguments to its end.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        let mut command = Command::new(&self.path);
        command.args(arguments);
        run_to_end(&mut command)
    }
}

// === impl Launch ===

impl Launch {
    /// Sets what a placeholder stands for.
    pub fn set(&mut self, name: &str, value: impl Into<String>) -> &mut Launch {
        self.template.set(name, value);
        self
    }

    /// Adds arguments after `-db`; placeholders are filled.
    #[track_caller]
    pub fn args(&mut self, arguments: &[&str]) -> &mut Launch {
        for argument in arguments {
            let argument = self.template.fill(argument);
            self.arguments.push(argument);
        }
        self
    }

    /// Uses these arguments and no others, for a program with another command line. The configuration will be
    /// in `{dir}/test.cfg`.
    #[track_caller]
    pub fn command_line(&mut self, arguments: &[&str]) -> &mut Launch {
        self.arguments.clear();
        self.names_its_config = true;
        self.args(arguments)
    }

    /// Starts without `-db`, for tests of daemon and master modes.
    pub fn without_db(&mut self) -> &mut Launch {
        self.arguments.retain(|argument| argument != "-db");
        self
    }

    /// Sets an environment variable of the program.
    pub fn env(&mut self, name: &str, value: &str) -> &mut Launch {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes a file into the folder of this start (`{dir}`), its placeholders left alone, and returns its path.
    #[track_caller]
    pub fn file(&mut self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir.0.join(name);
        std::fs::write(&path, content).expect("a file in the test's own folder");
        path
    }

    /// The folder of this start, `{dir}` in texts.
    pub fn dir(&self) -> &Path {
        &self.dir.0
    }

    /// The address behind a placeholder.
    #[track_caller]
    pub fn address(&mut self, name: &str) -> SocketAddr {
        self.template.address(name)
    }

    /// Gives up a held port, for a program that binds without `SO_REUSEPORT`.
    pub fn release(&mut self, name: &str) -> &mut Launch {
        self.template.release(name);
        self
    }

    /// Starts on this configuration and waits until it listens on every port that its text made the harness
    /// choose, names beginning with `dead` or `late` aside.
    #[track_caller]
    pub fn start(self, config: &str) -> Running {
        let name = self.program.name;
        match self.try_start(config) {
            Ok(running) => running,
            Err(outcome) => panic!("{name} did not start: {outcome:?}"),
        }
    }

    /// As [`Launch::start`], but gives the outcome where the program ends instead of listening.
    ///
    /// # Errors
    /// How the program ended and what it said.
    #[track_caller]
    pub fn try_start(mut self, config: &str) -> Result<Running, Outcome> {
        let mut command = self.command(config);
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{}: {e}", self.program.path.display()));
        let stdout = Captured::new(child.stdout.take());
        let stderr = Captured::new(child.stderr.take());
        let mut running = Running { child, dir: self.dir, template: self.template, stdout, stderr };
        let daemonized = self.arguments.iter().any(|argument| argument == "-D");
        running.wait_until_it_listens(daemonized).map(|()| running)
    }

    /// Runs `-c` on this configuration to its end.
    #[track_caller]
    pub fn check(mut self, config: &str) -> Outcome {
        self.arguments.retain(|argument| argument != "-db");
        self.arguments.insert(0, "-c".to_owned());
        let mut command = self.command(config);
        run_to_end(&mut command)
    }

    #[track_caller]
    fn command(&mut self, config: &str) -> Command {
        // Indented literals end in a line of blanks, which the language refuses as a cut-off line.
        let text = self.template.fill(config.trim_end_matches(' '));
        let path = self.file("test.cfg", text);
        let mut command = Command::new(&self.program.path);
        command.args(&self.arguments);
        if !self.names_its_config {
            command.arg("-f").arg(path);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(&self.dir.0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

// === impl Running ===

impl Running {
    /// The process that was started.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The process and all its descendants.
    pub fn pids(&self) -> Vec<u32> {
        process_tree(self.child.id())
    }

    /// The folder of this start.
    pub fn dir(&self) -> &Path {
        &self.dir.0
    }

    /// The address behind a placeholder of its configuration.
    #[track_caller]
    pub fn address(&mut self, name: &str) -> SocketAddr {
        self.template.address(name)
    }

    /// Connects a client to the address behind a placeholder.
    #[track_caller]
    pub fn client(&mut self, name: &str) -> Peer {
        Peer::connect(self.template.address(name))
    }

    /// Connects a client to a unix socket in the folder of this start, waiting for the socket to appear.
    #[track_caller]
    pub fn unix_client(&self, name: &str) -> Peer {
        let path = self.dir.0.join(name);
        let deadline = Instant::now() + PATIENCE;
        loop {
            match Peer::try_connect_unix(&path) {
                Ok(peer) => return peer,
                Err(error) if Instant::now() >= deadline => panic!("{}: {error}", path.display()),
                Err(_) => std::thread::sleep(Duration::from_millis(2)),
            }
        }
    }

    /// Sends commands to the admin socket `{dir}/admin.sock` and returns the whole answer.
    #[track_caller]
    pub fn admin(&self, commands: &str) -> String {
        let mut socket = self.unix_client("admin.sock");
        socket.send(format!("{commands}\n"));
        String::from_utf8_lossy(&socket.recv_to_close()).into_owned()
    }

    /// Asks the admin socket until the answer contains `pattern`, and returns that answer.
    #[track_caller]
    pub fn admin_until(&self, commands: &str, pattern: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.admin(commands);
            if answer.contains(pattern) {
                return answer;
            }
            assert!(Instant::now() < deadline, "`{commands}` never said {pattern:?} but: {answer}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it has written to standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What it has written to standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Waits until standard output contains `pattern`, and returns all of it.
    #[track_caller]
    pub fn stdout_until(&self, pattern: &str) -> String {
        self.stdout.until(pattern)
    }

    /// Waits until standard error contains `pattern`, and returns all of it.
    #[track_caller]
    pub fn stderr_until(&self, pattern: &str) -> String {
        self.stderr.until(pattern)
    }

    /// Sends a signal to the process that was started.
    pub fn signal(&self, signal: Signal) {
        signal_process(self.child.id(), signal);
    }

    /// Waits until the process that was started has ended.
    #[track_caller]
    pub fn wait(&mut self) -> Outcome {
        match self.wait_within(PATIENCE) {
            Some(outcome) => outcome,
            None => panic!("still running after {PATIENCE:?}; stderr: {}", self.stderr()),
        }
    }

    /// Waits so long for the process that was started to end.
    pub fn wait_within(&mut self, time: Duration) -> Option<Outcome> {
        let deadline = Instant::now() + time;
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(self.outcome(status.code()));
            }
            if Instant::now() >= deadline {
                return None;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn outcome(&mut self, code: Option<i32>) -> Outcome {
        Outcome { code, stdout: self.stdout.at_end(), stderr: self.stderr.at_end() }
    }

    fn wait_until_it_listens(&mut self, daemonized: bool) -> Result<(), Outcome> {
        let wanted: Vec<u16> = self
            .template
            .held()
            .filter(|(name, _)| !name.starts_with("dead") && !name.starts_with("late"))
            .map(|(_, address)| address.port())
            .collect();
        let deadline = Instant::now() + PATIENCE;
        while !are_listening(&wanted) {
            let ended = self.child.try_wait().ok().flatten();
            if let Some(status) = ended.filter(|status| !(daemonized && status.success())) {
                return Err(self.outcome(status.code()));
            }
            if Instant::now() >= deadline {
                let _ = self.child.kill();
                let mut outcome = self.outcome(None);
                outcome.stderr.push_str("\n(testkit: it never listened on all of its ports)");
                return Err(outcome);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for pid in process_tree(self.child.id()).into_iter().rev() {
            signal_process(pid, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

// === impl Outcome ===

impl Outcome {
    /// Both outputs, one after the other.
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// True where the exit code is 0.
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }
}

// === impl TempDir ===

impl TempDir {
    /// Makes a folder with a name that no other test uses.
    pub fn new() -> TempDir {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("weir-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a temporary folder");
        TempDir(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Default for TempDir {
    fn default() -> TempDir {
        TempDir::new()
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

// === impl Captured ===

impl Captured {
    fn new(pipe: Option<impl Read + Send + 'static>) -> Captured {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let reader = pipe.map(|mut pipe| {
            let bytes = Arc::clone(&bytes);
            std::thread::spawn(move || {
                let mut chunk = [0; 4096];
                while let Ok(count @ 1..) = pipe.read(&mut chunk) {
                    bytes.lock().expect("lock").extend(chunk.iter().take(count));
                }
            })
        });
        Captured { bytes, reader }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().expect("lock")).into_owned()
    }

    /// The whole output of a process that has ended. A child that lives on and holds the pipe is not waited for.
    fn at_end(&mut self) -> String {
        let deadline = Instant::now() + Duration::from_millis(500);
        while self.reader.as_ref().is_some_and(|reader| !reader.is_finished()) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.text()
    }

    #[track_caller]
    fn until(&self, pattern: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = self.text();
            if text.contains(pattern) {
                return text;
            }
            assert!(Instant::now() < deadline, "never wrote {pattern:?} but: {text}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Where Weir is: `$WEIR_BIN`, else `weir` in the folder that the running test or chore was built into.
pub fn weir_path() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("WEIR_BIN") {
        return Some(PathBuf::from(path));
    }
    let own = std::env::current_exe().ok()?;
    own.ancestors().skip(1).take(2).map(|folder| folder.join("weir")).find(|path| path.is_file())
}

/// Where the reference is: `$WEIR_ORACLE`, else a `haproxy` of 3.0 or later on `PATH`, else the one that
/// `cargo xtask oracle` has put into the cache folder of the user.
pub fn oracle_path() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("WEIR_ORACLE") {
        return Some(PathBuf::from(path));
    }
    let folders: Vec<PathBuf> =
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    let on_path = folders.iter().map(|folder| folder.join("haproxy")).find(|path| is_recent(path));
    on_path.or_else(|| oracle_cache().map(|folder| folder.join("haproxy")).filter(|path| path.is_file()))
}

/// The folder that the fetched reference lives in.
pub fn oracle_cache() -> Option<PathBuf> {
    let given = std::env::var_os("REFERENCE_HAPROXY_DIR").map(PathBuf::from);
    let cache = || std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    given.or_else(|| cache().or_else(home).map(|folder| folder.join("reference-haproxy")))
}

/// A HAProxy of 3.0 or later, by what `-v` says.
fn is_recent(path: &Path) -> bool {
    if !path.is_file() {
        return false;
    }
    let Ok(output) = Command::new(path).arg("-v").output() else { return false };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.strip_prefix("HAProxy version ").and_then(|rest| rest.split('.').next());
    version.and_then(|major| major.parse::<u32>().ok()).is_some_and(|major| major >= 3)
}

#[track_caller]
fn run_to_end(command: &mut Command) -> Outcome {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (mut stdout, mut stderr) = (Captured::new(child.stdout.take()), Captured::new(child.stderr.take()));
    let deadline = Instant::now() + PATIENCE * 4;
    let code = loop {
        if let Ok(Some(status)) = child.try_wait() {
            break status.code();
        }
        if Instant::now() >= deadline {
            let _ = child.kill();
            let _ = child.wait();
            panic!("still running: {command:?}: {}", stderr.at_end());
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    Outcome { code, stdout: stdout.at_end(), stderr: stderr.at_end() }
}

/// Sends a signal to one process.
pub fn signal_process(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// A process and its descendants, parents first.
fn process_tree(root: u32) -> Vec<u32> {
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(&pid) = tree.get(next) {
        next += 1;
        let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else { continue };
        for task in tasks.flatten() {
            let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            tree.extend(children.split_ascii_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
    }
    tree
}
