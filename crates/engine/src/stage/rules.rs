//! The rule sets, run by an executor that can wait.
//!
//! An action says what follows ([`Verdict`]). Only the executor awaits; it holds nothing but the rule set and
//! its place in it, so that it can go on where it stopped. A set without rules costs one look at its length.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use weir_expr::scope::TimeoutOf;
use weir_expr::{Condition, Side, Verdict as Holds};

use crate::action::{Bench, Reason, Rule, RuleSet, Run, Target, Verdict};
use crate::clock::Tick;
use crate::conf::Mode;
use crate::connection::Client;
use crate::ending::{Cause, Stage};
use crate::facts::LastRule;
use crate::local;
use crate::observe;
use crate::stage::client_news::{News, client_news};
use crate::stage::{body, handshake, proxy_header, receive, respond};
use crate::tables::{self, Event};
use crate::trace;
use crate::transaction::{Messages, Stop, Transaction};
use crate::tunnel::Upload;

/// The rules of `http-request` of the frontend.
pub(crate) async fn request(t: &mut Transaction) -> Result<(), Stop> {
    let frontend = t.client.frontend.clone();
    run(t, &frontend, RuleSet::HttpRequest).await
}

/// The rules of `http-request` of the backend, where it is another proxy.
pub(crate) async fn backend(t: &mut Transaction) -> Result<(), Stop> {
    let Some(backend) = other_backend(t) else { return Ok(()) };
    run(t, &backend, RuleSet::HttpRequest).await
}

/// The rules of `redirect` of the frontend, or of the backend where it is another proxy.
pub(crate) async fn redirect(t: &mut Transaction) -> Result<(), Stop> {
    let proxy = match &t.backend {
        None => t.client.frontend.clone(),
        Some(_) => match other_backend(t) {
            Some(backend) => backend,
            None => return Ok(()),
        },
    };
    run(t, &proxy, RuleSet::Redirect).await
}

/// The rules of `stats http-request` of a proxy.
pub(crate) async fn stats(t: &mut Transaction, proxy: &Rc<local::Proxy>) -> Result<(), Stop> {
    run(t, proxy, RuleSet::Stats).await
}

/// Whether the client may change things on the statistics page of a proxy.
pub(crate) fn stats_admin(t: &mut Transaction, proxy: &Rc<local::Proxy>) -> bool {
    any(t, RuleSet::Stats, &proxy.conf().rules.stats_admin)
}

/// Whether the rules of `tcp-request connection` let a connection in, and those of `tcp-request session` where
/// neither a PROXY header nor a handshake comes before them.
pub(crate) fn admit(client: Box<Client>) -> Option<Box<Client>> {
    let rules = &client.frontend.conf().rules;
    if rules.is_empty(RuleSet::TcpConnection) && rules.is_empty(RuleSet::TcpSession) {
        return Some(client);
    }
    let frontend = client.frontend.clone();
    let mut t = Transaction::new(client);
    let mut admitted = at_once(&mut t, &frontend, RuleSet::TcpConnection);
    let reset = admitted.is_err();
    if reset {
        // Who is not even let in hears of it by a reset.
        let _ = weir_sys::accepted::set_no_linger(&t.client.stream);
    }
    if admitted.is_ok() && !begins_later(&t) {
        admitted = at_once(&mut t, &frontend, RuleSet::TcpSession);
        if admitted.is_ok() {
            t.client.tracking.count(Event::Session);
        }
    }
    let Transaction { client, messages, .. } = t;
    client.worker.messages.put(messages);
    if admitted.is_err() {
        trace::client(&client, &trace::SESSION_REFUSED);
    }
    if admitted.is_ok() {
        client.count_session();
    } else if !reset && admitted != Err(Stop::Drop) {
        client.stream.shutdown_write();
        client.stream.drain();
    }
    admitted.ok().map(|()| client)
}

/// Runs a set in which nothing waits.
fn at_once(t: &mut Transaction, of: &Rc<local::Proxy>, set: RuleSet) -> Result<(), Stop> {
    let mut bench = std::mem::take(&mut t.messages.bench);
    let mut place = Place::default();
    let end = step(t, &mut bench, of, set, &mut place);
    t.messages.bench = bench;
    if let Step::Over(end) = end { end } else { Ok(()) }
}

/// Whether something comes before the session: a PROXY header, or the handshake of TLS.
fn begins_later(t: &Transaction) -> bool {
    proxy_header::is_expected(t) || t.client.listener.conf().is_some_and(|bind| bind.tls.acceptor.is_some())
}

/// The rules of `tcp-request session`, where a PROXY header or a handshake came before them.
pub(crate) async fn session(t: &mut Transaction) -> Result<(), Stop> {
    if t.client.requests > 0 || !begins_later(t) {
        return Ok(());
    }
    let frontend = t.client.frontend.clone();
    run(t, &frontend, RuleSet::TcpSession).await?;
    t.client.tracking.count(Event::Session);
    Ok(())
}

/// The rules of `tcp-request content` of the frontend.
pub(crate) async fn content(t: &mut Transaction) -> Result<(), Stop> {
    let frontend = t.client.frontend.clone();
    run(t, &frontend, RuleSet::TcpContent).await
}

/// The rules of `tcp-request content` of the backend, where it is another proxy.
pub(crate) async fn backend_content(t: &mut Transaction) -> Result<(), Stop> {
    let Some(backend) = other_backend(t) else { return Ok(()) };
    run(t, &backend, RuleSet::TcpContent).await
}

/// The rules of `tcp-response content` of the backend. Where they may wait for bytes, `t.far` holds the connection
/// to the server.
pub(crate) async fn server_content(t: &mut Transaction) -> Result<(), Stop> {
    let backend = t.proxy().clone();
    if backend.conf().rules.is_empty(RuleSet::TcpResponse) {
        return Ok(());
    }
    t.messages.at_end = false;
    run(t, &backend, RuleSet::TcpResponse).await
}

/// Whether the rules of `tcp-response content` look at the answer, rather than be run without one.
pub(crate) fn server_content_waits(t: &Transaction) -> bool {
    t.proxy().conf().rules.response_delay.is_some()
}

/// Has the frontend's filters take part.
pub(crate) fn attach_filters(t: &mut Transaction) {
    let frontend = t.client.frontend.clone();
    attach(t, &frontend, "frontend");
}

/// Has the backend's filters take part, where it is another proxy.
pub(crate) fn attach_backend_filters(t: &mut Transaction) {
    if let Some(backend) = other_backend(t) {
        attach(t, &backend, "backend");
    }
}

fn attach(t: &mut Transaction, of: &local::Proxy, kind: &str) {
    let filters = &of.conf().rules.filters;
    if !filters.is_empty() {
        t.messages.filters.attach(&t.client.worker, filters, kind);
    }
}

/// Keeps for the log what the frontend declares of the request.
pub(crate) fn keep_request(t: &mut Transaction) {
    let conf = t.client.frontend.conf();
    let slots = conf.rules.slots(Side::Client);
    let Messages { request, kept: [kept, _], .. } = &mut *t.messages;
    if !slots.is_empty() {
        kept.take(slots, request);
    }
}

/// Keeps for the log the cookie that the frontend captures, as rules have left it.
pub(crate) fn keep_cookie(t: &mut Transaction, side: Side) {
    let Some(wanted) = &t.client.frontend.conf().capture_cookie else { return };
    let Messages { request, response, captured, .. } = &mut *t.messages;
    captured.take_cookie(wanted, side, if side == Side::Client { request } else { response });
}

/// Whether the monitor's URI tells of a failure.
pub(crate) fn monitor_fails(t: &mut Transaction) -> bool {
    let frontend = t.client.frontend.clone();
    any(t, RuleSet::HttpRequest, &frontend.conf().rules.monitor_fail)
}

/// Whether any of these conditions holds.
fn any(t: &mut Transaction, set: RuleSet, conditions: &[Condition]) -> bool {
    let mut bench = std::mem::take(&mut t.messages.bench);
    bench.scratch.reset();
    let run = Run { t, bench: &mut bench, set, since: None };
    let found = conditions.iter().any(|c| run.test(c) == Holds::True);
    t.messages.bench = bench;
    found
}

/// The rules of `http-response`: the backend's, then the frontend's.
pub(crate) async fn response(t: &mut Transaction) -> Result<(), Stop> {
    t.messages.vars.end_request();
    let frontend = t.client.frontend.clone();
    let slots = frontend.conf().rules.slots(Side::Server);
    let Messages { response, kept: [_, kept], .. } = &mut *t.messages;
    if !slots.is_empty() {
        kept.take(slots, response);
    }
    if let Some(backend) = other_backend(t) {
        run(t, &backend, RuleSet::HttpResponse).await?;
    }
    run(t, &frontend, RuleSet::HttpResponse).await
}

/// Whether rules may change what requests look like.
pub(crate) fn change_requests(t: &Transaction) -> bool {
    has_rules(t, RuleSet::HttpRequest)
}

/// Whether rules may change what answers look like.
pub(crate) fn change_responses(t: &Transaction) -> bool {
    has_rules(t, RuleSet::HttpResponse) || has_rules(t, RuleSet::HttpAfterResponse)
}

fn has_rules(t: &Transaction, set: RuleSet) -> bool {
    let of = |p: &local::Proxy| !p.conf().rules.is_empty(set);
    of(&t.client.frontend) || t.backend.as_deref().is_some_and(of)
}

/// The rules of `http-after-response`, for every answer: the backend's, then the frontend's.
pub(crate) async fn after_response(t: &mut Transaction) -> Result<(), Stop> {
    if let Some(backend) = other_backend(t) {
        run(t, &backend, RuleSet::HttpAfterResponse).await?;
    }
    let frontend = t.client.frontend.clone();
    run(t, &frontend, RuleSet::HttpAfterResponse).await
}

/// What the first rule of persistence that applies says: to use a server that is down too, or to ignore what the
/// client names (manual, 4.2 "force-persist", "ignore-persist").
pub(crate) fn persistence(t: &mut Transaction) -> Option<bool> {
    let backend = t.proxy().clone();
    let rules = &backend.conf().rules.persist;
    if rules.is_empty() {
        return None;
    }
    let mut bench = std::mem::take(&mut t.messages.bench);
    bench.scratch.reset();
    let run = Run { t, bench: &mut bench, set: RuleSet::TcpContent, since: None };
    let holds = |c: &Condition| run.test(c) == Holds::True;
    let found = rules.iter().find(|r| r.condition.as_ref().is_none_or(holds)).map(|r| r.forced);
    t.messages.bench = bench;
    found
}

/// The server that the first `use-server` that applies names.
pub(crate) fn server(t: &mut Transaction) -> Option<usize> {
    let backend = t.proxy().clone();
    let rules = &backend.conf().rules.use_server;
    if rules.is_empty() {
        return None;
    }
    let mut bench = std::mem::take(&mut t.messages.bench);
    bench.scratch.reset();
    let mut run = Run { t, bench: &mut bench, set: RuleSet::HttpRequest, since: None };
    let found = rules.iter().find_map(|rule| {
        if rule.condition.as_ref().is_some_and(|c| run.test(c) != Holds::True) {
            return None;
        }
        let server = match &rule.target {
            Target::Position(at) => backend.server(*at),
            Target::Named(format) => {
                run.render(format);
                let name = run.bench.text.as_slice();
                backend.servers.iter().find(|s| s.conf().name.as_bytes() == name)
            }
        };
        server.filter(|s| s.shared.runtime.is_usable()).map(|s| s.shared.index)
    });
    t.messages.bench = bench;
    found
}

/// The backend, where it is not the frontend's own side.
fn other_backend(t: &Transaction) -> Option<Rc<local::Proxy>> {
    t.backend.clone().filter(|b| b.shared.index != t.client.frontend.shared.index)
}

/// Runs the rules of a set, waiting where one asks for it.
async fn run(t: &mut Transaction, of: &Rc<local::Proxy>, set: RuleSet) -> Result<(), Stop> {
    if of.conf().rules.is_empty(set) {
        return Ok(());
    }
    let mut bench = std::mem::take(&mut t.messages.bench);
    let mut place = Place::default();
    bench.lenient = false;
    bench.room = receive::room(t);
    t.messages.inspected = of.conf().rules.delay(set).is_none();
    // What a server says is waited for from when it can say something.
    t.messages.inspecting = t.facts.connected.filter(|_| set == RuleSet::TcpResponse);
    let end = loop {
        match step(t, &mut bench, of, set, &mut place) {
            Step::Over(end) => break end,
            Step::Wait(reason, since) => {
                if !bench.hints.is_empty() {
                    end_hint(&mut bench);
                    t.messages.bench.hints.append(&mut bench.hints);
                    Box::pin(respond::hint(t)).await;
                }
                let waited = Box::pin(wait(t, set, reason, since)).await;
                if !set.is_response() {
                    t.prolong_request();
                }
                if let Err(stop) = waited {
                    break Err(stop);
                }
            }
        }
    };
    end_hint(&mut bench);
    t.messages.bench = bench;
    if end.is_ok() && !t.messages.bench.hints.is_empty() {
        Box::pin(respond::hint(t)).await;
    }
    end
}

/// How far a set has come.
#[derive(Default)]
struct Place {
    at: usize,
    /// When the rule there began to wait.
    since: Option<Tick>,
    /// Its condition holds, and its action waits.
    acting: bool,
}

enum Step {
    Over(Result<(), Stop>),
    Wait(Reason, Tick),
}

/// Runs rules until one waits or all is said.
fn step(
    t: &mut Transaction,
    bench: &mut Bench,
    of: &Rc<local::Proxy>,
    set: RuleSet,
    place: &mut Place,
) -> Step {
    let rules = of.conf().rules.set(set);
    while let Some(rule) = rules.get(place.at) {
        bench.scratch.reset();
        let mut run = Run { t, bench, set, since: place.since };
        let Some(holds) = applies(&run, rule, place.acting) else {
            return Step::Wait(Reason::Password, t.now());
        };
        // A hint that stands under a condition is one of its own.
        if run.bench.hinting && (!rule.action.is_hint() || rule.condition.is_some()) {
            end_hint(run.bench);
        }
        let verdict = match holds {
            Holds::True => {
                place.acting = true;
                rule.action.run(&mut run)
            }
            Holds::NotYet if !run.t.messages.inspected => inspect(&mut run, of),
            Holds::False | Holds::NotYet => Verdict::Next,
        };
        let verdict = if verdict == Verdict::Inspect { inspect(&mut run, of) } else { verdict };
        if place.acting && place.since.is_some() && t.messages.at_end && !set.is_response() {
            t.facts.interrupted = Some(LastRule { file: rule.file.clone(), line: rule.line, decided: false });
        }
        observe::tell(|| observe::Event::Rule {
            proxy: of.conf().name.clone(),
            set: set.name(),
            file: rule.file.to_string(),
            line: rule.line,
            applies: holds == Holds::True,
            outcome: (verdict != Verdict::Next).then(|| format!("{verdict:?}")),
        });
        let end = match verdict {
            Verdict::Next => {
                *place = Place { at: place.at + 1, ..Place::default() };
                continue;
            }
            Verdict::Again | Verdict::Inspect => continue,
            Verdict::Wait(reason) => {
                let since = t.messages.inspecting.unwrap_or(t.now());
                let since = *place.since.get_or_insert(since);
                if holds == Holds::NotYet {
                    // The set is run again from its beginning when there is more to judge by.
                    *place = Place::default();
                }
                return Step::Wait(reason, since);
            }
            verdict => ended(t, verdict),
        };
        // The rule that made the answer stays the last one; a `redirect` line is none.
        let made_by_rule = t.facts.last_rule.as_ref().is_some_and(|rule| rule.decided);
        let stays = set == RuleSet::HttpAfterResponse && made_by_rule && t.facts.ending.is_by(Cause::Local);
        if !stays && set != RuleSet::Redirect {
            let (file, line) = (rule.file.clone(), rule.line);
            t.facts.last_rule = Some(LastRule { file, line, decided: end.is_err() });
        }
        return Step::Over(end);
    }
    Step::Over(Ok(()))
}

/// Whether a rule applies, with all at hand that its action takes long to compute; nothing where that is waited for.
fn applies(run: &Run<'_>, rule: &Rule, acting: bool) -> Option<Holds> {
    let holds = match &rule.condition {
        Some(condition) if !acting => run.judge(condition)?,
        _ => Holds::True,
    };
    let ready = acting || holds != Holds::True || rule.slow.is_empty() || run.prepare(&rule.slow);
    ready.then_some(holds)
}

/// What a verdict that ends the evaluation makes of the request.
fn ended(t: &mut Transaction, verdict: Verdict) -> Result<(), Stop> {
    match verdict {
        Verdict::Answer(status) => Err(Stop::Answer(status)),
        Verdict::Close => Err(Stop::Close),
        Verdict::Drop => Err(Stop::Drop),
        Verdict::Reply => Err(Stop::Reply),
        Verdict::Serve => Err(Stop::Serve),
        Verdict::Finish => Err(finish(t)),
        Verdict::Upgrade if !t.is_http() => Err(Stop::Upgrade),
        Verdict::Upgrade | Verdict::Stop => Ok(()),
        Verdict::Next | Verdict::Again | Verdict::Inspect | Verdict::Wait(_) => Ok(()),
    }
}

/// The connection to the server ends: without an answer, where one was expected.
fn finish(t: &mut Transaction) -> Stop {
    if t.proxy().conf().mode == Mode::Tcp {
        return Stop::Close;
    }
    t.facts.blame(Cause::Server, Stage::Headers);
    tables::count(t, Event::Failure);
    Stop::Answer(502)
}

/// An early hint is complete: it gets no further lines.
fn end_hint(bench: &mut Bench) {
    if std::mem::take(&mut bench.hinting) {
        bench.hints.extend_from_slice(b"\r\n");
    }
}

/// Waits for more bytes as long as `inspect-delay` allows, from when the session began to wait.
fn inspect(run: &mut Run<'_>, of: &Rc<local::Proxy>) -> Verdict {
    let delay = of.conf().rules.delay(run.set);
    let since = *run.t.messages.inspecting.get_or_insert(run.t.now());
    let input = match &run.t.far {
        Some(far) if run.set.is_response() => &far.input,
        _ => &run.t.client.input,
    };
    if since.after(delay) <= run.t.now() || input.is_full() || run.t.messages.at_end {
        run.t.messages.inspected = true;
        return Verdict::Again;
    }
    Verdict::Wait(Reason::Bytes { delay })
}

async fn wait(t: &mut Transaction, set: RuleSet, reason: Reason, since: Tick) -> Result<(), Stop> {
    let delay = match reason {
        Reason::Bytes { delay } => delay,
        Reason::Time(delay) | Reason::Tarpit(delay) => Some(delay),
        Reason::Password => {
            t.messages.passwords.answer().await;
            return Ok(());
        }
        Reason::Handshake => {
            handshake::known(t, since).await;
            return Ok(());
        }
    };
    let due = since.after(delay);
    t.client.timer.set(due);
    match (reason, set.is_response()) {
        (Reason::Bytes { .. }, true) => server_bytes(t).await,
        (Reason::Bytes { .. }, false) => {
            if !t.is_http() || !body::is_here(t) {
                t.client.timer.set(due.min(t.now().after(t.timeout(TimeoutOf::Client))));
            }
            if client_bytes(t).await && t.now() < due {
                return Err(body::given_up(t));
            }
        }
        (Reason::Time(_), false) => {
            let news = time(t, set).await;
            return goes_on(t, news);
        }
        _ => drop(time(t, set).await),
    }
    Ok(())
}

/// Waits for bytes of the client; says whether the timer went off instead.
async fn client_bytes(t: &mut Transaction) -> bool {
    poll_fn(|cx| {
        let client = &mut t.client;
        if let Poll::Ready(read) = client.stream.poll_read(cx, client.input.space()) {
            match read {
                Ok(n) if n > 0 => client.input.filled(n),
                _ => t.messages.at_end = true,
            }
            return Poll::Ready(false);
        }
        if client.timer.poll_expired(cx) { Poll::Ready(true) } else { Poll::Pending }
    })
    .await
}

/// Waits until the timer goes off, or the client leaves.
async fn time(t: &mut Transaction, set: RuleSet) -> News {
    let news = poll_fn(|cx| match client_left(t, set, cx) {
        News::None if t.client.timer.poll_expired(cx) => Poll::Ready(News::None),
        News::None => Poll::Pending,
        news => Poll::Ready(news),
    })
    .await;
    t.messages.at_end |= news != News::None;
    news
}

/// How the client left, if it did: to close its side is to leave where a body is still to come, or where that counts
/// as leaving (manual, 4.2 "option abortonclose").
fn client_left(t: &mut Transaction, set: RuleSet, cx: &mut Context<'_>) -> News {
    let news = client_news(t, cx);
    let counts =
        |t: &Transaction| t.proxy().conf().aborts_on_close() || !set.is_response() && !body::is_here(t);
    if news == News::Closed && !counts(t) { News::None } else { news }
}

/// Whether the request goes on after what the client did; one whose body is cut short goes as far as to a backend.
fn goes_on(t: &mut Transaction, news: News) -> Result<(), Stop> {
    if news != News::Reset || !body::is_here(t) {
        return Ok(());
    }
    t.facts.blame(Cause::Client, Stage::Request);
    Err(Stop::Close)
}

/// Waits for bytes of the server; what a client of `mode tcp` says meanwhile goes to it.
async fn server_bytes(t: &mut Transaction) {
    let tcp = t.proxy().conf().mode == Mode::Tcp;
    let mut upload = Upload::default();
    poll_fn(|cx| {
        if !tcp && client_left(t, RuleSet::TcpResponse, cx) != News::None {
            t.messages.at_end = true;
            return Poll::Ready(());
        }
        let Some(far) = &mut t.far else { return Poll::Ready(()) };
        let client = &mut t.client;
        if tcp {
            upload.poll(cx, &client.stream, &mut client.input, &far.stream);
        }
        if let Poll::Ready(read) = far.stream.poll_read(cx, far.input.space()) {
            match read {
                Ok(n) if n > 0 => far.input.filled(n),
                _ => t.messages.at_end = true,
            }
            return Poll::Ready(());
        }
        if client.timer.poll_expired(cx) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    let passed = upload.passed();
    t.facts.bytes_in += passed;
    t.facts.bytes_up += passed;
    t.facts.log_bytes.0 += passed;
}
