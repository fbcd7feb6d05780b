//! `crt-store` sections: certificates, where their parts lie, and the names they are known by (manual, 12.7).

use weir_config::{Arity, Class, Entry, Keyword, Line, Place, Section, Sections};
use weir_diag::{Diagnostic, Form};
use weir_tls::ocsp::Updating;
use weir_tls::pair::{Origin, Sources};
use weir_tls::store::{Fault, Load as Files};

use super::super::resolve::{Load, place};
use super::super::{LISTS, List, ListCtx, ListFn};
use super::{Through, below, load_fault};
use crate::conf::GlobalTls;

/// The lines of the section.
pub(in super::super) const CRT_STORE: &[Keyword<ListFn>] = &[
    Keyword::works(entry("crt-base", "folder of the certificates of this section"), |ctx, line| {
        let path = base(ctx, line)?;
        if let List::Certificates(draft) = &mut ctx.list {
            draft.crt_base = Some(path);
        }
        Ok(())
    }),
    Keyword::works(entry("key-base", "folder of the keys of this section"), |ctx, line| {
        let path = base(ctx, line)?;
        if let List::Certificates(draft) = &mut ctx.list {
            draft.key_base = Some(path);
        }
        Ok(())
    }),
    Keyword::works(entry("load", "a certificate, and the files that belong to it"), load),
];

/// A section while it is read.
#[derive(Debug)]
pub struct StoreDraft {
    name: String,
    crt_base: Option<String>,
    key_base: Option<String>,
    global: GlobalTls,
}

/// Reads a section.
pub(in super::super) fn section(load: &mut Load<'_>, section: &Section) {
    let words = section.header.words.get(1..).unwrap_or_default();
    if words.len() > 1 {
        let said = "'crt-store' section only supports a <name> argument.";
        return load.out.push(section.header.alert(said));
    }
    let global = load.conf.global.tls.clone();
    let mut draft = StoreDraft {
        name: words.first().map(|w| w.text().into_owned()).unwrap_or_default(),
        crt_base: global.crt_base.clone(),
        key_base: global.key_base.clone(),
        global,
    };
    let place =
        Place { classes: &[Class::CrtStore], section: Sections::CRT_STORE, keyword: "crt-store", name: "" };
    for line in &section.lines {
        let mut line = line.clone();
        let Some(found) = LISTS.line(&place, &mut line, &mut load.out) else { continue };
        let mut ctx = ListCtx {
            list: List::Certificates(&mut draft),
            out: &mut load.out,
            sources: load.sources,
            outside: load.outside,
        };
        let result = (found.run)(&mut ctx, &line);
        load.out.take(result);
    }
}

const fn entry(name: &'static str, help: &'static str) -> Entry {
    Entry::new(Class::CrtStore, name, Sections::CRT_STORE, Arity::ANY, help)
}

fn base(ctx: &ListCtx<'_>, line: &Line) -> Result<String, Diagnostic> {
    let missing = || doubly(ctx, line, format!("'{}' requires a <path> argument.", line.name()));
    line.arg(0).map(|w| w.text().into_owned()).ok_or_else(missing)
}

fn load(ctx: &mut ListCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let Loaded { crt, alias, acme, tokens, kind_asked, updating, mut written } = words_of(ctx, line)?;
    let List::Certificates(draft) = &ctx.list else { return Ok(()) };
    let Some(crt) = crt else {
        let said = "'load' in section 'crt-store': mandatory 'crt' parameter not found.".to_owned();
        return Err(doubly(ctx, line, said));
    };
    let path = below(draft.crt_base.as_ref(), &crt);
    if kind_asked {
        let said = "keyword 'keytype', 'bits' and 'curves' require 'generate-dummy' set to 'on'";
        return Err(line.alert(format!("{said}\n '{path}' cannot be read or parsed.")));
    }
    let name = match alias {
        None if draft.name.is_empty() => path.clone(),
        None => format!("@{}/{crt}", draft.name),
        Some(alias) => format!("@{}/{alias}", draft.name),
    };
    let (store, extra) = (&draft.global.store, draft.global.extra);
    let key = written.key.as_ref().map(|key| below(draft.key_base.as_ref(), key));
    let others = Sources { key, ..written.clone() };
    written.crt = Some(crt);
    if tokens {
        store.allow_tokens(&name);
    }
    let files = Files { name: name.clone(), crt: path, others, written, updating, origin: Origin::Store };
    match store.declare(files, &Through(ctx.outside), extra) {
        Ok(true) => match acme {
            Some(acme) => {
                let said = super::without_section(&acme, &place(ctx.sources, line.span));
                Err(line.alert(said).form(Form::Bare))
            }
            None => Ok(()),
        },
        Ok(false) => {
            let said = format!("'load' in section 'crt-store': store '{name}' was already defined.");
            Err(doubly(ctx, line, said))
        }
        Err(fault) => {
            let (first, message) = load_fault(&fault, &draft.global);
            if let Some(first) = first {
                ctx.out.push(line.alert(first).form(Form::Config));
            }
            let message = match &fault {
                Fault::NoCertificate(path) => format!("{message}\n '{path}' cannot be read or parsed."),
                _ => message,
            };
            Err(line.alert(message))
        }
    }
}

/// What a `load` line says.
#[derive(Default)]
struct Loaded {
    crt: Option<String>,
    alias: Option<String>,
    acme: Option<String>,
    /// `jwt`
    tokens: bool,
    /// `bits`, `curves`, `keytype`
    kind_asked: bool,
    updating: Updating,
    /// The other files, as written.
    written: Sources,
}

fn words_of(ctx: &mut ListCtx<'_>, line: &Line) -> Result<Loaded, Diagnostic> {
    let mut loaded = Loaded::default();
    let mut words = line.args().iter();
    while let Some(word) = words.next() {
        let name = word.text();
        let given = words.next();
        let value = given.map(|w| w.text().into_owned()).unwrap_or_default();
        match &*name {
            "crt" => loaded.crt = Some(value),
            "alias" => loaded.alias = Some(value),
            "key" => loaded.written.key = Some(value),
            "ocsp" => loaded.written.ocsp = Some(value),
            "issuer" => loaded.written.issuer = Some(value),
            "sctl" => loaded.written.sctl = Some(value),
            "ocsp-update" => {
                loaded.updating = super::updating(given).map_err(|said| doubly(ctx, line, said))?;
            }
            "jwt" => {
                loaded.tokens = super::on_off("jwt", given).map_err(|said| doubly(ctx, line, said))?;
            }
            "acme" => loaded.acme = Some(value),
            "bits" if value.parse::<i32>().is_err() => {
                let said = format!("cannot parse 'bits' value '{value}', an integer is expected.");
                return Err(doubly(ctx, line, said));
            }
            "generate-dummy" if !["on", "off"].contains(&value.as_str()) => {
                let said =
                    format!("cannot parse 'generate-dummy' value '{value}', 'on' or 'off' is expected.");
                return Err(doubly(ctx, line, said));
            }
            "bits" | "curves" | "keytype" => loaded.kind_asked = true,
            "domains" | "ips" | "profile" | "generate-dummy" | "cn" => {
                ctx.out.push(super::no_effect(word, "it comes with ACME"));
            }
            _ => {
                let said = format!("'load {name}' in section 'crt-store': unknown keyword '{name}'.");
                return Err(doubly(ctx, line, said));
            }
        }
    }
    Ok(loaded)
}

/// A message with the place of its line in front, which is told once more.
fn doubly(ctx: &ListCtx<'_>, line: &Line, what: String) -> Diagnostic {
    line.alert(format!("parsing [{}] : {what}", place(ctx.sources, line.span)))
}
