//! Commands about stick tables: what they hold, and changes to it (management manual, 9.3 "show table",
//! "set table", "clear table").

use std::sync::Arc;

use weir_config::values::leading_integer;
use weir_engine::conf::CliLevel;
use weir_engine::tables::now;
use weir_table::{Column, Compare, Data, Filter, KeyType, Removal, Row, Shape, Table};

use crate::cli::{Call, CommandKeyword, Outcome, command};
use crate::world::World;

/// The commands of this file. The words of `show` are judged for everybody; all others take an operator.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    use CliLevel::User;
    vec![
        command(
            "clear table",
            "<table> [<filter>]*",
            User,
            "remove an entry from a table (filter: data/key)",
            clear,
        ),
        command(
            "set table",
            "<table> key <k> [data.* <v>]*",
            User,
            "update or create a table entry's data",
            set,
        ),
        command(
            "show table",
            "[<table> [<filter>]*]",
            User,
            "report table usage stats or dump this table's contents (filter: data/key)",
            show,
        ),
    ]
}

/// What a command says of the entries that it is about.
enum Chosen {
    Key(Vec<u8>),
    Id(u64),
    /// All that these let through.
    Filters(Vec<Filter>),
}

fn show(call: &mut Call<'_, World>) -> Outcome {
    if !call.has(0) {
        let tables = call.world.engine.snapshot().tables.clone();
        for table in tables.iter().rev() {
            header(table, call.out);
        }
        return Outcome::Done;
    }
    let (table, chosen) = match chosen(call, SHOW_TAKES, "Showing keys from") {
        Ok(found) => found,
        Err(message) => return call.fail(message),
    };
    let whole = matches!(chosen, Chosen::Filters(_));
    if whole && call.settings.level < CliLevel::Operator {
        header(&table, call.out);
        return call.say("# contents not dumped due to insufficient privileges");
    }
    if !call.allowed(CliLevel::Operator) {
        return Outcome::Done;
    }
    let out = &mut *call.out;
    match chosen {
        Chosen::Key(key) => {
            table.with(&key, now(), |row| alone(&table, row, out));
        }
        Chosen::Id(id) => {
            table.with_id(id, now(), |row| alone(&table, row, out));
        }
        Chosen::Filters(filters) => {
            header(&table, out);
            table.for_each(&filters, now(), |row| line(&table, row, out));
        }
    }
    Outcome::Done
}

/// An entry as people read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Its data: labels as `show table` has them, and values.
    pub data: Vec<(String, String)>,
}

/// Everything that a table holds.
pub fn entries(table: &Table) -> Vec<Entry> {
    let mut all = Vec::new();
    table.for_each(&[], now(), |row| {
        all.push(Entry { key: table.spec().key_type.show(row.key()), data: data(table, row) });
    });
    all
}

/// The only entry that is shown.
fn alone(table: &Table, row: &mut Row<'_>, out: &mut Vec<u8>) {
    title(table, out);
    line(table, row, out);
}

fn clear(call: &mut Call<'_, World>) -> Outcome {
    if !call.has(0) {
        return call.fail(CLEAR_TAKES);
    }
    if let Err(message) = named(call) {
        return call.fail(message);
    }
    if !call.allowed(CliLevel::Operator) {
        return Outcome::Done;
    }
    let (table, chosen) = match chosen(call, CLEAR_TAKES, "Removing keys from") {
        Ok(found) => found,
        Err(message) => return call.fail(message),
    };
    let removal = match chosen {
        Chosen::Filters(filters) => {
            table.clear(&filters, now());
            Removal::Removed
        }
        Chosen::Key(key) => table.remove(&key, now()),
        Chosen::Id(id) => table.remove_id(id),
    };
    match removal {
        Removal::InUse => call.fail("Entry currently in use, cannot remove"),
        Removal::Removed | Removal::Absent => Outcome::Done,
    }
}

/// Changes are made in the order of their words, up to the first that cannot be.
fn set(call: &mut Call<'_, World>) -> Outcome {
    if !call.has(0) {
        return call.fail(SET_TAKES);
    }
    let table = match named(call) {
        Ok(table) => table,
        Err(message) => return call.fail(message),
    };
    if !call.allowed(CliLevel::Operator) {
        return Outcome::Done;
    }
    // Without an entry there is nothing to do.
    if !call.has(1) {
        return Outcome::Done;
    }
    if call.arg(1).starts_with("data.") {
        return call.fail(NO_FILTERS);
    }
    let chosen = match entry(call, &table, SET_TAKES, "Inserting keys into") {
        Ok(chosen) => chosen,
        Err(message) => return call.fail(message),
    };
    let apply = |row: &mut Row<'_>| -> Result<(), String> {
        let mut at = 3;
        while call.has(at) {
            let (data, index, value) = change(call, row.columns(), at)?;
            row.set(data, index, value);
            at += 2;
        }
        Ok(())
    };
    let done = match chosen {
        Chosen::Key(key) => table.update(&key, now(), apply).ok(),
        Chosen::Id(id) => table.with_id(id, now(), apply),
        Chosen::Filters(_) => Some(Ok(())),
    };
    match done {
        Some(Ok(())) => Outcome::Done,
        Some(Err(message)) => call.fail(message),
        None => call.fail("Unable to allocate a new entry"),
    }
}

/// The table that the first word names.
fn named(call: &Call<'_, World>) -> Result<Arc<Table>, String> {
    let name = call.arg(0);
    let snapshot = call.world.engine.snapshot();
    let found = snapshot.tables.iter().find(|table| table.spec().name == *name).cloned();
    found.ok_or_else(|| "No such table".to_owned())
}

/// The table, and what the words behind its name choose of it; `takes` tells what they may be.
fn chosen(call: &Call<'_, World>, takes: &str, doing: &str) -> Result<(Arc<Table>, Chosen), String> {
    let table = named(call)?;
    let word = call.arg(1);
    let chosen = if word.is_empty() || word.starts_with("data.") {
        Chosen::Filters(filters(call, &table)?)
    } else {
        entry(call, &table, takes, doing)?
    };
    Ok((table, chosen))
}

/// `key <key>` or `ptr <ptr>`
fn entry(call: &Call<'_, World>, table: &Table, takes: &str, doing: &str) -> Result<Chosen, String> {
    let word = call.arg(2);
    match &*call.arg(1) {
        "ptr" => {
            let digits = word.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok());
            let id = digits.ok_or_else(|| "Pointer expected (0xffff notation)".to_owned())?;
            let known = table.with_id(id, now(), |_| Chosen::Id(id));
            known.ok_or_else(|| "No entry can be found matching ptr.".to_owned())
        }
        "key" if !call.has(2) => Err("Key value expected".to_owned()),
        "key" => match table.spec().key_type {
            KeyType::Binary(_) => Err(format!(
                "{doing} tables of type other than ip, ipv6, string and integer is not supported"
            )),
            kind => kind.parse(&word).map(Chosen::Key).ok_or_else(|| "Invalid key".to_owned()),
        },
        _ => Err(takes.to_owned()),
    }
}

fn filters(call: &Call<'_, World>, table: &Table) -> Result<Vec<Filter>, String> {
    let mut filters = Vec::new();
    let mut at = 1;
    while call.has(at) {
        if filters.len() == MOST_FILTERS {
            // Counted with the two words of the command's name.
            return Err(format!(
                "Detected extra data in filter, {}th word of input, after '{}'",
                at + 3,
                call.arg(at - 1)
            ));
        }
        let error = |message: &str| format!("Filter entry #{}: {message}", filters.len() + 1);
        let (data, index) = column(call, table.spec().schema.columns(), at).map_err(|e| error(&e))?;
        let compare = Compare::named(&call.arg(at + 1))
            .ok_or_else(|| error(r#"Require and operator among "eq", "ne", "le", "ge", "lt", "gt""#))?;
        let value = value(&call.arg(at + 2))
            .ok_or_else(|| error("Require a valid integer value to compare against"))?;
        filters.push(Filter { data, index, compare, value });
        at += 3;
    }
    Ok(filters)
}

/// `data.TYPE` or `data.TYPE[INDEX]`, which must be stored.
fn column(call: &Call<'_, World>, columns: &[Column], at: usize) -> Result<(Data, u32), String> {
    let word = call.arg(at);
    let name = word.strip_prefix("data.").unwrap_or_default();
    let (name, index) = match name.split_once('[') {
        Some((name, index)) => (name, index.strip_suffix(']').and_then(|index| index.parse().ok())),
        None => (name, Some(0)),
    };
    let known = Data::named(name).zip(index);
    let (data, index) = known.ok_or_else(|| "Unknown data type".to_owned())?;
    if !columns.iter().any(|column| column.data == data) {
        return Err("Data type not stored in this table".to_owned());
    }
    Ok((data, index))
}

fn change(call: &Call<'_, World>, columns: &[Column], at: usize) -> Result<(Data, u32, u64), String> {
    if !call.arg(at).starts_with("data.") {
        return Err(r#""data.<type>" followed by a value expected"#.to_owned());
    }
    let (data, index) = column(call, columns, at)?;
    let value = value(&call.arg(at + 1)).filter(|_| data != Data::ServerKey);
    let value = value.ok_or_else(|| "Require a valid integer value to store".to_owned())?;
    if columns.iter().any(|column| column.data == data && index >= column.count) {
        return Err("index out of range in this data array".to_owned());
    }
    Ok((data, index, value as u64))
}

fn value(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let whole = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    whole.then(|| leading_integer(text.as_bytes()))
}

/// `# table: T, type: ip, size:1024, used:1`
fn header(table: &Table, out: &mut Vec<u8>) {
    table.expire(now(), usize::MAX);
    title(table, out);
}

fn title(table: &Table, out: &mut Vec<u8>) {
    let spec = table.spec();
    let text = format!(
        "# table: {}, type: {}, size:{}, used:{}\n",
        spec.name,
        spec.key_type.name(),
        table.size(),
        table.used()
    );
    out.extend_from_slice(text.as_bytes());
}

/// One entry with all that it stores.
fn line(table: &Table, row: &mut Row<'_>, out: &mut Vec<u8>) {
    let spec = table.spec();
    let text = format!("{:#x}: key=", row.id());
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(spec.key_type.show(row.key()).as_bytes());
    let mut text = format!(" use={} exp={} shard=0", row.users(), row.expires_in());
    for (name, value) in data(table, row) {
        text.push_str(&format!(" {name}={value}"));
    }
    text.push('\n');
    out.extend_from_slice(text.as_bytes());
}

/// The data of an entry, each with its label.
fn data(table: &Table, row: &Row<'_>) -> Vec<(String, String)> {
    let all = row.columns().iter().flat_map(|column| (0..column.count).map(move |index| (column, index)));
    all.map(|(column, index)| (label(column, index), shown(table, row, column, index))).collect()
}

/// `gpc0`, `gpc1_rate(10000)`
fn label(column: &Column, index: u32) -> String {
    let name = column.data.name();
    let name = match (column.data.is_array(), name.strip_suffix("_rate")) {
        (false, _) => name.to_owned(),
        (true, Some(name)) => format!("{name}{index}_rate"),
        (true, None) => format!("{name}{index}"),
    };
    match column.data.shape() {
        Shape::Rate => format!("{name}({})", column.period),
        _ => name,
    }
}

fn shown(table: &Table, row: &Row<'_>, column: &Column, index: u32) -> String {
    let value = row.value(column.data, index).unwrap_or(0);
    match column.data {
        Data::ServerKey => {
            let text = u32::try_from(value).ok().and_then(|word| table.text(word));
            text.map_or_else(|| "-".to_owned(), |text| text.to_string())
        }
        Data::BytesInRate | Data::BytesOutRate => {
            (value * u64::from(table.spec().byte_rate_factor)).to_string()
        }
        _ => value.to_string(),
    }
}

const SHOW_TAKES: &str = r#"Optional argument only supports "data.<store_data_type>" <operator> <value> or key <key> or ptr <ptr>"#;
const CLEAR_TAKES: &str = r#"Required arguments: <table> "data.<store_data_type>" <operator> <value> or <table> key <key> or <table> ptr <ptr>"#;
const SET_TAKES: &str = "Required arguments: <table> key <key> [data.<store_data_type> <value>]* or <table> ptr <ptr> \
                         [data.<store_data_type> <value>]*";

const NO_FILTERS: &str = r#"content-based lookup is only supported with the "show" and "clear" actions"#;

/// Filters that one command may have.
const MOST_FILTERS: usize = 4;
