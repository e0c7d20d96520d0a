//! What is done to an engine from outside, between packets.

use std::net::IpAddr;

use super::config::Config;
use super::engine::Gateway;
use super::hooks::{HookFn, HookHandle};
use super::route::{Own, Route};
use crate::conntrack::helper::UnknownHelper;
use crate::conntrack::{Changes, ConnectionId};
use crate::hook::{Families, Hook};
use crate::packet::DeviceId;

impl Gateway {
    /// Ends a connection, as `conntrack -D` does; tells whether it was there.
    pub fn delete_connection(&mut self, id: ConnectionId) -> bool {
        let deleted = self.conntrack.delete(self.now, id);
        self.take_ended();
        deleted
    }

    /// Lets another configuration hold from the next packet on; what is in the tables stays. What an engine is made with stays
    /// too: its hash key, its seed, its events and how many of them and of packets to be sent may wait. A device is in
    /// the zone, and has the name, that it had.
    pub fn set_config(&mut self, config: Config) {
        let Config { hash_key, seed, events, max_events, max_transmits, .. } = self.config;
        self.config = Config { hash_key, seed, events, max_events, max_transmits, ..config };
        self.own = Own::new(&self.config.local);
        self.take_config();
    }

    /// Sets the mark of a connection, as `conntrack -U --mark` does; tells whether it was there.
    pub fn set_mark(&mut self, id: ConnectionId, mark: u32) -> bool {
        let changed = self.conntrack.set_mark(id, mark);
        self.tell_change(id, changed)
    }

    /// Sets the labels of a connection, as `conntrack -U --label-add` and `--label-del` do; tells whether it was there.
    pub fn set_labels(&mut self, id: ConnectionId, labels: u128) -> bool {
        let changed = self.conntrack.set_labels(id, labels);
        self.tell_change(id, changed)
    }

    /// Lets the helper of that name listen to a connection, as a rule does for new ones; tells whether both were there.
    pub fn attach_helper(&mut self, id: ConnectionId, name: &str) -> bool {
        let changed = self.conntrack.attach_helper(id, name);
        self.tell_change(id, changed)
    }

    /// New connections of that protocol to that port get the helper of that name, from now on.
    ///
    /// # Errors
    /// [`UnknownHelper`]
    pub fn assign_helper(&mut self, name: &str, protocol: u8, port: u16) -> Result<(), UnknownHelper> {
        self.config.helpers.assign(name, protocol, port)?;
        self.conntrack.set_helpers(self.config.helpers.clone());
        Ok(())
    }

    /// Lets a function look at packets, from the next one on: at a hook, in the order of the priorities, the lower ones
    /// first; of equal ones the latest comes first, as in the kernel. The road's own functions stand at the priorities of
    /// [`crate::hook::priority`].
    pub fn register_hook(
        &mut self,
        hook: Hook,
        priority: i32,
        families: Families,
        function: impl HookFn + 'static,
    ) -> HookHandle {
        self.hooks.register(hook, priority, families, Box::new(function))
    }

    /// Takes a function out again and gives it back; `None` where it is out already. Packets that it queued go on where it
    /// stood.
    pub fn unregister_hook(&mut self, handle: HookHandle) -> Option<Box<dyn HookFn>> {
        self.hooks.unregister(handle)
    }

    /// Names a device, for rules and functions that go by names.
    pub fn name_device(&mut self, device: DeviceId, name: &str) {
        self.devices.set(device, name);
    }

    /// By which devices packets come and go, from the next one on.
    pub fn set_route(&mut self, route: Route) {
        self.config.route = route;
    }

    /// The gateway's own addresses, from the next packet on.
    pub fn set_local(&mut self, addresses: &[IpAddr]) {
        self.config.local = addresses.to_vec();
        self.own = Own::new(addresses);
    }

    /// Puts a device into a zone: from the next packet on connections through it are apart from those of other zones,
    /// whatever their addresses. Zone 0 is where every device is at first.
    pub fn set_zone(&mut self, device: DeviceId, zone: u16) {
        self.zones.set(device, zone);
    }

    fn tell_change(&mut self, id: ConnectionId, changed: Option<(u32, Changes)>) -> bool {
        if let Some((place, changes)) = changed {
            self.tell(id, place, changes);
        }
        changed.is_some()
    }
}
