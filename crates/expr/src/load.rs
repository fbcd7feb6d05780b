//! What the compilers of expressions, conditions and formats are given at load.

use std::io;
use std::sync::Arc;

use weir_config::Word;
use weir_diag::Diagnostic;

use crate::acl::Acls;
use crate::expr::Expr;
use crate::keyword::Words;
use crate::pattern::{PatternFiles, User};
use crate::place::{Place, Validity};
use crate::scope::{ProxyId, ServerId, Side, TableId, UserlistId};

/// The names of the rest of the configuration, and its files. The engine implements it over the resolved
/// configuration; `None` and errors become diagnostics.
pub trait Names {
    /// The proxy of that name which takes connections (`Side::Client`) or has servers. Without a name the
    /// current proxy, where it is of that kind.
    fn proxy(&mut self, name: Option<&[u8]>, side: Side) -> Option<ProxyId>;

    /// A server by backend and name; without a backend in the current proxy.
    fn server(&mut self, backend: Option<&[u8]>, name: &[u8]) -> Option<ServerId>;

    /// The stick table of that name; without a name the current proxy's.
    fn table(&mut self, name: Option<&[u8]>) -> Option<TableId>;

    /// The userlist of that name.
    fn userlist(&mut self, name: &[u8]) -> Option<UserlistId>;

    /// The contents of a file that the configuration names (maps, ACL files).
    fn read(&mut self, path: &str) -> io::Result<Vec<u8>>;

    /// Whether there is a certificate of this name (manual, 3.11 "crt-store").
    fn has_certificate(&mut self, name: &str) -> bool {
        let _ = name;
        false
    }

    /// Lets the certificate of this name verify tokens, and reads its file where nothing else did.
    fn use_certificate(&mut self, name: &str) {
        let _ = name;
    }

    /// What encrypted tokens may use.
    fn token_algorithms(&mut self) -> TokenAlgorithms {
        TokenAlgorithms::default()
    }

    /// Whether tokens that nobody signed are right (`jwt.allow_none_alg`).
    fn takes_unsigned_tokens(&mut self) -> bool {
        false
    }

    /// An environment variable, for `env()`.
    fn environment(&mut self, name: &str) -> Option<Vec<u8>> {
        let _ = name;
        None
    }
}

/// What encrypted tokens may use, a bit for each of [`TokenAlgorithms::KEYS`] and of [`TokenAlgorithms::CONTENTS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenAlgorithms {
    /// How the key of the content is given (`jwt.decrypt_alg_list`).
    pub keys: u16,
    /// How the content is encrypted (`jwt.decrypt_enc_list`).
    pub contents: u16,
}

/// Names of nothing: for expressions that stand alone and for tests.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoNames;

/// The context of a compilation.
#[expect(missing_debug_implementations, reason = "names have no printable form")]
pub struct Load<'l> {
    /// The fetches and converters there are.
    pub words: Arc<Words>,
    /// The rest of the configuration.
    pub names: &'l mut dyn Names,
    /// Where the expression stands.
    pub place: Place,
    /// The same place of the other side, for a proxy that is frontend and backend: what one of them gives is there.
    pub other: Option<Place>,
    /// The current proxy's name, for messages.
    pub proxy: String,
    /// What messages call the line: `http-request expression`, `log-format string`, ...
    pub context: &'static str,
    /// Pattern files and maps, shared by all that name the same one.
    pub files: PatternFiles,
    /// The file and the line of the configuration, for who lists the users of pattern files.
    pub at: (String, usize),
    /// The named ACLs that may be asked for.
    pub acls: Acls,
    /// Warnings that came up, without place.
    pub warnings: Vec<String>,
    /// The expressions whose fetch takes long (hashes of passwords), in the order they were read.
    pub slow: Vec<Expr>,
}

/// What is wrong with an expression, a condition or a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// HAProxy's wording, from the part that is the expression's own.
    pub message: String,
    /// First and one past the last byte of the part that is wrong, in the text that was given.
    pub at: (usize, usize),
    /// What to write instead.
    pub hint: Option<String>,
}

// === impl Load ===

impl Load<'_> {
    /// Whether something is available where the expression stands.
    pub fn gives(&self, needed: Validity) -> bool {
        needed.at(self.place) || self.other.is_some_and(|other| needed.at(other))
    }

    /// What stands here, as a user of a list of patterns.
    pub(crate) fn user(&self) -> User<'_> {
        User { file: &self.at.0, line: self.at.1 }
    }
}

// === impl TokenAlgorithms ===

impl TokenAlgorithms {
    /// How keys may be given.
    pub const KEYS: &'static [&'static str] = &crate::conv::KEYS;
    /// How contents may be encrypted.
    pub const CONTENTS: &'static [&'static str] = &crate::conv::CONTENTS;
}

impl Default for TokenAlgorithms {
    /// All but `RSA1_5` (RFC 8725, 3.2).
    fn default() -> Self {
        Self { keys: (1 << Self::KEYS.len()) - 2, contents: (1 << Self::CONTENTS.len()) - 1 }
    }
}

// === impl NoNames ===

impl Names for NoNames {
    fn proxy(&mut self, _: Option<&[u8]>, _: Side) -> Option<ProxyId> {
        None
    }

    fn server(&mut self, _: Option<&[u8]>, _: &[u8]) -> Option<ServerId> {
        None
    }

    fn table(&mut self, _: Option<&[u8]>) -> Option<TableId> {
        None
    }

    fn userlist(&mut self, _: &[u8]) -> Option<UserlistId> {
        None
    }

    fn read(&mut self, _: &str) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

// === impl Error ===

impl Error {
    /// An error about bytes `start..end` of the text.
    pub fn new(message: impl Into<String>, start: usize, end: usize) -> Self {
        Self { message: message.into(), at: (start, end), hint: None }
    }

    /// The same error of a text that begins `offset` bytes later.
    #[must_use]
    pub fn shifted(mut self, offset: usize) -> Self {
        self.at = (self.at.0 + offset, self.at.1 + offset);
        self
    }

    /// The same error with more words before it.
    #[must_use]
    pub fn prefixed(mut self, prefix: &str) -> Self {
        self.message.insert_str(0, prefix);
        self
    }

    /// The same error with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// An alert under the part of `word` that is wrong, `prefix` before the message. Where the word is written
    /// as it reads (without quotes and escapes) the caret stands under the exact bytes.
    pub fn alert(self, word: &Word, prefix: &str) -> Diagnostic {
        let mut span = word.span;
        if (span.end - span.start) as usize == word.bytes.len() {
            let place = |at: usize| span.start + u32::try_from(at.min(word.bytes.len())).unwrap_or(0);
            (span.start, span.end) = (place(self.at.0), place(self.at.1));
        }
        let alert = Diagnostic::alert(span, format!("{prefix}{}", self.message));
        match self.hint {
            Some(hint) => alert.hint(hint),
            None => alert,
        }
    }
}
