//! The words of an agent's answer (manual "5.2": `agent-check`).
//!
//! One line, words parted by spaces, tabs or commas; where a word would begin with `#`, the rest is a description.
//! Later words of a kind replace earlier ones, but for words that mean nothing: the first of those is told.

/// What an agent asked for; `None` where it said nothing of that kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentAnswer {
    /// A weight as written, without `weight:`; to be judged as the runtime API's.
    pub weight: Option<Vec<u8>>,
    /// What stands behind `maxconn:`.
    pub maxconn: Option<Vec<u8>>,
    /// Administrative state.
    pub admin: Option<AgentAdmin>,
    /// Operating state, and the word that gave it.
    pub state: Option<(AgentState, String)>,
    /// What follows `#`.
    pub description: Option<String>,
    /// The first word that means nothing.
    pub unknown: Option<String>,
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

/// Reads the first line of an agent's answer; none where it has no end yet.
pub fn read(answer: &[u8]) -> Option<AgentAnswer> {
    let end = answer.iter().position(|byte| matches!(byte, b'\r' | b'\n'))?;
    let mut rest = answer.get(..end)?;
    let mut found = AgentAnswer::default();
    loop {
        let start = rest.iter().position(|byte| !is_gap(*byte)).unwrap_or(rest.len());
        rest = rest.get(start..).unwrap_or_default();
        if let Some(description) = rest.strip_prefix(b"#") {
            let blank = description.iter().position(|byte| !is_gap(*byte)).unwrap_or(description.len());
            let text = description.get(blank..).unwrap_or_default();
            found.description = Some(text_of(text)).filter(|text| !text.is_empty());
            return Some(found);
        }
        if rest.is_empty() {
            return Some(found);
        }
        let end = rest.iter().position(|byte| is_gap(*byte)).unwrap_or(rest.len());
        let (word, tail) = rest.split_at_checked(end)?;
        take_word(word, &mut found);
        rest = tail;
    }
}

fn is_gap(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b',')
}

fn take_word(word: &[u8], found: &mut AgentAnswer) {
    let lower = word.to_ascii_lowercase();
    let state = |state| Some((state, text_of(word)));
    match lower.as_slice() {
        b"ready" => found.admin = Some(AgentAdmin::Ready),
        b"drain" => found.admin = Some(AgentAdmin::Drain),
        b"maint" => found.admin = Some(AgentAdmin::Maint),
        b"up" => found.state = state(AgentState::Up),
        b"down" | b"stopped" | b"fail" => found.state = state(AgentState::Down),
        other => {
            if let Some(limit) = other.strip_prefix(b"maxconn:") {
                found.maxconn = Some(limit.to_vec());
            } else if let Some(weight) = other.strip_prefix(b"weight:") {
                found.weight = Some(weight.to_vec());
            } else if other.first().is_some_and(u8::is_ascii_digit) && other.contains(&b'%') {
                found.weight = Some(other.to_vec());
            } else {
                found.unknown.get_or_insert_with(|| text_of(word));
            }
        }
    }
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
