use super::options::{FlowerOptions, IpPrefix, Masked, PortRange};
use crate::packet::{Address, Family, Fragment, protocol};
use crate::sched::filter::EtherType;
use crate::sched::filter::seen::Seen;
use crate::sched::qdisc::OptionsError;
use crate::sched::skb::{CtInfo, Skb};

/// All that flower can match of a packet; also the mask of it. What a packet has not got is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Fields {
    macs: [u8; 12],
    /// The protocol behind all tags.
    protocol: u16,
    vlan_protocol: u16,
    vlan_id: u16,
    vlan_prio: u8,
    family: u8,
    ip_proto: u8,
    tos: u8,
    ttl: u8,
    icmp_type: u8,
    icmp_code: u8,
    source: u128,
    destination: u128,
    source_port: u16,
    destination_port: u16,
    tcp_flags: u16,
    ct_state: u16,
    ct_mark: u32,
    original_family: u8,
    original_source: u128,
    original_destination: u128,
    original_source_port: u16,
    original_destination_port: u16,
}

/// Ports that are matched by their range, not by the fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Ranges {
    source: Option<(u16, u16)>,
    destination: Option<(u16, u16)>,
    original_source: Option<(u16, u16)>,
    original_destination: Option<(u16, u16)>,
}

impl Ranges {
    pub(super) fn is_none(&self) -> bool {
        *self == Ranges::default()
    }

    /// Which ports are matched so: filters that differ in that have different masks.
    pub(super) fn which(&self) -> [bool; 4] {
        let Ranges { source, destination, original_source, original_destination } = self;
        [source, destination, original_source, original_destination].map(Option::is_some)
    }

    pub(super) fn contain(&self, fields: &Fields) -> bool {
        let is_in = |range: Option<(u16, u16)>, port| range.is_none_or(|(first, last)| (first..=last).contains(&port));
        is_in(self.source, fields.source_port)
            && is_in(self.destination, fields.destination_port)
            && is_in(self.original_source, fields.original_source_port)
            && is_in(self.original_destination, fields.original_destination_port)
    }
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

impl Fields {
    pub(super) fn of(skb: &Skb<'_>, seen: &Seen) -> Fields {
        let mut fields = Fields { protocol: skb.protocol, ..Fields::default() };
        if skb.network_offset >= 14
            && let Some(macs) = skb.data.first_chunk()
        {
            fields.macs = *macs;
        }
        if let Some((kind, control)) = seen.tag {
            fields.vlan_protocol = kind.0;
            (fields.vlan_id, fields.vlan_prio) = (control & 0xfff, (control >> 13) as u8);
        }
        fields.read_ip(skb);
        if let Some(ct) = &skb.ct {
            fields.read_ct(ct);
        }
        fields
    }

    fn read_ip(&mut self, skb: &Skb<'_>) -> Option<()> {
        let info = skb.info?;
        let tuple = &info.tuple;
        self.family = tuple.family as u8;
        self.ip_proto = tuple.protocol;
        (self.source, self.destination) = (tuple.source.bits(), tuple.destination.bits());
        let header = skb.data.get(usize::from(info.network_offset)..)?;
        match tuple.family {
            Family::V4 => (self.tos, self.ttl) = (*header.get(1)?, *header.get(8)?),
            Family::V6 => {
                self.tos = (half(header, 0)? >> 4) as u8;
                self.ttl = *header.get(7)?;
            }
        }
        // As in the kernel, no fragment's transport header is read, the first one's neither.
        if info.fragment != Fragment::None {
            return None;
        }
        let transport = skb.data.get(usize::from(info.transport_offset)..)?;
        match tuple.protocol {
            protocol::TCP | protocol::UDP | protocol::SCTP => {
                (self.source_port, self.destination_port) = (half(transport, 0)?, half(transport, 2)?);
                if tuple.protocol == protocol::TCP {
                    self.tcp_flags = half(transport, 12)? & 0xfff;
                }
            }
            protocol::ICMP | protocol::ICMPV6 => {
                (self.icmp_type, self.icmp_code) = (*transport.first()?, *transport.get(1)?);
            }
            _ => {}
        }
        Some(())
    }

    fn read_ct(&mut self, ct: &CtInfo) {
        let CtInfo { original, state, mark } = ct;
        (self.ct_state, self.ct_mark) = (*state, *mark);
        self.original_family = original.family as u8;
        (self.original_source, self.original_destination) = (original.source.bits(), original.destination.bits());
        if !original.is_icmp() {
            self.original_source_port = original.source_port;
            self.original_destination_port = original.destination_port;
        }
    }

    /// What counts of it.
    pub(super) fn masked(&self, mask: &Fields) -> Fields {
        let mut macs = self.macs;
        macs.iter_mut().zip(mask.macs).for_each(|(byte, mask)| *byte &= mask);
        Fields {
            macs,
            protocol: self.protocol & mask.protocol,
            vlan_protocol: self.vlan_protocol & mask.vlan_protocol,
            vlan_id: self.vlan_id & mask.vlan_id,
            vlan_prio: self.vlan_prio & mask.vlan_prio,
            family: self.family & mask.family,
            ip_proto: self.ip_proto & mask.ip_proto,
            tos: self.tos & mask.tos,
            ttl: self.ttl & mask.ttl,
            icmp_type: self.icmp_type & mask.icmp_type,
            icmp_code: self.icmp_code & mask.icmp_code,
            source: self.source & mask.source,
            destination: self.destination & mask.destination,
            source_port: self.source_port & mask.source_port,
            destination_port: self.destination_port & mask.destination_port,
            tcp_flags: self.tcp_flags & mask.tcp_flags,
            ct_state: self.ct_state & mask.ct_state,
            ct_mark: self.ct_mark & mask.ct_mark,
            original_family: self.original_family & mask.original_family,
            original_source: self.original_source & mask.original_source,
            original_destination: self.original_destination & mask.original_destination,
            original_source_port: self.original_source_port & mask.original_source_port,
            original_destination_port: self.original_destination_port & mask.original_destination_port,
        }
    }
}

/// What a filter matches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) mask: Fields,
    /// Under the mask.
    pub(super) fields: Fields,
    pub(super) ranges: Ranges,
}

const fn invalid<T>(why: &'static str) -> Result<T, OptionsError> {
    Err(OptionsError::Invalid(why))
}

impl Wanted {
    pub(super) fn new(options: &FlowerOptions) -> Result<Wanted, OptionsError> {
        let mut wanted = Wanted { mask: Fields::default(), fields: Fields::default(), ranges: Ranges::default() };
        wanted.link(options)?;
        wanted.network(options)?;
        wanted.transport(options)?;
        wanted.connection(options)?;
        wanted.fields = wanted.fields.masked(&wanted.mask);
        Ok(wanted)
    }

    fn link(&mut self, options: &FlowerOptions) -> Result<(), OptionsError> {
        for (mac, at) in [(options.dst_mac, 0), (options.src_mac, 6)] {
            if let Some(Masked { value, mask }) = mac {
                self.fields.macs[at..at + 6].copy_from_slice(&value);
                self.mask.macs[at..at + 6].copy_from_slice(&mask);
            }
        }
        let Wanted { mask, fields, .. } = self;
        let mut protocol = options.eth_type;
        if let Some(tag @ (EtherType::VLAN | EtherType::PROVIDER_VLAN)) = options.eth_type {
            (fields.vlan_protocol, mask.vlan_protocol) = (tag.0, u16::MAX);
            protocol = options.vlan_eth_type;
            if let Some(id) = options.vlan_id {
                (fields.vlan_id, mask.vlan_id) = (id, 0xfff);
            }
            if let Some(prio) = options.vlan_prio {
                (fields.vlan_prio, mask.vlan_prio) = (prio, 7);
            }
            if fields.vlan_id > 0xfff || fields.vlan_prio > 7 {
                return invalid("a VLAN's number is at most 4095, its priority at most 7");
            }
        } else if options.vlan_id.is_some() || options.vlan_prio.is_some() || options.vlan_eth_type.is_some() {
            return invalid("VLAN keys need the protocol 802.1Q or 802.1ad");
        }
        if let Some(protocol) = protocol {
            (fields.protocol, mask.protocol) = (protocol.0, u16::MAX);
        }
        Ok(())
    }

    fn network(&mut self, options: &FlowerOptions) -> Result<(), OptionsError> {
        let Wanted { mask, fields, .. } = self;
        let is_ip = mask.protocol != 0 && [EtherType::IPV4.0, EtherType::IPV6.0].contains(&fields.protocol);
        let asks_ip = options.ip_proto.is_some() || options.ip_tos.is_some() || options.ip_ttl.is_some();
        if asks_ip && !is_ip {
            return invalid("IP keys need the protocol ip or ipv6");
        }
        if let Some(ip_proto) = options.ip_proto {
            (fields.ip_proto, mask.ip_proto) = (ip_proto, u8::MAX);
        }
        if let Some(tos) = options.ip_tos {
            (fields.tos, mask.tos) = (tos.value, tos.mask);
        }
        if let Some(ttl) = options.ip_ttl {
            (fields.ttl, mask.ttl) = (ttl.value, ttl.mask);
        }
        if let Some(family) = family([options.src_ip, options.dst_ip])? {
            (fields.family, mask.family) = (family as u8, u8::MAX);
        }
        if let Some(source) = options.src_ip {
            (fields.source, mask.source) = bits(source);
        }
        if let Some(destination) = options.dst_ip {
            (fields.destination, mask.destination) = bits(destination);
        }
        Ok(())
    }

    fn transport(&mut self, options: &FlowerOptions) -> Result<(), OptionsError> {
        let Wanted { mask, fields, ranges } = self;
        let has_ports = matches!(options.ip_proto, Some(protocol::TCP | protocol::UDP | protocol::SCTP));
        if (options.src_port.is_some() || options.dst_port.is_some()) && !has_ports {
            return invalid("ports need the ip_proto tcp, udp or sctp");
        }
        if options.tcp_flags.is_some() && options.ip_proto != Some(protocol::TCP) {
            return invalid("tcp_flags need the ip_proto tcp");
        }
        let is_icmp = match options.ip_proto {
            Some(protocol::ICMP) => fields.protocol == EtherType::IPV4.0,
            Some(protocol::ICMPV6) => fields.protocol == EtherType::IPV6.0,
            _ => false,
        };
        if (options.icmp_type.is_some() || options.icmp_code.is_some()) && !is_icmp {
            return invalid("ICMP keys need the ip_proto icmp with ip, or icmpv6 with ipv6");
        }
        port(options.src_port, &mut fields.source_port, &mut mask.source_port, &mut ranges.source)?;
        port(options.dst_port, &mut fields.destination_port, &mut mask.destination_port, &mut ranges.destination)?;
        if let Some(flags) = options.tcp_flags {
            (fields.tcp_flags, mask.tcp_flags) = (flags.value, flags.mask & 0xfff);
        }
        if let Some(kind) = options.icmp_type {
            (fields.icmp_type, mask.icmp_type) = (kind.value, kind.mask);
        }
        if let Some(code) = options.icmp_code {
            (fields.icmp_code, mask.icmp_code) = (code.value, code.mask);
        }
        Ok(())
    }

    fn connection(&mut self, options: &FlowerOptions) -> Result<(), OptionsError> {
        let Wanted { mask, fields, ranges } = self;
        if let Some(state) = options.ct_state {
            check_ct_state(state.value & state.mask)?;
            (fields.ct_state, mask.ct_state) = (state.value, state.mask);
        }
        if let Some(mark) = options.ct_mark {
            (fields.ct_mark, mask.ct_mark) = (mark.value, mark.mask);
        }
        if let Some(family) = family([options.orig_src_ip, options.orig_dst_ip])? {
            (fields.original_family, mask.original_family) = (family as u8, u8::MAX);
        }
        if let Some(source) = options.orig_src_ip {
            (fields.original_source, mask.original_source) = bits(source);
        }
        if let Some(destination) = options.orig_dst_ip {
            (fields.original_destination, mask.original_destination) = bits(destination);
        }
        let (field, mask_of, range) =
            (&mut fields.original_source_port, &mut mask.original_source_port, &mut ranges.original_source);
        port(options.orig_src_port, field, mask_of, range)?;
        let (field, mask_of, range) = (
            &mut fields.original_destination_port,
            &mut mask.original_destination_port,
            &mut ranges.original_destination,
        );
        port(options.orig_dst_port, field, mask_of, range)
    }
}

fn bits(prefix: IpPrefix) -> (u128, u128) {
    (Address::from(prefix.address).bits(), prefix.mask)
}

/// The family of both, if one is there.
fn family(prefixes: [Option<IpPrefix>; 2]) -> Result<Option<Family>, OptionsError> {
    match prefixes.map(|prefix| prefix.map(|prefix| Family::from(prefix.address))) {
        [Some(source), Some(destination)] if source != destination => {
            invalid("source and destination are of one version of IP")
        }
        [source, destination] => Ok(source.or(destination)),
    }
}

fn port(
    port: Option<PortRange>,
    field: &mut u16,
    mask: &mut u16,
    range: &mut Option<(u16, u16)>,
) -> Result<(), OptionsError> {
    match port {
        None => {}
        Some(PortRange::Masked(masked)) => (*field, *mask) = (masked.value, masked.mask),
        Some(PortRange::Range { first, last }) if first < last => *range = Some((first, last)),
        Some(PortRange::Range { .. }) => return invalid("a range's first port is below its last one"),
    }
    Ok(())
}

/// States that no packet has.
fn check_ct_state(state: u16) -> Result<(), OptionsError> {
    let has = |bits| state & bits != 0;
    if has(!CtInfo::TRACKED) && !has(CtInfo::TRACKED) {
        return invalid("ct_state: without trk there is no other state");
    }
    if has(CtInfo::NEW) && has(CtInfo::ESTABLISHED) {
        return invalid("ct_state: new and est exclude each other");
    }
    if has(CtInfo::INVALID) && has(!(CtInfo::TRACKED | CtInfo::INVALID)) {
        return invalid("ct_state: with inv there is no other state but trk");
    }
    if has(CtInfo::NEW) && has(CtInfo::REPLY) {
        return invalid("ct_state: new and rpl exclude each other");
    }
    Ok(())
}
