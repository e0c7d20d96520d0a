use crate::packet::DeviceId;

/// The zone of each device that is not in zone 0: few devices, if any.
#[derive(Clone, Debug, Default)]
pub(super) struct Zones(Vec<(DeviceId, u16)>);

impl Zones {
    pub(super) fn set(&mut self, device: DeviceId, zone: u16) {
        self.0.retain(|(other, _)| *other != device);
        if zone != 0 {
            self.0.push((device, zone));
        }
    }

    #[inline(always)]
    pub(super) fn of(&self, device: DeviceId) -> u16 {
        if self.0.is_empty() { 0 } else { self.find(device) }
    }

    fn find(&self, device: DeviceId) -> u16 {
        self.0.iter().find(|(other, _)| *other == device).map_or(0, |(_, zone)| *zone)
    }
}
