//! The columns of `show stat` about the agent of a server.

use std::sync::atomic::Ordering::Relaxed;

use weir_balance::health::CheckStatus;
use weir_engine::snapshot::Server;

use super::columns::Column as C;
use super::row::Row;

/// Fills them in where an agent is asked.
pub(super) fn asked(row: &mut Row, server: &Server) {
    if server.conf.agent.is_none() || server.runtime.unasked.load(Relaxed) {
        return;
    }
    let agent = server.runtime.agent.lock().clone();
    let status = agent.status.unwrap_or(CheckStatus::Init);
    let star = if agent.under_way { "* " } else { "" };
    row.put(C::AgentStatus, format!("{star}{}", status.name()));
    row.put(C::AgentDesc, status.description());
    if let (true, Some(code)) = (status.has_code(), agent.code) {
        row.put(C::AgentCode, u64::from(code.cast_unsigned()));
    }
    row.put(C::AgentDuration, agent.duration);
    if agent.status.is_none() || !agent.message.is_empty() && !agent.under_way {
        row.put(C::LastAgt, on_one_line(&agent.message));
    }
    row.put_all([
        (C::AgentRise, agent.counter.rise().into()),
        (C::AgentFall, agent.counter.fall().into()),
        (C::AgentHealth, agent.counter.count().into()),
    ]);
}

/// What a server said, without the ends of its lines.
pub(super) fn on_one_line(text: &str) -> String {
    text.split(['\r', '\n']).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}
