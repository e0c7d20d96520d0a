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

/// What a flags byte means; PSH, ECE and CWR play no part.
#[derive(Clone, Copy)]
struct Meaning {
    kind: Kind,
    /// Some stack sends this combination.
    sane: bool,
}

impl Meaning {
    const fn of(flags: u8) -> Meaning {
        use tcp_flags::*;
        let kind = if flags & RST != 0 {
            Kind::Rst
        } else if flags & SYN != 0 {
            if flags & ACK != 0 { Kind::SynAck } else { Kind::Syn }
        } else if flags & FIN != 0 {
            Kind::Fin
        } else if flags & ACK != 0 {
            Kind::Ack
        } else {
            Kind::None
        };
        const SYN_URG: u8 = SYN | URG;
        const SYN_ACK: u8 = SYN | ACK;
        const RST_ACK: u8 = RST | ACK;
        const FIN_ACK: u8 = FIN | ACK;
        const FIN_ACK_URG: u8 = FIN | ACK | URG;
        const ACK_URG: u8 = ACK | URG;
        let sane = matches!(
            flags & !(PSH | ECE | CWR),
            SYN | SYN_URG | SYN_ACK | RST | RST_ACK | FIN_ACK | FIN_ACK_URG | ACK | ACK_URG
        );
        Meaning { kind, sane }
    }
}

static MEANINGS: [Meaning; 256] = {
    let mut all = [Meaning { kind: Kind::None, sane: false }; 256];
    let mut flags = 0;
    while flags < 256 {
        all[flags] = Meaning::of(flags as u8);
        flags += 1;
    }
    all
};

#[inline(always)]
pub(super) fn kind(header: &TcpHeader) -> Kind {
    MEANINGS[usize::from(header.flags)].kind
}

/// Whether a segment can belong to any connection: the tracker's error check.
#[inline(always)]
pub(super) fn is_sane(header: &TcpHeader) -> bool {
    MEANINGS[usize::from(header.flags)].sane
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn insane_flags_are_told() {
        for flags in 0..=255u8 {
            let header = TcpHeader { flags, ..TcpHeader::default() };
            let sane = is_sane(&header);
            assert_eq!(sane, is_sane(&TcpHeader { flags: flags | tcp_flags::PSH, ..header }));
            if flags & (tcp_flags::SYN | tcp_flags::FIN) == tcp_flags::SYN | tcp_flags::FIN || flags == 0 {
                assert!(!sane);
            }
        }
    }
}
