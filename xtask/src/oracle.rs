//! The reference HAProxy that compat tests and benches compare with.
//!
//! `$WEIR_ORACLE`, else a `haproxy` of 3.0 or later on `PATH`, else the newest that Debian has, unpacked with
//! the libraries of its own suite into a folder of the user's cache. Nothing on the system is replaced, and
//! the archive is the one that this machine's apt sources name.

use crate::Result;
use crate::shell::{output, which};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use weir_testkit::{oracle_cache, oracle_path};

/// `cargo xtask oracle [--doc]`.
pub(crate) fn run(options: &[String]) -> Result {
    let path = ensure()?;
    if options.iter().any(|option| option == "--doc") {
        let doc = oracle_cache().ok_or("no home folder")?.join("doc");
        println!("{}", doc.display());
    } else {
        println!("{}", path.display());
    }
    Ok(())
}

/// The path of a reference that runs, fetched first where there is none.
///
/// # Errors
/// Why none can be had.
pub(crate) fn ensure() -> Result<PathBuf> {
    if let Some(path) = oracle_path().filter(|path| version(path).is_some()) {
        return Ok(path);
    }
    if std::env::var_os("WEIR_ORACLE").is_some() {
        return Err("$WEIR_ORACLE does not run".to_owned());
    }
    let folder = oracle_cache().ok_or("no home folder to keep the reference in")?;
    let mut reasons = Vec::new();
    for suite in SUITES {
        match fetch(suite, &folder) {
            Ok(path) => return Ok(path),
            Err(reason) => reasons.push(format!("{}: {reason}", suite.name)),
        }
    }
    Err(format!("no reference HAProxy can be had; set WEIR_ORACLE to one. {}", reasons.join("; ")))
}

/// The first line that a program answers to `-v`, if it runs.
pub(crate) fn version(path: &Path) -> Option<String> {
    let text = output(Command::new(path).arg("-v")).ok()?;
    text.lines().next().map(str::to_owned)
}

/// A Debian suite to fetch from, with the suites that its packages depend on.
struct Suite {
    name: &'static str,
    with: &'static [&'static str],
}

const SUITES: &[Suite] = &[
    Suite { name: "experimental", with: &["sid", "experimental"] },
    Suite { name: "sid", with: &["sid"] },
    Suite { name: "trixie", with: &["trixie"] },
];

/// Fetches HAProxy of one suite into `folder` and gives the program's path.
fn fetch(suite: &Suite, folder: &Path) -> Result<PathBuf> {
    for program in ["apt-get", "dpkg"] {
        which(program).ok_or_else(|| format!("{program} is missing"))?;
    }
    let archive = archive_of_this_machine().ok_or("apt has no source of Debian packages")?;
    let work = folder.with_extension("fetch");
    let _ = fs::remove_dir_all(&work);
    let result = download(suite, &archive, &work).and_then(|debs| unpack(&debs, folder));
    let _ = fs::remove_dir_all(&work);
    result
}

/// Lets apt resolve HAProxy's dependencies as if nothing were installed, and download all of it.
fn download(suite: &Suite, archive: &str, work: &Path) -> Result<Vec<PathBuf>> {
    for folder in ["lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(work.join(folder)).map_err(|error| error.to_string())?;
    }
    let line = |name: &&str| format!("deb [signed-by={KEYRING}] {archive} {name} main\n");
    let sources: String = suite.with.iter().map(line).collect();
    fs::write(work.join("sources.list"), sources).map_err(|error| error.to_string())?;
    eprintln!("fetching the reference HAProxy of Debian {} ...", suite.name);
    output(apt(work).args(["-q", "update"]))?;
    let target = ["-q", "-y", "--download-only", "-t", suite.name, "install", "haproxy", "haproxy-doc"];
    output(apt(work).args(target))?;
    let debs = files(&work.join("cache/archives")).into_iter();
    Ok(debs.filter(|path| path.extension().is_some_and(|end| end == "deb")).collect())
}

/// apt-get on lists, cache and package status of its own.
fn apt(work: &Path) -> Command {
    let mut command = Command::new("apt-get");
    let folder = |name: &str| work.join(name).display().to_string();
    for option in [
        format!("Dir::Etc::SourceList={}", folder("sources.list")),
        "Dir::Etc::SourceParts=/dev/null".to_owned(),
        format!("Dir::State::Lists={}", folder("lists")),
        format!("Dir::Cache={}", folder("cache")),
        "Dir::State::status=/dev/null".to_owned(),
        "Debug::NoLocking=1".to_owned(),
        "APT::Sandbox::User=root".to_owned(),
        "APT::Install-Recommends=0".to_owned(),
    ] {
        command.args(["-o", &option]);
    }
    command
}

/// Unpacks the packages and writes a starter that uses their own loader and libraries.
fn unpack(debs: &[PathBuf], folder: &Path) -> Result<PathBuf> {
    let root = folder.join("root");
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(&root).map_err(|error| error.to_string())?;
    for deb in debs {
        output(Command::new("dpkg").arg("-x").arg(deb).arg(&root))?;
    }
    let tree = files_below(&root);
    let named = |name: &str| tree.iter().find(|path| path.file_name().is_some_and(|n| n == name));
    let loader = named("ld-linux-x86-64.so.2").or_else(|| named("ld-linux-aarch64.so.1"));
    let loader = loader.ok_or("the packages have no loader")?;
    let program = named("haproxy").filter(|path| path.ends_with("sbin/haproxy"));
    let program = program.or_else(|| tree.iter().find(|path| path.ends_with("sbin/haproxy")));
    let program = program.ok_or("the packages have no haproxy")?;
    let libraries = named("libc.so.6").and_then(|path| path.parent()).ok_or("the packages have no libc")?;
    let starter = folder.join("haproxy");
    let text = format!(
        "#!/bin/sh\nexec '{}' --library-path '{}' '{}' \"$@\"\n",
        loader.display(),
        libraries.display(),
        program.display()
    );
    fs::write(&starter, text).map_err(|error| error.to_string())?;
    fs::set_permissions(&starter, fs::Permissions::from_mode(0o755)).map_err(|error| error.to_string())?;
    keep_manual(&tree, &folder.join("doc"))?;
    match version(&starter) {
        Some(_) => Ok(starter),
        None => Err("what was unpacked does not run".to_owned()),
    }
}

/// Copies the manual's text files, unpacked, into `doc`.
fn keep_manual(tree: &[PathBuf], doc: &Path) -> Result {
    fs::create_dir_all(doc).map_err(|error| error.to_string())?;
    let is_text =
        |path: &&PathBuf| path.components().any(|part| part.as_os_str() == "doc") && is_manual(path);
    for path in tree.iter().filter(is_text) {
        let Some(name) = path.file_name() else { continue };
        fs::copy(path, doc.join(name)).map_err(|error| error.to_string())?;
        if path.extension().is_some_and(|end| end == "gz") {
            output(Command::new("gunzip").arg("-f").arg(doc.join(name)))?;
        }
    }
    Ok(())
}

fn is_manual(path: &Path) -> bool {
    let name = path.to_string_lossy();
    name.ends_with(".txt") || name.ends_with(".txt.gz")
}

/// The archive that apt uses here for Debian's own packages.
fn archive_of_this_machine() -> Option<String> {
    let mut sources = vec![PathBuf::from("/etc/apt/sources.list")];
    sources.extend(files(Path::new("/etc/apt/sources.list.d")));
    let texts = sources.iter().filter_map(|path| fs::read_to_string(path).ok());
    let is_archive = |word: &str| word.starts_with("http") && word.trim_end_matches('/').ends_with("/debian");
    texts.into_iter().find_map(|text| {
        let lines = text.lines().map(str::trim_start);
        let sources = lines.filter(|line| line.starts_with("URIs:") || line.starts_with("deb "));
        let mut words = sources.flat_map(str::split_ascii_whitespace);
        words.find(|word| is_archive(word)).map(str::to_owned)
    })
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// Everything below a folder; links are not followed into folders.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in files(folder) {
        if path.is_dir() && !path.is_symlink() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found
}

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
