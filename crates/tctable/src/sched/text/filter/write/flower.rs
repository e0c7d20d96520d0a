use std::fmt;

use crate::sched::filter::ETHER_TYPES;
use crate::sched::{CtInfo, FlowerOptions, IpPrefix, Masked, PortRange};

pub(super) fn write(options: &FlowerOptions, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if let Some(id) = options.vlan_id {
        write!(f, " vlan_id {id}")?;
    }
    if let Some(prio) = options.vlan_prio {
        write!(f, " vlan_prio {prio}")?;
    }
    if let Some(protocol) = options.vlan_eth_type {
        match ETHER_TYPES.iter().find(|(_, known)| *known == protocol) {
            Some((name, _)) => write!(f, " vlan_ethtype {name}")?,
            None => write!(f, " vlan_ethtype {:#x}", protocol.0)?,
        }
    }
    for (name, mac) in [("dst_mac", options.dst_mac), ("src_mac", options.src_mac)] {
        if let Some(Masked { value, mask }) = mac {
            write!(f, " {name} {}/{}", mac_text(value), mac_text(mask))?;
        }
    }
    if let Some(protocol) = options.ip_proto {
        write!(f, " ip_proto {protocol}")?;
    }
    if let Some(tos) = options.ip_tos {
        write!(f, " ip_tos {}/{}", tos.value, tos.mask)?;
    }
    for (name, field) in [("ip_ttl", options.ip_ttl), ("type", options.icmp_type), ("code", options.icmp_code)] {
        if let Some(Masked { value, mask }) = field {
            write!(f, " {name} {value}/{mask}")?;
        }
    }
    let addresses = [
        ("dst_ip", options.dst_ip),
        ("src_ip", options.src_ip),
        ("orig_dst_ip", options.orig_dst_ip),
        ("orig_src_ip", options.orig_src_ip),
    ];
    for (name, prefix) in addresses {
        if let Some(prefix) = prefix {
            write!(f, " {name} ")?;
            write_prefix(prefix, f)?;
        }
    }
    let ports = [
        ("dst_port", options.dst_port),
        ("src_port", options.src_port),
        ("orig_dst_port", options.orig_dst_port),
        ("orig_src_port", options.orig_src_port),
    ];
    for (name, port) in ports {
        match port {
            None => {}
            Some(PortRange::Masked(Masked { value, mask })) => write!(f, " {name} {value}/{mask:#x}")?,
            Some(PortRange::Range { first, last }) => write!(f, " {name} {first}-{last}")?,
        }
    }
    if let Some(flags) = options.tcp_flags {
        write!(f, " tcp_flags {:#x}/{:#x}", flags.value, flags.mask)?;
    }
    if let Some(state) = options.ct_state {
        write_state(state, f)?;
    }
    if let Some(mark) = options.ct_mark {
        write!(f, " ct_mark {:#x}/{:#x}", mark.value, mark.mask)?;
    }
    Ok(())
}

fn mac_text(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

fn write_prefix(prefix: IpPrefix, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let IpPrefix { address, mask } = prefix;
    let mask = match address {
        std::net::IpAddr::V4(_) => std::net::Ipv4Addr::from_bits(mask as u32).to_string(),
        std::net::IpAddr::V6(_) => std::net::Ipv6Addr::from_bits(mask).to_string(),
    };
    write!(f, "{address}/{mask}")
}

/// By their names, where all have one and what is set is asked for.
fn write_state(state: Masked<u16>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    const STATES: [(&str, u16); 6] = [
        ("trk", CtInfo::TRACKED),
        ("new", CtInfo::NEW),
        ("est", CtInfo::ESTABLISHED),
        ("inv", CtInfo::INVALID),
        ("rpl", CtInfo::REPLY),
        ("rel", CtInfo::RELATED),
    ];
    let named = STATES.iter().fold(0, |named, (_, bit)| named | bit);
    if state.mask & !named != 0 || state.value & !state.mask != 0 || state.mask == 0 {
        return write!(f, " ct_state {:#x}/{:#x}", state.value, state.mask);
    }
    f.write_str(" ct_state ")?;
    for (name, bit) in STATES.iter().filter(|(_, bit)| state.mask & bit != 0) {
        write!(f, "{}{name}", if state.value & bit != 0 { '+' } else { '-' })?;
    }
    Ok(())
}
