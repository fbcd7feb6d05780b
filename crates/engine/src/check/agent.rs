//! What follows from the words of an agent (manual, 5.2 "agent-check").

use std::sync::atomic::Ordering::Relaxed;

use weir_balance::health::agent::{AgentAnswer, AgentState, read};
use weir_balance::health::{CheckStatus, Shift};

use super::report::{self, Turn};
use super::script::Outcome;
use super::{Kind, Place, state};
use crate::conf::Options;
use crate::operator::{self, amounts};
use crate::runtime::Admin;

/// Takes an answer in. An agent that cannot be reached changes nothing: the server's own checks tell of that.
pub(super) fn settle(place: &Place, outcome: Outcome, millis: u64) {
    let rt = &place.server.runtime;
    if rt.unasked.load(Relaxed) {
        rt.agent.lock().under_way = false;
        return;
    }
    let answer = outcome.agent.as_deref().and_then(read).unwrap_or_default();
    let outcome = if outcome.agent.is_some() { obey(place, &answer) } else { outcome };
    let mut agent = rt.agent.lock();
    let before = (agent.status, agent.counter.count());
    let shift = match answer.state {
        Some((AgentState::Up, _)) => agent.counter.passed(),
        Some((AgentState::Down, _)) => agent.counter.failed(),
        None => Shift::None,
    };
    agent.under_way = false;
    agent.status = Some(outcome.status);
    agent.code = outcome.code;
    agent.message = outcome.message;
    agent.duration = millis;
    let news = before != (agent.status, agent.counter.count());
    let logged = place.proxy.conf.options.contains(Options::LOG_HEALTH_CHECKS);
    if logged && news && outcome.status != CheckStatus::Checked {
        report::checked(place, Kind::Agent, &agent);
    }
    let reason = state::reason(place, &agent);
    drop(agent);
    follow(place, shift, &reason);
}

/// Makes the server as its agent would have said (`set server .. agent up`).
pub(crate) fn agent_says(place: &Place, up: bool) {
    let rt = &place.server.runtime;
    let mut agent = rt.agent.lock();
    let shift = match up {
        true if rt.stopping.load(Relaxed) => {
            agent.counter.mark_up();
            Shift::Up
        }
        true => agent.counter.mark_up(),
        false => agent.counter.mark_down(),
    };
    drop(agent);
    follow(place, shift, ", changed from CLI");
}

fn follow(place: &Place, shift: Shift, reason: &str) {
    let rt = &place.server.runtime;
    if rt.admin().intersects(Admin::MAINT) {
        return;
    }
    match shift {
        Shift::Down if rt.is_up() => state::turn(place, Turn::Down, reason),
        Shift::Up if rt.is_held_up() => state::turn(place, Turn::Up, reason),
        _ => {}
    }
}

/// Does what an agent asks for; what is to be told of it.
fn obey(place: &Place, answer: &AgentAnswer) -> Outcome {
    let rt = &place.server.runtime;
    let mut warning = None;
    if let Some(text) = &answer.weight {
        match amounts::weight_of(&place.proxy, &place.server, text) {
            Ok(weight) => {
                rt.weight.store(weight, Relaxed);
                place.proxy.farm.update(place.server.index);
            }
            Err(message) => warning = Some(message),
        }
    }
    if let Some(text) = &answer.maxconn {
        match amounts::maxconn(text) {
            Ok(limit) => {
                rt.maxconn.store(limit, Relaxed);
                place.proxy.farm.update(place.server.index);
            }
            Err(message) => warning = warning.or(Some(message)),
        }
    }
    if let Some(admin) = answer.admin {
        operator::obey(place, admin);
    }
    told(answer, warning)
}

fn told(answer: &AgentAnswer, warning: Option<&str>) -> Outcome {
    let Some((state, word)) = &answer.state else {
        let message = match (&answer.unknown, warning) {
            (Some(word), _) => format!("agent reports an error : {word}"),
            (None, Some(warning)) => format!("agent warns : {warning}"),
            (None, None) => String::new(),
        };
        return Outcome::new(CheckStatus::Checked, message);
    };
    let more = match (&answer.description, &answer.unknown, warning) {
        (_, None, Some(warning)) => format!(" ({warning} )"),
        (Some(text), ..) | (None, Some(text), _) => format!(" ({text})"),
        (None, None, None) => String::new(),
    };
    let status = match state {
        AgentState::Up => CheckStatus::L7Ok,
        AgentState::Down => CheckStatus::L7Status,
    };
    Outcome { code: Some(0), ..Outcome::new(status, format!("via agent : {word}{more}")) }
}
