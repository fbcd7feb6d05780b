//! Fetches that are known and come with other work: each is refused with the reason.

use crate::keyword::{Fetch, fetch_to_come};

const UNTOLD: &str = "the library of TLS does not tell it";
const LATER: &str = "it is still to come";
const UNKNOWN: &str = "HAProxy 3.4 does not know it";

/// The table.
pub(super) const FETCHES: &[Fetch] = &[
    fetch_to_come("ssl_bc_session_key", UNTOLD),
    fetch_to_come("ssl_bc_unique_id", UNTOLD),
    fetch_to_come("ssl_c_policies", UNKNOWN),
    fetch_to_come("ssl_fc_session_key", UNTOLD),
    fetch_to_come("ssl_fc_unique_id", UNTOLD),
    fetch_to_come("be_max_retries", UNKNOWN),
    fetch_to_come("cur_max_retries", UNKNOWN),
    fetch_to_come("fcgi.docroot", LATER),
    fetch_to_come("fcgi.index", LATER),
    fetch_to_come("spoe.engine-id", LATER),
];
