//! Checks that speak a protocol of their own, each as a ruleset: `option mysql-check` and its kin (manual, 4.2).

use std::sync::Arc;

use weir_balance::health::CheckStatus;
use weir_config::{Keyword, Line, Word};
use weir_diag::{Diagnostic, Span};
use weir_expr::regex::Regex;
use weir_wire::checks::{self, MysqlLogin};

use super::super::{ProxyCtx, ProxyFn};
use super::draft::Method;
use super::line as entry;
use crate::conf::{
    Answer, CheckAct, CheckConnect, CheckExpect, CheckSend, CheckText, Computed, Ruleset, Talk, Want,
};

/// The lines of this file.
pub(in super::super) const PROTOCOLS: &[Keyword<ProxyFn>] = &[
    Keyword::works(entry("option ldap-check", "servers are checked by LDAP"), option),
    Keyword::works(entry("option mysql-check", "servers are checked by MySQL's protocol"), option),
    Keyword::works(entry("option pgsql-check", "servers are checked by PostgreSQL's protocol"), option),
    Keyword::works(entry("option redis-check", "servers are checked by Redis' protocol"), option),
    Keyword::works(entry("option smtpchk", "servers are checked by SMTP"), option),
    Keyword::works(entry("option spop-check", "servers are checked by SPOP"), option),
    Keyword::works(entry("option ssl-hello-chk", "servers are checked by a ClientHello"), option),
];

fn option(ctx: &mut ProxyCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let name = line.name();
    let name = name.trim_start_matches("option ");
    if let Some((name, rules)) = protocol(line, name, line.args(), "option")? {
        ctx.draft.checks.method = Method::Protocol(name, Arc::new(rules));
    }
    Ok(())
}

/// The ruleset of the check of this name; `keyword` is what stands before it. None where there is no such check.
pub(super) fn protocol(
    line: &Line,
    name: &str,
    args: &[Word],
    keyword: &str,
) -> Result<Option<(&'static str, Ruleset)>, Diagnostic> {
    let at = line.span;
    Ok(Some(match name {
        "ldap-check" => {
            plain_option(line, args, keyword)?;
            ("LDAP", ldap())
        }
        "mysql-check" => ("MYSQL", mysql(line, args, keyword)?),
        "pgsql-check" => ("PGSQL", pgsql(at, pgsql_user(line, args, keyword)?)),
        "redis-check" => {
            plain_option(line, args, keyword)?;
            ("REDIS", redis(at))
        }
        "smtpchk" => {
            more_than(line, args, 2, keyword)?;
            ("SMTP", smtp(at, args))
        }
        "spop-check" => {
            plain_option(line, args, keyword)?;
            ("SPOP", spop())
        }
        "ssl-hello-chk" => {
            plain_option(line, args, keyword)?;
            ("SSL", ssl_hello())
        }
        _ => return Ok(None),
    }))
}

/// An option that takes no argument. Behind `type` whatever follows is left alone, as the reference does.
pub(super) fn plain_option(line: &Line, args: &[Word], keyword: &str) -> Result<(), Diagnostic> {
    more_than(line, args, 0, keyword)
}

fn more_than(line: &Line, args: &[Word], most: usize, keyword: &str) -> Result<(), Diagnostic> {
    match args.get(most) {
        Some(extra) if keyword == "option" => Err(extra.alert(format!(
            "'{}' cannot handle unexpected argument '{}'.",
            line.name(),
            extra.text()
        ))),
        _ => Ok(()),
    }
}

fn mysql(line: &Line, args: &[Word], keyword: &str) -> Result<Ruleset, Diagnostic> {
    let greeting = CheckAct::Expect(CheckExpect::new(Want::Answer(Answer::MysqlGreeting)));
    let Some(word) = args.first() else {
        return Ok(Ruleset::new(Talk::Protocol, 1, vec![polite_connection(), greeting]));
    };
    more_than(line, args, 3, keyword)?;
    if !word.is("user") {
        return Err(word.alert(format!(
            "'{keyword} mysql-check' only supports optional values: 'user' (got '{}').",
            word.text()
        )));
    }
    let user = args
        .get(1)
        .ok_or_else(|| word.alert(format!("'{keyword} mysql-check user' expects <username> as argument.")))?;
    let login = match args.get(2) {
        None => MysqlLogin::Post41,
        Some(word) => match &*word.bytes {
            b"post-41" => MysqlLogin::Post41,
            b"pre-41" => MysqlLogin::Pre41,
            b"post-80" => MysqlLogin::Post80,
            _ => {
                return Err(word.alert(format!(
                    "keyword 'user' only supports 'post-41', 'pre-41' and 'post-80' (got '{}').",
                    word.text()
                )));
            }
        },
    };
    let mut bytes = Vec::new();
    checks::mysql_login(&mut bytes, &user.bytes, login);
    let answer = CheckAct::Expect(CheckExpect::new(Want::Answer(Answer::MysqlLogin)));
    let acts = vec![polite_connection(), CheckAct::Send(CheckSend::Bytes(bytes)), greeting, answer];
    Ok(Ruleset::new(Talk::Protocol, 1, acts))
}

fn pgsql_user<'w>(line: &Line, args: &'w [Word], keyword: &str) -> Result<&'w Word, Diagnostic> {
    match args {
        [word, user, ..] if word.is("user") => {
            more_than(line, args, 2, keyword)?;
            Ok(user)
        }
        [word, _, ..] if !word.is("user") => {
            more_than(line, args, 2, keyword)?;
            let message = format!("'{keyword} pgsql-check' only supports optional values: 'user'.");
            Err(word.alert(message))
        }
        _ => Err(line.alert(format!("'{keyword} pgsql-check' expects 'user <username>' as argument."))),
    }
}

fn pgsql(at: Span, user: &Word) -> Ruleset {
    let mut bytes = Vec::new();
    checks::pgsql_startup(&mut bytes, &user.bytes);
    let refused = CheckExpect {
        negated: true,
        min_recv: Some(5),
        error_status: Some(CheckStatus::L7Response),
        on_error: Some(format("%[res.payload(6,0)]", at)),
        ..CheckExpect::new(regex("^E"))
    };
    let asked = CheckExpect {
        min_recv: Some(9),
        error_status: Some(CheckStatus::L7Status),
        on_success: Some(CheckText::Plain(b"PostgreSQL server is ok".to_vec())),
        on_error: Some(CheckText::Plain(b"PostgreSQL unknown error".to_vec())),
        ..CheckExpect::new(hexadecimal("^52000000[A-Z0-9]{2}000000(00|02|03|04|05|06|07|09|0A)"))
    };
    let acts = vec![
        polite_connection(),
        CheckAct::Send(CheckSend::Bytes(bytes)),
        CheckAct::Expect(refused),
        CheckAct::Expect(asked),
    ];
    Ruleset::new(Talk::Protocol, 1, acts)
}

fn redis(at: Span) -> Ruleset {
    let pong = CheckExpect {
        error_status: Some(CheckStatus::L7Status),
        on_success: Some(CheckText::Plain(b"Redis server is ok".to_vec())),
        on_error: Some(format("%[res.payload(0,0),cut_crlf]", at)),
        ..CheckExpect::new(Want::Text(b"+PONG\r\n".to_vec()))
    };
    let ping = CheckSend::Bytes(checks::REDIS_PING.to_vec());
    Ruleset::new(Talk::Protocol, 1, vec![plain_connection(), CheckAct::Send(ping), CheckAct::Expect(pong)])
}

fn ldap() -> Ruleset {
    let bind = CheckSend::Bytes(checks::LDAP_BIND.to_vec());
    let answer = CheckExpect::new(Want::Answer(Answer::Ldap));
    Ruleset::new(Talk::Protocol, 1, vec![plain_connection(), CheckAct::Send(bind), CheckAct::Expect(answer)])
}

fn spop() -> Ruleset {
    let hello = CheckSend::Bytes(checks::SPOP_HELLO.to_vec());
    let answer = CheckExpect::new(Want::Answer(Answer::Spop));
    Ruleset::new(Talk::Protocol, 1, vec![plain_connection(), CheckAct::Send(hello), CheckAct::Expect(answer)])
}

fn ssl_hello() -> Ruleset {
    let answer = CheckExpect {
        ok_status: Some(CheckStatus::L6Ok),
        error_status: Some(CheckStatus::L6Response),
        timeout_status: Some(CheckStatus::L6Timeout),
        ..CheckExpect::new(Want::Answer(Answer::Tls))
    };
    let acts = vec![
        CheckAct::Connect(CheckConnect::implied()),
        CheckAct::Send(CheckSend::SslHello),
        CheckAct::Expect(answer),
    ];
    Ruleset::new(Talk::Protocol, 0, acts)
}

fn smtp(at: Span, args: &[Word]) -> Ruleset {
    let mut hello = Vec::new();
    match args {
        [command, domain] if command.is("EHLO") || command.is("HELO") => {
            checks::smtp_hello(&mut hello, &command.bytes, &domain.bytes);
        }
        _ => checks::smtp_hello(&mut hello, b"HELO", b"localhost"),
    }
    let is_smtp = CheckExpect {
        min_recv: Some(4),
        error_status: Some(CheckStatus::L7Response),
        on_error: Some(format("%[res.payload(0,0),cut_crlf]", at)),
        ..CheckExpect::new(regex("^[0-9]{3}[ \r]"))
    };
    let told = || Some(format("%[res.payload(4,0),ltrim(' '),cut_crlf]", at));
    let code = || Some(Computed::new(b"res.payload(0,3)", at));
    let good = |min_recv, pattern: &str| CheckExpect {
        min_recv,
        error_status: Some(CheckStatus::L7Status),
        on_error: told(),
        on_success: told(),
        status_code: code(),
        ..CheckExpect::new(regex(pattern))
    };
    let acts = vec![
        polite_connection(),
        CheckAct::Expect(is_smtp),
        CheckAct::Expect(good(Some(4), "^2[0-9]{2}[ \r]")),
        CheckAct::Send(CheckSend::Bytes(hello)),
        CheckAct::Expect(good(None, "^2[0-9]{2}[- \r]")),
        CheckAct::Send(CheckSend::Bytes(checks::SMTP_QUIT.to_vec())),
        CheckAct::Expect(good(Some(4), "^2[0-9]{2}[- \r]")),
    ];
    Ruleset::new(Talk::Protocol, 1, acts)
}

/// A connection that counts as a step.
fn plain_connection() -> CheckAct {
    CheckAct::Connect(CheckConnect { default: true, ..CheckConnect::default() })
}

/// The same for servers that complain of a reset.
fn polite_connection() -> CheckAct {
    CheckAct::Connect(CheckConnect { default: true, linger: true, ..CheckConnect::default() })
}

fn regex(pattern: &str) -> Want {
    compiled(pattern).map_or_else(|| Want::Text(pattern.into()), Want::Regex)
}

fn hexadecimal(pattern: &str) -> Want {
    compiled(pattern).map_or_else(|| Want::Text(pattern.into()), Want::BinaryRegex)
}

fn compiled(pattern: &str) -> Option<Regex> {
    Regex::compile(pattern.as_bytes(), true).ok()
}

fn format(text: &str, at: Span) -> CheckText {
    CheckText::Format(Computed::new(text.as_bytes(), at))
}
