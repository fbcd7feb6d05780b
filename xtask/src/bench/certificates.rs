//! Time and memory that a folder of many certificates costs until the program is ready.

use super::contender::{Contender, PROGRAM_CORE};
use super::cpu;
use crate::Result;
use crate::shell::run;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Starts every contender in turn on a folder of `count` certificates, on one core, and prints the median over `rounds`.
pub(crate) fn run_all(contenders: &[Contender], count: usize, rounds: usize) -> Result {
    let folder = crate::shell::target().join("bench-certificates");
    generate(&folder, count)?;
    println!(
        "{count} certificates of one key in a folder, until the first connection; medians of {rounds} rounds"
    );
    let mut seen: Vec<Vec<[f64; 3]>> = vec![Vec::new(); contenders.len()];
    for _ in 0..rounds {
        for (contender, seen) in contenders.iter().zip(&mut seen) {
            seen.push(measure(contender, &folder)?);
        }
    }
    for (contender, seen) in contenders.iter().zip(&seen) {
        let [ready, used, memory] = [0, 1, 2].map(|column| median(seen, column));
        println!(
            "  {:<8} ready in {ready:.2} s, CPU {used:.2} s, memory {:.0} MiB",
            contender.name,
            memory / 1024.0
        );
    }
    fs::remove_dir_all(&folder).map_err(|error| error.to_string())
}

/// Seconds until it accepts, seconds of CPU, private KiB.
fn measure(contender: &Contender, folder: &Path) -> Result<[f64; 3]> {
    let fault = |error: std::io::Error| format!("{}: {error}", contender.name);
    let address = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).map_err(fault)?;
    let path = folder.with_extension("cfg");
    let text = CONFIG.replace("{fe}", &address.to_string());
    fs::write(&path, text.replace("{certificates}", &folder.display().to_string())).map_err(fault)?;
    let mut command = Command::new("taskset");
    command.args(["-c", PROGRAM_CORE]).arg(contender.program.path()).arg("-db").arg("-f").arg(&path);
    let begun = Instant::now();
    let mut child = command.stderr(Stdio::null()).spawn().map_err(fault)?;
    while TcpStream::connect(address).is_err() && begun.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(5));
    }
    let ready = begun.elapsed().as_secs_f64();
    let figures = cpu::used(&[child.id()])
        .and_then(|used| Ok([ready, used.total() / 1e6, cpu::memory(&[child.id()])?]));
    child.kill().and_then(|()| child.wait()).map_err(fault)?;
    figures
}

fn median(rows: &[[f64; 3]], column: usize) -> f64 {
    let mut values: Vec<f64> = rows.iter().filter_map(|row| row.get(column).copied()).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Writes the certificates: one that signs itself, and copies with other names. Their signatures do not fit, which
/// nobody looks at who shows a certificate.
fn generate(folder: &Path, count: usize) -> Result {
    let _ = fs::remove_dir_all(folder);
    let fault = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(fault)?;
    let (key, first) = (folder.join(".key"), folder.join(".first"));
    let mut openssl = Command::new("openssl");
    openssl.args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90".split(' '));
    openssl.args(["-subj", &format!("/CN={NAME}"), "-addext", &format!("subjectAltName=DNS:{NAME}")]);
    openssl.args(["-outform", "DER", "-batch"]);
    run(openssl.arg("-keyout").arg(&key).arg("-out").arg(&first))?;
    let (key, first) = (fs::read_to_string(key).map_err(fault)?, fs::read(first).map_err(fault)?);
    for number in 0..count {
        let name = format!("n{number:06}.example");
        let text = STANDARD.encode(renamed(&first, name.as_bytes()));
        let content = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n{key}");
        fs::write(folder.join(format!("{name}.pem")), content).map_err(fault)?;
    }
    Ok(())
}

/// The bytes with `name` wherever [`NAME`] was, which is as long.
fn renamed(der: &[u8], name: &[u8]) -> Vec<u8> {
    let mut der = der.to_vec();
    let places: Vec<usize> = der
        .windows(name.len())
        .enumerate()
        .filter(|(_, at)| *at == NAME.as_bytes())
        .map(|(at, _)| at)
        .collect();
    for at in places {
        der.iter_mut().skip(at).zip(name).for_each(|(to, from)| *to = *from);
    }
    der
}

/// No program takes so long.
const PATIENCE: Duration = Duration::from_secs(120);
const NAME: &str = "n000000.example";
const CONFIG: &str = "
    global
        nbthread 1
    defaults
        mode http
        timeout client 5s
        timeout server 5s
        timeout connect 5s
    frontend fe
        bind {fe} ssl crt {certificates}
        http-request return status 200
";
