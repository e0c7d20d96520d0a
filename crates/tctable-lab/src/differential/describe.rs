use std::fmt::Write as _;

use tctable::packet::{
    DeviceId, Fragment, Frame, FrameDirection, LinkType, Packet, PacketInfo, Transport, quoted_tuple, tcp_flags,
};
use tctable::time::Instant;

use crate::kernel::Tuple;
use crate::step::{Side, Step};

/// A step's frame as the engine takes it in.
pub(super) fn frame(step: &Step, time: Instant) -> Frame<'_> {
    Frame {
        time,
        device: DeviceId(step.side as u16),
        direction: FrameDirection::Inbound,
        link: LinkType::Raw,
        wire_len: step.packet.len() as u32,
        data: &step.packet,
    }
}

/// A packet in one line, somewhat as tcpdump writes it, read by the engine's eyes.
pub fn describe(step: &Step) -> String {
    let frame = frame(step, Instant::ZERO);
    let mut line = String::from(match step.side {
        Side::Left => "left  ",
        Side::Right => "right ",
    });
    // Writing to a string does not fail.
    let _ = match PacketInfo::read(&frame) {
        Ok(info) => write_packet(&mut line, Packet { frame: &frame, info: &info }),
        Err(why) => write!(line, "{why:?}, {} bytes", step.packet.len()),
    };
    line
}

fn write_packet(line: &mut String, packet: Packet<'_>) -> std::fmt::Result {
    let info = packet.info;
    write!(line, "{}", Tuple::from(&info.tuple))?;
    match info.transport {
        Transport::Tcp(header) => {
            let headers = u32::from(info.transport_offset - info.network_offset) + u32::from(header.header_len);
            write!(line, " [{}] seq {} ack {}", flags(header.flags), header.sequence, header.acknowledgment)?;
            write!(line, " win {} data {}", header.window, info.ip_len.saturating_sub(headers))?;
        }
        Transport::IcmpError => match quoted_tuple(packet) {
            Some(quoted) => write!(line, " about {}", Tuple::from(&quoted))?,
            None => write!(line, " about what cannot be read")?,
        },
        Transport::Udp | Transport::IcmpQuery | Transport::Generic => {}
        other => write!(line, " {other:?}")?,
    }
    match info.fragment {
        Fragment::None => {}
        fragment => write!(line, " fragment {fragment:?}")?,
    }
    write!(line, ", {} bytes", info.ip_len)
}

fn flags(flags: u8) -> String {
    use tcp_flags::{ACK, CWR, ECE, FIN, PSH, RST, SYN, URG};
    const LETTERS: [(u8, char); 8] =
        [(SYN, 'S'), (FIN, 'F'), (RST, 'R'), (PSH, 'P'), (ACK, '.'), (URG, 'U'), (ECE, 'E'), (CWR, 'W')];
    LETTERS.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, letter)| letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::{Tcp, tcp_packet, udp_packet};

    #[test]
    fn packets_read_like_tcpdump() {
        let [client, server] = ["10.11.0.1:1024", "10.22.0.1:80"].map(|end| end.parse().unwrap());
        let header = Tcp { seq: 7, ack: 8, flags: 0x18, window: 9, ..Tcp::default() };
        let step = Step { side: Side::Left, packet: tcp_packet(client, server, &header, b"abc") };
        let line = "left  tcp 10.11.0.1:1024 > 10.22.0.1:80 [P.] seq 7 ack 8 win 9 data 3, 43 bytes";
        assert_eq!(describe(&step), line);

        let [client, server] = ["[fd00:11::1]:1024", "[fd00:22::1]:53"].map(|end| end.parse().unwrap());
        let step = Step { side: Side::Right, packet: udp_packet(server, client, b"") };
        assert_eq!(describe(&step), "right udp [fd00:22::1]:53 > [fd00:11::1]:1024, 48 bytes");
        assert!(describe(&Step { side: Side::Left, packet: vec![0] }).contains("IpVersion"));
    }
}
