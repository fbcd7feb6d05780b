//! What JSON web tokens are given of a configuration: its certificates, and what they may use.

use std::sync::Arc;

use weir_expr::TokenAlgorithms;
use weir_expr::scope::TokenCertificate;
use weir_tls::certificate::Certificate;
use weir_tls::store::{Extra, Files, Load, Store};

use crate::conf::{Global, Tokens};

/// The part of `global` that expressions with tokens ask for.
#[derive(Clone, Debug)]
pub(crate) struct TokenSettings {
    store: Arc<Store>,
    extra: Extra,
    tokens: Tokens,
}

// === impl TokenSettings ===

impl TokenSettings {
    /// Those of a configuration.
    pub(crate) fn of(global: &Global) -> Self {
        let Global { tls, tokens, .. } = global;
        Self { store: tls.store.clone(), extra: tls.extra, tokens: *tokens }
    }

    /// Whether there is a certificate of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.store.for_tokens(name).is_some()
    }

    /// Lets a certificate verify tokens, and reads it where nothing else did.
    pub(crate) fn allow(&self, name: &str, files: &dyn Files) {
        self.store.allow_tokens(name);
        if !self.has(name) {
            let load = Load { name: name.into(), crt: name.into(), ..Load::default() };
            // Where there is none of the name, verifying says so.
            let _ = self.store.declare(load, files, self.extra);
        }
    }

    /// What encrypted tokens may use.
    pub(crate) const fn algorithms(&self) -> TokenAlgorithms {
        self.tokens.algorithms
    }

    /// Whether tokens that nobody signed are right.
    pub(crate) const fn takes_unsigned(&self) -> bool {
        self.tokens.unsigned
    }
}

/// The certificate of this name, as tokens use it.
pub(crate) fn certificate(store: &Store, name: &[u8]) -> TokenCertificate {
    let found = std::str::from_utf8(name).ok().and_then(|name| store.for_tokens(name));
    let Some((pair, allowed)) = found else { return TokenCertificate::Unknown };
    if !allowed {
        return TokenCertificate::Unavailable;
    }
    let public = pair.chain.first().and_then(|der| Some(Certificate::parse(der)?.public_key()?.1.to_vec()));
    TokenCertificate::Known { public: public.unwrap_or_default(), key: pair.secret.secret_der().to_vec() }
}
