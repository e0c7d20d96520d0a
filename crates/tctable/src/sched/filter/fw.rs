use crate::packet::DeviceId;
use crate::sched::action::ActionOptions;
use crate::sched::handle::Handle;

/// A `fw` filter: packets whose mark, under the mask, is the filter's handle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FwOptions {
    /// The bits of the mark that count, the same for all filters of a priority; `None` is all of them.
    pub mask: Option<u32>,
    /// The class that a packet belongs to.
    pub class: Option<Handle>,
    /// The device that it must have come in by.
    pub input: Option<DeviceId>,
    /// What is done to it.
    pub actions: Vec<ActionOptions>,
}
