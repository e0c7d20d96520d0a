use super::super::handle::{ClassId, Handle};
use super::super::qdisc::{ClassRefusal, ExpiredHostClass, HostClassOptions, HostClassStats, HostClasses};
use super::super::scheduler::Scheduler;
use super::super::skb::HostKey;
use super::error::{GetClassError, SetClassError};
use crate::packet::DeviceId;
use crate::time::Instant;

impl Scheduler {
    /// Sets what classes of hosts are like below a qdisc, or changes it; `None` deletes them all. The kernel has nothing of
    /// that kind, so nothing notifies of it.
    ///
    /// # Errors
    /// [`SetClassError`]: as for a class of that qdisc; then nothing has changed.
    pub fn set_host_classes(
        &mut self,
        now: Instant,
        id: DeviceId,
        qdisc: Handle,
        options: Option<&HostClassOptions>,
    ) -> Result<(), SetClassError> {
        let device = self.device(id).ok_or(GetClassError::NoDevice)?;
        let node = device.node(qdisc.major()).ok_or(GetClassError::NoQdisc)?;
        node.qdisc.hosts().ok_or(ClassRefusal::NotSupported)?;
        let done = self.work(now, id, |device, context| {
            device.at(context, qdisc.major(), |node, context| match node.qdisc.hosts_mut() {
                Some(hosts) => hosts.set_host_options(context, options),
                None => Err(ClassRefusal::NotSupported),
            })
        });
        done.flatten().ok_or(GetClassError::NoQdisc)??;
        Ok(())
    }

    /// What classes of hosts are like below a qdisc.
    pub fn host_classes(&self, device: DeviceId, qdisc: Handle) -> Option<HostClassOptions> {
        self.hosts(device, qdisc)?.host_options()
    }

    /// What became of a qdisc's classes of hosts.
    pub fn host_class_stats(&self, device: DeviceId, qdisc: Handle) -> Option<HostClassStats> {
        Some(self.hosts(device, qdisc)?.host_stats())
    }

    /// The class that a host has at present below a qdisc.
    pub fn class_of_host(&self, device: DeviceId, qdisc: Handle, host: HostKey) -> Option<ClassId> {
        self.hosts(device, qdisc)?.class_of(host)
    }

    /// The host that a class was made for.
    pub fn host_of_class(&self, device: DeviceId, class: ClassId) -> Option<HostKey> {
        self.hosts(device, Handle::new(class.major, 0))?.host_of(class)
    }

    /// A host's class that went after a time without traffic, with its last counters.
    pub fn poll_expired_host_class(
        &mut self,
        now: Instant,
        device: DeviceId,
        qdisc: Handle,
    ) -> Option<ExpiredHostClass> {
        self.work(now, device, |device, context| {
            device.at(context, qdisc.major(), |node, _| node.qdisc.hosts_mut()?.poll_expired())
        })
        .flatten()
        .flatten()
    }

    fn hosts(&self, device: DeviceId, qdisc: Handle) -> Option<&dyn HostClasses> {
        self.device(device)?.node(qdisc.major())?.qdisc.hosts()
    }
}
