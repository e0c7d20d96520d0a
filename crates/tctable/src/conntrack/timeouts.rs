use super::sctp::SctpState;
use super::tcp::TcpState;
use crate::time::Duration;

/// A timeout as it is kept on a connection: milliseconds, so at most 49 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Millis(pub(super) u32);

impl From<Duration> for Millis {
    fn from(duration: Duration) -> Self {
        Millis(u32::try_from(duration.as_millis()).unwrap_or(u32::MAX))
    }
}

/// How long a connection is kept after its last packet. Defaults are the kernel's; each field's comment names its sysctl
/// under `net.netfilter`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// `nf_conntrack_tcp_timeout_syn_sent`
    pub tcp_syn_sent: Duration,
    /// `nf_conntrack_tcp_timeout_syn_recv`
    pub tcp_syn_recv: Duration,
    /// `nf_conntrack_tcp_timeout_established`
    pub tcp_established: Duration,
    /// `nf_conntrack_tcp_timeout_fin_wait`
    pub tcp_fin_wait: Duration,
    /// `nf_conntrack_tcp_timeout_close_wait`
    pub tcp_close_wait: Duration,
    /// `nf_conntrack_tcp_timeout_last_ack`
    pub tcp_last_ack: Duration,
    /// `nf_conntrack_tcp_timeout_time_wait`
    pub tcp_time_wait: Duration,
    /// `nf_conntrack_tcp_timeout_close`
    pub tcp_close: Duration,
    /// `nf_conntrack_tcp_timeout_max_retrans`
    pub tcp_max_retrans: Duration,
    /// `nf_conntrack_tcp_timeout_unacknowledged`
    pub tcp_unacknowledged: Duration,
    /// `nf_conntrack_udp_timeout`
    pub udp: Duration,
    /// `nf_conntrack_udp_timeout_stream`
    pub udp_stream: Duration,
    /// `nf_conntrack_sctp_timeout_closed`
    pub sctp_closed: Duration,
    /// `nf_conntrack_sctp_timeout_cookie_wait`
    pub sctp_cookie_wait: Duration,
    /// `nf_conntrack_sctp_timeout_cookie_echoed`
    pub sctp_cookie_echoed: Duration,
    /// `nf_conntrack_sctp_timeout_established`
    pub sctp_established: Duration,
    /// `nf_conntrack_sctp_timeout_shutdown_sent`
    pub sctp_shutdown_sent: Duration,
    /// `nf_conntrack_sctp_timeout_shutdown_recd`
    pub sctp_shutdown_recd: Duration,
    /// `nf_conntrack_sctp_timeout_shutdown_ack_sent`
    pub sctp_shutdown_ack_sent: Duration,
    /// `nf_conntrack_sctp_timeout_heartbeat_sent`
    pub sctp_heartbeat_sent: Duration,
    /// `nf_conntrack_gre_timeout`
    pub gre: Duration,
    /// `nf_conntrack_gre_timeout_stream`
    pub gre_stream: Duration,
    /// `nf_conntrack_icmp_timeout`
    pub icmp: Duration,
    /// `nf_conntrack_icmpv6_timeout`
    pub icmpv6: Duration,
    /// `nf_conntrack_generic_timeout`
    pub generic: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            tcp_syn_sent: Duration::from_secs(120),
            tcp_syn_recv: Duration::from_secs(60),
            tcp_established: Duration::from_secs(432_000),
            tcp_fin_wait: Duration::from_secs(120),
            tcp_close_wait: Duration::from_secs(60),
            tcp_last_ack: Duration::from_secs(30),
            tcp_time_wait: Duration::from_secs(120),
            tcp_close: Duration::from_secs(10),
            tcp_max_retrans: Duration::from_secs(300),
            tcp_unacknowledged: Duration::from_secs(300),
            udp: Duration::from_secs(30),
            udp_stream: Duration::from_secs(120),
            sctp_closed: Duration::from_secs(10),
            sctp_cookie_wait: Duration::from_secs(3),
            sctp_cookie_echoed: Duration::from_secs(3),
            sctp_established: Duration::from_secs(210),
            sctp_shutdown_sent: Duration::from_secs(3),
            sctp_shutdown_recd: Duration::from_secs(3),
            sctp_shutdown_ack_sent: Duration::from_secs(3),
            sctp_heartbeat_sent: Duration::from_secs(30),
            gre: Duration::from_secs(30),
            gre_stream: Duration::from_secs(180),
            icmp: Duration::from_secs(30),
            icmpv6: Duration::from_secs(30),
            generic: Duration::from_secs(600),
        }
    }
}

/// [`Timeouts`] made ready for the packet's road.
#[derive(Clone, Debug)]
pub(super) struct Ready {
    /// By [`TcpState`].
    pub(super) tcp: [Millis; 10],
    pub(super) tcp_max_retrans: Millis,
    pub(super) tcp_unacknowledged: Millis,
    pub(super) udp: Millis,
    pub(super) udp_stream: Millis,
    /// By [`SctpState`].
    pub(super) sctp: [Millis; 9],
    /// Without an answer, and with one.
    pub(super) gre: [Millis; 2],
    pub(super) icmp: Millis,
    pub(super) icmpv6: Millis,
    pub(super) generic: Millis,
    /// The wheel looks at each connection that often, whatever its deadline: a packet that takes a connection to a
    /// timeout not less than this need not file its timer anew.
    pub(super) recheck: Millis,
}

impl From<&Timeouts> for Ready {
    fn from(timeouts: &Timeouts) -> Self {
        Ready {
            tcp: TcpState::ALL.map(|state| timeouts.tcp(state).into()),
            tcp_max_retrans: timeouts.tcp_max_retrans.into(),
            tcp_unacknowledged: timeouts.tcp_unacknowledged.into(),
            udp: timeouts.udp.into(),
            udp_stream: timeouts.udp_stream.into(),
            sctp: SctpState::ALL.map(|state| timeouts.sctp(state).into()),
            gre: [timeouts.gre.into(), timeouts.gre_stream.into()],
            icmp: timeouts.icmp.into(),
            icmpv6: timeouts.icmpv6.into(),
            generic: timeouts.generic.into(),
            recheck: timeouts.recheck().into(),
        }
    }
}

impl Timeouts {
    /// The shortest of the timeouts that a connection often comes to from a longer one, but not so short that looking were
    /// all that is done. Those that are left out end connections, which happens to each once.
    fn recheck(&self) -> Duration {
        let shortest = [
            self.tcp_syn_recv,
            self.tcp_fin_wait,
            self.tcp_close_wait,
            self.tcp_time_wait,
            self.tcp_max_retrans,
            self.tcp_unacknowledged,
        ]
        .into_iter()
        .fold(self.tcp_syn_sent, Duration::min);
        shortest.max(Duration::from_secs(1))
    }

    fn sctp(&self, state: SctpState) -> Duration {
        match state {
            SctpState::None | SctpState::Closed => self.sctp_closed,
            SctpState::CookieWait => self.sctp_cookie_wait,
            SctpState::CookieEchoed => self.sctp_cookie_echoed,
            SctpState::Established => self.sctp_established,
            SctpState::ShutdownSent => self.sctp_shutdown_sent,
            SctpState::ShutdownRecd => self.sctp_shutdown_recd,
            SctpState::ShutdownAckSent => self.sctp_shutdown_ack_sent,
            SctpState::HeartbeatSent => self.sctp_heartbeat_sent,
        }
    }

    fn tcp(&self, state: TcpState) -> Duration {
        match state {
            TcpState::None | TcpState::SynSent | TcpState::SynSent2 => self.tcp_syn_sent,
            TcpState::SynRecv => self.tcp_syn_recv,
            TcpState::Established => self.tcp_established,
            TcpState::FinWait => self.tcp_fin_wait,
            TcpState::CloseWait => self.tcp_close_wait,
            TcpState::LastAck => self.tcp_last_ack,
            TcpState::TimeWait => self.tcp_time_wait,
            TcpState::Close => self.tcp_close,
        }
    }
}
