//! `testssl.sh` against Weir with a `bind` line as it stands and a hardened one: nothing that it finds may be worse than
//! "low". The certificates are an authority's of its own; all of it stays on this machine.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use weir_testkit::{Authority, Program, Running, TempDir, Wanted};

use crate::Result;
use crate::packages;
use crate::shell::{cargo, run as run_command, target};

/// `cargo xtask testssl`.
pub(crate) fn run(options: &[String]) -> Result {
    if !options.is_empty() {
        return Err("testssl takes no options".into());
    }
    packages::ensure(&["testssl", "openssl"])?;
    run_command(&mut cargo(&["build", "--quiet", "--package", "weir"]))?;
    let scratch = TempDir::new();
    let authority = Authority::new(&scratch.path().join("authority"));
    let certificate =
        authority.issue(Wanted { extensions: CERTIFICATE, days: 90, ..Wanted::good("localhost") });
    let mut launch = Program::at("weir", target().join("debug/weir")).launch();
    launch.file("certificate", certificate);
    let mut proxy = launch.start(CONFIG);
    let trust = authority.path("ca.pem");
    let probes: Vec<(&str, Child)> =
        BINDS.iter().map(|bind| Ok((*bind, probe(&mut proxy, bind, &trust)?))).collect::<Result<_>>()?;
    let judged = thread::scope(|scope| {
        let judges: Vec<_> =
            probes.into_iter().map(|(bind, probe)| scope.spawn(|| judge(bind, probe, proxy.dir()))).collect();
        judges
            .into_iter()
            .map(|judge| judge.join().unwrap_or_else(|_| Err("a judge failed".into())))
            .collect::<Result<Vec<bool>>>()
    })?;
    if judged.iter().all(|good| *good) { Ok(()) } else { Err("findings above \"low\"".into()) }
}

/// Begins to look at a `bind` line.
fn probe(proxy: &mut Running, bind: &str, trust: &Path) -> Result<Child> {
    let address = format!("localhost:{}", proxy.address(bind).port());
    let mut testssl = Command::new("testssl");
    testssl.args(["--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--ip", "127.0.0.1"]);
    testssl.arg("--add-ca").arg(trust).arg("--csvfile").arg(proxy.dir().join(bind)).arg(address);
    testssl.stdin(Stdio::null()).stdout(Stdio::null());
    testssl.spawn().map_err(|error| format!("testssl: {error}"))
}

/// Whether it found nothing bad; what is worth to be known is printed.
fn judge(bind: &str, mut probe: Child, folder: &Path) -> Result<bool> {
    probe.wait().map_err(|error| error.to_string())?;
    let found = std::fs::read_to_string(folder.join(bind)).map_err(|error| format!("{bind}: {error}"))?;
    let rows: Vec<Vec<&str>> =
        found.lines().skip(1).map(|line| line.trim_matches('"').split("\",\"").collect()).collect();
    let of = |wanted: &[&str]| -> Vec<String> {
        let is_meant = |row: &&Vec<&str>| row.get(3).is_some_and(|severity| wanted.contains(severity));
        rows.iter().filter(is_meant).map(|row| row.join(" ")).collect()
    };
    let (bad, low) = (of(&["MEDIUM", "HIGH", "CRITICAL", "FATAL"]), of(&["LOW", "WARN"]));
    println!("{bind}: {} findings, {} low, {} worse", rows.len(), low.len(), bad.len());
    low.iter().chain(&bad).for_each(|line| println!("  {line}"));
    if rows.len() < LEAST {
        Err(format!("{bind}: testssl did not come to its end"))
    } else {
        Ok(bad.is_empty())
    }
}

/// The lines that are looked at.
const BINDS: [&str; 2] = ["default", "hardened"];
/// It finds about 150 things of a server that speaks TLS.
const LEAST: usize = 100;
const CERTIFICATE: &str = "extendedKeyUsage=serverAuth\nkeyUsage=digitalSignature\nauthorityInfoAccess=OCSP;URI:http://127.0.0.1:9/\n";
const CONFIG: &str = "
    defaults
        mode http
        timeout client 30s
        timeout server 5s
        timeout connect 5s
    frontend binds
        bind {default} ssl crt {dir}/certificate
        bind {hardened} ssl crt {dir}/certificate ssl-min-ver TLSv1.3 strict-sni no-tls-tickets alpn h2,http/1.1
        http-request return status 200 hdr Strict-Transport-Security max-age=63072000 hdr X-Content-Type-Options nosniff hdr X-Frame-Options DENY hdr Content-Security-Policy \"default-src 'none'\"
";
