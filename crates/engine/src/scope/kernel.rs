//! What expressions ask the system: its view of connections, and whose addresses are whose.

use std::net::{SocketAddr, UdpSocket};

use weir_expr::Side;
use weir_expr::scope::{Address, TcpInfo};
use weir_sys::accepted;
use weir_sys::listen::local_address;

use crate::transaction::Transaction;

/// A field of the kernel's view of a connection; times in microseconds.
pub(super) fn tcp_info(t: &Transaction, side: Side, what: TcpInfo) -> Option<i64> {
    let info = match side {
        Side::Client => accepted::tcp_info(&t.client.stream),
        Side::Server => accepted::tcp_info(&t.far.as_ref()?.stream),
    };
    let info = info.ok()?;
    Some(match what {
        TcpInfo::Rtt => info.rtt.as_micros() as i64,
        TcpInfo::RttVar => info.rtt_variance.as_micros() as i64,
        TcpInfo::Unacked => info.unacked.into(),
        TcpInfo::Sacked => info.sacked.into(),
        TcpInfo::Lost => info.lost.into(),
        TcpInfo::Retrans => info.retransmitted.into(),
        TcpInfo::Fackets => info.fackets.into(),
        TcpInfo::Reordering => info.reordering.into(),
    })
}

/// The address that the connection to the server comes from, while rules see it.
pub(super) fn back_source(t: &Transaction) -> Option<SocketAddr> {
    local_address(&t.far.as_ref()?.stream).ok()?.inet()
}

/// Whether an address is one of this machine's: a socket may have it.
pub(super) fn is_local(t: &Transaction, which: Address) -> Option<bool> {
    let address = match which {
        Address::Source | Address::FrontSource => &t.client.source,
        Address::Destination | Address::FrontDestination => t.client.destination(),
        Address::BackSource | Address::BackDestination => return None,
    };
    let ip = address.inet()?.ip();
    Some(ip.is_loopback() || UdpSocket::bind((ip, 0)).is_ok())
}
