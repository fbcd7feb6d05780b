//! `filter bwlim-in`, `filter bwlim-out`: how many bytes of bodies pass in a period (manual, 9.7).

use std::sync::Arc;

use weir_config::{Word, values};
use weir_expr::scope::TableId;
use weir_expr::{Expr, WordsError};
use weir_table::Data;

use super::Filter;
use crate::action::Parse;
use crate::tables;

/// A bandwidth limit as it is declared.
#[derive(Debug)]
pub(crate) struct Limit {
    /// What rules call it.
    pub(crate) name: String,
    /// It is for what clients get.
    pub(crate) outgoing: bool,
    /// Bytes per period.
    pub(crate) bytes: u32,
    /// What passes at once, at least, but for the last piece.
    pub(crate) min_size: usize,
    pub(crate) share: Share,
}

/// Among whom a limit is shared.
#[derive(Debug)]
pub(crate) enum Share {
    /// Each transaction has it for itself, over this many milliseconds.
    Own { period: u32 },
    /// All who have the same key in a table.
    Key { key: Expr, table: TableId, data: Data },
}

/// What is read of a line.
#[derive(Default)]
struct Draft<'a> {
    default_limit: Option<u32>,
    default_period: Option<u32>,
    limit: Option<u32>,
    key: Option<Expr>,
    table: Option<&'a Word>,
    min_size: u32,
    own: bool,
    shared: bool,
}

pub(super) fn parse(p: &mut Parse<'_, '_>) -> Result<Filter, WordsError> {
    let filter = p.words.get(p.name).map(|w| w.text().into_owned()).unwrap_or_default();
    let error = |p: &Parse<'_, '_>, what: String| p.error(format!("'filter' : '{filter}' : {what}"));
    let Some(name) = p.words.get(p.at) else {
        return Err(error(p, "a name is expected as first argument ".to_owned()));
    };
    p.at += 1;
    let name = name.text().into_owned();
    if p.filters.iter().any(|f| f.limit(name.as_bytes()).is_some()) {
        let proxy = &p.load.proxy;
        return Err(p.error(format!("'filter' : bwlim filter '{name}' already declared for proxy '{proxy}'")));
    }
    let draft = options(p, &filter)?;
    if draft.own && draft.shared {
        return Err(error(p, "cannot mix per-stream and shared parameter".to_owned()));
    }
    let missing = match () {
        () if draft.shared && draft.key.is_none() => Some("key"),
        () if draft.shared && draft.limit.unwrap_or(0) == 0 => Some("limit"),
        () if draft.shared => None,
        () if draft.default_period.unwrap_or(0) == 0 => Some("default-period"),
        () if draft.default_limit.unwrap_or(0) == 0 => Some("default-limit"),
        () => None,
    };
    if let Some(option) = missing {
        return Err(error(p, format!("<{option}> option is missing")));
    }
    if let Some(extra) = p.words.get(p.at) {
        let at = p.at;
        return Err(WordsError::new(at, format!("'filter {filter}' : unknown keyword '{}'.", extra.text())));
    }
    let outgoing = filter == "bwlim-out";
    let bytes = draft.limit.or(draft.default_limit).unwrap_or(0);
    let min_size = draft.min_size as usize;
    let share = match draft.key {
        Some(key) => shared(p, &name, outgoing, key, draft.table)?,
        None => Share::Own { period: draft.default_period.unwrap_or(0) },
    };
    Ok(Filter::Limit(Arc::new(Limit { name, outgoing, bytes, min_size, share })))
}

fn options<'p>(p: &mut Parse<'p, '_>, filter: &str) -> Result<Draft<'p>, WordsError> {
    let mut draft = Draft::default();
    let words: &'p [Word] = p.words;
    while let Some(option) = words.get(p.at) {
        let name = option.text();
        if !OPTIONS.contains(&&*name) {
            break;
        }
        p.at += 1;
        let Some(word) = words.get(p.at) else {
            let missing = match &*name {
                "key" => "the sample expression",
                "table" => "the table name",
                _ => "the value",
            };
            return Err(p.error(format!("'filter' : '{filter}' : {missing} is missing for '{name}' option")));
        };
        let invalid = |p: &Parse<'_, '_>, c: char| {
            let what = format!("invalid value for option '{name}' (unexpected character '{c}')");
            WordsError::new(p.at, format!("'filter' : '{filter}' : {what}"))
        };
        let size = |p: &Parse<'_, '_>| {
            values::parse_size(&word.bytes)
                .map_err(|rest| invalid(p, rest.first().map_or('\0', |&b| b.into())))
        };
        match &*name {
            "default-limit" => (draft.default_limit, draft.own) = (Some(size(p)?), true),
            "limit" => (draft.limit, draft.shared) = (Some(size(p)?), true),
            "min-size" => draft.min_size = size(p)?,
            "default-period" => {
                let time =
                    values::parse_time(&word.bytes, values::Unit::Milliseconds).map_err(|f| match f {
                        values::TimeFault::Unexpected(c) => invalid(p, c),
                        values::TimeFault::Overflow => invalid(p, '0'),
                    })?;
                let millis = u32::try_from(time.duration.as_millis()).unwrap_or(u32::MAX);
                (draft.default_period, draft.own) = (Some(millis), true);
            }
            "table" => (draft.table, draft.shared) = (Some(word), true),
            _ => {
                let key = p.lax_expr().map_err(|mut e| {
                    e.error.message.insert_str(0, "'filter' : ");
                    e
                })?;
                (draft.key, draft.shared) = (Some(key), true);
                continue;
            }
        }
        p.at += 1;
    }
    Ok(draft)
}

fn shared(
    p: &Parse<'_, '_>,
    name: &str,
    outgoing: bool,
    key: Expr,
    table: Option<&Word>,
) -> Result<Share, WordsError> {
    let proxy = p.load.proxy.clone();
    let shown = table.map_or_else(|| proxy.clone(), |w| w.text().into_owned());
    let said = |what: String| WordsError::new(p.name, format!("Proxy {proxy} : {what}"));
    let Some(found) = p.tables.iter().position(|t| t.spec.name == shown) else {
        return Err(said(format!("unable to find table '{shown}' referenced by bwlim filter '{name}'")));
    };
    let spec = p.tables.get(found).map(|t| &t.spec);
    if spec.is_some_and(|s| !key.output().casts_to(tables::type_of(s.key_type))) {
        return Err(said(format!(
            "stick-table '{shown}' uses a key type incompatible with bwlim filter '{name}'"
        )));
    }
    let data = if outgoing { Data::BytesOutRate } else { Data::BytesInRate };
    if spec.is_some_and(|s| !s.schema.has(data)) {
        let needs = data.name();
        return Err(said(format!(
            "stick-table '{shown}' uses a data type incompatible with bwlim filter '{name}'. It must be '{needs}'"
        )));
    }
    Ok(Share::Key { key, table: TableId(found as u32), data })
}

const OPTIONS: [&str; 6] = ["default-limit", "default-period", "limit", "key", "table", "min-size"];
