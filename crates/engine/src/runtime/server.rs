//! The run-time state of one server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};

use bitflags::bitflags;
use parking_lot::Mutex;
use tokio::sync::Notify;
use weir_balance::health::{self, CheckStatus, Observer};
use weir_balance::weight::{Effective, Ramp};

use super::{Counters, Level};
use crate::clock::{self, Tick};
use crate::conf;

bitflags! {
    /// Why an operator's word keeps a server from traffic (management manual, `srv_admin_state`).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Admin: u8 {
        /// Maintenance, set at run time.
        const FORCED_MAINT = 1;
        /// Maintenance, taken from a tracked server.
        const INHERITED_MAINT = 2;
        /// `disabled` in the configuration.
        const CONFIGURED_MAINT = 4;
        /// Drained, set at run time.
        const FORCED_DRAIN = 8;
        /// Drained, taken from a tracked server.
        const INHERITED_DRAIN = 16;
        /// In maintenance because its name has no address.
        const NO_ADDRESS = 32;
        /// Any reason of maintenance.
        const MAINT = 1 | 2 | 4 | 32;
        /// Any reason of draining.
        const DRAIN = 8 | 16;
    }
}

/// State of one server, shared by all workers.
#[derive(Debug)]
pub struct ServerRuntime {
    /// Counted by each worker.
    pub counters: Box<[Counters]>,
    /// Requests it serves now, each holding one of its `maxconn` slots.
    pub serving: Level,
    /// Requests waiting for it alone.
    pub queued: Level,
    /// Idle connections to it, over all workers.
    pub idle: AtomicU32,
    /// Those of them that carried more than one request.
    pub proven: AtomicU32,
    /// How many connections to it are needed at once, as it seems from the last seconds.
    pub needed: AtomicU32,
    /// When that was guessed last.
    pub guessed: AtomicU64,
    /// Whether checks hold it up (also where there are none).
    pub up: AtomicBool,
    /// Whether a check, or the server that it tracks, said that it is up.
    pub judged: AtomicBool,
    /// Whether it takes no new client but those it knows (`http-check disable-on-404`).
    pub stopping: AtomicBool,
    admin: AtomicU8,
    /// The weight now, 0 to 256, before slow start.
    pub weight: AtomicU32,
    written: Mutex<Written>,
    /// `maxconn` now; 0 for none.
    pub maxconn: AtomicU32,
    /// When its state last changed, in microseconds of the process.
    pub changed: AtomicU64,
    /// What its checks found.
    pub health: Mutex<Health>,
    /// An operator, or its coming at run time, suspended its checks.
    pub unchecked: AtomicBool,
    /// Sessions with it are made over TLS.
    pub secured: AtomicBool,
    /// What its agent said.
    pub agent: Mutex<Health>,
    /// An operator suspended the questions to its agent.
    pub unasked: AtomicBool,
    /// Wakes the task that looks after it.
    pub nudge: Notify,
    /// Wakes the task that asks its agent.
    pub agent_nudge: Notify,
    /// Live traffic asks for a check soon.
    pub hurry: AtomicBool,
    /// Sessions that began under another number are to end (`shutdown sessions server`).
    pub generation: AtomicU32,
    /// Wakes the sessions that are told to end (`on-marked-down shutdown-sessions`).
    pub ended: Arc<Notify>,
    /// `slowstart` in milliseconds; 0 for none.
    slowstart: AtomicU64,
    /// Its weight is what it is: the algorithm does not change weights while it runs.
    steady: AtomicBool,
    /// When it came back, in milliseconds of the process; 0 where it does not warm up.
    warming: AtomicU64,
}

/// What the checks of a server found.
#[derive(Clone, Debug)]
pub struct Health {
    /// The rise/fall counter.
    pub counter: health::Health,
    /// Outcome of the last check; absent before the first.
    pub status: Option<CheckStatus>,
    /// Status code or errno of the last check, where it had one.
    pub code: Option<i32>,
    /// What the last check had to say.
    pub message: String,
    /// How long the last check took, in milliseconds.
    pub duration: u64,
    /// Failed checks while up (`chkfail`).
    pub failures: u64,
    /// How often live traffic showed enough errors for `on-error` (`hanafail`).
    pub observed: u64,
    /// Transitions to down (`chkdown`).
    pub downs: u64,
    /// Milliseconds it was down before the last change.
    pub down_millis: u64,
    /// Whether a check is under way.
    pub under_way: bool,
    /// Errors of live traffic in a row (`observe`).
    pub observer: Observer,
}

/// What the configuration says of a server that operators change while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Written {
    weight: u32,
    maxconn: u32,
    disabled: bool,
}

// === impl Written ===

impl Written {
    fn of(conf: &conf::Server) -> Self {
        // A server that was added at run time is sent into service by whoever added it.
        Self { weight: conf.weight, maxconn: conf.maxconn, disabled: conf.disabled && !conf.dynamic }
    }
}

// === impl ServerRuntime ===

impl ServerRuntime {
    /// The state of a server that was just configured.
    pub fn new(conf: &conf::Server, counters: Box<[Counters]>, now: Tick) -> Self {
        let counter = fresh_counter(conf);
        let admin = if conf.disabled { Admin::CONFIGURED_MAINT } else { Admin::empty() };
        let admin = match conf.dynamic {
            // Whoever added it sends it into service.
            true => Admin::FORCED_MAINT,
            false if conf.endpoint.is_none() => admin | Admin::NO_ADDRESS,
            false => admin,
        };
        Self {
            counters,
            serving: Level::default(),
            queued: Level::default(),
            idle: AtomicU32::new(0),
            proven: AtomicU32::new(0),
            needed: AtomicU32::new(0),
            guessed: AtomicU64::new(0),
            up: AtomicBool::new(counter.is_up()),
            judged: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            admin: AtomicU8::new(admin.bits()),
            weight: AtomicU32::new(conf.weight),
            written: Mutex::new(Written::of(conf)),
            maxconn: AtomicU32::new(conf.maxconn),
            changed: AtomicU64::new(now.0),
            health: Mutex::new(Health::new(counter, observer(conf))),
            unchecked: AtomicBool::new(conf.dynamic),
            secured: AtomicBool::new(conf.tls.ssl),
            agent: Mutex::new(Health::new(agent_counter(), observer(conf))),
            unasked: AtomicBool::new(conf.dynamic),
            nudge: Notify::new(),
            agent_nudge: Notify::new(),
            hurry: AtomicBool::new(false),
            generation: AtomicU32::new(0),
            ended: Arc::default(),
            slowstart: AtomicU64::new(0),
            steady: AtomicBool::new(false),
            warming: AtomicU64::new(0),
        }
    }

    /// Takes over what a new configuration says otherwise than the one before. What operators changed stays where it
    /// says the same.
    pub fn rewrite(&self, conf: &conf::Server) {
        let now = Written::of(conf);
        let before = std::mem::replace(&mut *self.written.lock(), now);
        if now.weight != before.weight {
            self.weight.store(now.weight, Relaxed);
        }
        if now.maxconn != before.maxconn {
            self.maxconn.store(now.maxconn, Relaxed);
        }
        if now.disabled != before.disabled {
            let (set, clear) = (Admin::CONFIGURED_MAINT, Admin::empty());
            let (set, clear) = if now.disabled { (set, clear) } else { (clear, set) };
            self.set_admin(set, clear);
            self.nudge.notify_one();
        }
    }

    /// The weight of the configuration.
    pub fn initial_weight(&self) -> u32 {
        self.written.lock().weight
    }

    /// Takes over what a new configuration says of checks, and whether the algorithm is a `dynamic` one. What was found
    /// so far counts, as far as up and down.
    pub fn adopt(&self, conf: &conf::Server, dynamic: bool) {
        self.steady.store(!dynamic, Relaxed);
        self.secured.store(conf.tls.ssl, Relaxed);
        self.slowstart.store(conf.slowstart.map_or(0, |d| d.as_millis() as u64), Relaxed);
        let mut health = self.health.lock();
        health.observer = observer(conf);
        let fresh = fresh_counter(conf);
        if (fresh.rise(), fresh.fall()) != (health.counter.rise(), health.counter.fall()) {
            let count = if health.counter.is_up() { u32::MAX } else { 0 };
            health.counter = health::Health::restored(fresh.rise(), fresh.fall(), count);
        }
    }

    /// How many connections to it are needed at once: as guessed, and as seen since.
    pub fn needed_now(&self) -> u32 {
        self.needed.load(Relaxed).max(self.serving.recent())
    }

    /// It came back: its weight climbs from now on, where it has a `slowstart`.
    pub fn warm_up(&self, now: Tick) {
        let since = if self.slowstart.load(Relaxed) == 0 { 0 } else { now.millis().max(1) };
        self.warming.store(since, Relaxed);
        self.nudge.notify_one();
    }

    /// The slow start that it is in.
    pub fn ramp(&self) -> Option<Ramp> {
        let since = self.warming.load(Relaxed);
        if since == 0 {
            return None;
        }
        let ramp = Ramp { since, length: self.slowstart.load(Relaxed) };
        Some(ramp).filter(|ramp| !ramp.is_over(clock::now().millis()))
    }

    /// Whether both its checks and its agent hold it up.
    pub fn is_held_up(&self) -> bool {
        self.health.lock().counter.is_up() && self.agent.lock().counter.is_up()
    }

    /// Tells all sessions on it to end.
    pub fn end_sessions(&self) {
        self.ended.notify_waiters();
    }

    /// What operators and tracked servers said of it.
    pub fn admin(&self) -> Admin {
        Admin::from_bits_truncate(self.admin.load(Relaxed))
    }

    /// Sets and clears reasons; what they were before.
    pub fn set_admin(&self, set: Admin, clear: Admin) -> Admin {
        let old = self.admin.fetch_update(Relaxed, Relaxed, |a| Some((a | set.bits()) & !clear.bits()));
        Admin::from_bits_truncate(old.unwrap_or_else(|a| a))
    }

    /// Whether checks hold it up.
    pub fn is_up(&self) -> bool {
        self.up.load(Relaxed)
    }

    /// Whether it may get requests that are meant for it (persistence), if not new clients.
    pub fn is_running(&self) -> bool {
        self.up.load(Relaxed) && !self.admin().intersects(Admin::MAINT)
    }

    /// Whether the balancer may choose it.
    pub fn is_usable(&self) -> bool {
        self.is_running() && !self.stopping.load(Relaxed) && !self.admin().intersects(Admin::DRAIN)
    }

    /// The weight that the balancer goes by.
    pub fn effective(&self) -> Effective {
        let weight = self.weight.load(Relaxed).min(256) as u16;
        match self.ramp() {
            Some(ramp) if !self.steady.load(Relaxed) => {
                Effective::ramped(weight, ramp, clock::now().millis())
            }
            _ => Effective::full(weight),
        }
    }
}

// === impl Health ===

impl Health {
    fn new(counter: health::Health, observer: Observer) -> Self {
        Self {
            counter,
            status: None,
            code: None,
            message: String::new(),
            duration: 0,
            failures: 0,
            observed: 0,
            downs: 0,
            down_millis: 0,
            under_way: false,
            observer,
        }
    }
}

/// An agent is believed at once.
fn agent_counter() -> health::Health {
    health::Health::new(1, 1, health::InitState::FullyUp)
}

fn fresh_counter(conf: &conf::Server) -> health::Health {
    let (rise, fall) = match (&conf.check, conf.init_state) {
        (Some(check), _) => (check.rise, check.fall),
        // One that nothing checks waits in the state that it begins in.
        (None, Some(_)) => conf.rise_and_fall,
        (None, None) => (1, 1),
    };
    let init = match conf.init_state {
        None if conf.check.is_none() => health::InitState::FullyUp,
        None => health::InitState::None,
        Some(init) => init.into(),
    };
    health::Health::new(rise, fall, init)
}

impl From<conf::InitState> for health::InitState {
    fn from(init: conf::InitState) -> Self {
        match init {
            conf::InitState::FullyUp => Self::FullyUp,
            conf::InitState::Up => Self::Up,
            conf::InitState::Down => Self::Down,
            conf::InitState::FullyDown => Self::FullyDown,
        }
    }
}

fn observer(conf: &conf::Server) -> Observer {
    let on_error = match conf.on_error {
        conf::OnError::FastInter => health::OnError::FastInter,
        conf::OnError::FailCheck => health::OnError::FailCheck,
        conf::OnError::SuddenDeath => health::OnError::SuddenDeath,
        conf::OnError::MarkDown => health::OnError::MarkDown,
    };
    Observer::new(conf.error_limit, on_error)
}
