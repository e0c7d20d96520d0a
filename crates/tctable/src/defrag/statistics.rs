/// What happened to the fragments of one family, under the names of `/proc/net/snmp`, and what they take now.
///
/// For IPv6 the kernel's connection tracking counts only timeouts (`Ip6Reasm*` are those of hosts); here both families
/// are counted alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Fragments that were to be reassembled: `ReasmReqds`.
    pub requests: u64,
    /// Datagrams that became whole: `ReasmOKs`.
    pub oks: u64,
    /// Times that reassembly failed, by timeout, by a fragment that was refused, or because a datagram was dropped to
    /// begin anew (`ipfrag_max_dist`): `ReasmFails`.
    pub fails: u64,
    /// Datagrams that took too long, also among `fails`: `ReasmTimeout`.
    pub timeouts: u64,
    /// Datagrams that were dropped because fragments overlapped, also among `fails`: `ReasmOverlaps`.
    pub overlaps: u64,
    /// Whole datagrams of which the capture had not kept all bytes, among `oks`.
    pub cut: u64,
    /// Whole datagrams whose transport header lies beyond the bytes that are known, among `cut`.
    pub transport_cut: u64,
    /// Datagrams that wait for fragments: `inuse` of `/proc/net/sockstat`.
    pub queues: u32,
    /// Bytes that they take: `memory` of `/proc/net/sockstat`. The kernel counts its own buffers, so its numbers are
    /// others.
    pub memory: u64,
}
