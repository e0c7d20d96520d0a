/// What happened to packets and connections, under the names of `conntrack -S` where it has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Connections confirmed.
    pub insert: u64,
    /// Connections not confirmed because another one has one of their tuples.
    pub insert_failed: u64,
    /// Packets that no connection could be told from, or that its tracker refused.
    pub invalid: u64,
    /// Packets that are never tracked, and later fragments.
    pub ignore: u64,
    /// Packets that would have opened a connection when the table was full.
    pub drop: u64,
    /// Connections that ended.
    pub delete: u64,
    /// Connections not confirmed because too many others lie where their hash would have them.
    pub chaintoolong: u64,
}
