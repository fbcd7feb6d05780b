//! The stages of a transaction, in the order of [`crate::transaction`].

pub(crate) mod address_lines;
pub(crate) mod answer;
pub(crate) mod body;
pub(crate) mod capture;
pub(crate) mod client_news;
pub(crate) mod exchange;
pub(crate) mod finish;
pub(crate) mod handshake;
mod head;
pub(crate) mod own;
pub(crate) mod persist;
pub(crate) mod prepare;
pub(crate) mod proxy_header;
pub(crate) mod reach;
pub(crate) mod receive;
pub(crate) mod record;
pub(crate) mod replay;
pub(crate) mod respond;
pub(crate) mod reuse;
pub(crate) mod route;
pub(crate) mod rules;
pub(crate) mod stick;
pub(crate) mod stream;
pub(crate) mod upload;
pub(crate) mod websocket;
