//! What loads and is wrong all the same: rules that are never reached, names that nobody uses, timeouts that are
//! missing, secrets that anyone can read.
//!
//! [`lint()`] looks at a configuration that was loaded without a mistake: at its words, old spellings already modern,
//! and at what the engine understood. Each finding has a rule of [`RULES`] with a code that stays the same for life.
//! A finding is a fact about the file and no matter of taste: where a name could be built at run time, nothing is said.

mod condition;
mod names;
mod patterns;
mod reach;
mod report;
mod rules;
mod secrets;
mod servers;
mod settings;
mod tables;
mod view;

pub use report::{Shape, render};
pub use rules::{Level, RULES, Rule};

use weir_config::Document;
use weir_diag::Span;
use weir_engine::conf::Conf;

use view::View;

/// Something that a configuration would be better without.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What kind of thing.
    pub rule: &'static Rule,
    /// What exactly, in a sentence.
    pub message: String,
    /// Where.
    pub at: Span,
    /// Another place that belongs to it, with a label.
    pub related: Option<(Span, &'static str)>,
}

/// All findings about a configuration, in the order of the file.
pub fn lint(document: &Document, conf: &Conf) -> Vec<Finding> {
    let view = View::new(document, conf);
    let mut found = Findings::default();
    for check in CHECKS {
        check(&view, &mut found);
    }
    found.0.sort_by_key(|f| (f.at.source, f.at.line, f.at.start, f.rule.code));
    found.0.dedup_by(|a, b| a.rule == b.rule && a.at == b.at && a.message == b.message);
    found.0
}

/// Looks for some kinds of findings.
type Check = fn(&View<'_>, &mut Findings);

/// Where findings are gathered.
#[derive(Default)]
pub(crate) struct Findings(Vec<Finding>);

// === impl Findings ===

impl Findings {
    pub(crate) fn add(&mut self, rule: &'static Rule, at: Span, message: impl Into<String>) {
        self.0.push(Finding { rule, message: message.into(), at, related: None });
    }

    pub(crate) fn add_with(
        &mut self,
        rule: &'static Rule,
        at: Span,
        message: impl Into<String>,
        related: (Span, &'static str),
    ) {
        self.0.push(Finding { rule, message: message.into(), at, related: Some(related) });
    }
}

const CHECKS: [Check; 8] = [
    names::check,
    patterns::check,
    reach::check,
    secrets::check,
    servers::check,
    settings::check,
    tables::check,
    settings::check_binds,
];
