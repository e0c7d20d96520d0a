use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The name of a qdisc or a class as the kernel's messages have it: a major number in the upper 16 bits, a minor one in
/// the lower. A qdisc is `major:0`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(pub u32);

impl Handle {
    /// Nothing is named (`TC_H_UNSPEC`).
    pub const UNSPEC: Handle = Handle(0);
    /// A device's root (`TC_H_ROOT`).
    pub const ROOT: Handle = Handle(u32::MAX);
    /// Where a device's incoming packets are looked at (`TC_H_INGRESS`, and `TC_H_CLSACT`, which is the same).
    pub const INGRESS: Handle = Handle(0xffff_fff1);

    /// `major:minor`.
    pub const fn new(major: u16, minor: u16) -> Handle {
        Handle((major as u32) << 16 | minor as u32)
    }

    /// The qdisc's number.
    pub const fn major(self) -> u16 {
        (self.0 >> 16) as u16
    }

    /// The class's number within its qdisc; 0 is the qdisc.
    pub const fn minor(self) -> u16 {
        self.0 as u16
    }
}

/// A class: its qdisc's major number and its own number there.
///
/// Classes that are made for hosts may have numbers beyond the 65,535 that a [`Handle`] can name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId {
    /// The qdisc's number.
    pub major: u16,
    /// The class's own.
    pub minor: u32,
}

impl ClassId {
    /// The name that the kernel's messages have for it; `None` where its number is beyond them.
    pub fn handle(self) -> Option<Handle> {
        u16::try_from(self.minor).ok().map(|minor| Handle::new(self.major, minor))
    }
}

impl From<Handle> for ClassId {
    fn from(handle: Handle) -> ClassId {
        ClassId { major: handle.major(), minor: handle.minor().into() }
    }
}

/// As `tc` writes it: `root`, `ingress`, `none`, or two hexadecimal numbers, without the minor one where that is 0.
impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Handle::ROOT => f.write_str("root"),
            Handle::INGRESS => f.write_str("ingress"),
            Handle::UNSPEC => f.write_str("none"),
            handle => ClassId::from(handle).fmt(f),
        }
    }
}

/// As `tc` writes it: two hexadecimal numbers, without the minor one where that is 0.
impl fmt::Display for ClassId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            ClassId { major, minor: 0 } => write!(f, "{major:x}:"),
            ClassId { major: 0, minor } => write!(f, ":{minor:x}"),
            ClassId { major, minor } => write!(f, "{major:x}:{minor:x}"),
        }
    }
}

/// A text is no handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a handle: MAJOR:MINOR with hexadecimal numbers up to ffff, `root`, `ingress` or `none`")]
pub struct HandleError;

/// As `tc` reads it: `1:`, `1:10`, `:10`, `10` (a major number), `root`, `ingress`, `clsact`, `none`.
impl FromStr for Handle {
    type Err = HandleError;

    fn from_str(text: &str) -> Result<Handle, HandleError> {
        match text {
            "root" => return Ok(Handle::ROOT),
            "ingress" | "clsact" => return Ok(Handle::INGRESS),
            "none" => return Ok(Handle::UNSPEC),
            _ => {}
        }
        let number = |text: &str| {
            // No sign, which `from_str_radix` would take.
            let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
            if text.is_empty() { Some(0) } else { u16::from_str_radix(text, 16).ok().filter(|_| is_hex) }
        };
        let (major, minor) = text.split_once(':').unwrap_or((text, ""));
        if text.is_empty() {
            return Err(HandleError);
        }
        Ok(Handle::new(number(major).ok_or(HandleError)?, number(minor).ok_or(HandleError)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_read_and_written_as_tc_does() {
        for (text, handle) in [
            ("1:", Handle::new(1, 0)),
            ("1:10", Handle::new(1, 0x10)),
            (":10", Handle::new(0, 0x10)),
            ("ffff:ffff", Handle(u32::MAX)),
            ("root", Handle::ROOT),
            ("ingress", Handle::INGRESS),
            ("none", Handle::UNSPEC),
        ] {
            assert_eq!(text.parse(), Ok(handle), "{text}");
            if text != "ffff:ffff" {
                assert_eq!(handle.to_string(), text);
            }
        }
        assert_eq!("10".parse(), Ok(Handle::new(0x10, 0)));
        for text in ["", "1:10:3", "10000:", "1:10000", "+1:", "x", "1: "] {
            assert_eq!(text.parse::<Handle>(), Err(HandleError), "{text}");
        }
        assert_eq!(ClassId { major: 1, minor: 0x12345 }.handle(), None);
        assert_eq!(ClassId { major: 1, minor: 0x12345 }.to_string(), "1:12345");
    }
}
