//! Netlink attributes: a length, a type and a value, padded to four bytes.

/// Bytes that are no attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The attributes in some bytes.
pub(super) struct Attributes<'a>(pub(super) &'a [u8]);

/// One attribute.
#[derive(Clone, Copy)]
pub(super) struct Attribute<'a> {
    pub(super) kind: u16,
    pub(super) value: &'a [u8],
}

/// Type bits that say how the value is encoded (`NLA_F_NESTED`, `NLA_F_NET_BYTEORDER`).
const FLAGS: u16 = 0xc000;
const NESTED: u16 = 0x8000;
const HEADER: usize = 4;

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let attribute = self.take();
        if attribute.is_none() {
            self.0 = &[];
        }
        Some(attribute.ok_or(Malformed))
    }
}

impl<'a> Attributes<'a> {
    fn take(&mut self) -> Option<Attribute<'a>> {
        let [a, b, c, d] = *self.0.first_chunk::<HEADER>()?;
        let length = usize::from(u16::from_ne_bytes([a, b]));
        let value = self.0.get(HEADER..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Attribute { kind: u16::from_ne_bytes([c, d]) & !FLAGS, value })
    }
}

impl<'a> Attribute<'a> {
    /// The attributes in this one.
    pub(super) fn nested(self) -> Attributes<'a> {
        Attributes(self.value)
    }

    /// A number of `N` bytes.
    pub(super) fn bytes<const N: usize>(self) -> Result<[u8; N], Malformed> {
        self.value.try_into().map_err(|_| Malformed)
    }

    pub(super) fn u8(self) -> Result<u8, Malformed> {
        self.bytes().map(|[byte]| byte)
    }

    pub(super) fn be16(self) -> Result<u16, Malformed> {
        self.bytes().map(u16::from_be_bytes)
    }

    pub(super) fn be32(self) -> Result<u32, Malformed> {
        self.bytes().map(u32::from_be_bytes)
    }

    pub(super) fn be64(self) -> Result<u64, Malformed> {
        self.bytes().map(u64::from_be_bytes)
    }
}

/// Appends an attribute.
pub(super) fn put(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend_from_slice(&((HEADER + value.len()) as u16).to_ne_bytes());
    message.extend_from_slice(&kind.to_ne_bytes());
    message.extend_from_slice(value);
    message.resize(message.len().next_multiple_of(4), 0);
}

/// Appends an attribute that holds those that `fill` appends.
pub(super) fn put_nested(message: &mut Vec<u8>, kind: u16, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = message.len();
    put(message, kind | NESTED, &[]);
    fill(message);
    let length = (message.len() - start) as u16;
    message[start..start + 2].copy_from_slice(&length.to_ne_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_can_be_taken() {
        let mut message = Vec::new();
        put_nested(&mut message, 1, |message| {
            put(message, 2, &[7]);
            put(message, 3, &[1, 2, 3, 4]);
        });
        put(&mut message, 4, &[0, 9]);
        assert_eq!(message.len(), 4 + 8 + 8 + 8);

        let all: Vec<Attribute<'_>> = Attributes(&message).map(Result::unwrap).collect();
        assert_eq!((all[0].kind, all[1].kind, all[1].be16()), (1, 4, Ok(9)));
        let inner: Vec<Attribute<'_>> = all[0].nested().map(Result::unwrap).collect();
        assert_eq!((inner[0].u8(), inner[1].be32()), (Ok(7), Ok(0x0102_0304)));
    }

    #[test]
    fn bytes_that_are_no_attribute_are_told_once() {
        for bytes in [&[8, 0, 1, 0, 1][..], &[3, 0, 1, 0], &[1]] {
            let told: Vec<bool> = Attributes(bytes).map(|attribute| attribute.is_err()).collect();
            assert_eq!(told, [true], "{bytes:?}");
        }
    }
}
