//! What is done with hosts and groups from outside, between packets, and what they are told of on the road.

use std::net::IpAddr;

use super::engine::Gateway;
use super::event::Event;
use crate::account::{
    Class, GroupReport, Groups, Host, HostPass, Owner, Quota, QuotaUsedUp, Refusal, SnapshotError, Station, Usage,
    UtcOffset,
};
use crate::conntrack::{Connection, ConnectionId};
use crate::packet::Packet;

impl Gateway {
    /// The host of an address.
    pub fn host(&self, ip: IpAddr) -> Option<&Host> {
        self.host_place(ip).map(|place| self.hosts.at(place))
    }

    fn host_place(&self, ip: IpAddr) -> Option<u32> {
        self.hosts.find(ip.into(), ip.into())
    }

    /// A host's open connections, the newest first; those that were there when links were switched on come last. `None`
    /// where it is not in the table.
    ///
    /// Without [`crate::account::Config::links`] the whole table is looked through, in the order of its places.
    pub fn host_connections(&self, ip: IpAddr) -> Option<impl Iterator<Item = (ConnectionId, &Connection)>> {
        let host = self.host_place(ip)?;
        let linked = self.hosts.linked(host);
        let scanned = linked.is_none().then(|| {
            self.conntrack.iter().filter(move |(_, connection)| {
                Owner::from_cookie(connection.cookie()).is_some_and(|owner| owner.place == host)
            })
        });
        let linked = linked.into_iter().flatten().filter_map(|place| self.conntrack.named(place));
        Some(linked.chain(scanned.into_iter().flatten()))
    }

    /// Takes a host out of the table with all of its connections; gives it as it stood without them. What it counted stays
    /// with its group, and what it used of its quota is remembered to the period's end.
    pub fn delete_host(&mut self, ip: IpAddr) -> Option<Host> {
        let connections: Vec<ConnectionId> = self.host_connections(ip)?.map(|(id, _)| id).collect();
        for id in connections {
            self.conntrack.delete(self.now, id);
            self.take_ended();
        }
        self.host_place(ip).map(|place| self.hosts.delete(place))
    }

    /// Gives a host as it stands and sets its counters to zero, in one step. Its connections, its ids and what it used of
    /// its quota stay, and what it counted stays with its group.
    pub fn zero_host(&mut self, ip: IpAddr) -> Option<Host> {
        self.host_place(ip).map(|place| self.hosts.zero(place))
    }

    /// A group as it stands. Takes the longer the more members it has.
    pub fn group(&self, name: &str) -> Option<GroupReport> {
        self.hosts.group(self.now, name)
    }

    /// All groups as they stand, in the order in which they were set up.
    pub fn groups(&self) -> impl Iterator<Item = GroupReport> {
        self.hosts.groups(self.now)
    }

    /// Gives a group as it stands and sets its counters and those of its parts to zero, in one step. What was used of
    /// quotas stays.
    pub fn zero_group(&mut self, name: &str) -> Option<GroupReport> {
        self.hosts.zero_group(self.now, name)
    }

    /// Sets up other groups. Each host goes to the group that it belongs to now; what it counted stays with the one that it
    /// belonged to when it did. A group that keeps its name keeps its counters, and what was used of its quota if that
    /// keeps its period. The others are gone with their counters: who wants them reads them before.
    pub fn set_groups(&mut self, groups: Groups) {
        self.config.hosts.groups = groups;
        self.apply_hosts_config();
    }

    /// Sets what each host may send and receive in a period, from now on. What was used counts on if the period is the
    /// same; else it begins with nothing.
    pub fn set_host_quota(&mut self, quota: Option<Quota>) {
        self.config.hosts.quota = quota;
        self.apply_hosts_config();
    }

    /// Sets where local midnight lies; periods that are under way go on to their end.
    pub fn set_utc_offset(&mut self, offset: UtcOffset) {
        self.config.hosts.utc_offset = offset;
        self.apply_hosts_config();
    }

    /// What an address used of its quota in the present period, also if its host is gone. `None` without a quota, and where
    /// nothing is known of it.
    pub fn host_usage(&self, ip: IpAddr) -> Option<Usage> {
        self.hosts.usage(self.now, ip.into(), ip.into())
    }

    /// The hosts, the groups and what was used of quotas as bytes, for keeping: see [`Gateway::restore_hosts`].
    pub fn snapshot_hosts(&self) -> Vec<u8> {
        self.hosts.snapshot(self.now)
    }

    /// Takes a snapshot over in the place of all hosts, as after a restart. Time moves on to when it was taken, if that is
    /// later. [`super::Totals`] stay: they count what this engine saw.
    ///
    /// Connections are not in a snapshot, so hosts have none then, but their ids are not given again. Hosts belong to the
    /// groups that are set up now; a group of the snapshot that is not among them is gone with what it counted, and so is
    /// what was used of a quota whose periods are others now.
    ///
    /// # Errors
    /// [`SnapshotError`]; nothing is changed then.
    pub fn restore_hosts(&mut self, snapshot: &[u8]) -> Result<(), SnapshotError> {
        let taken_at = self.hosts.restore(self.now, snapshot)?;
        self.now = self.now.max(taken_at);
        self.look_at_timers();
        Ok(())
    }

    /// Begins a pass over the host table: for who keeps a copy of it elsewhere. Its pages tell what changed since the last pass
    /// began, hosts that are gone included; the first one, one that is asked to be `whole`, and one after a change of groups
    /// tell everything. Whoever lost a page asks for a whole one. [`crate::account::HostBook`] puts pages together.
    pub fn begin_host_pass(&mut self, whole: bool) -> HostPass {
        self.hosts.begin_pass(self.now, whole)
    }

    /// The next page of a pass, of at most so many places of the table; `None` at its end. Each page is right by itself: what
    /// is told of hosts and of the groups that they left is of one moment. Packets may pass between two pages.
    pub fn host_page(&mut self, pass: &mut HostPass, places: usize) -> Option<Vec<u8>> {
        self.hosts.pass_page(self.now, pass, places)
    }

    /// Lets the hosts' part of the configuration hold from now on.
    pub(super) fn apply_hosts_config(&mut self) {
        let linked = self.hosts.config().links;
        self.hosts.set_config(self.now, self.config.hosts.clone());
        if self.config.hosts.links && !linked {
            for (id, connection) in self.conntrack.iter() {
                if let Some(owner) = Owner::from_cookie(connection.cookie()) {
                    self.hosts.link(owner, id.place());
                }
            }
        }
        self.look_at_timers();
    }

    /// The Ethernet address of a packet's sender, where it is the sender's own: see [`Host::mac`].
    #[inline(always)]
    pub(super) fn own_station(&self, packet: Packet<'_>) -> Station {
        let inside = &self.config.inside;
        let direct = !inside.has_devices() || inside.has_device(packet.frame.device);
        if direct { Station::sender_of(packet.frame) } else { Station::UNKNOWN }
    }

    /// Tells that something was refused to a host, unless that was told a moment ago.
    #[cold]
    pub(super) fn tell_refused(&mut self, refusal: Refusal, host: IpAddr) {
        if self.config.events.refused
            && let Some(count) = self.herald.refused(self.now, refusal)
        {
            self.push_event(Event::Refused { host, refusal, count });
        }
    }

    /// Asks whoever pays for a host whether it may count a packet; tells of marks that this brings them to. Gives the mark
    /// that the packet is to carry.
    ///
    /// # Errors
    /// [`QuotaUsedUp`]
    #[inline(never)]
    pub(super) fn ask_for_bytes(
        &mut self,
        place: u32,
        class: Class,
        bytes: u32,
        held: Option<(u32, Class)>,
    ) -> Result<Option<u32>, QuotaUsedUp> {
        let reserved = self.hosts.reserve(self.now, place, class, bytes, held);
        while let Some(reached) = self.hosts.take_mark_reached() {
            if self.config.events.quota_marks {
                self.push_event(Event::QuotaMark(Box::new(reached)));
            }
        }
        reserved
    }
}
