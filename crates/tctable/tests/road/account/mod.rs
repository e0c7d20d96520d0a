//! Hosts: what counts for whom.

mod books;
mod by_device;
mod by_prefix;
mod classes;
mod events;
mod expiry;
mod groups;
mod ids;
mod large;
mod limits;
mod links;
mod mac;
mod open;
mod opening;
mod passes;
mod quotas;
mod rates;
mod refused;
mod related;
mod snapshot;
mod zero;

use std::net::{IpAddr, SocketAddr};

use tctable::account::{Group, Groups, Member};
use tctable_lab::packets::udp_packet;

use crate::support::Net;

/// A group of these hosts.
fn group_of(name: &str, members: &[IpAddr]) -> Group {
    Group { members: members.iter().map(|ip| Member::Prefix((*ip).into())).collect(), ..Group::new(name) }
}

/// One group of the client and one of the neighbour, both part of a third one.
fn family_of_groups(net: Net, change: impl Fn(&mut Group)) -> Groups {
    let part = |name: &str, ip| Group { parent: Some("all".into()), ..group_of(name, &[ip]) };
    let mut groups = [part("client", net.client), part("neighbour", net.neighbour), Group::new("all")];
    groups.iter_mut().for_each(change);
    Groups::new(groups.to_vec()).expect("they make sense")
}

/// A datagram from one host's port to the server, so many bytes long with its headers.
fn datagram(net: Net, from: IpAddr, port: u16, bytes: u64) -> Vec<u8> {
    udp_packet(SocketAddr::new(from, port), net.to(), &vec![0; (bytes - net.header() - 8) as usize])
}
