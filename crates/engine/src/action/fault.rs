//! What is wrong with a rule, in HAProxy's words; each family of rules has its own way to begin them.

use weir_config::Word;
use weir_diag::Diagnostic;
use weir_expr::WordsError;

use super::RuleSet;
use super::parse::is_condition;

/// What is wrong with a rule.
pub(super) enum Fault {
    Action(WordsError),
    Extra(Word),
    Condition(WordsError),
}

// === impl Fault ===

impl Fault {
    /// What is wrong with the condition behind this action.
    pub(super) fn of_condition(mut error: WordsError, action: &Word) -> Self {
        if !action.is("redirect") {
            return Self::Condition(error);
        }
        error.error.message.insert_str(0, "error in condition: ");
        Self::Action(error)
    }

    pub(super) const fn error(&self) -> Option<&WordsError> {
        match self {
            Self::Action(e) | Self::Condition(e) => Some(e),
            Self::Extra(_) => None,
        }
    }

    /// Whether it is about something that the line names, rather than about its words.
    pub(super) fn is_of_names(&self) -> bool {
        self.error().is_some_and(|e| is_of_names(&e.error.message))
    }

    pub(super) fn alert(
        self,
        set: RuleSet,
        words: &[Word],
        action: &Word,
        (kind, name): (&str, &str),
    ) -> Diagnostic {
        let (rule, action) = (set.name(), action.text());
        match self {
            Self::Action(e) if set.is_http() => ended(e.alert(
                words,
                &format!("error detected in {kind} '{name}' while parsing '{rule} {action}' rule : "),
            )),
            Self::Action(e) => e.alert(words, ""),
            Self::Extra(word) if set.is_http() => word
                .alert(format!(
                    "'{rule} {action}' expects either 'if' or 'unless' followed by a condition but found '{}'.",
                    word.text()
                ))
                .tight(),
            Self::Extra(word) => word.alert(format!(
                "'{rule} {action}' only accepts 'if' or 'unless', in {kind} '{name}' (got '{}')",
                word.text()
            )),
            Self::Condition(e) if set.is_http() => {
                let article = if rule.starts_with('h') { "an" } else { "a" };
                ended(e.alert(words, &format!("error detected while parsing {article} '{rule} {action}' condition : ")))
            }
            Self::Condition(e) => {
                let word = words.iter().find(|w| is_condition(w)).map(Word::text).unwrap_or_default();
                let prefix = format!(
                    "'{rule} {action}' : error detected in {kind} '{name}' while parsing '{word}' condition : "
                );
                e.alert(words, &prefix)
            }
        }
    }
}

/// Whether a message is about what a line names, for which all lines have to be read.
pub(super) fn is_of_names(message: &str) -> bool {
    let about = [
        "unable to find capture id",
        "unknown http-errors section",
        "stick-table '",
        "set-bandwidth-limit: ",
    ];
    about.iter().any(|start| message.starts_with(start))
        || (message.starts_with("unable to find table '") && message.contains("' referenced by track-sc"))
}

/// The message with the dot that ends it.
pub(super) fn ended(mut diagnostic: Diagnostic) -> Diagnostic {
    diagnostic.message.push('.');
    diagnostic
}

/// What messages about names that point nowhere call a line; [`ACL`] where they say nothing of it.
pub(super) fn context_of(line: &str, action: &str) -> &'static str {
    let tracks = action.starts_with("track-sc");
    // These read their expressions as conditions do.
    let plain = [
        "sc-",
        "set-src",
        "set-dst",
        "set-mark",
        "set-tos",
        "set-fc-",
        "set-bc-",
        "set-timeout",
        "set-priority",
    ];
    if plain.iter().any(|prefix| action.starts_with(prefix)) {
        return ACL;
    }
    match (line, action) {
        ("http-request" | "http-response", _) if tracks || action == "capture" => ACL,
        ("http-request" | "http-response", "redirect") => "redirect format string",
        ("http-request", _) => "http-request expression",
        ("http-response" | "http-after-response", _) => "http-response response",
        ("tcp-request connection" | "tcp-request session" | "tcp-request content", _) if tracks => {
            "tracking rule"
        }
        ("tcp-request content", "capture") => "capture rule",
        ("tcp-request connection", _) => "tcp-request connection expression",
        ("tcp-request session", _) => "tcp-request session expression",
        ("tcp-request content", _) => "tcp-request content expression",
        ("tcp-response content", _) => "tcp-response content expression",
        ("use_backend", _) => "use_backend expression",
        ("use-server", _) => "use-server or balance expression",
        ("http-error", _) => "http-error directive",
        ("redirect", _) => "redirect format string",
        _ if line.starts_with("stick ") => "stick rule",
        _ => ACL,
    }
}

/// The context of conditions.
pub(super) const ACL: &str = "ACL";
