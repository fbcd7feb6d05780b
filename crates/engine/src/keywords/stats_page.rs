//! The statistics page (manual, 4.2 "stats ...").
//!
//! The first such line of a proxy gives it a page of its own; what `defaults` say of one is forgotten then. Rules of
//! the page are kept as lines and compiled with all others ([`Compiler`](crate::action::Compiler)).

use std::sync::Arc;

use weir_config::values::{self, TimeFault, Unit};
use weir_config::{Arity, Class, Entry, Keyword, Line, Prefix, Sections, Word};
use weir_diag::{Diagnostic, Form};

use super::resolve::Load;
use super::{ProxyCtx, ProxyFn};
use crate::action::RuleLine;
use crate::conf::{Password, StatsPage, User, Userlist};

/// The lines of this file.
pub(super) const STATS_PAGE: &[Keyword<ProxyFn>] = &[
    works("stats admin", "who may change things on the statistics page", admin),
    works("stats auth", "a user who may see the statistics page", auth),
    works("stats enable", "shows the statistics page", |ctx, line| set(ctx, line, |_| {})),
    works("stats hide-version", "the statistics page shows no version", |ctx, line| {
        set(ctx, line, |page| page.shows_version = false)
    }),
    works("stats show-version", "the statistics page shows the version", |ctx, line| {
        set(ctx, line, |page| page.shows_version = true)
    }),
    works("stats http-request", "a rule for who sees the statistics page", http_request),
    works("stats realm", "what browsers call the place that asks for a password", |ctx, line| {
        let realm = argument(line, "'realm' needs an realm name.")?;
        set(ctx, line, |page| page.realm = Some(realm))
    }),
    works("stats refresh", "how often browsers load the statistics page again", refresh),
    works("stats scope", "a proxy that the statistics page shows", |ctx, line| {
        let name = argument(line, "'scope' needs a proxy name.")?;
        set(ctx, line, |page| {
            if !page.scope.contains(&name) {
                page.scope.push(name);
            }
        })
    }),
    works("stats show-desc", "the statistics page shows a description", describe),
    works("stats show-legends", "the statistics page tells more of what it shows", |ctx, line| {
        set(ctx, line, |page| page.legends = true)
    }),
    works("stats show-modules", "the statistics page shows counters of modules", |ctx, line| {
        set(ctx, line, |page| page.modules = true)
    }),
    works("stats show-node", "the statistics page names the node", |ctx, line| {
        let name = line.arg(0).map(Word::text).unwrap_or_default().into_owned();
        set(ctx, line, |page| page.node = Some(name))
    }),
    works("stats uri", "where the statistics page is", |ctx, line| {
        argument(line, "'uri' needs an URI prefix.")?;
        let uri = line.arg(0).map(|w| w.bytes.clone()).unwrap_or_default();
        set(ctx, line, |page| page.uri = uri)
    }),
];

const fn works(name: &'static str, help: &'static str, run: ProxyFn) -> Keyword<ProxyFn> {
    Keyword::works(Entry::new(Class::Proxy, name, Sections::PROXIES, Arity::ANY, help), run)
}

/// Makes a user list and a rule of what `stats auth` and `stats realm` say of a page.
pub(super) fn authenticate(load: &mut Load<'_>) {
    let mut lists = Vec::new();
    for draft in &mut load.drafts {
        let Some(page) = draft.proxy.stats.clone() else { continue };
        let has_rules = draft.rules.iter().any(|rule| rule.line.name() == RULE);
        if has_rules && (!page.users.is_empty() || page.realm.is_some()) {
            let message = format!(
                "proxy '{}': stats 'auth'/'realm' and 'http-request' can't be used at the same time.",
                draft.proxy.name
            );
            load.out.push(Diagnostic::alert(page.at, message).form(Form::Bare));
        } else if !page.users.is_empty() {
            let list = format!(".stats/{}", draft.proxy.name);
            draft.rules.push(RuleLine::new(asks(&page, &list)));
            let user = |(name, password): &(String, String)| User {
                name: name.clone(),
                password: Password::Clear(password.clone()),
                groups: Vec::new(),
            };
            lists.push(Arc::new(Userlist { name: list, users: page.users.iter().map(user).collect() }));
        }
    }
    load.conf.userlists.extend(lists);
}

/// `stats http-request auth realm REALM unless { http_auth(LIST) }`
fn asks(page: &StatsPage, list: &str) -> Line {
    let at = page.at;
    let fetch = format!("http_auth({list})");
    let realm = page.realm.as_deref().unwrap_or(StatsPage::REALM);
    let texts = ["stats", "http-request", "auth", "realm", realm, "unless", "{", &fetch, "}"];
    let words = texts.iter().map(|text| Word { bytes: text.as_bytes().into(), span: at }).collect();
    Line { prefix: Prefix::None, words, name_len: 2, span: at }
}

/// Changes the page of the proxy; the one of `defaults` is none of its own.
fn set(ctx: &mut ProxyCtx<'_>, line: &Line, change: impl FnOnce(&mut StatsPage)) -> Result<(), Diagnostic> {
    let draft = &mut *ctx.draft;
    if !draft.own_page {
        draft.own_page = true;
        draft.proxy.stats = None;
    }
    let page = draft.proxy.stats.get_or_insert_with(|| Arc::new(StatsPage::new(line.span)));
    change(Arc::make_mut(page));
    Ok(())
}

fn argument(line: &Line, missing: &str) -> Result<String, Diagnostic> {
    let word = line.arg(0).filter(|w| !w.bytes.is_empty());
    word.map(|w| w.text().into_owned()).ok_or_else(|| line.alert(missing.to_owned()))
}

fn auth(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let account = argument(line, "'auth' needs a user:password account.")?;
    let (name, password) = account.split_once(':').unwrap_or((&account, ""));
    let known = ctx.draft.own_page
        && ctx.draft.proxy.stats.as_ref().is_some_and(|page| page.users.iter().any(|(user, _)| user == name));
    if known {
        let message = format!("config : uri auth: ignoring duplicated user '{name}'.");
        ctx.out.push(line.warning(message).form(Form::Bare));
        return Ok(());
    }
    let user = (name.to_owned(), password.to_owned());
    set(ctx, line, |page| page.users.push(user))
}

fn refresh(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let Some(word) = line.arg(0) else {
        // What ends the empty word ends the message.
        return Err(line.alert("unexpected character '").tight());
    };
    let time = values::parse_time(&word.bytes, Unit::Seconds).map_err(|fault| match fault {
        TimeFault::Unexpected(c) => {
            word.alert(format!("unexpected character '{c}' in argument to stats refresh interval.")).tight()
        }
        TimeFault::Overflow => word
            .alert(format!(
                "timer overflow in argument <{}> to stats refresh interval, maximum value is 2147483647 s (~68 years).",
                word.text()
            ))
            .tight(),
    })?;
    set(ctx, line, |page| page.refresh = Some(time.duration).filter(|d| !d.is_zero()))
}

fn describe(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let words: Vec<String> = line.args().iter().map(|w| w.text().into_owned()).collect();
    let text = if words.is_empty() { ctx.global.description.clone() } else { Some(words.join(" ")) };
    if text.is_none() {
        let message = "'show-desc' requires a parameter or 'desc' to be set in the global section.";
        ctx.out.push(line.warning(message).tight());
        return Ok(());
    }
    set(ctx, line, |page| page.description = text)
}

fn admin(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    if ctx.section == Sections::DEFAULTS {
        return Err(line.alert("'stats admin' not allowed in 'defaults' section.").tight());
    }
    if !line.arg(0).is_some_and(|w| w.is("if") || w.is("unless")) {
        return Err(line.alert("'stats admin' requires either 'if' or 'unless' followed by a condition."));
    }
    keep(ctx, line)
}

fn http_request(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    if ctx.section == Sections::DEFAULTS {
        return Err(line.alert("'stats' not allowed in 'defaults' section.").tight());
    }
    keep(ctx, line)
}

fn keep(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    set(ctx, line, |_| {})?;
    ctx.draft.rules.push(RuleLine::new(line.clone()));
    Ok(())
}

/// The line that begins a rule of the page.
const RULE: &str = "stats http-request";
