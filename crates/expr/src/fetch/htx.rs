//! A message in the reference's own form of it, for who debugs with it (manual, 7.3.7 `internal.htx*`): blocks of a
//! start line, header lines, the end of the head, and the body as far as it came. Nothing keeps messages so here; the
//! numbers are what the reference counts for the same message.

use weir_http::{Head, HeaderLine};

use crate::args::{Arg, ArgType, Args};
use crate::keyword::{Eval, Fetch, FetchFn, NO_ARGS, fetch, prepared_fetch};
use crate::place::Needs;
use crate::scope::Side;
use crate::{Load, Lookup, Scratch, Type, Value};

/// The table.
pub(super) const FETCHES: &[Fetch] = &[
    message("internal.htx.data", Type::Sint, |e, _| number(e, Form::data), "Bytes of the message's parts."),
    message("internal.htx.used", Type::Sint, |e, _| number(e, Form::used), "Bytes that the message takes."),
    message("internal.htx.free", Type::Sint, |e, _| number(e, Form::free), "Bytes that are left."),
    message(
        "internal.htx.free_data",
        Type::Sint,
        |e, _| number(e, |form| form.free() - BOOKKEEPING),
        "Bytes that are left for one part more.",
    ),
    message("internal.htx.size", Type::Sint, |e, _| number(e, |_| SIZE), "The most bytes of a message."),
    message("internal.htx.nbblks", Type::Sint, |e, _| number(e, Form::parts), "Parts of the message."),
    message(
        "internal.htx.has_eom",
        Type::Bool,
        |e, _| form(e).map(|form| Value::Bool(form.complete)),
        "Whether all of the message came.",
    ),
    part(
        "internal.htx_blk.size",
        Type::Sint,
        |e, a| at(e, a, |form, part, _| Value::Sint(form.size(part))),
        "Bytes of a part.",
    ),
    part(
        "internal.htx_blk.type",
        Type::Str,
        |e, a| at(e, a, |form, part, _| Value::Str(form.kind(part))),
        "What a part is.",
    ),
    part(
        "internal.htx_blk.data",
        Type::Bin,
        |e, a| at(e, a, |form, part, _| Value::Bin(if part == Part::Body { form.body } else { b"" })),
        "The body, where a part is that.",
    ),
    part(
        "internal.htx_blk.hdrname",
        Type::Str,
        |e, a| at(e, a, |form, part, _| Value::Str(form.header(part).map_or(b"", |l| form.head.name(l)))),
        "The name of a header.",
    ),
    part(
        "internal.htx_blk.hdrval",
        Type::Str,
        |e, a| at(e, a, |form, part, _| Value::Str(form.header(part).map_or(b"", |l| form.head.value(l)))),
        "The value of a header.",
    ),
    part(
        "internal.htx_blk.start_line",
        Type::Str,
        |e, a| at(e, a, |form, part, scratch| Value::Str(form.start_line(part, scratch))),
        "The start line, where a part is that.",
    ),
];

const fn message(name: &'static str, output: Type, run: FetchFn, help: &'static str) -> Fetch {
    fetch(name, NO_ARGS, output, Needs::AnyHead, run, help)
}

const fn part(name: &'static str, output: Type, run: FetchFn, help: &'static str) -> Fetch {
    prepared_fetch(fetch(name, (0, &[ArgType::Str]), output, Needs::AnyHead, run, help), prepare_part)
}

/// A message as the reference keeps it.
struct Form<'a> {
    head: &'a Head,
    side: Side,
    body: &'a [u8],
    complete: bool,
}

/// A part of a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    StartLine,
    Header(usize),
    EndOfHead,
    Body,
    None,
}

/// The message that the rules at hand are about.
fn form<'a>(eval: &Eval<'a>) -> Lookup<Form<'a>> {
    let (scope, scratch) = (eval.scope, eval.scratch);
    let side = scope.side();
    scope.head(side).map(|head| {
        let body = scope.body(side).some();
        Form {
            head,
            side,
            body: body.map_or(b"", |bytes| bytes.joined(scratch)),
            complete: body.is_none_or(|bytes| bytes.complete),
        }
    })
}

fn number<'a>(eval: &Eval<'a>, of: impl FnOnce(&Form<'a>) -> i64) -> Lookup<Value<'a>> {
    form(eval).map(|form| Value::Sint(of(&form)))
}

/// What `of` tells of the part that the argument names.
fn at<'a>(
    eval: &Eval<'a>,
    args: &Args,
    of: impl FnOnce(&Form<'a>, Part, &'a Scratch) -> Value<'a>,
) -> Lookup<Value<'a>> {
    let position = args.int(0).unwrap_or(HEAD);
    form(eval).map(|form| of(&form, form.part(position), eval.scratch))
}

fn prepare_part(args: &mut Args, _: &mut Load<'_>) -> Result<(), String> {
    let position = match args.str(0) {
        None | Some(b"") => {
            return Err(
                "a block position is expected (> 0) or a special block name (head, tail, first)".into()
            );
        }
        Some(b"head" | b"first") => HEAD,
        Some(b"tail") => TAIL,
        Some(text) => crate::args::integer(text).filter(|n| *n >= 0).ok_or("invalid block position")?,
    };
    args.set(0, Arg::Int(position));
    Ok(())
}

// === impl Form ===

impl<'a> Form<'a> {
    fn parts(&self) -> i64 {
        // A start line, the end of the head, and a body that is not empty.
        signed(self.head.lines().len()) + 2 + i64::from(!self.body.is_empty())
    }

    fn part(&self, position: i64) -> Part {
        let headers = self.head.lines().len();
        let position = if position == TAIL { self.parts() - 1 } else { position };
        match usize::try_from(position) {
            Ok(0) => Part::StartLine,
            Ok(n) if n <= headers => Part::Header(n - 1),
            Ok(n) if n == headers + 1 => Part::EndOfHead,
            Ok(n) if n == headers + 2 && !self.body.is_empty() => Part::Body,
            _ => Part::None,
        }
    }

    fn data(&self) -> i64 {
        (0..self.parts()).map(|n| self.size(self.part(n))).sum()
    }

    fn used(&self) -> i64 {
        self.data() + self.parts() * BOOKKEEPING
    }

    fn free(&self) -> i64 {
        SIZE - self.used()
    }

    fn size(&self, part: Part) -> i64 {
        signed(match part {
            Part::StartLine => {
                let [a, b, c] = self.words();
                START_LINE + a.len() + b.len() + c.len()
            }
            Part::Header(_) => {
                self.header(part).map_or(0, |l| self.head.name(l).len() + self.head.value(l).len())
            }
            Part::EndOfHead => 1,
            Part::Body => self.body.len(),
            Part::None => 0,
        })
    }

    const fn kind(&self, part: Part) -> &'static [u8] {
        match (part, self.side) {
            (Part::StartLine, Side::Client) => b"HTX_BLK_REQ_SL",
            (Part::StartLine, Side::Server) => b"HTX_BLK_RES_SL",
            (Part::Header(_), _) => b"HTX_BLK_HDR",
            (Part::EndOfHead, _) => b"HTX_BLK_EOH",
            (Part::Body, _) => b"HTX_BLK_DATA",
            (Part::None, _) => b"HTX_BLK_UNUSED",
        }
    }

    fn header(&self, part: Part) -> Option<&'a HeaderLine> {
        match part {
            Part::Header(n) => self.head.lines().get(n),
            _ => None,
        }
    }

    fn start_line(&self, part: Part, scratch: &'a Scratch) -> &'a [u8] {
        if part != Part::StartLine {
            return b"";
        }
        scratch.build(|out| out.extend_from_slice(&self.words().join(&b' ')))
    }

    /// The words of the start line.
    fn words(&self) -> [&'a [u8]; 3] {
        let version: &[u8] = match self.head.version() {
            (1, 0) => b"HTTP/1.0",
            (2, _) => b"HTTP/2.0",
            _ => b"HTTP/1.1",
        };
        match self.side {
            Side::Client => [self.head.method(), self.head.target(), version],
            Side::Server => [version, self.head.code(), self.head.reason()],
        }
    }
}

fn signed(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// The most bytes of a message: a buffer of the usual size without what the reference notes at its start.
const SIZE: i64 = 16384 - 40;

/// What is noted of each part beside its bytes.
const BOOKKEEPING: i64 = 8;

/// What is noted of a start line.
const START_LINE: usize = 20;

/// The positions that have names.
const HEAD: i64 = 0;
const TAIL: i64 = -1;
