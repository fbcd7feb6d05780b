//! The words of an agent's answer (manual "5.2": `agent-check`).
//!
//! One line, words parted by spaces, tabs or commas. Later words of a kind replace earlier ones;
//! words that mean nothing are left out.

/// What an agent asked for; `None` where it said nothing of that kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentAnswer<'a> {
    /// A weight.
    pub weight: Option<AgentWeight>,
    /// `maxconn:`.
    pub maxconn: Option<u32>,
    /// Administrative state.
    pub admin: Option<AgentAdmin>,
    /// Operating state.
    pub state: Option<AgentState>,
    /// The word that gave the state, and what followed it after `#`, for statistics and logs.
    pub reason: Option<(&'a str, &'a str)>,
}

/// A weight an agent asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentWeight {
    /// Percent of the configured weight.
    Percent(u32),
    /// 0 to 256.
    Absolute(u32),
}

/// An administrative state an agent asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentAdmin {
    /// `ready`: neither drained nor in maintenance.
    Ready,
    /// `drain`.
    Drain,
    /// `maint`.
    Maint,
}

/// An operating state an agent asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentState {
    /// `up`.
    Up,
    /// `down`, `stopped` or `fail`: all the same to the server, but shown as said.
    Down,
}

/// Reads the first line of an agent's answer. `None` where it holds no known word.
pub fn read(answer: &[u8]) -> Option<AgentAnswer<'_>> {
    let line = answer.split(|byte| matches!(byte, b'\r' | b'\n')).next()?;
    let line = std::str::from_utf8(line).ok()?;
    let mut found = AgentAnswer::default();
    for word in words(line) {
        take_word(word, &mut found);
    }
    (found != AgentAnswer::default()).then_some(found)
}

/// The words of a line; the text after `#` runs to the end of the line.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return None;
        }
        let end = rest.find([' ', '\t', ',', '#']).unwrap_or(rest.len());
        let (head, tail) = rest.split_at_checked(end)?;
        if tail.starts_with('#') {
            let word = rest;
            rest = "";
            return Some(word);
        }
        rest = tail;
        Some(head)
    })
}

fn take_word<'a>(word: &'a str, found: &mut AgentAnswer<'a>) {
    let (name, reason) = word.split_once('#').unwrap_or((word, ""));
    let lower = name.to_ascii_lowercase();
    match lower.as_str() {
        "ready" => found.admin = Some(AgentAdmin::Ready),
        "drain" => found.admin = Some(AgentAdmin::Drain),
        "maint" => found.admin = Some(AgentAdmin::Maint),
        "up" => {
            found.state = Some(AgentState::Up);
            found.reason = Some((name, reason));
        }
        "down" | "stopped" | "fail" => {
            found.state = Some(AgentState::Down);
            found.reason = Some((name, reason));
        }
        other => {
            if let Some(limit) = other.strip_prefix("maxconn:") {
                found.maxconn = limit.parse().ok().or(found.maxconn);
            } else if let Some(weight) = other.strip_prefix("weight:") {
                found.weight = weight_of(weight).or(found.weight);
            } else if other.ends_with('%') {
                found.weight = weight_of(other).or(found.weight);
            }
        }
    }
}

fn weight_of(text: &str) -> Option<AgentWeight> {
    match text.strip_suffix('%') {
        Some(percent) => percent.parse().ok().map(AgentWeight::Percent),
        None => text.parse().ok().filter(|&weight| weight <= 256).map(AgentWeight::Absolute),
    }
}
