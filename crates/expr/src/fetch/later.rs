//! Fetches that are known and come with other work: each is refused with the reason.

use crate::keyword::{Fetch, fetch_to_come};

const UNTOLD: &str = "the library of TLS does not tell it";
const LATER: &str = "it is still to come";

/// The table.
pub(super) const FETCHES: &[Fetch] = &[
    fetch_to_come("ssl_bc_session_key", UNTOLD),
    fetch_to_come("ssl_bc_unique_id", UNTOLD),
    fetch_to_come("ssl_c_policies", LATER),
    fetch_to_come("ssl_fc_session_key", UNTOLD),
    fetch_to_come("ssl_fc_unique_id", UNTOLD),
    fetch_to_come("be_max_retries", LATER),
    fetch_to_come("bs.debug_str", LATER),
    fetch_to_come("cur_max_retries", LATER),
    fetch_to_come("distcc_body", LATER),
    fetch_to_come("distcc_param", LATER),
    fetch_to_come("dump_all_vars", LATER),
    fetch_to_come("fcgi.docroot", LATER),
    fetch_to_come("fcgi.index", LATER),
    fetch_to_come("fs.debug_str", LATER),
    fetch_to_come("internal.htx.data", LATER),
    fetch_to_come("internal.htx.free", LATER),
    fetch_to_come("internal.htx.free_data", LATER),
    fetch_to_come("internal.htx.has_eom", LATER),
    fetch_to_come("internal.htx.nbblks", LATER),
    fetch_to_come("internal.htx.size", LATER),
    fetch_to_come("internal.htx.used", LATER),
    fetch_to_come("internal.htx_blk.data", LATER),
    fetch_to_come("internal.htx_blk.hdrname", LATER),
    fetch_to_come("internal.htx_blk.hdrval", LATER),
    fetch_to_come("internal.htx_blk.size", LATER),
    fetch_to_come("internal.htx_blk.start_line", LATER),
    fetch_to_come("internal.htx_blk.type", LATER),
    fetch_to_come("spoe.engine-id", LATER),
];
