use super::timeouts::Timeouts;

/// How connections are tracked. Each field's comment names its sysctl under `net.netfilter`; defaults are the kernel's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Connections that the table may hold: `nf_conntrack_max`; 0 is no limit.
    pub max: u32,
    /// Expected connections that the table may hold: `nf_conntrack_expect_max`.
    pub expect_max: u32,
    /// Whether checksums are verified where a packet was kept whole: `nf_conntrack_checksum`.
    pub checksum: bool,
    /// How TCP is tracked.
    pub tcp: TcpConfig,
    /// How long connections are kept.
    pub timeouts: Timeouts,
}

impl Default for Config {
    /// The kernel's defaults on a machine with more than 4 GiB of memory.
    fn default() -> Self {
        Config {
            max: 262_144,
            expect_max: 4096,
            checksum: true,
            tcp: TcpConfig::default(),
            timeouts: Timeouts::default(),
        }
    }
}

/// How TCP is tracked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpConfig {
    /// Whether a connection may be picked up in mid-stream: `nf_conntrack_tcp_loose`.
    pub loose: bool,
    /// Whether segments outside the windows are taken, but for resets: `nf_conntrack_tcp_be_liberal`.
    pub be_liberal: bool,
    /// Whether resets with an old sequence number are taken: `nf_conntrack_tcp_ignore_invalid_rst`.
    pub ignore_invalid_rst: bool,
    /// After how many repetitions of a segment the connection gets a shorter timeout:
    /// `nf_conntrack_tcp_max_retrans`.
    pub max_retrans: u8,
}

impl Default for TcpConfig {
    fn default() -> Self {
        TcpConfig { loose: true, be_liberal: false, ignore_invalid_rst: false, max_retrans: 3 }
    }
}
