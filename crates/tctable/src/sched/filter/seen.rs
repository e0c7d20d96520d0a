use super::ether_type::EtherType;
use crate::sched::skb::Skb;

/// Bytes of an Ethernet header without tags.
const ETHERNET: usize = 14;
/// Bytes of a tag.
const TAG: usize = 4;

/// Where a packet's headers are as the kernel's filters see them: the outermost VLAN tag is apart from its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// What filters are for: the outermost tag's type where there is one.
    pub(crate) protocol: EtherType,
    /// The outermost tag: its type, then its priority and number.
    pub(crate) tag: Option<(EtherType, u16)>,
    /// What is at `network`: the next tag where there are two.
    pub(crate) inner: EtherType,
    /// Where the network header begins, or the second tag.
    pub(crate) network: usize,
}

impl Seen {
    #[inline]
    pub(crate) fn of(skb: &Skb<'_>) -> Seen {
        let network = usize::from(skb.network_offset);
        let protocol = EtherType(skb.protocol);
        let plain = Seen { protocol, tag: None, inner: protocol, network };
        // A link header of that length is Ethernet's, or is one without tags.
        if network < ETHERNET + TAG { plain } else { Seen::tagged(skb, plain) }
    }

    /// Four bytes, so many from the network header on. The outermost tag is not among those before it. `None` where the
    /// packet ends before; bytes before its beginning are zero, as long as one of the four is not: the kernel would read
    /// what happens to be in memory there.
    #[inline]
    pub(crate) fn word(&self, data: &[u8], offset: i64) -> Option<u32> {
        self.bytes(data, offset).map(u32::from_be_bytes)
    }

    /// As [`Seen::word`], but two bytes.
    pub(crate) fn half(&self, data: &[u8], offset: i64) -> Option<u16> {
        self.bytes(data, offset).map(u16::from_be_bytes)
    }

    /// Bytes of the link header, without the outermost tag.
    pub(crate) fn link_len(&self) -> i64 {
        self.network as i64 - if self.tag.is_some() { TAG as i64 } else { 0 }
    }

    /// As [`Seen::word`], but any number of bytes.
    #[inline]
    pub(crate) fn bytes<const N: usize>(&self, data: &[u8], offset: i64) -> Option<[u8; N]> {
        if offset < 0 {
            return self.bytes_before(data, offset);
        }
        let at = usize::try_from(offset.checked_add(self.network as i64)?).ok()?;
        data.get(at..)?.first_chunk().copied()
    }

    fn bytes_before<const N: usize>(&self, data: &[u8], offset: i64) -> Option<[u8; N]> {
        let link_len = self.link_len();
        let start = offset.checked_add(link_len).filter(|start| *start > -(N as i64))?;
        let tag = link_len..link_len + if self.tag.is_some() { TAG as i64 } else { 0 };
        // A tag's type stands before the protocol that it is followed by.
        let tag = tag.start - 2..tag.end - 2;
        let mut bytes = [0; N];
        for (byte, at) in bytes.iter_mut().zip(start..) {
            let at = if at < tag.start { at } else { at + (tag.end - tag.start) };
            if let Ok(at) = usize::try_from(at) {
                *byte = *data.get(at)?;
            }
        }
        Some(bytes)
    }

    #[cold]
    fn tagged(skb: &Skb<'_>, plain: Seen) -> Seen {
        if !(plain.network - ETHERNET).is_multiple_of(TAG) {
            return plain;
        }
        let word = |at: usize| {
            let bytes = skb.data.get(at..)?.first_chunk()?;
            Some(u16::from_be_bytes(*bytes))
        };
        let (Some(kind), Some(control), Some(inner)) = (word(ETHERNET - 2), word(ETHERNET), word(ETHERNET + 2)) else {
            return plain;
        };
        let kind = EtherType(kind);
        if !matches!(kind, EtherType::VLAN | EtherType::PROVIDER_VLAN) {
            return plain;
        }
        Seen { protocol: kind, tag: Some((kind, control)), inner: EtherType(inner), network: ETHERNET + TAG }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sched::filter::testing::skb;

    #[test]
    fn the_outermost_tag_is_the_protocol() {
        let mut frame = [0; 12].to_vec();
        frame.extend([0x88, 0xa8, 0x20, 0x05, 0x81, 0x00, 0x00, 0x07, 0x08, 0x00, 0x45]);
        let mut packet = skb(&frame);
        (packet.network_offset, packet.protocol) = (22, 0x800);
        let seen = Seen {
            protocol: EtherType::PROVIDER_VLAN,
            tag: Some((EtherType::PROVIDER_VLAN, 0x2005)),
            inner: EtherType::VLAN,
            network: 18,
        };
        assert_eq!(Seen::of(&packet), seen);
        assert_eq!(seen.word(&frame, 0), Some(0x0007_0800));
        assert_eq!(seen.word(&frame, -4), Some(0x0000_8100));
        assert_eq!(seen.word(&frame, -1), Some(0x0000_0708));
        assert_eq!(seen.word(&frame, 1), Some(0x0708_0045));
        assert_eq!(seen.word(&frame, -14), Some(0));
        assert_eq!(seen.word(&frame, -16), Some(0));
        for offset in [-18, 2, i64::MAX, i64::MIN] {
            assert_eq!(seen.word(&frame, offset), None);
        }
        (packet.network_offset, packet.protocol) = (14, 0x88a8);
        assert_eq!(Seen::of(&packet).tag, None);
        for len in 0..18 {
            packet.data = &frame[..len];
            packet.network_offset = 22;
            assert_eq!(Seen::of(&packet).tag, None);
        }
    }
}
