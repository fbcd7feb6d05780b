//! `weir plan NEW.cfg [SOCKET|OLD.cfg]`: what a reload with the new file would change, in words.
//!
//! Compared are the words of both configurations, section by section, after conditions and variables: against another
//! file, or against what a process runs, which it tells on its admin socket (`_configuration`). Without a second word
//! that is the first socket of a `stats socket` line in the new file that answers. Nothing is bound or asked besides.

mod difference;
mod outline;

use std::io::{Read as _, Write as _};
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use weir_engine::conf::Endpoint;

use crate::access::Access;
use crate::cli::Options;
use crate::finish::Finish;
use crate::load::{self, Configuration};
use crate::say::{self, Voice};

pub(crate) use outline::Outline;

/// Prints the plan. Exits with 0 where the new file can be loaded, else with 1 after its faults.
pub(crate) fn run(new: &Path, against: Option<&Path>, voice: &Voice) -> Finish {
    let Some(fresh) = read(new, voice) else { return Finish::Exit(1) };
    match old(against, &fresh, voice) {
        Ok(Some(old)) => {
            let changes = difference::changes(&old, &Outline::of(&fresh.document));
            if changes.is_empty() {
                say::print("nothing changes\n");
            }
            changes.iter().for_each(|change| say::print(format_args!("{change}\n")));
            Finish::Exit(0)
        }
        Ok(None) => Finish::Exit(1),
        Err(fault) => {
            voice.alert(fault);
            Finish::Exit(1)
        }
    }
}

/// A file that can be loaded; tells its faults.
fn read(file: &Path, voice: &Voice) -> Option<Configuration> {
    let options = Options { files: vec![file.to_path_buf()], check: true, ..Options::default() };
    let configuration = load::load(&options, &Access::Own);
    load::announce(&configuration, &options, voice).then_some(configuration)
}

/// What the new file is compared with; none where that has faults, which are told.
fn old(against: Option<&Path>, fresh: &Configuration, voice: &Voice) -> Result<Option<Outline>, String> {
    let is_socket = |path: &Path| path.metadata().is_ok_and(|about| about.file_type().is_socket());
    match against {
        Some(path) if !is_socket(path) => Ok(read(path, voice).map(|old| Outline::of(&old.document))),
        Some(path) => ask(path).map(Some).map_err(|error| format!("plan: {}: {error}.", path.display())),
        None => {
            let sockets = fresh.conf.global.stats_sockets.iter();
            let paths: Vec<PathBuf> = sockets
                .filter_map(|socket| match &socket.bind.endpoint {
                    Endpoint::Unix(path) => Some(path.clone()),
                    _ => None,
                })
                .collect();
            let running = paths.iter().find_map(|path| ask(path).ok());
            running.map(Some).ok_or_else(|| {
                "plan: no process answers on a 'stats socket' of this file: name a socket or another file."
                    .to_owned()
            })
        }
    }
}

/// What the process behind an admin socket runs.
fn ask(path: &Path) -> std::io::Result<Outline> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"_configuration\n")?;
    let mut text = String::new();
    stream.take(LARGEST).read_to_string(&mut text)?;
    Outline::parse(&text).ok_or_else(|| {
        let said = text.lines().next().unwrap_or_default();
        std::io::Error::other(format!("it does not tell its configuration: {said}"))
    })
}

const PATIENCE: Duration = Duration::from_secs(10);
/// More than any configuration.
const LARGEST: u64 = 1 << 30;
