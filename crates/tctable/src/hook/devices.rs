use crate::packet::DeviceId;

/// The names of devices, for rules that name them.
#[derive(Clone, Debug, Default)]
pub struct Devices(Vec<Option<Box<str>>>);

impl Devices {
    /// Names a device, anew where it had a name.
    pub fn set(&mut self, device: DeviceId, name: &str) {
        let at = usize::from(device.0);
        if self.0.len() <= at {
            self.0.resize(at + 1, None);
        }
        self.0[at] = Some(name.into());
    }

    /// A device's name; empty where it has none, as for a packet that has no such device.
    pub fn name(&self, device: Option<DeviceId>) -> &str {
        device.and_then(|device| self.0.get(usize::from(device.0))?.as_deref()).unwrap_or_default()
    }
}
