//! The runtime API of a serving process: its thread, and the sockets of `stats socket` lines that it listens on.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use weir_admin::listen::{Adopted, Limits, Listening, Service};
use weir_admin::{About, World};
use weir_engine::Engine;
use weir_engine::conf::Global;

use crate::around::Around;
use crate::cli::Options;
use crate::cli::version;
use crate::sockets::Sockets;

/// The runtime API, running.
#[derive(Debug)]
pub(crate) struct Api(Service);

/// What is known of the start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Started {
    /// Descriptors that the process may open.
    pub(crate) files: u64,
    /// Sockets that it may have.
    pub(crate) sockets: u64,
    /// How long it took.
    pub(crate) boot: Duration,
}

// === impl Api ===

impl Api {
    /// Starts the thread; it listens on nothing yet.
    pub(crate) fn start(
        engine: &Arc<Engine>,
        options: &Options,
        started: &Started,
        around: Arc<Around>,
    ) -> io::Result<Self> {
        let about = About {
            // Tools that parse it know the numbers of the language's versions.
            version: version::number("haproxy"),
            released: version::DATE.to_owned(),
            descriptors: started.files,
            sockets: started.sockets,
            memory: options.memory.unwrap_or(0),
            boot: started.boot,
            features: version::features(),
        };
        let world = Arc::new(World::new(engine.clone(), about, around));
        weir_admin::page::register(&world);
        weir_admin::prometheus::register(&world);
        weir_admin::dashboard::register(&world);
        Service::start(world, weir_admin::registry()).map(Self)
    }

    /// Listens on these sockets, as `global` wants it.
    pub(crate) fn listen(&self, sockets: &Sockets, global: &Global) {
        let limits = Limits {
            timeout: global.stats_timeout.unwrap_or(TIMEOUT),
            clients: global.stats_maxconn.unwrap_or(CLIENTS),
            line: global.tune.bufsize,
            payload: global.tune.cli_max_payload.unwrap_or(PAYLOAD),
        };
        let of = |(line, fd): (usize, &Arc<OwnedFd>)| {
            let socket = global.stats_sockets.get(line)?;
            Some(Listening {
                fd: fd.clone(),
                level: socket.bind.level,
                severities: socket.bind.severity_output,
                exposes_sockets: socket.bind.expose_fd,
            })
        };
        self.0.listen(sockets.stats().filter_map(of).collect(), limits);
    }

    /// Serves a session that the supervisor accepted.
    pub(crate) fn adopt(&self, adopted: Adopted) {
        self.0.adopt(adopted);
    }

    /// Listens no more; sessions go on.
    pub(crate) fn close(&self) {
        let limits = Limits { timeout: TIMEOUT, clients: 0, line: 0, payload: 0 };
        self.0.listen(Vec::new(), limits);
    }
}

/// `stats timeout` where it is not given (manual, 3.1).
const TIMEOUT: Duration = Duration::from_secs(10);
/// `stats maxconn` where it is not given.
const CLIENTS: u32 = 10;
/// `tune.cli.max-payload-size` where it is not given.
const PAYLOAD: usize = 128 * 1024;
