use crate::packet::{TcpHeader, tcp_flags};

/// What a segment is to the state table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Syn,
    SynAck,
    Fin,
    Ack,
    Rst,
    None,
}

/// What a flags byte means; PSH, ECE and CWR play no part. `None` for combinations that no stack sends.
const fn meaning(flags: u8) -> Option<Kind> {
    use tcp_flags::*;
    const SYN_URG: u8 = SYN | URG;
    const SYN_ACK: u8 = SYN | ACK;
    const RST_ACK: u8 = RST | ACK;
    const FIN_ACK: u8 = FIN | ACK;
    const FIN_ACK_URG: u8 = FIN | ACK | URG;
    const ACK_URG: u8 = ACK | URG;
    match flags & !(PSH | ECE | CWR) {
        SYN | SYN_URG => Some(Kind::Syn),
        SYN_ACK => Some(Kind::SynAck),
        FIN_ACK | FIN_ACK_URG => Some(Kind::Fin),
        ACK | ACK_URG => Some(Kind::Ack),
        RST | RST_ACK => Some(Kind::Rst),
        _ => None,
    }
}

static MEANINGS: [Option<Kind>; 256] = {
    let mut all = [None; 256];
    let mut flags = 0;
    while flags < 256 {
        all[flags] = meaning(flags as u8);
        flags += 1;
    }
    all
};

/// What a segment is. `None` where it can belong to no connection: the tracker's error check.
#[inline(always)]
pub(super) fn kind(header: &TcpHeader) -> Option<Kind> {
    MEANINGS[usize::from(header.flags)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn insane_flags_are_told() {
        for flags in 0..=255u8 {
            let header = TcpHeader { flags, ..TcpHeader::default() };
            let told = kind(&header);
            assert_eq!(told, kind(&TcpHeader { flags: flags | tcp_flags::PSH, ..header }));
            if flags & (tcp_flags::SYN | tcp_flags::FIN) == tcp_flags::SYN | tcp_flags::FIN || flags == 0 {
                assert_eq!(told, None);
            }
        }
    }
}
