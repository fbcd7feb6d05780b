//! The checks of protocols against the programs that they are made for: MariaDB, PostgreSQL, Redis and OpenLDAP,
//! each started on loopback with its data in a temporary folder. Where one is not installed its test says so and
//! shows nothing else.

use std::cell::RefCell;
use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use weir_compat::compat;
use weir_testkit::{HeldPort, Running, Signal, TempDir, is_listening, signal_process};

/// A check, and what is shown of a server that it finds running, in the words of [`shown`].
struct Case {
    check: &'static str,
    shows: &'static str,
}

#[test]
fn mariadb_is_up_for_the_users_that_it_knows() {
    let Some(found) = Found::all("mariadb-server", &["mariadbd", "mariadb-install-db"]) else { return };
    let folder = Folder::of("mysql");
    let data = folder.made("data");
    let mut install = folder.command(found.path("mariadb-install-db"));
    install.args(["--no-defaults", "--skip-test-db", "--skip-name-resolve"]).arg(format!("--datadir={data}"));
    install.arg("--auth-root-authentication-method=normal");
    succeeds(&mut install);
    let users = folder.file("users.sql", "CREATE USER IF NOT EXISTS haproxy@'127.0.0.1';\n");
    let server = |port: u16| {
        let mut command = folder.command(found.path("mariadbd"));
        command.arg("--no-defaults").arg(format!("--datadir={data}")).arg(format!("--socket={data}/socket"));
        command.args(["--bind-address=127.0.0.1", "--skip-name-resolve", "--max-connect-errors=1000000"]);
        command.arg(format!("--port={port}")).arg(format!("--init-file={users}"));
        command
    };
    let cases = [
        Case { check: "mysql-check", shows: PASSED },
        Case { check: "mysql-check user haproxy", shows: PASSED },
        Case { check: "mysql-check user haproxy post-41", shows: PASSED },
        Case { check: "mysql-check user haproxy pre-41", shows: PASSED },
        Case {
            check: "mysql-check user stranger",
            shows: "DOWN L7STS 1045 Layer7 wrong status [#28000Access denied for user 'stranger'@'127.0.0.1' \
                    (using password: NO)] 0 17 2",
        },
    ];
    comes_and_goes(&server, Signal::TERM, &cases);
}

#[test]
fn postgresql_is_up_for_whomever_it_would_ask() {
    let Some(found) = Found::all("postgresql", &["initdb", "postgres"]) else { return };
    let folder = Folder::of("postgres");
    let data = folder.made("data");
    let mut init = folder.command(found.path("initdb"));
    succeeds(init.args([
        "-D",
        &data,
        "-U",
        "owner",
        "--auth=trust",
        "--no-sync",
        "--no-locale",
        "-E",
        "UTF8",
    ]));
    let server = |port: u16| {
        let mut command = folder.command(found.path("postgres"));
        command.args(["-D", &data, "-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        command.args(["-c", "unix_socket_directories=", "-c", "fsync=off"]);
        command
    };
    let well = "UP L7OK 0 Layer7 check passed [PostgreSQL server is ok] 2 15 3";
    let cases = [
        Case { check: "pgsql-check user owner", shows: well },
        Case { check: "pgsql-check user stranger", shows: well },
    ];
    // Its quick way to stop is the interrupt.
    comes_and_goes(&server, Signal::INT, &cases);
}

#[test]
fn redis_is_up_when_it_answers_a_ping() {
    let Some(found) = Found::all("redis-server", &["redis-server"]) else { return };
    let folder = Folder::of("redis");
    let data = folder.made("data");
    let server = |port: u16| {
        let mut command = folder.command(found.path("redis-server"));
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir", &data]);
        command
    };
    let shows = "UP L7OK 0 Layer7 check passed [Redis server is ok] 2 15 3";
    comes_and_goes(&server, Signal::TERM, &[Case { check: "redis-check", shows }]);
}

#[test]
fn openldap_is_up_when_it_takes_an_anonymous_bind() {
    let Some(found) = Found::all("slapd", &["slapd"]) else { return };
    let folder = Folder::of("openldap");
    let data = folder.made("data");
    let conf = format!(
        "include /etc/ldap/schema/core.schema\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\ndatabase mdb\n\
         suffix dc=example,dc=org\ndirectory {data}\n"
    );
    let conf = folder.file("slapd.conf", &conf);
    let server = |port: u16| {
        let mut command = folder.command(found.path("slapd"));
        command.args(["-h", &format!("ldap://127.0.0.1:{port}/"), "-f", &conf, "-d", "0"]);
        command
    };
    let shows = "UP L7OK 0 Layer7 check passed [] 2 15 3";
    comes_and_goes(&server, Signal::TERM, &[Case { check: "ldap-check", shows }]);
}

/// On each program: what is shown of the server while it runs, after it was stopped, and once it is back.
fn comes_and_goes(command: &dyn Fn(u16) -> Command, stop: Signal, cases: &[Case]) {
    let server = RefCell::new(Server::held());
    let backend = |(n, case): (usize, &Case)| {
        format!("backend be{n}\n    option {}\n    server s {{server}} check\n", case.check)
    };
    let backends: String = cases.iter().enumerate().map(backend).collect();
    let running: Vec<&str> = cases.iter().map(|case| case.shows).collect();
    let stopped = vec![REFUSED; cases.len()];
    compat(|t| {
        let mut server = server.borrow_mut();
        server.start(command);
        t.set("server", server.address.to_string());
        let proxy = t.start(&format!("{HEAD}{backends}"));
        until_shown(&proxy, &running);
        server.stop(stop);
        until_shown(&proxy, &stopped);
        server.start(command);
        until_shown(&proxy, &running);
    });
}

#[track_caller]
fn until_shown(proxy: &Running, wanted: &[&str]) {
    let end = Instant::now() + PATIENCE;
    loop {
        let found = shown(proxy);
        if found == wanted {
            return;
        }
        assert!(Instant::now() < end, "never showed {wanted:#?} but {found:#?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Of each backend's server: `status check_status check_code check_desc [last_chk]` of `show stat`, and
/// `srv_op_state srv_check_status srv_check_result` of `show servers state`.
fn shown(proxy: &Running) -> Vec<String> {
    let (stat, state) = (proxy.admin("show stat"), proxy.admin("show servers state"));
    let states = state.lines().filter(|line| line.contains(" s 127.0.0.1 "));
    let mut lines = stat.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().trim_start_matches("# ").split(',').collect();
    lines
        .filter(|line| line.contains(",s,"))
        .zip(states)
        .map(|(line, state)| {
            let values: Vec<&str> = line.split(',').collect();
            let of = |name| values[names.iter().position(|n| *n == name).expect("a field")];
            let state: Vec<&str> = state.split(' ').collect();
            // A star says that another check is under way.
            let check = of("check_status").trim_start_matches("* ");
            let (status, code, desc) = (of("status"), of("check_code"), of("check_desc"));
            let last = of("last_chk").trim_matches('"');
            format!("{status} {check} {code} {desc} [{last}] {} {} {}", state[5], state[10], state[11])
        })
        .collect()
}

/// A server at an address that stays its own while it does not run.
struct Server {
    address: SocketAddr,
    held: Option<HeldPort>,
    child: Option<Child>,
}

/// Where a server keeps its data, and the user that owns it.
struct Folder {
    folder: TempDir,
    /// User and group to become.
    user: Option<(u32, u32)>,
}

/// Programs of a package.
struct Found(Vec<PathBuf>);

// === impl Server ===

impl Server {
    fn held() -> Server {
        let held = HeldPort::new();
        Server { address: held.address(), held: Some(held), child: None }
    }

    /// Starts it, if it does not run, and waits until it listens.
    #[track_caller]
    fn start(&mut self, command: &dyn Fn(u16) -> Command) {
        if self.child.is_some() {
            return;
        }
        let port = self.address.port();
        self.held = None;
        let mut command = command(port);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let end = Instant::now() + PATIENCE;
        while !is_listening(port) {
            let ended = child.try_wait().expect("its state");
            assert!(ended.is_none(), "{command:?} ended: {ended:?}");
            if Instant::now() >= end {
                let _ = child.kill();
                panic!("{command:?} never listened");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.child = Some(child);
    }

    #[track_caller]
    fn stop(&mut self, signal: Signal) {
        let child = self.child.as_mut().expect("a server that runs");
        signal_process(child.id(), signal);
        let end = Instant::now() + PATIENCE;
        while child.try_wait().expect("its state").is_none() {
            assert!(Instant::now() < end, "it does not stop");
            std::thread::sleep(Duration::from_millis(10));
        }
        self.child = None;
        self.held = Some(HeldPort::on(self.address));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

// === impl Folder ===

impl Folder {
    /// A folder for a server that runs as this user, where the test may choose.
    fn of(user: &str) -> Folder {
        let folder = TempDir::new();
        let number = |option: &str| {
            let output = Command::new("id").args([option, user]).output().ok()?;
            String::from_utf8_lossy(&output.stdout).trim().parse::<u32>().ok()
        };
        let is_root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
        let user = number("-u").zip(number("-g")).filter(|_| is_root);
        if let Some((user, group)) = user {
            chown(folder.path(), Some(user), Some(group)).expect("chown");
        }
        Folder { folder, user }
    }

    /// The path of a new folder in it.
    fn made(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::create_dir(&path).expect("a folder");
        if let Some((user, group)) = self.user {
            chown(&path, Some(user), Some(group)).expect("chown");
        }
        path.display().to_string()
    }

    /// The path of a new file in it.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    }

    /// A command that runs as the user of the folder, ends with the test, and tells a file what it has to say.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if let Some((user, group)) = self.user {
            command.arg(format!("--reuid={user}")).arg(format!("--regid={group}")).arg("--clear-groups");
        }
        let log = File::options().create(true).append(true).open(self.folder.path().join("log"));
        let log = log.expect("a file");
        command.arg(program).current_dir(self.folder.path()).stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a descriptor")).stderr(log);
        command
    }
}

// === impl Found ===

impl Found {
    /// The programs of a package; where one is missing the test is told to be skipped.
    fn all(package: &str, names: &[&str]) -> Option<Found> {
        let of_postgresql = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let mut folders: Vec<PathBuf> = of_postgresql.map(|version| version.path().join("bin")).collect();
        folders.sort();
        folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        folders.extend(["/usr/sbin", "/sbin"].map(PathBuf::from));
        let find = |name: &&str| folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file());
        let found: Option<Vec<PathBuf>> = ["setpriv"].iter().chain(names).map(find).collect();
        if found.is_none() {
            eprintln!("skipped: {} not installed (Debian: {package})", names.join(" or "));
        }
        found.map(Found)
    }

    fn path(&self, name: &str) -> &str {
        let path = self.0.iter().find(|path| path.ends_with(name));
        path.and_then(|path| path.to_str()).expect("a program that was asked for")
    }
}

#[track_caller]
fn succeeds(command: &mut Command) {
    let status = command.status();
    assert!(status.as_ref().is_ok_and(|status| status.success()), "{command:?}: {status:?}");
}

const HEAD: &str = "
defaults
    mode tcp
    timeout connect 5s
    timeout client 5s
    timeout server 5s
    timeout check 5s
    default-server inter 200ms
global
    stats socket {dir}/admin.sock
";
const PASSED: &str = "UP L7OK 0 Layer7 check passed [] 2 15 3";
const REFUSED: &str =
    "DOWN L4CON  Layer4 connection problem [ECONNREFUSED returned by OS (Connection refused)] 0 8 2";
const PATIENCE: Duration = Duration::from_secs(30);
