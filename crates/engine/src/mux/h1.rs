//! stub
#[derive(Default)]
pub(crate) struct Front;
pub(crate) struct Conn;
