//! Actions that wait (manual, 4.4 "pause", "wait-for-body").

use std::time::Duration;

use weir_config::{Keyword, values};
use weir_expr::{Expr, Type};

use super::{Action, ActionFn, Parse, Parsed, Reason, Run, Verdict, works};
use crate::ending::{Cause, Stage};
use crate::scope::View;
use crate::stage::body;

/// The actions of this file.
pub(super) const WAIT: &[Keyword<ActionFn>] = &[
    works("http-request pause", "waits for a while", pause),
    works("http-response pause", "waits for a while", pause),
    works("http-request wait-for-body", "waits for the body, or some of it", wait_for_body),
    works("http-response wait-for-body", "waits for the body, or some of it", wait_for_body),
    works("http-request wait-for-handshake", "waits until the client is known", |_| Ok(Box::new(Handshake))),
];

#[derive(Debug)]
enum Pause {
    For(Duration),
    Computed(Expr),
}

fn pause(p: &mut Parse<'_, '_>) -> Parsed {
    if p.is_over() {
        return Err(p.error("unexpected character '"));
    }
    Ok(Box::new(match p.written_time("pause")? {
        Some(time) => Pause::For(time),
        None => Pause::Computed(p.lax_expr()?),
    }))
}

impl Action for Pause {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        if run.since.is_some() {
            return Verdict::Next;
        }
        let delay = match self {
            Self::For(delay) => Some(*delay),
            Self::Computed(expr) => {
                let view = View::of_rules(run.t, run.set);
                let value = expr.eval_as(Type::Sint, &view, &run.bench.scratch).some();
                let millis = value.and_then(|v| v.to_sint()).and_then(|n| u64::try_from(n).ok());
                millis.filter(|n| *n > 0).map(Duration::from_millis)
            }
        };
        delay.map_or(Verdict::Next, |delay| Verdict::Wait(Reason::Time(delay)))
    }
}

/// What came early is not looked at further until it is known who sent it.
#[derive(Clone, Copy, Debug)]
struct Handshake;

impl Action for Handshake {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        let has_early = run.t.client.stream.session().is_some_and(|session| session.has_early());
        match run.since {
            _ if !has_early => Verdict::Next,
            None => Verdict::Wait(Reason::Handshake),
            // It is over, and there is no session: nobody knows who sent this.
            Some(_) => {
                run.t.facts.blame(Cause::Client, Stage::Headers);
                Verdict::Answer(400)
            }
        }
    }
}

#[derive(Debug)]
struct WaitForBody {
    delay: Duration,
    least: Option<u64>,
}

fn wait_for_body(p: &mut Parse<'_, '_>) -> Parsed {
    let (mut delay, mut least) = (None, None);
    while let Some(word) = p.peek() {
        let missing = format!("missing argument for '{}'", word.text());
        if p.eat("time") {
            let word = p.expect(&missing)?;
            let time = values::parse_time(&word.bytes, values::Unit::Milliseconds).map_err(|fault| {
                p.error(match fault {
                    values::TimeFault::Unexpected(c) => format!("unexpected character '{c}'"),
                    values::TimeFault::Overflow => {
                        "time overflow (maximum value is 2147483647 ms or ~24.8 days)".to_owned()
                    }
                })
            })?;
            delay = Some(time.duration);
        } else if p.eat("at-least") {
            let word = p.expect(&missing)?;
            let size = values::parse_size(&word.bytes).map_err(|rest| {
                let c = rest.first().map_or('\0', |b| char::from(*b));
                p.error(format!("unexpected character '{c}'"))
            })?;
            least = Some(u64::from(size)).filter(|n| *n > 0);
        } else {
            break;
        }
    }
    let Some(delay) = delay else { return Err(p.error("expects time <time> [ at-least <bytes> ]")) };
    Ok(Box::new(WaitForBody { delay, least }))
}

impl Action for WaitForBody {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        if !run.set.is_response() && run.since.is_none() && body::expects(run.t) {
            run.bench.hints.extend_from_slice(body::CONTINUE);
        }
        let (input, length, stream) = match &run.t.far {
            Some(far) if run.set.is_response() => {
                (&far.input, body::length_of_answer(&run.t.messages, &far.stream), &far.stream)
            }
            _ => (&run.t.client.input, run.t.front.request, &run.t.client.stream),
        };
        let enough = self.least.is_some_and(|least| input.data().len() as u64 >= least);
        if enough || body::is_over(length, stream) || input.is_full() || body::is_whole(length, input.data())
        {
            return Verdict::Next;
        }
        // No more of it will come: of an answer this may be all, and a request goes on to its backend, but no further.
        if run.t.messages.at_end {
            return Verdict::Next;
        }
        if run.since.is_none_or(|since| since.after(Some(self.delay)) > run.t.now()) {
            return Verdict::Wait(Reason::Bytes { delay: Some(self.delay) });
        }
        if run.set.is_response() {
            run.t.facts.blame(Cause::ServerTimeout, Stage::Headers);
            return Verdict::Answer(504);
        }
        run.t.facts.turned_away = true;
        run.t.facts.blame(Cause::ClientTimeout, Stage::Request);
        Verdict::Answer(408)
    }
}
