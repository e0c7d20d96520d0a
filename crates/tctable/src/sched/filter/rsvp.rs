use std::net::IpAddr;

use crate::sched::action::ActionOptions;
use crate::sched::handle::Handle;

/// An `rsvp` filter: the packets of a session (RFC 2205 section 1.1), from all senders or from one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RsvpOptions {
    /// The session's address. Its family is that of the filter's protocol.
    pub destination: IpAddr,
    /// The session's protocol.
    pub protocol: u8,
    /// The session's port, or what stands for it.
    pub destination_port: Option<RsvpPort>,
    /// The sender; `None` is any.
    pub source: Option<IpAddr>,
    /// The sender's port, or what stands for it.
    pub source_port: Option<RsvpPort>,
    /// The class that they belong to.
    pub class: Option<Handle>,
    /// What is done to them.
    pub actions: Vec<ActionOptions>,
}

/// A generalised port identifier (RFC 2207): 32 bits of the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RsvpPort {
    /// What they must be under the mask, as a big-endian number.
    pub value: u32,
    /// The bits that count.
    pub mask: u32,
    /// Where they stand, in bytes from the transport header on; negative in the network header.
    pub at: i32,
}
