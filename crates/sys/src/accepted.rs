//! Accepted connections: taking them, and what can be asked of or set on a live one.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::net::{SocketFlags, sockopt};

use crate::address::Address;
use crate::option;

/// Takes the next connection, non-blocking and close-on-exec, with its client's address.
pub fn accept(listener: impl AsFd) -> io::Result<(OwnedFd, Address)> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let (fd, peer) = rustix::net::acceptfrom_with(listener, flags)?;
    Ok((fd, peer.map_or(Address::Unnamed, |peer| Address::decode(&peer))))
}

/// The address of the other end.
pub fn peer_address(fd: impl AsFd) -> io::Result<Address> {
    Ok(rustix::net::getpeername(fd)?.map_or(Address::Unnamed, |peer| Address::decode(&peer)))
}

/// Sends small writes at once instead of collecting them.
pub fn set_no_delay(fd: impl AsFd, on: bool) -> io::Result<()> {
    Ok(sockopt::set_tcp_nodelay(fd, on)?)
}

/// Acknowledges at once, or lets acknowledgements travel with data.
pub fn set_quick_ack(fd: impl AsFd, on: bool) -> io::Result<()> {
    Ok(sockopt::set_tcp_quickack(fd, on)?)
}

/// Makes `close` reset the connection and forget unsent data (`option nolinger`).
pub fn set_no_linger(fd: impl AsFd) -> io::Result<()> {
    Ok(sockopt::set_socket_linger(fd, Some(Duration::ZERO))?)
}

/// Makes `close` tell the other end nothing, so that it keeps a dead connection (`silent-drop`). Without the right
/// to repair connections the reset is sent with a range of one hop instead, which the next router drops.
pub fn silence(fd: impl AsFd) {
    if option::set(&fd, libc::IPPROTO_TCP, libc::TCP_REPAIR, 1).is_ok() {
        return;
    }
    reset_within(fd, 1);
}

/// Makes `close` send a reset that comes so many hops far (`silent-drop rst-ttl`).
pub fn reset_within(fd: impl AsFd, hops: u8) {
    let _ = option::set(&fd, libc::IPPROTO_IP, libc::IP_TTL, i32::from(hops));
    let _ = option::set(&fd, libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS, i32::from(hops));
    let _ = set_no_linger(fd);
}

/// Fixes the kernel's send buffer in bytes (`tune.sndbuf.client`).
pub fn set_send_buffer(fd: impl AsFd, bytes: usize) -> io::Result<()> {
    Ok(sockopt::set_socket_send_buffer_size(fd, bytes)?)
}

/// Fixes how many bytes may wait in the kernel that were not sent yet (`tune.notsent-lowat.client`).
pub fn set_unsent_low_water(fd: impl AsFd, bytes: usize) -> io::Result<()> {
    let bytes = i32::try_from(bytes).unwrap_or(i32::MAX);
    option::set(fd, libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT, bytes)
}

/// Fixes the kernel's receive buffer in bytes (`tune.rcvbuf.client`).
pub fn set_receive_buffer(fd: impl AsFd, bytes: usize) -> io::Result<()> {
    Ok(sockopt::set_socket_recv_buffer_size(fd, bytes)?)
}

/// Keeps unsent data below this (`tune.notsent-lowat.client`).
pub fn set_not_sent_low_watermark(fd: impl AsFd, bytes: u32) -> io::Result<()> {
    option::set(fd, libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT, bytes.cast_signed())
}

/// Where the client meant to go before netfilter redirected it. Fails where nothing was redirected.
pub fn original_destination(fd: impl AsFd, v6: bool) -> io::Result<SocketAddr> {
    if v6 {
        return Ok(SocketAddr::V6(sockopt::ipv6_original_dst(fd)?));
    }
    Ok(SocketAddr::V4(sockopt::ip_original_dst(fd)?))
}

/// The CPU that the connection's last packet was handled on.
pub fn incoming_cpu(fd: impl AsFd) -> io::Result<u32> {
    Ok(sockopt::socket_incoming_cpu(fd)?)
}

/// Bytes that arrived and were not read yet.
pub fn unread(fd: impl AsFd) -> io::Result<u64> {
    Ok(rustix::io::ioctl_fionread(fd)?)
}

/// What the kernel knows of a TCP connection (`fc_rtt` and its kin, manual 7.3.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpInfo {
    /// Smoothed round-trip time.
    pub rtt: Duration,
    /// Its variation.
    pub rtt_variance: Duration,
    /// Segments sent and not acknowledged.
    pub unacked: u32,
    /// Segments selectively acknowledged.
    pub sacked: u32,
    /// Segments taken for lost.
    pub lost: u32,
    /// Segments being sent again.
    pub retransmitted: u32,
    /// Segments forward-acknowledged.
    pub fackets: u32,
    /// Reordering distance.
    pub reordering: u32,
    /// Maximum segment size for sending.
    pub send_mss: u32,
    /// Maximum segment size for receiving.
    pub receive_mss: u32,
    /// Segments sent again over the connection's life.
    pub total_retransmitted: u32,
}

/// Asks the kernel about a TCP connection.
pub fn tcp_info(fd: impl AsFd) -> io::Result<TcpInfo> {
    let raw = option::tcp_info(fd)?;
    Ok(TcpInfo {
        rtt: Duration::from_micros(raw.tcpi_rtt.into()),
        rtt_variance: Duration::from_micros(raw.tcpi_rttvar.into()),
        unacked: raw.tcpi_unacked,
        sacked: raw.tcpi_sacked,
        lost: raw.tcpi_lost,
        retransmitted: raw.tcpi_retrans,
        fackets: raw.tcpi_fackets,
        reordering: raw.tcpi_reordering,
        send_mss: raw.tcpi_snd_mss,
        receive_mss: raw.tcpi_rcv_mss,
        total_retransmitted: raw.tcpi_total_retrans,
    })
}
