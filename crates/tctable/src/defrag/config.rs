use crate::time::Duration;

/// How fragments are kept until their datagram is whole, under the names of the kernel's sysctls: `net.ipv4.*` for
/// IPv4, `net.netfilter.*` for IPv6.
///
/// The kernel's `*_low_thresh` are not here: since Linux 4.17 nothing is evicted, and nothing reads them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How long an IPv4 datagram may take from its first fragment that came to be whole.
    pub ipfrag_time: Duration,
    /// Bytes that fragments of IPv4 may take. While they take more, all further ones are refused, also those that would
    /// make a datagram whole; so the true limit is this and one fragment. 0 refuses all.
    pub ipfrag_high_thresh: u32,
    /// How far two fragments of one IPv4 datagram that come one after the other may lie apart, in fragments of their
    /// source: 1 is side by side. If it is more, the identification is taken to have come round: what was there is
    /// dropped, and the datagram begins anew with the later fragment. 0 is no limit.
    pub ipfrag_max_dist: u32,
    /// As `ipfrag_time`, for IPv6.
    pub nf_conntrack_frag6_timeout: Duration,
    /// As `ipfrag_high_thresh`, for IPv6.
    pub nf_conntrack_frag6_high_thresh: u32,
}

impl Default for Config {
    /// The kernel's defaults: 30 and 60 seconds, 4 MiB for each family, a distance of 64.
    fn default() -> Self {
        Config {
            ipfrag_time: Duration::from_secs(30),
            ipfrag_high_thresh: 4 << 20,
            ipfrag_max_dist: 64,
            nf_conntrack_frag6_timeout: Duration::from_secs(60),
            nf_conntrack_frag6_high_thresh: 4 << 20,
        }
    }
}

/// What of a [`Config`] concerns one family.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) time: Duration,
    pub(super) high_thresh: u32,
    /// 0 is no limit.
    pub(super) max_dist: u32,
}

impl Config {
    pub(super) fn v4(&self) -> Limits {
        Limits { time: self.ipfrag_time, high_thresh: self.ipfrag_high_thresh, max_dist: self.ipfrag_max_dist }
    }

    pub(super) fn v6(&self) -> Limits {
        Limits { time: self.nf_conntrack_frag6_timeout, high_thresh: self.nf_conntrack_frag6_high_thresh, max_dist: 0 }
    }
}
