use super::super::context::Context;
use super::super::device::Device;
use super::super::handle::{ClassId, Handle};
use super::super::qdisc::{ClassRefusal, ExpiredHostClass, HostClassOptions, HostClassStats, HostClasses};
use super::super::scheduler::Scheduler;
use super::super::skb::HostKey;
use super::error::{GetClassError, SetClassError};
use crate::packet::DeviceId;
use crate::time::Instant;

/// Classes that come with a host's first packet; the kernel has nothing like them.
impl Scheduler {
    /// Sets a qdisc's template for classes of hosts, or changes it: classes that there are keep what waits in them, their
    /// tokens and counters. `None` deletes it with all its classes, and what waited in them comes back by
    /// [`Scheduler::poll_dropped`].
    ///
    /// # Errors
    /// [`SetClassError`]; then nothing has changed. [`ClassRefusal::NotSupported`] where the qdisc has no such classes,
    /// [`ClassRefusal::NotFound`] where there is no template to be deleted.
    pub fn set_host_classes(
        &mut self,
        now: Instant,
        device: DeviceId,
        qdisc: Handle,
        options: Option<&HostClassOptions>,
    ) -> Result<(), SetClassError> {
        self.hosts(device, qdisc)?;
        let major = qdisc.major();
        let set = self.work(now, device, |device, context| {
            let parent = options.and_then(|options| device.leaf(options.parent));
            let gone = parent.map(Device::handles_below).unwrap_or_default();
            let set = device.at(context, major, |node, context: &mut Context<'_>| match node.qdisc.hosts_mut() {
                Some(hosts) => hosts.set_host_options(context, options),
                None => Err(ClassRefusal::NotSupported),
            });
            // A leaf that is to have children loses its qdisc.
            if options.is_some_and(|options| device.leaf(options.parent).is_none()) {
                device.forget(&gone);
            }
            set
        });
        Ok(set.flatten().ok_or(GetClassError::NoQdisc)??)
    }

    /// A qdisc's template for classes of hosts, if it has one, and what became of its classes.
    ///
    /// # Errors
    /// [`GetClassError`]: there is no such qdisc, or it has no such classes.
    pub fn host_classes(
        &self,
        device: DeviceId,
        qdisc: Handle,
    ) -> Result<Option<(HostClassOptions, HostClassStats)>, GetClassError> {
        let hosts = self.hosts(device, qdisc)?;
        Ok(hosts.host_options().map(|options| (options, hosts.host_stats())))
    }

    /// The class that a host has below a qdisc at present.
    pub fn class_of_host(&self, device: DeviceId, qdisc: Handle, host: HostKey) -> Option<ClassId> {
        self.hosts(device, qdisc).ok()?.class_of(host)
    }

    /// The host, prefix or group that a class was made for.
    pub fn host_of_class(&self, device: DeviceId, class: ClassId) -> Option<HostKey> {
        self.hosts(device, Handle::new(class.major, 0)).ok()?.host_of(class)
    }

    /// A host's class that went after a time without traffic, the first one first.
    pub fn poll_expired_host(&mut self, device: DeviceId, qdisc: Handle) -> Option<ExpiredHostClass> {
        let work = |device: &mut Device, context: &mut Context<'_>| {
            device.at(context, qdisc.major(), |node, _| node.qdisc.hosts_mut()?.poll_expired())
        };
        // No time passes by asking.
        self.work(Instant::ZERO, device, work)??
    }

    fn hosts(&self, device: DeviceId, qdisc: Handle) -> Result<&dyn HostClasses, GetClassError> {
        let node = self.device(device).ok_or(GetClassError::NoDevice)?.node(qdisc.major());
        node.ok_or(GetClassError::NoQdisc)?.qdisc.hosts().ok_or(GetClassError::Classless)
    }
}
