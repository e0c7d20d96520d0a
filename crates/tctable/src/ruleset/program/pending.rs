//! Stand-ins for the files of these names, until they are merged.

pub(super) mod reject {
    use crate::hook::{Hook, PacketBuf};
    use crate::ruleset::RejectWith;

    pub(crate) fn answer(with: RejectWith, packet: &PacketBuf<'_>, hook: Hook) -> Option<Vec<u8>> {
        Some(vec![with as u8, hook as u8, packet.info().tuple.protocol])
    }
}

pub(super) mod mangle {
    use crate::hook::PacketBuf;
    use crate::packet::Family;
    use crate::ruleset::TtlChange;

    pub(crate) fn set_dscp(packet: &mut PacketBuf<'_>, dscp: u8) {
        let at = usize::from(packet.info().network_offset);
        if packet.info().tuple.family == Family::V4 {
            let _ = packet.edit(|data| data[at + 1] = data[at + 1] & 3 | dscp << 2);
        }
    }

    pub(crate) fn change_ttl(packet: &mut PacketBuf<'_>, change: TtlChange) {
        let at = usize::from(packet.info().network_offset);
        let at = at + if packet.info().tuple.family == Family::V4 { 8 } else { 7 };
        let _ = packet.edit(|data| {
            data[at] = match change {
                TtlChange::Set(ttl) => ttl,
                TtlChange::Increase(by) => data[at].saturating_add(by),
                TtlChange::Decrease(by) => data[at].saturating_sub(by),
            };
        });
    }

    pub(crate) fn set_mss(_: &mut PacketBuf<'_>, _: Option<u16>) {}
}

pub(super) mod log {
    use crate::hook::{Devices, Hook, PacketBuf};
    use crate::ruleset::Log;

    #[derive(Clone, Debug, PartialEq)]
    pub struct LogRecord {
        pub prefix: Box<str>,
    }

    pub(crate) fn record(log: &Log, _: Hook, _: &PacketBuf<'_>, _: &Devices) -> LogRecord {
        LogRecord { prefix: log.prefix.clone() }
    }
}
