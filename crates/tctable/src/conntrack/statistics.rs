/// What happened to packets and connections, under the names of `conntrack -S` where it has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// New connections whose tuple was taken by another one in the meantime.
    pub found: u64,
    /// Packets that no connection could be told from, or that its tracker refused.
    pub invalid: u64,
    /// Packets that are never tracked.
    pub ignore: u64,
    /// Connections confirmed. Linux 6.18 counts those that programs put in its table alone.
    pub insert: u64,
    /// Connections not confirmed because another one has one of their tuples, or because too many connections share a
    /// hash.
    pub insert_failed: u64,
    /// Packets dropped because the table is full, or because their connection was not confirmed.
    pub drop: u64,
    /// Unassured connections that ended to make room for new ones.
    pub early_drop: u64,
    /// ICMP and ICMPv6 messages that are damaged or cut, or report an error of no known connection, and those of IPv4
    /// with a type above 18. Others that tell no connection are `invalid`.
    pub error: u64,
    /// Connections whose tuple was taken in the meantime by one that is just the same: the packet went over to that.
    pub clash_resolve: u64,
    /// Connections not confirmed because too many connections share a hash.
    pub chaintoolong: u64,
    /// Connections that ended.
    pub delete: u64,
}

impl Statistics {
    /// Each with its name: first those of `conntrack -S`, in its order.
    pub fn named(&self) -> [(&'static str, u64); 11] {
        [
            ("found", self.found),
            ("invalid", self.invalid),
            ("insert", self.insert),
            ("insert_failed", self.insert_failed),
            ("drop", self.drop),
            ("early_drop", self.early_drop),
            ("error", self.error),
            ("clash_resolve", self.clash_resolve),
            ("chaintoolong", self.chaintoolong),
            ("ignore", self.ignore),
            ("delete", self.delete),
        ]
    }
}

impl std::ops::AddAssign<&Statistics> for Statistics {
    fn add_assign(&mut self, other: &Statistics) {
        let Statistics {
            found,
            invalid,
            ignore,
            insert,
            insert_failed,
            drop,
            early_drop,
            error,
            clash_resolve,
            chaintoolong,
            delete,
        } = other;
        self.found += found;
        self.invalid += invalid;
        self.ignore += ignore;
        self.insert += insert;
        self.insert_failed += insert_failed;
        self.drop += drop;
        self.early_drop += early_drop;
        self.error += error;
        self.clash_resolve += clash_resolve;
        self.chaintoolong += chaintoolong;
        self.delete += delete;
    }
}
