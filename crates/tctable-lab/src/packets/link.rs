//! Link layers and the capture file around them.

/// Joins the parts of a header and what it carries.
pub(super) fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// An Ethernet II frame. It is not padded to 60 bytes: append zeros where the padding matters.
pub fn ethernet(src: [u8; 6], dst: [u8; 6], ethertype: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&dst, &src, &ethertype.to_be_bytes(), payload])
}

/// The inside of an 802.1Q or 802.1ad tag: its priority and id, the ethertype of what follows, and that. The ethertype
/// of the tag itself belongs to the frame or tag around it.
pub fn vlan(tci: u16, ethertype: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&tci.to_be_bytes(), &ethertype.to_be_bytes(), payload])
}

/// A PPPoE session packet (RFC 2516); the PPP protocol of IPv4 is 0x0021, of IPv6 0x0057.
pub fn pppoe_session(session: u16, ppp_protocol: u16, payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u16 + 2;
    join(&[&[0x11, 0x00], &session.to_be_bytes(), &length.to_be_bytes(), &ppp_protocol.to_be_bytes(), payload])
}

/// A Linux cooked packet, `LINKTYPE_LINUX_SLL`: packet type 0 (to us) to 4 (from us), from an Ethernet device.
pub fn linux_sll(packet_type: u16, address: [u8; 6], ethertype: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&packet_type.to_be_bytes(), &[0, 1, 0, 6], &address, &[0, 0], &ethertype.to_be_bytes(), payload])
}

/// A Linux cooked packet, version 2, `LINKTYPE_LINUX_SLL2`, from the Ethernet device with that index.
pub fn linux_sll2(packet_type: u8, interface: u32, address: [u8; 6], ethertype: u16, payload: &[u8]) -> Vec<u8> {
    join(&[
        &ethertype.to_be_bytes(),
        &[0, 0],
        &interface.to_be_bytes(),
        &[0, 1, packet_type, 6],
        &address,
        &[0, 0],
        payload,
    ])
}

/// A BSD loopback packet, `LINKTYPE_NULL`, as a little-endian machine writes it. The family of IPv4 is 2; of IPv6 it is 24,
/// 28 or 30, as the system has it.
pub fn null(family: u32, payload: &[u8]) -> Vec<u8> {
    join(&[&family.to_le_bytes(), payload])
}

/// An OpenBSD loopback packet, `LINKTYPE_LOOP`: as [`null`], in network byte order.
pub fn loopback(family: u32, payload: &[u8]) -> Vec<u8> {
    join(&[&family.to_be_bytes(), payload])
}

/// A classic capture file, little endian, of packets with their times in microseconds since 1970. Each is kept up to
/// `snap_len` bytes.
pub fn pcap<P: AsRef<[u8]>>(link_type: u32, snap_len: u32, packets: impl IntoIterator<Item = (u64, P)>) -> Vec<u8> {
    let header = [0xa1b2_c3d4, 0x0004_0002, 0, 0, snap_len, link_type];
    let mut file: Vec<u8> = header.into_iter().flat_map(u32::to_le_bytes).collect();
    for (time, packet) in packets {
        let packet = packet.as_ref();
        let kept = packet.len().min(snap_len as usize);
        let record = [(time / 1_000_000) as u32, (time % 1_000_000) as u32, kept as u32, packet.len() as u32];
        file.extend(record.into_iter().flat_map(u32::to_le_bytes));
        file.extend_from_slice(&packet[..kept]);
    }
    file
}
