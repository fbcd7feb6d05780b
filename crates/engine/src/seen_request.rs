//! The head of a request at the start of a plain session, for rules that look at it before anything speaks HTTP
//! (manual, 7.3.6).

use std::cell::OnceCell;

use weir_expr::Lookup;
use weir_http::Head;
use weir_http::h1::{self, Limits, Parse, Parser};

/// A head, read when it is first asked for.
#[derive(Default)]
pub(crate) struct SeenRequest(OnceCell<Seen>);

/// What came.
enum Seen {
    Head(Box<Head>),
    /// It is no request.
    Other,
    /// There is not enough of it.
    Partial,
}

// === impl SeenRequest ===

impl SeenRequest {
    /// The head at the start of `input`.
    pub(crate) fn look(&self, input: &[u8], limits: &Limits, is_final: bool) -> Lookup<&Head> {
        match self.0.get_or_init(|| Seen::of(input, limits)) {
            Seen::Head(head) => Lookup::Value(head),
            Seen::Partial if !is_final => Lookup::NotYet,
            Seen::Partial | Seen::Other => Lookup::Absent,
        }
    }
}

// === impl Seen ===

impl Seen {
    fn of(input: &[u8], limits: &Limits) -> Self {
        let mut head = Box::<Head>::default();
        match h1::parse_request(&mut Parser::default(), input, &mut head, limits) {
            Parse::Complete { .. } => Self::Head(head),
            Parse::Partial => Self::Partial,
            Parse::Invalid(_) => Self::Other,
        }
    }
}
