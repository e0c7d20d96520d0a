use std::collections::BTreeMap;
use std::ops::AddAssign;

use crate::account::Refusal;
use crate::conntrack::Counter;
use crate::packet::{Malformed, NotIp};

/// What the engine saw, in packets and bytes, so that nothing is silently absent.
///
/// Every frame is either an IP packet or counted in [`Unaccounted::not_ip`] or [`Unaccounted::malformed`]. Every IP
/// packet is counted for one host, for two ([`Totals::inside_to_inside`]), or in one of the other fields of
/// [`Unaccounted`]. So, for packets and for bytes: `tx + rx - inside_to_inside + unaccounted.ip() = ip + made`, where `tx`
/// and `rx` are what all hosts counted together, those that are gone and what was zeroed included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// All frames, with their bytes on the wire.
    pub frames: Counter,
    /// All IP packets, with the lengths that their headers tell.
    pub ip: Counter,
    /// IP packets that the gateway made itself: what a rule rejects is answered.
    pub made: Counter,
    /// IP packets counted for the host that sent them, and for the one that received them: by [`crate::account::Side`].
    pub(super) sides: [Counter; 2],
    /// IP packets that count for two hosts, among both of `sides`.
    pub inside_to_inside: Counter,
    /// What is not counted for any host.
    pub unaccounted: Unaccounted,
    /// Times that a packet was not counted for a host because the host table was full; one that went from inside to
    /// inside may still have been counted for the other.
    pub hosts_refused: u64,
    /// Entries of hosts that expired.
    pub hosts_expired: u64,
    /// Frames whose time lay before that of an earlier one; they are taken to have come at the later time.
    pub time_reversed: u64,
    /// Events that were lost because too many waited.
    pub events_lost: u64,
    /// Times that a function told a packet to begin its hook anew.
    pub repeats: u64,
    /// Packets that went on where their queue had no reader.
    pub queue_bypassed: u64,
    /// Packets for [`super::Gateway::poll_transmit`] that were lost because too many waited.
    pub transmits_lost: u64,
}

/// What is not counted for any host, by cause.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unaccounted {
    /// IP packets with neither end inside.
    pub outside_to_outside: Counter,
    /// IP packets of hosts that had no place in the table.
    pub host_table_full: Counter,
    /// IP packets that would have opened a connection when the table was full: a gateway drops them.
    pub conntrack_full: Counter,
    /// IP packets that would have opened a connection of a host that has opened as many as it may: a gateway drops them.
    pub host_limit: Counter,
    /// The same for hosts that opened as many in a second as they may.
    pub host_rate_limit: Counter,
    /// The same for hosts whose group, or that one's parent, has opened as many as it may.
    pub group_limit: Counter,
    /// The same for groups that opened as many in a second as they may.
    pub group_rate_limit: Counter,
    /// IP packets of hosts that have used up their quota, or whose group has: a gateway drops them.
    pub quota: Counter,
    /// Fragments that belong to no datagram that makes sense, or for which there was no memory: a gateway drops them.
    pub fragments_refused: Counter,
    /// IP packets that a function or a rule dropped before they counted for a host.
    pub dropped: Counter,
    /// IP packets that were dropped, before they counted for a host, because nobody read their queue or it was full.
    pub queue_dropped: Counter,
    /// IP packets that a function kept before they counted for a host.
    pub stolen: Counter,
    /// IP packets that wait in a queue now and have not counted for a host.
    pub queued: Counter,
    /// Frames of other protocols by ethertype, with their bytes on the wire.
    pub not_ip: BTreeMap<u16, Counter>,
    /// Frames whose headers make no sense by cause ([`Malformed::ALL`]), with their bytes on the wire.
    pub malformed: [Counter; Malformed::ALL.len()],
}

impl Totals {
    /// IP packets counted for the host that sent them.
    pub fn tx(&self) -> Counter {
        self.sides[0]
    }

    /// IP packets counted for the host that received them.
    pub fn rx(&self) -> Counter {
        self.sides[1]
    }

    /// Whether every frame and every IP packet is somewhere: the sums that [`Totals`] tells of. They hold at any time; this is
    /// for whoever wants to see it.
    pub fn add_up(&self) -> bool {
        let sum = |counters: &[Counter]| {
            let add = |(packets, bytes), counter: &Counter| (packets + counter.packets, bytes + counter.bytes);
            counters.iter().fold((0, 0), add)
        };
        let counted = sum(&[self.tx(), self.rx(), self.unaccounted.ip()]);
        let not_ip = self.unaccounted.not_ip.values().map(|counter| counter.packets).sum::<u64>();
        let malformed = self.unaccounted.malformed.iter().map(|counter| counter.packets).sum::<u64>();
        counted == sum(&[self.ip, self.made, self.inside_to_inside])
            && self.frames.packets == self.ip.packets + not_ip + malformed
    }
}

/// As one engine had seen what two saw.
impl AddAssign<&Totals> for Totals {
    fn add_assign(&mut self, other: &Totals) {
        let Totals {
            frames,
            ip,
            made,
            sides: [tx, rx],
            inside_to_inside,
            unaccounted,
            hosts_refused,
            hosts_expired,
            time_reversed,
            events_lost,
            repeats,
            queue_bypassed,
            transmits_lost,
        } = other;
        self.frames += *frames;
        self.ip += *ip;
        self.made += *made;
        self.sides[0] += *tx;
        self.sides[1] += *rx;
        self.inside_to_inside += *inside_to_inside;
        self.unaccounted += unaccounted;
        self.hosts_refused += hosts_refused;
        self.hosts_expired += hosts_expired;
        self.time_reversed += time_reversed;
        self.events_lost += events_lost;
        self.repeats += repeats;
        self.queue_bypassed += queue_bypassed;
        self.transmits_lost += transmits_lost;
    }
}

impl AddAssign<&Unaccounted> for Unaccounted {
    fn add_assign(&mut self, other: &Unaccounted) {
        for (sum, (_, more)) in self.by_cause_mut().into_iter().zip(other.by_cause()) {
            *sum += more;
        }
        for (ethertype, counter) in &other.not_ip {
            *self.not_ip.entry(*ethertype).or_default() += *counter;
        }
        for (sum, more) in self.malformed.iter_mut().zip(&other.malformed) {
            *sum += *more;
        }
    }
}

impl Unaccounted {
    pub(super) fn count(&mut self, why: NotIp, wire_len: u32) {
        match why {
            NotIp::Ethertype(ethertype) => self.not_ip.entry(ethertype).or_default().count(wire_len),
            NotIp::Malformed(cause) => self.malformed[cause as usize].count(wire_len),
        }
    }

    /// Counts a packet that would have opened a connection; one that is only not counted for a host has another place.
    pub(super) fn count_refused(&mut self, refusal: Refusal, ip_len: u32) {
        let counter = match refusal {
            Refusal::HostTable => return,
            Refusal::HostConnections => &mut self.host_limit,
            Refusal::HostNewConnections => &mut self.host_rate_limit,
            Refusal::GroupConnections => &mut self.group_limit,
            Refusal::GroupNewConnections => &mut self.group_rate_limit,
        };
        counter.count(ip_len);
    }

    /// IP packets by any cause.
    pub fn ip(&self) -> Counter {
        self.by_cause().into_iter().fold(Counter::default(), |mut sum, (_, cause)| {
            sum += cause;
            sum
        })
    }

    /// IP packets by cause, under the names of the fields.
    pub fn by_cause(&self) -> [(&'static str, Counter); 13] {
        [
            ("outside_to_outside", self.outside_to_outside),
            ("host_table_full", self.host_table_full),
            ("conntrack_full", self.conntrack_full),
            ("host_limit", self.host_limit),
            ("host_rate_limit", self.host_rate_limit),
            ("group_limit", self.group_limit),
            ("group_rate_limit", self.group_rate_limit),
            ("quota", self.quota),
            ("fragments_refused", self.fragments_refused),
            ("dropped", self.dropped),
            ("queue_dropped", self.queue_dropped),
            ("stolen", self.stolen),
            ("queued", self.queued),
        ]
    }

    fn by_cause_mut(&mut self) -> [&mut Counter; 13] {
        [
            &mut self.outside_to_outside,
            &mut self.host_table_full,
            &mut self.conntrack_full,
            &mut self.host_limit,
            &mut self.host_rate_limit,
            &mut self.group_limit,
            &mut self.group_rate_limit,
            &mut self.quota,
            &mut self.fragments_refused,
            &mut self.dropped,
            &mut self.queue_dropped,
            &mut self.stolen,
            &mut self.queued,
        ]
    }

    /// Each cause with its counter.
    pub fn malformed(&self) -> impl Iterator<Item = (Malformed, Counter)> {
        Malformed::ALL.into_iter().zip(self.malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_of_every_field() {
        let mut one = Unaccounted::default();
        for (nth, counter) in one.by_cause_mut().into_iter().enumerate() {
            *counter = Counter { packets: 1 + nth as u64, bytes: 100 };
        }
        one.not_ip.insert(0x0806, Counter { packets: 1, bytes: 42 });
        one.malformed[1].packets = 3;
        let mut two = one.clone();
        two += &one;
        for (nth, (name, counter)) in two.by_cause().into_iter().enumerate() {
            assert_eq!(counter, Counter { packets: 2 + 2 * nth as u64, bytes: 200 }, "{name}");
        }
        assert_eq!(two.not_ip[&0x0806], Counter { packets: 2, bytes: 84 });
        assert_eq!(two.malformed[1].packets, 6);
    }
}
