//! Sample expressions: `fetch(args),converter(args),...`, compiled at load and evaluated for transactions
//! (manual, 7.3).
//!
//! Compiling checks names, arguments, types and casts once; evaluating walks a short list of function
//! pointers. Casts between steps are decided by the declared types and done on the values.

use weir_config::{State, Word};

use crate::args::{self, Args, Who};
use crate::keyword::{ConvertFn, Eval, FetchFn};
use crate::place::{Needs, Validity};
use crate::{Error, Load, Lookup, Scope, Scratch, Side, Type, Value, WordsError};

/// A compiled sample expression.
#[derive(Clone, Debug)]
pub struct Expr {
    fetch: FetchFn,
    args: Args,
    steps: Box<[Step]>,
    output: Type,
    validity: Validity,
    /// It reads the head of a request, which rules that see an answer do not see any more.
    of_request: bool,
    names: Box<ExprNames>,
}

#[derive(Clone, Debug)]
struct Step {
    input: Type,
    run: ConvertFn,
    args: Args,
}

#[derive(Clone, Debug)]
struct ExprNames {
    fetch: &'static str,
    needs: Needs,
    /// The last converter.
    last: Option<&'static str>,
}

/// An expression while it is read.
struct Chain {
    fetch: FetchFn,
    args: Args,
    steps: Vec<Step>,
    output: Type,
    names: ExprNames,
}

// === impl Expr ===

impl Expr {
    /// Compiles a text that is one expression.
    pub fn compile(text: &[u8], load: &mut Load<'_>) -> Result<Self, Error> {
        let (mut chain, pos) = Chain::begin(text, 0, load)?;
        let end = chain.follow(text, pos, load)?;
        chain.ends(text, end)?;
        Ok(chain.close(load))
    }

    /// Compiles the expression that begins at `start`; returns it and the offset of what follows it.
    pub fn parse(text: &[u8], start: usize, load: &mut Load<'_>) -> Result<(Self, usize), Error> {
        let (mut chain, pos) = Chain::begin(text, start, load)?;
        let end = chain.follow(text, pos, load)?;
        Ok((chain.close(load), end))
    }

    /// Compiles the expression that begins a list of words, where converters may be words of their own; returns it
    /// and how many words it took.
    pub fn of_words(words: &[Word], load: &mut Load<'_>) -> Result<(Self, usize), WordsError> {
        let known = load.words.clone();
        let mut texts = words.iter().map(|word| &*word.bytes);
        let at = |word| move |error| WordsError { word, error };
        let text = texts.next().unwrap_or_default();
        let (mut chain, pos) = Chain::begin(text, 0, load).map_err(at(0))?;
        let end = chain.follow(text, pos, load).map_err(at(0))?;
        chain.ends(text, end).map_err(at(0))?;
        let mut taken = 1;
        for text in texts.take_while(|text| known.converter(word(text, 0).0).is_some()) {
            let pos = chain.convert(text, 0, load).map_err(at(taken))?;
            let end = chain.follow(text, pos, load).map_err(at(taken))?;
            chain.ends(text, end).map_err(at(taken))?;
            taken += 1;
        }
        Ok((chain.close(load), taken))
    }

    /// The type of its sample, as far as it is known before it runs.
    pub const fn output(&self) -> Type {
        self.output
    }

    /// Where it can be evaluated.
    pub const fn validity(&self) -> Validity {
        self.validity
    }

    /// The name of its fetch.
    pub fn fetch_name(&self) -> &'static str {
        self.names.fetch
    }

    /// Whether its fetch reads bytes as such, which are not seen where they are HTTP.
    pub fn reads_bytes(&self) -> bool {
        self.names.needs.is_bytes()
    }

    /// Refuses it where its fetch has nothing to read.
    pub fn check_place(&self, load: &Load<'_>) -> Result<(), String> {
        if load.gives(self.validity) {
            return Ok(());
        }
        Err(format!(
            "sample fetch <{}> may not be reliably used here because it needs '{}' which is not available here",
            self.names.fetch,
            self.names.needs.name()
        ))
    }

    /// Whether it is a constant fetch without converters (`str(...)`, `int(...)`).
    pub fn is_plain(&self) -> bool {
        self.steps.is_empty()
    }

    /// Its sample: of a list the value that stands for it.
    pub fn eval<'a>(&'a self, scope: &'a dyn Scope, scratch: &'a Scratch) -> Lookup<Value<'a>> {
        self.run(&mut Eval::new(scope, scratch))
    }

    /// Its sample as type `to`.
    pub fn eval_as<'a>(&'a self, to: Type, scope: &'a dyn Scope, scratch: &'a Scratch) -> Lookup<Value<'a>> {
        self.eval(scope, scratch).filter_map(|v| v.cast(to, scratch))
    }

    /// Gives `visit` each value of a list in turn until it says that it has seen enough (`true`). Returns
    /// whether it did, or `Absent` where there was no value at all.
    pub fn eval_each<'a>(
        &'a self,
        scope: &'a dyn Scope,
        scratch: &'a Scratch,
        mut visit: impl FnMut(Value<'a>) -> bool,
    ) -> Lookup<bool> {
        let mut eval = Eval::new(scope, scratch);
        eval.each = true;
        let mut answer = Lookup::Absent;
        loop {
            eval.more = false;
            match self.run(&mut eval) {
                Lookup::Value(v) => {
                    if visit(v) {
                        return Lookup::Value(true);
                    }
                    answer = Lookup::Value(false);
                }
                Lookup::Partial(v) => {
                    if visit(v) {
                        return Lookup::Value(true);
                    }
                    answer = Lookup::Partial(false);
                }
                // A value that a converter dropped is skipped; a list at its end says so too.
                Lookup::Absent => {}
                Lookup::NotYet => return Lookup::NotYet,
            }
            if !eval.more {
                return answer;
            }
        }
    }

    fn run<'a>(&'a self, eval: &mut Eval<'a>) -> Lookup<Value<'a>> {
        if self.of_request && eval.scope.side() == Side::Server {
            return Lookup::Absent;
        }
        let mut value = (self.fetch)(eval, &self.args);
        for step in &self.steps {
            value = value.filter_map(|v| {
                let v = v.cast(step.input, eval.scratch)?;
                (step.run)(eval, &step.args, v)
            });
        }
        value
    }
}

// === impl Chain ===

impl Chain {
    /// Reads the fetch at `start` and its arguments.
    fn begin(text: &[u8], start: usize, load: &mut Load<'_>) -> Result<(Self, usize), Error> {
        let words = load.words.clone();
        let (name, open) = word(text, start);
        if name.is_empty() {
            return Err(Error::new("missing fetch method", start, start + 1));
        }
        let Some(keyword) = words.fetch(name) else {
            if name.starts_with(LUA) {
                return Err(Error::new(format!("fetch method '{name}' {LUA_TO_COME}"), start, open));
            }
            let near = nearest(name, words.fetch_names());
            return Err(with_near(Error::new(format!("unknown fetch method '{name}'"), start, open), near));
        };
        let State::Works(def) = keyword.state else {
            return Err(Error::new(to_come("fetch method", name, keyword.state), start, open));
        };
        let who = Who::Fetch(name);
        let (mut args, after) = args::parse(text, open, (def.min, def.args), who, load)?;
        if let Some(prepare) = def.prepare {
            prepare(&mut args, load).map_err(|e| {
                Error::new(format!("invalid args in fetch method '{name}' : {e}"), open, after)
            })?;
        }
        let names = ExprNames { fetch: keyword.entry.name, needs: def.needs, last: None };
        Ok((Self { fetch: def.run, args, steps: Vec::new(), output: def.output, names }, after))
    }

    /// Reads the converters behind commas; returns where they end.
    fn follow(&mut self, text: &[u8], mut pos: usize, load: &mut Load<'_>) -> Result<usize, Error> {
        while text.get(pos) == Some(&b',') {
            // Nothing between commas, or behind the last, is no converter.
            if matches!(text.get(pos + 1), None | Some(b',')) {
                pos += 1;
                continue;
            }
            pos = self.convert(text, pos + 1, load)?;
        }
        Ok(pos)
    }

    /// Reads the converter at `start`.
    fn convert(&mut self, text: &[u8], start: usize, load: &mut Load<'_>) -> Result<usize, Error> {
        let (step, given, after) = converter(text, start, self.output, self.names.fetch, load)?;
        self.names.last = load.words.converter(word(text, start).0).map(|keyword| keyword.entry.name);
        self.output = if given == Type::Same { step.input_or(self.output) } else { given };
        self.steps.push(step);
        Ok(after)
    }

    /// Refuses what follows at `end`.
    fn ends(&self, text: &[u8], end: usize) -> Result<(), Error> {
        if end >= text.len() {
            return Ok(());
        }
        let message = match self.names.last {
            Some(name) => format!("missing comma after converter '{name}'"),
            None => "missing comma after fetch keyword".to_owned(),
        };
        Err(Error::new(message, end, text.len()))
    }

    fn close(self, load: &mut Load<'_>) -> Expr {
        let Self { fetch, args, steps, output, names } = self;
        let (validity, of_request) = (names.needs.validity(), names.needs == Needs::RequestHead);
        let is_slow = SLOW.contains(&names.fetch);
        let (steps, names) = (steps.into(), Box::new(names));
        let expr = Expr { fetch, args, steps, output, validity, of_request, names };
        if is_slow {
            load.slow.push(expr.clone());
        }
        expr
    }
}

// === impl Step ===

impl Step {
    const fn input_or(&self, came: Type) -> Type {
        match self.input {
            Type::Any => came,
            other => other,
        }
    }
}

fn converter(
    text: &[u8],
    start: usize,
    came: Type,
    fetch: &'static str,
    load: &mut Load<'_>,
) -> Result<(Step, Type, usize), Error> {
    let words = load.words.clone();
    let (name, pos) = word(text, start);
    let Some(keyword) = words.converter(name) else {
        if name.starts_with(LUA) {
            return Err(Error::new(format!("converter '{name}' {LUA_TO_COME}"), start, pos));
        }
        let near = nearest(name, words.converter_names());
        return Err(with_near(
            Error::new(format!("unknown converter '{name}'"), start, pos.max(start + 1)),
            near,
        ));
    };
    let State::Works(def) = keyword.state else {
        return Err(Error::new(to_come("converter", name, keyword.state), start, pos));
    };
    if !came.casts_to(def.input) {
        return Err(Error::new(format!("converter '{name}' cannot be applied"), start, pos));
    }
    let who = Who::Converter(name, fetch);
    let (mut args, after) = args::parse(text, pos, (def.min, def.args), who, load)?;
    if let Some(prepare) = def.prepare {
        prepare(&mut args, load)
            .map_err(|e| Error::new(format!("invalid args in converter '{name}' : {e}"), pos, after))?;
    }
    Ok((Step { input: def.input, run: def.run, args }, def.output, after))
}

/// The name that begins at `start`, and where it ends.
fn word(text: &[u8], start: usize) -> (&str, usize) {
    let rest = text.get(start..).unwrap_or_default();
    let is_name = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-' | b':' | b'+');
    let len = rest.iter().take_while(|c| is_name(c)).count();
    let name = rest.get(..len).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default();
    (name, start + len)
}

fn to_come<F>(kind: &str, name: &str, state: State<F>) -> String {
    let reason = match state {
        State::Refused(reason) | State::Inert(reason) | State::Judged(_, reason) => reason,
        State::Works(_) => "",
    };
    format!("{kind} '{name}' is not available yet ({reason})")
}

fn with_near(error: Error, near: Option<&str>) -> Error {
    match near {
        Some(near) => error.hint(format!("did you mean '{near}'?")),
        None => error,
    }
}

/// The name that is most like `name`, if one is like it at all.
pub(crate) fn nearest(name: &str, names: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let allowed = name.len() / 3;
    names
        .map(|n| (distance(name.as_bytes(), n.as_bytes()), n))
        .filter(|(d, _)| *d <= allowed.max(1) && !name.is_empty())
        .min()
        .map(|(_, n)| n)
}

/// The Levenshtein distance.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, cb) in row.iter_mut().skip(1).zip(b) {
            let up = *cell;
            left = (diagonal + usize::from(ca != cb)).min(up + 1).min(left + 1);
            diagonal = up;
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// Names of the user's own functions begin so.
/// Fetches that compare passwords with hashes that are made to take long.
const SLOW: [&str; 2] = ["http_auth", "http_auth_group"];
const LUA: &str = "lua.";
const LUA_TO_COME: &str = "is not available yet (it comes with Lua)";
