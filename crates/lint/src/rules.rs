//! The kinds of findings: code, name, weight, and what is meant.

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Worth knowing; does not make `weir lint` fail.
    Note,
    /// Almost certainly not what was meant, or dangerous.
    Warning,
}

/// A kind of finding. Codes are never given to another kind.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// The code: `W` and three digits, the first of which tells the family.
    pub code: &'static str,
    /// A name of a few words.
    pub name: &'static str,
    /// How much it matters.
    pub level: Level,
    /// What is wrong with it.
    pub help: &'static str,
}

/// All kinds, by code.
pub const RULES: &[&Rule] = &[
    &UNUSED_BACKEND,
    &UNUSED_ACL,
    &UNUSED_SECTION,
    &UNUSED_DEFAULTS,
    &UNUSED_TABLE,
    &UNSET_VARIABLE,
    &UNREAD_VARIABLE,
    &UNREACHABLE,
    &NEVER_TRUE,
    &SHADOWED_RULE,
    &SHADOWED_ACL,
    &DUPLICATE_RULE,
    &OVERWRITTEN,
    &NEVER_MATCHES,
    &NO_TLS_HERE,
    &REDIRECT_LOOP,
    &MISSING_TIMEOUT,
    &TINY_TIME,
    &NO_REQUEST_TIMEOUT,
    &PLAIN_SECRET,
    &OPEN_STATS,
    &OPEN_ADMIN,
    &LOOSE_SOCKET,
    &UNVERIFIED_SERVER,
    &WEAK_TLS,
    &UNSAFE_PARSING,
    &RUNS_AS_ROOT,
    &PLAIN_TLS_PORT,
    &DUPLICATE_BIND,
    &DUPLICATE_SERVER,
    &REPEATED_SETTING,
    &DUPLICATE_COOKIE,
    &COOKIE_MISMATCH,
    &UNCHECKED_SERVER,
    &IDLE_CHECK,
    &NO_SERVERS,
    &ONLY_BACKUPS,
    &NO_WEIGHT,
    &NO_DEFAULT,
    &SMALL_MAXCONN,
    &LOST_LOG,
    &TABLE_LACKS,
    &UNTRACKED,
    &RETRACKED,
    &ENDLESS_TABLE,
];

macro_rules! rules {
    ($($id:ident = $code:literal $name:literal $level:ident $help:literal;)*) => {
        $(pub(crate) const $id: Rule = Rule { code: $code, name: $name, level: Level::$level, help: $help };)*
    };
}

rules! {
    UNUSED_BACKEND = "W101" "unused-backend" Warning "no rule, no default and no table reference leads to this backend";
    UNUSED_ACL = "W102" "unused-acl" Warning "no condition of the section uses this ACL";
    UNUSED_SECTION = "W103" "unused-section" Warning "nothing names this section";
    UNUSED_DEFAULTS = "W104" "unused-defaults" Warning "no proxy takes its settings from this section";
    UNUSED_TABLE = "W105" "unused-table" Warning "nothing writes to this stick table or asks it";
    UNSET_VARIABLE = "W106" "unset-variable" Warning "the variable is read and nothing sets it";
    UNREAD_VARIABLE = "W107" "unread-variable" Note "the variable is set and nothing reads it";
    UNREACHABLE = "W201" "unreachable-rule" Warning "a rule above it ends the set in every case";
    NEVER_TRUE = "W202" "never-true" Warning "the condition contradicts itself";
    SHADOWED_RULE = "W203" "shadowed-rule" Warning "a rule above it ends the set whenever this one would apply";
    SHADOWED_ACL = "W204" "shadowed-acl" Warning "an ACL of this name is there already";
    DUPLICATE_RULE = "W205" "duplicate-rule" Warning "the same line stands above";
    OVERWRITTEN = "W206" "overwritten-header" Warning "a later rule sets the same header in every case";
    NEVER_MATCHES = "W207" "never-matches" Warning "the value that is looked at never looks like this pattern";
    NO_TLS_HERE = "W208" "no-tls-here" Warning "the frontend has no TLS: what is asked of it is never there";
    REDIRECT_LOOP = "W209" "redirect-loop" Warning "the client is sent to where it already is";
    MISSING_TIMEOUT = "W301" "missing-timeout" Warning "without this timeout connections stay for ever";
    TINY_TIME = "W302" "tiny-time" Warning "a number without a unit is milliseconds";
    NO_REQUEST_TIMEOUT = "W303" "no-request-timeout" Note "a slow client holds a connection as long as it likes";
    PLAIN_SECRET = "W401" "plain-secret" Warning "a password stands in clear in the file";
    OPEN_STATS = "W402" "open-stats" Warning "anyone who reaches the address sees the statistics";
    OPEN_ADMIN = "W403" "open-admin" Warning "anyone who sees the statistics may stop servers";
    LOOSE_SOCKET = "W404" "loose-socket" Warning "more people than meant may give orders to the process";
    UNVERIFIED_SERVER = "W405" "unverified-server" Warning "whoever answers is believed to be the server";
    WEAK_TLS = "W406" "weak-tls" Warning "the file asks for a version or suite of TLS that is broken";
    UNSAFE_PARSING = "W407" "unsafe-parsing" Warning "malformed messages are let through to servers";
    RUNS_AS_ROOT = "W408" "runs-as-root" Note "the process keeps all rights";
    PLAIN_TLS_PORT = "W409" "plain-tls-port" Warning "port 443 is served, or asked, without TLS in mode http";
    DUPLICATE_BIND = "W501" "duplicate-bind" Warning "the kernel spreads connections over both at random";
    DUPLICATE_SERVER = "W502" "duplicate-server" Warning "two servers of a backend are one address";
    REPEATED_SETTING = "W503" "repeated-setting" Warning "only the last of these lines counts";
    DUPLICATE_COOKIE = "W504" "duplicate-cookie" Warning "two servers share a cookie: only one of them is found by it";
    COOKIE_MISMATCH = "W505" "cookie-mismatch" Warning "persistence by cookie needs a line for the backend and a value for each server";
    UNCHECKED_SERVER = "W506" "unchecked-server" Warning "the servers beside it are checked and this one is not";
    IDLE_CHECK = "W507" "idle-check" Warning "a check is described and no server asks for it";
    NO_SERVERS = "W508" "no-servers" Warning "every request gets 503";
    ONLY_BACKUPS = "W509" "only-backups" Warning "no server is meant for ordinary traffic";
    NO_WEIGHT = "W510" "no-weight" Warning "no server has a weight: none is chosen";
    NO_DEFAULT = "W511" "no-default" Note "what no rule takes gets 503";
    SMALL_MAXCONN = "W512" "small-maxconn" Warning "the process takes fewer connections than this proxy alone may";
    LOST_LOG = "W513" "lost-log" Warning "lines are asked for and there is nowhere to send them";
    TABLE_LACKS = "W601" "table-lacks-data" Warning "the table does not keep what is asked of it";
    UNTRACKED = "W602" "untracked-counter" Warning "no rule tracks this counter";
    RETRACKED = "W603" "tracked-twice" Warning "the counter is tracked already: the second rule does nothing";
    ENDLESS_TABLE = "W604" "endless-table" Note "entries stay until the table is full";
}
