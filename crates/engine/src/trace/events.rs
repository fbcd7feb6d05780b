//! All that is told.

use super::Level::{Data, Developer, Error, Proto, State, User};
use super::{Event, Message, Part};

/// `NAME: PART LEVEL MESSAGE [names that it can be asked for by] text`
macro_rules! events {
    ($($name:ident: $part:ident $level:ident $message:ident [$($kind:literal),*] $text:literal;)*) => {
        $(pub(crate) const $name: Event = Event {
            part: Part::$part,
            level: $level,
            message: Message::$message,
            kinds: &[$($kind),*],
            text: $text,
        };)*

        /// Every event.
        #[cfg(test)]
        pub(super) const ALL: &[Event] = &[$($name),*];
    };
}

events! {
    SESSION_NEW: Session State None ["sess_new"] "new session";
    SESSION_END: Session State None ["sess_end"] "releasing session";
    SESSION_REFUSED: Session Error None ["sess_err"] "session refused by a rule";

    H1_FRONT_STREAM: H1 State Front ["h1s_new", "strm_new"] "created new H1 front stream";
    H1_REQUEST_HEAD: H1 User FrontRequest ["rx_data", "rx_headers"] "rcvd H1 request headers";
    H1_REQUEST_DONE: H1 User FrontRequest ["rx_data", "rx_eoi"] "H1 request fully rcvd";
    H1_REQUEST_BAD: H1 Error Front ["rx_data", "rx_headers", "h1s_err"] "parsing error, reject H1 message";
    H1_REQUEST_LATE: H1 Error Front ["h1s_err"] "request not received in time";
    H1_BACK_STREAM: H1 State Back ["h1s_new", "strm_new"] "created new H1 back stream";
    H1_SEND_REQUEST: H1 User BackRequest ["tx_data", "tx_headers"] "sending request headers";
    H1_REQUEST_SENT: H1 User BackRequest ["tx_data", "tx_eoi"] "H1 request fully xferred";
    H1_RESPONSE_HEAD: H1 User BackResponse ["rx_data", "rx_headers"] "rcvd H1 response headers";
    H1_RESPONSE_DONE: H1 User BackResponse ["rx_data", "rx_eoi"] "H1 response fully rcvd";
    H1_RESPONSE_MISSING: H1 Error Back ["rx_data", "rx_headers", "h1s_err"] "no usable H1 response";
    H1_SEND_RESPONSE: H1 User FrontResponse ["tx_data", "tx_headers"] "sending response headers";
    H1_RESPONSE_SENT: H1 User FrontResponse ["tx_data", "tx_eoi"] "H1 response fully xferred";
    H1_IDLE: H1 State Front ["h1s_end", "strm_end"] "set idle mode on h1c, waiting for the next request";
    H1_CLOSE: H1 State Front ["h1c_end", "h1s_end", "strm_end"] "close h1c";

    H2_NEW: H2 User None ["h2c_new"] "new H2 connection";
    H2_END: H2 State None ["h2c_end"] "releasing H2 connection";
    H2_HEADERS: H2 Proto None ["rx_frame", "rx_hdr"] "receiving H2 HEADERS frame";
    H2_DATA: H2 Proto None ["rx_frame", "rx_data"] "receiving H2 DATA frame";
    H2_SETTINGS: H2 Proto None ["rx_frame", "rx_settings"] "receiving H2 SETTINGS frame";
    H2_RESET: H2 Proto None ["rx_frame", "rx_rst", "rx_eoi"] "receiving H2 RST_STREAM frame";
    H2_GOAWAY: H2 Proto None ["rx_frame", "rx_goaway"] "receiving H2 GOAWAY frame";
    H2_SEND_RESET: H2 Proto None ["tx_frame", "tx_rst", "tx_eoi"] "sending H2 RST_STREAM frame";
    H2_SEND_GOAWAY: H2 Proto None ["tx_frame", "tx_goaway"] "sending H2 GOAWAY frame";
    H2_STREAM_ERROR: H2 Error None ["h2s_err", "proto_err"] "stream error";
    H2_CONNECTION_ERROR: H2 Error None ["h2c_err", "proto_err"] "connection error";
    H2_REQUEST: H2 User FrontRequest ["rx_frame", "rx_hdr", "strm_new"] "rcvd H2 request  ";
    H2_RESPONSE: H2 User FrontResponse ["tx_frame", "tx_hdr"] "sent H2 response ";

    STREAM_NEW: Stream State None ["strm_new"] "new stream";
    STREAM_BACKEND: Stream State None ["strm_proc"] "backend chosen";
    STREAM_SERVER: Stream State None ["sc_state"] "server chosen";
    STREAM_CONNECTED: Stream State None ["sc_state"] "connected to the server";
    STREAM_REQUEST: Stream Proto None ["http_ana"] "request analysed";
    STREAM_END: Stream User None ["strm_free"] "stream over";
    STREAM_FAILED: Stream Error None ["strm_err"] "stream failed";

    TLS_NEW: Ssl State None ["sslc_new"] "new TLS session";
    TLS_DONE: Ssl User None ["sslc_hndshk"] "handshake complete";
    TLS_FAILED: Ssl Error None ["sslc_hndshk", "sslc_err"] "handshake failed";
    TLS_LATE: Ssl Error None ["sslc_hndshk", "sslc_err"] "handshake not complete in time";

    PLAIN_NEW: Plain Developer None ["pt_conn_new", "strm_new"] "new connection";
    PLAIN_PASSED: Plain Data None ["pt_rx_data", "pt_tx_data"] "data passed";
    PLAIN_END: Plain Developer None ["pt_conn_end", "strm_end"] "connection over";

    CHECK_START: Check State None ["hchck_start"] "init new health-check";
    CHECK_RULES: Check Proto None ["hchck_run", "tcp_check_eval"] "start rules evaluation";
    CHECK_FAILED: Check Error None ["hchck_err"] "health-check failed";
    CHECK_PASSED: Check User None ["hchck_succ"] "health-check passed";
    CHECK_END: Check State None ["hchck_end"] "health-check complete or aborted";
    CHECK_DOWN: Check State None ["hchck_end", "hchck_err"] "health-check failed, set server DOWN";
    CHECK_UP: Check State None ["hchck_end", "hchck_succ"] "health-check succeeded, set server UP";

    APPLET_START: Applet State None ["app_new", "app_start"] "service started";
    APPLET_END: Applet State None ["app_release", "app_free"] "service over";
}
