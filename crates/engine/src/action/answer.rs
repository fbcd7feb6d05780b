//! Actions that answer in the place of a server (manual, 4.4 "auth", "deny", "return", "tarpit").

use weir_config::Keyword;
use weir_expr::Side;
use weir_expr::scope::TimeoutOf;

use super::reply::{Kind, Reply};
use super::rules::RuleSet;
use super::{Action, ActionFn, Parse, Parsed, Reason, Run, Verdict, works};
use crate::conf::StatsPage;
use crate::ending::{Cause, Stage};
use crate::observe;
use crate::stage::{persist, rules};
use crate::tables::{self, Event};

/// The actions of this file.
pub(super) const ANSWER: &[Keyword<ActionFn>] = &[
    works("http-request deny", "refuses the request", |p| deny(p, 403)),
    works("http-response deny", "refuses the response", |p| deny(p, 502)),
    works("http-request return", "answers", respond),
    works("http-response return", "answers in the place of the server", respond),
    works("http-request tarpit", "refuses the request, after a while", tarpit),
    works("http-request auth", "asks for a user and a password", auth),
];

#[derive(Debug)]
struct Deny {
    reply: Reply,
}

fn deny(p: &mut Parse<'_, '_>, status: u16) -> Parsed {
    Ok(Box::new(Deny { reply: Reply::parse(p, Kind::Denial, status)? }))
}

impl Action for Deny {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        let response = run.set.is_response();
        if !response {
            note_cookies(run);
        }
        run.blame(Cause::Proxy);
        self.reply.apply(run);
        count_denial(run);
        if !response {
            tables::count(run.t, Event::Error);
        }
        Verdict::Reply
    }

    fn is_final(&self) -> bool {
        true
    }
}

/// Who is refused is told of in the log with cookies, and with the server that one of them names.
fn note_cookies(run: &mut Run<'_>) {
    rules::keep_cookie(run.t, Side::Client);
    persist::request(run.t);
    let named = run.t.facts.persisted.server;
    if let Some(server) = named.and_then(|index| run.t.backend.as_ref()?.server(index)) {
        observe::tell(|| observe::Event::Server {
            name: server.conf().name.clone(),
            why: "named by the cookie of a request that is refused".to_owned(),
        });
    }
}

/// Counts a refusal where it is shown.
pub(super) fn count_denial(run: &Run<'_>) {
    let response = run.set.is_response();
    run.count(|c| if response { &c.denied_responses } else { &c.denied_requests });
}

#[derive(Debug)]
struct Return {
    reply: Reply,
}

fn respond(p: &mut Parse<'_, '_>) -> Parsed {
    Ok(Box::new(Return { reply: Reply::parse(p, Kind::Return, 200)? }))
}

impl Action for Return {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        run.blame(Cause::Local);
        self.reply.apply(run);
        Verdict::Reply
    }

    fn is_final(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct Tarpit {
    reply: Reply,
}

fn tarpit(p: &mut Parse<'_, '_>) -> Parsed {
    Ok(Box::new(Tarpit { reply: Reply::parse(p, Kind::Denial, 500)? }))
}

impl Action for Tarpit {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        if run.since.is_none() {
            note_cookies(run);
            if let Some(delay) = run.t.timeout(TimeoutOf::Tarpit) {
                return Verdict::Wait(Reason::Tarpit(delay));
            }
        }
        // The answer knows nothing of the request any more.
        let requested = run.t.facts.requested.take();
        run.t.facts.blame(Cause::Proxy, Stage::Tarpit);
        self.reply.apply(run);
        // All that was waited for is time in the tarpit.
        run.t.facts.requested = requested.map(|_| run.t.facts.begun);
        count_denial(run);
        tables::count(run.t, Event::Error);
        run.t.facts.turned_away = true;
        run.t.facts.assigned = Some(run.t.now());
        Verdict::Reply
    }

    fn is_final(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct Auth {
    /// As it is written, or the name of the proxy whose rule it is; the page of statistics has a name of its own.
    realm: Box<[u8]>,
}

fn auth(p: &mut Parse<'_, '_>) -> Parsed {
    let realm = match p.eat("realm") {
        true => p.expect("missing realm value.\n")?.bytes.clone(),
        false if p.set == RuleSet::Stats => StatsPage::REALM.as_bytes().into(),
        false => p.load.proxy.as_bytes().into(),
    };
    Ok(Box::new(Auth { realm }))
}

impl Action for Auth {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        let through_proxy = run.t.messages.request.target().first() != Some(&b'/')
            && run.t.client.frontend.has(crate::conf::Options::HTTP_USE_PROXY_HEADER);
        let (status, name): (u16, &[u8]) =
            if through_proxy { (407, b"proxy-authenticate") } else { (401, b"www-authenticate") };
        Reply::default(status).apply(run);
        let bench = &mut *run.bench;
        bench.made.clear();
        for piece in [&b"Basic realm=\""[..], &self.realm, b"\""] {
            bench.made.extend_from_slice(piece);
        }
        run.t.messages.response.append(name, &bench.made);
        tables::count(run.t, Event::Error);
        run.blame(Cause::Local);
        Verdict::Reply
    }

    fn is_final(&self) -> bool {
        true
    }
}
