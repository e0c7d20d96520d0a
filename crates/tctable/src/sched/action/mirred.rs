use super::options::{ActionVerdict, MirredOptions};
use crate::packet::DeviceId;
use crate::sched::context::Context;
use crate::sched::skb::Skb;

/// A packet is to go to another device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Redirect {
    /// That device.
    pub(crate) device: DeviceId,
    /// Whether it is received there, rather than sent.
    pub(crate) ingress: bool,
    /// Whether it is a copy.
    pub(crate) is_copy: bool,
    /// Its mark as it was then.
    pub(crate) mark: u32,
    /// Its priority as it was then.
    pub(crate) priority: u32,
}

/// Redirections of one packet that may lie within each other, as in the kernel (`MIRRED_NEST_LIMIT`).
pub(crate) const MOST_NESTED: u32 = 4;

/// Filters cannot reach another device: they leave a note of what is to be done.
pub(super) fn run(options: &MirredOptions, context: &mut Context<'_>, skb: &Skb<'_>) -> ActionVerdict {
    if context.depth >= MOST_NESTED {
        return ActionVerdict::Drop;
    }
    context.redirects.push(Redirect {
        device: options.device,
        ingress: options.ingress,
        is_copy: !options.redirect,
        mark: skb.mark,
        priority: skb.priority,
    });
    options.verdict
}
