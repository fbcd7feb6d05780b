//! The syntax of a log format.

use super::{Alias, Format, Item, ItemKind, Options, Purpose, steps};
use crate::{Error, Expr, Load, Type};

/// Compiles `text` for `purpose`.
pub(super) fn compile(text: &[u8], purpose: Purpose, load: &mut Load<'_>) -> Result<Format, Error> {
    let start = match purpose {
        Purpose::Http | Purpose::Text | Purpose::UniqueId => Options::NONE,
        _ => Options::MANDATORY,
    };
    let mut parser = Parser {
        text,
        pos: 0,
        purpose,
        default: start,
        global: Options::NONE,
        items: Vec::new(),
        literal: Vec::new(),
    };
    parser.all(load)?;
    let Parser { mut items, global, .. } = parser;
    // An encoding of the whole line is that of every item, those before it too.
    let encodings = Options::JSON.with(Options::CBOR);
    if global.encodes() {
        for item in &mut items {
            item.options = item.options.without(encodings).with(global.only(encodings));
        }
    }
    let steps = steps::compile(&items, global);
    Ok(Format { items: items.into(), steps, purpose, global })
}

struct Parser<'t> {
    text: &'t [u8],
    pos: usize,
    purpose: Purpose,
    /// Flags that items start with: those of the last `%o`.
    default: Options,
    global: Options,
    items: Vec<Item>,
    literal: Vec<u8>,
}

// === impl Parser ===

impl<'t> Parser<'t> {
    fn all(&mut self, load: &mut Load<'_>) -> Result<(), Error> {
        let merges = !matches!(self.purpose, Purpose::Http | Purpose::Text);
        while let Some(&c) = self.text.get(self.pos) {
            match c {
                b'%' => self.item(load)?,
                b' ' if merges => {
                    self.flush();
                    if !matches!(self.items.last().map(|i| &i.kind), Some(ItemKind::Separator)) {
                        self.push(ItemKind::Separator, Options::NONE);
                    }
                    self.pos += 1;
                }
                _ => {
                    self.literal.push(c);
                    self.pos += 1;
                }
            }
        }
        self.flush();
        Ok(())
    }

    /// An item from its `%` on.
    fn item(&mut self, load: &mut Load<'_>) -> Result<(), Error> {
        let start = self.pos;
        self.pos += 1;
        if self.peek() == Some(b'%') {
            self.literal.push(b'%');
            self.pos += 1;
            return Ok(());
        }
        let (name, cast) = if self.peek() == Some(b'(') { self.named()? } else { (Box::default(), None) };
        let arguments = if self.peek() == Some(b'{') { Some(self.arguments()?) } else { None };
        let options = arguments.map_or(self.default, |text| self.flags(text));
        match self.peek() {
            Some(b'[') => {
                self.flush();
                let expr = self.expression(load)?;
                self.items.push(Item { kind: ItemKind::Expr(Box::new(expr)), options, name, cast });
                Ok(())
            }
            Some(c) if c.is_ascii_alphanumeric() => self.alias(start, options, name, cast),
            Some(_) if arguments.is_some() => {
                let seen =
                    String::from_utf8_lossy(self.text.get(start..self.pos).unwrap_or_default()).into_owned();
                Err(self.error(format!("parse argument modifier without alias name near '{seen}'"), start))
            }
            None if arguments.is_some() => {
                let seen = String::from_utf8_lossy(self.text.get(start..).unwrap_or_default()).into_owned();
                Err(self.error(format!("parse argument modifier without alias name near '{seen}'"), start))
            }
            None => Err(self.error("truncated line after '%'".into(), start)),
            Some(c) => {
                let message = format!(
                    "unexpected alias name near '{}' at position {} line : '{}'. Maybe you want to write a single '%', \
                     use the syntax '%%'",
                    char::from(c),
                    self.pos,
                    String::from_utf8_lossy(self.text)
                );
                Err(self.error(message, start))
            }
        }
    }

    /// `(name:type)`
    fn named(&mut self) -> Result<(Box<[u8]>, Option<Type>), Error> {
        let open = self.pos;
        let rest = self.text.get(open + 1..).unwrap_or_default();
        let Some(len) = rest.iter().position(|c| *c == b')') else {
            // The message of the reference ends here, at the end of the text.
            return Err(self.error("invalid character in custom name near '".into(), open));
        };
        let inner = rest.get(..len).unwrap_or_default();
        let permitted = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b':');
        if let Some(bad) = inner.iter().position(|c| !permitted(c)) {
            let message = format!(
                "invalid character in custom name near '{}' at position {} line : '{}'",
                char::from(inner.get(bad).copied().unwrap_or_default()),
                open + 1 + bad,
                String::from_utf8_lossy(self.text)
            );
            return Err(self.error(message, open + 1 + bad));
        }
        self.pos = open + len + 2;
        let mut parts = inner.splitn(2, |c| *c == b':');
        let name = parts.next().unwrap_or_default();
        let cast = match parts.next() {
            None => None,
            Some(b"str") => Some(Type::Str),
            Some(b"sint") => Some(Type::Sint),
            Some(b"bool") => Some(Type::Bool),
            Some(b"raw") => Some(Type::Any),
            Some(other) => {
                let message = format!(
                    "unexpected output type '{}' at position {} line : '{}'. Supported types are: str, sint, bool, raw",
                    String::from_utf8_lossy(other),
                    open + name.len() + 2,
                    String::from_utf8_lossy(self.text)
                );
                return Err(self.error(message, open));
            }
        };
        Ok((name.into(), cast))
    }

    /// `{...}`: what stands between the braces.
    fn arguments(&mut self) -> Result<&'t [u8], Error> {
        let open = self.pos;
        let rest = self.text.get(open + 1..).unwrap_or_default();
        let Some(len) = rest.iter().position(|c| *c == b'}') else {
            let seen = String::from_utf8_lossy(rest).into_owned();
            return Err(self.error(format!("truncated line after '{seen}'"), open));
        };
        self.pos = open + len + 2;
        Ok(rest.get(..len).unwrap_or_default())
    }

    /// The flags of an item: those in force, changed as the braces say. Unknown ones change nothing, nor
    /// does a second encoding.
    fn flags(&self, text: &[u8]) -> Options {
        let mut options = self.default;
        for word in text.split(|c| *c == b',') {
            let Some((sign, name)) = word.split_first() else { continue };
            let flag = match name {
                b"Q" => Options::QUOTE,
                b"X" => Options::HEX,
                b"E" => Options::ESCAPE,
                b"M" => Options::MANDATORY,
                b"bin" => Options::BIN,
                b"json" if !options.has(Options::CBOR) => Options::JSON,
                b"cbor" if !options.has(Options::JSON) => Options::CBOR,
                b"utf8" => Options::UTF8,
                _ => continue,
            };
            options = match sign {
                b'+' => options.with(flag),
                b'-' => options.without(flag),
                _ => options,
            };
        }
        // An id is a text.
        if self.purpose == Purpose::UniqueId {
            options = options.without(Options::JSON).without(Options::CBOR);
        }
        options
    }

    /// `[expression]`
    fn expression(&mut self, load: &mut Load<'_>) -> Result<Expr, Error> {
        let start = self.pos + 1;
        let rest = String::from_utf8_lossy(self.text.get(start..).unwrap_or_default()).into_owned();
        let (expr, end) = Expr::parse(self.text, start, load)
            .map_err(|e| e.prefixed(&format!("failed to parse sample expression <{rest}> : ")))?;
        expr.check_place(load).map_err(|e| Error::new(e, start, end))?;
        let seen = String::from_utf8_lossy(self.text.get(start..end).unwrap_or_default()).into_owned();
        match self.text.get(end) {
            Some(b']') => {}
            None => return Err(Error::new(format!("missing ']' after '{seen}'"), start, end)),
            Some(c) => {
                let message =
                    format!("expected ']' after '{seen}', but found '{}'", char::from(*c).escape_default());
                return Err(Error::new(message, end, end + 1));
            }
        }
        if expr.reads_bytes() && matches!(self.purpose, Purpose::Http | Purpose::UniqueId) {
            let name = expr.fetch_name();
            load.warnings.push(format!("L6 sample fetch <{name}> ignored in HTTP log-format string."));
        }
        self.pos = end + 1;
        Ok(expr)
    }

    /// An alias after its `%`, name and flags.
    fn alias(
        &mut self,
        start: usize,
        options: Options,
        name: Box<[u8]>,
        cast: Option<Type>,
    ) -> Result<(), Error> {
        let begin = self.pos;
        while self.peek().is_some_and(|c| c.is_ascii_alphanumeric()) {
            self.pos += 1;
        }
        let word = self.text.get(begin..self.pos).unwrap_or_default();
        let Some(entry) = Alias::of(word) else {
            let message = format!(
                "no such format alias '{}'. If you wanted to emit the '%' character verbatim, you need to use '%%'",
                String::from_utf8_lossy(word)
            );
            return Err(self.error(message, start));
        };
        if entry.alias == Alias::Options {
            self.default = options;
            self.global = options;
            return Ok(());
        }
        self.flush();
        self.items.push(Item { kind: ItemKind::Alias(entry.alias), options, name, cast });
        Ok(())
    }

    fn flush(&mut self) {
        if !self.literal.is_empty() {
            let text = std::mem::take(&mut self.literal);
            self.push(ItemKind::Text(text.into()), Options::NONE);
        }
    }

    fn push(&mut self, kind: ItemKind, options: Options) {
        self.items.push(Item { kind, options, name: Box::default(), cast: None });
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.pos).copied()
    }

    fn error(&self, message: String, start: usize) -> Error {
        Error::new(message, start, self.pos.max(start + 1).min(self.text.len()))
    }
}
