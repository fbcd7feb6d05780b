//! The request once more: what is kept of it, and the failures that are answered by another attempt (manual, 4.2
//! "retry-on"; `disable-l7-retry`).

use weir_balance::retry::Next;

use crate::conf::RetryOn;
use crate::stage::exchange::Missing;
use crate::stage::{body, reach};
use crate::transaction::Transaction;

/// What has to be known to send the request once more.
pub(crate) struct Replay {
    /// The failures that are answered by another attempt, beyond those of connecting.
    on: RetryOn,
    /// What lay in the client's buffer before the first attempt, the whole body among it.
    input: Option<Vec<u8>>,
}

// === impl Replay ===

impl Replay {
    pub(crate) fn new(t: &Transaction) -> Self {
        let on = match t.facts.not_replayed {
            true => RetryOn::empty(),
            false => t.proxy().conf().retry_on,
        };
        let wanted = on.difference(RetryOn::CONN_FAILURE) != RetryOn::empty();
        let input = (wanted && body::is_here(t)).then(|| t.client.input.data().to_vec());
        Self { on, input }
    }

    pub(crate) fn allows(&self, missing: &Missing) -> bool {
        let event = match missing {
            Missing::Empty => RetryOn::EMPTY_RESPONSE,
            Missing::Junk | Missing::Unwanted => RetryOn::JUNK_RESPONSE,
            Missing::Late => RetryOn::RESPONSE_TIMEOUT,
            _ => return false,
        };
        self.on.contains(event)
    }

    pub(crate) fn wants_status(&self, t: &Transaction) -> bool {
        let event = match t.messages.response.status() {
            401 => RetryOn::S401,
            403 => RetryOn::S403,
            404 => RetryOn::S404,
            408 => RetryOn::S408,
            421 => RetryOn::S421,
            425 => RetryOn::S425,
            429 => RetryOn::S429,
            500 => RetryOn::S500,
            501 => RetryOn::S501,
            502 => RetryOn::S502,
            503 => RetryOn::S503,
            504 => RetryOn::S504,
            _ => return false,
        };
        self.on.contains(event)
    }

    /// Decides whether and where the request goes once more.
    pub(crate) fn again(&self, t: &mut Transaction) -> bool {
        if self.input.is_none() {
            return false;
        }
        match reach::attempt(t, false).after_connect_failure() {
            Next::GiveUp => return false,
            Next::SameServer { .. } => reach::stay(t),
            Next::OtherServer => reach::redispatch(t),
        }
        // The request begins anew, which counts beside staying where it is.
        reach::count_retry(t);
        t.facts.retries += 1;
        t.facts.log_bytes.1 = 0;
        true
    }

    /// Puts the request's body back where the first attempt found it.
    pub(crate) fn rewind(&self, t: &mut Transaction) {
        let Some(input) = &self.input else { return };
        let buffer = &mut t.client.input;
        buffer.consume(buffer.len());
        if let Some(to) = buffer.space().get_mut(..input.len()) {
            to.copy_from_slice(input);
            buffer.filled(input.len());
        }
    }
}
