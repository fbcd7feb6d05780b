//! Conditional blocks and the other directives that begin with a dot (manual 2.4).

use std::ops::ControlFlow;

use weir_diag::{Diagnostic, Diagnostics, Severity, Span};

use crate::condition::evaluate;
use crate::{Environment, Features, Word};

/// The blocks that are open at a line of a file.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    open: Vec<Block>,
}

#[derive(Debug)]
struct Block {
    branch: Branch,
    after_else: bool,
    /// The line of the `.if`.
    start: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Branch {
    /// Lines count.
    Taken,
    /// Lines don't count, and a later branch may be taken.
    Waiting,
    /// Lines don't count to the end of the block.
    Done,
}

// === impl Blocks ===

impl Blocks {
    /// Whether lines count here.
    pub(crate) fn active(&self) -> bool {
        self.open.iter().all(|b| b.branch == Branch::Taken)
    }

    /// Obeys a directive. Breaks where reading is to stop.
    pub(crate) fn directive(
        &mut self,
        words: &[Word],
        span: Span,
        environment: &Environment,
        features: &Features,
        out: &mut Diagnostics,
    ) -> ControlFlow<()> {
        let Some((directive, args)) = words.split_first() else { return ControlFlow::Continue(()) };
        let judge = |out: &mut Diagnostics| judge(directive, args, environment, features, out);
        match &*directive.bytes {
            b".if" => {
                let branch = if self.active() { judge(out) } else { Branch::Done };
                self.open.push(Block { branch, after_else: false, start: span });
            }
            b".elif" => {
                let outer = self.enclosing_active();
                match self.alternative(directive, out) {
                    Some(block) if outer && block.branch == Branch::Waiting => block.branch = judge(out),
                    Some(block) => block.branch = Branch::Done,
                    None => {}
                }
            }
            b".else" => {
                out.extend(unexpected(directive, args.first()));
                if let Some(block) = self.alternative(directive, out) {
                    block.after_else = true;
                    block.branch = if block.branch == Branch::Waiting { Branch::Taken } else { Branch::Done };
                }
            }
            b".endif" => {
                out.extend(unexpected(directive, args.first()));
                if self.open.pop().is_none() {
                    out.push(lone(directive));
                }
            }
            _ if !self.active() => {}
            b".diag" | b".notice" | b".warning" | b".alert" => return say(directive, args, out),
            _ => out.push(directive.alert(format!("unknown directive '{}'.", directive.text())).tight()),
        }
        ControlFlow::Continue(())
    }

    /// The alert for a block that is still open at the end of a file, whose last line is `last`.
    pub(crate) fn unterminated(&self, last: Span) -> Option<Diagnostic> {
        let block = self.open.last()?;
        Some(
            Diagnostic::alert(last, "non-terminated '.if' block.")
                .tight()
                .related(block.start, "the block begins here")
                .hint("each '.if' needs an '.endif' in the same file"),
        )
    }

    fn enclosing_active(&self) -> bool {
        let enclosing = self.open.len().saturating_sub(1);
        self.open.iter().take(enclosing).all(|b| b.branch == Branch::Taken)
    }

    /// The block that an `.elif` or `.else` belongs to.
    fn alternative(&mut self, directive: &Word, out: &mut Diagnostics) -> Option<&mut Block> {
        let Some(block) = self.open.last_mut() else {
            out.push(lone(directive));
            return None;
        };
        if block.after_else {
            let message = format!("'{}' after '.else' is not permitted.", directive.text());
            out.push(directive.alert(message).tight().related(block.start, "the block begins here"));
            block.branch = Branch::Done;
            return None;
        }
        Some(block)
    }
}

/// The branch that a condition leads into. One that cannot be judged leads nowhere.
fn judge(
    directive: &Word,
    args: &[Word],
    environment: &Environment,
    features: &Features,
    out: &mut Diagnostics,
) -> Branch {
    let text: Vec<_> = args.iter().map(Word::text).collect();
    match evaluate(&text.join(" "), environment, features) {
        Ok(true) => Branch::Taken,
        Ok(false) => Branch::Waiting,
        Err(fault) => {
            let message =
                format!("{} in '{}' at position {}:", fault.message, directive.text(), fault.at + 1);
            out.push(Diagnostic::alert(place_in(directive, args, fault.at), message).tight());
            Branch::Done
        }
    }
}

/// The word of `args` that byte `at` of their text belongs to, and the byte itself where the word stands as it is.
fn place_in(directive: &Word, args: &[Word], at: usize) -> Span {
    let mut from = 0;
    for word in args {
        let length = word.bytes.len();
        if at <= from + length {
            let plain = usize::try_from(word.span.end.saturating_sub(word.span.start)) == Ok(length);
            if !plain {
                return word.span;
            }
            let start = word.span.start.saturating_add(u32::try_from(at - from).unwrap_or(0));
            return Span { start, end: start.saturating_add(1), ..word.span };
        }
        from += length + 1;
    }
    directive.span
}

fn say(directive: &Word, args: &[Word], out: &mut Diagnostics) -> ControlFlow<()> {
    if let Some(extra) = args.get(1) {
        let (word, name) = (extra.text(), directive.text());
        let message = format!(
            "Unexpected argument '{word}' for '{name}'. Use quotes if the message should contain spaces."
        );
        out.push(extra.alert(message).tight());
        return ControlFlow::Continue(());
    }
    let (severity, flow) = match &*directive.bytes {
        b".diag" => (Severity::Diag, ControlFlow::Continue(())),
        b".notice" => (Severity::Notice, ControlFlow::Continue(())),
        b".warning" => (Severity::Warning, ControlFlow::Continue(())),
        _ => (Severity::Alert, ControlFlow::Break(())),
    };
    let text = args.first().map(Word::text).unwrap_or_default();
    out.push(Diagnostic::new(severity, Some(directive.span), format!("'{text}'.")).tight());
    flow
}

fn unexpected(directive: &Word, extra: Option<&Word>) -> Option<Diagnostic> {
    let extra = extra?;
    Some(extra.alert(format!("Unexpected argument '{}' for '{}'.", extra.text(), directive.text())).tight())
}

fn lone(directive: &Word) -> Diagnostic {
    directive.alert(format!("lone '{}' with no matching '.if'.", directive.text())).tight()
}
