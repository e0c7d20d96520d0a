//! The kernel's traffic control over rtnetlink, message by message: stock `tc` hides error numbers behind texts, and knows
//! some wrong requests itself.

use std::io::{Error, ErrorKind, Result};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc::{NLM_F_ACK, NLM_F_DUMP, NLM_F_REPLACE, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send, socket,
};

/// `linux/rtnetlink.h`
pub const NEW_QDISC: u16 = 36;
pub const GET_QDISC: u16 = 38;
pub const NEW_CLASS: u16 = 40;
pub const DELETE_CLASS: u16 = 41;
pub const GET_CLASS: u16 = 42;
pub const NEW_FILTER: u16 = 44;
pub const DELETE_FILTER: u16 = 45;
pub const GET_FILTER: u16 = 46;
pub const NEW_CHAIN: u16 = 100;
/// `RTMGRP_TC`
const GROUP: u32 = 1 << 3;

pub const KIND: u16 = 1;
pub const OPTIONS: u16 = 2;

const HEADER: usize = 16;
const TCMSG: usize = 20;

/// A request, and what an answer or a notification says: `struct tcmsg` with its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub what: u16,
    pub flags: u16,
    pub device: u32,
    pub handle: u32,
    pub parent: u32,
    pub info: u32,
    pub attributes: Vec<u8>,
}

impl Message {
    pub fn kind(&self) -> Option<String> {
        let value = attributes(&self.attributes).find(|(kind, _)| *kind == KIND)?.1;
        Some(String::from_utf8_lossy(value.strip_suffix(&[0]).unwrap_or(value)).into_owned())
    }

    pub fn is_replacement(&self) -> bool {
        self.flags & NLM_F_REPLACE as u16 != 0
    }
}

/// Appends an attribute.
pub fn put(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend_from_slice(&((4 + value.len()) as u16).to_ne_bytes());
    message.extend_from_slice(&kind.to_ne_bytes());
    message.extend_from_slice(value);
    message.resize(message.len().next_multiple_of(4), 0);
}

fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let [a, b, c, d] = *bytes.first_chunk::<4>()?;
        let length = usize::from(u16::from_ne_bytes([a, b]));
        let value = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_ne_bytes([c, d]) & 0x3fff, value))
    })
}

/// A socket to ask by, and one that hears of changes.
pub struct Rtnetlink {
    asking: OwnedFd,
    hearing: OwnedFd,
    buffer: Vec<u8>,
    sequence: u32,
}

fn open(groups: u32) -> Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let flags = if groups == 0 { SockFlag::SOCK_CLOEXEC } else { flags };
    let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkRoute)?;
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
    Ok(socket)
}

impl Rtnetlink {
    pub fn open() -> Result<Rtnetlink> {
        Ok(Rtnetlink { asking: open(0)?, hearing: open(GROUP)?, buffer: vec![0; 1 << 18], sequence: 0 })
    }

    fn send(&mut self, message: &Message, flags: u16) -> Result<()> {
        self.sequence += 1;
        let mut bytes = Vec::new();
        let length = (HEADER + TCMSG + message.attributes.len()) as u32;
        bytes.extend_from_slice(&length.to_ne_bytes());
        bytes.extend_from_slice(&message.what.to_ne_bytes());
        bytes.extend_from_slice(&(flags | message.flags | NLM_F_REQUEST as u16).to_ne_bytes());
        bytes.extend_from_slice(&self.sequence.to_ne_bytes());
        bytes.extend_from_slice(&[0; 8]);
        for word in [message.device, message.handle, message.parent, message.info] {
            bytes.extend_from_slice(&word.to_ne_bytes());
        }
        bytes.extend_from_slice(&message.attributes);
        send(self.asking.as_raw_fd(), &bytes, MsgFlags::empty())?;
        Ok(())
    }

    /// Asks for something to be done: the kernel's error number, 0 for none.
    pub fn request(&mut self, message: &Message) -> Result<i32> {
        self.send(message, NLM_F_ACK as u16)?;
        loop {
            let length = recv(self.asking.as_raw_fd(), &mut self.buffer, MsgFlags::empty())?;
            for (what, _, body) in split(&self.buffer[..length]) {
                if i32::from(what) == NLMSG_ERROR {
                    let code = body.first_chunk::<4>().ok_or(ErrorKind::InvalidData)?;
                    return Ok(-i32::from_ne_bytes(*code));
                }
            }
        }
    }

    /// All objects of a kind that a device has.
    pub fn dump(&mut self, what: u16, device: u32, parent: u32) -> Result<Vec<Message>> {
        let question = Message { what, flags: 0, device, handle: 0, parent, info: 0, attributes: Vec::new() };
        self.send(&question, NLM_F_DUMP as u16)?;
        let mut messages = Vec::new();
        loop {
            let length = recv(self.asking.as_raw_fd(), &mut self.buffer, MsgFlags::empty())?;
            for (what, flags, body) in split(&self.buffer[..length]) {
                match i32::from(what) {
                    NLMSG_DONE => return Ok(messages),
                    NLMSG_ERROR => return Err(Error::other(format!("a dump failed: {body:?}"))),
                    // The devices' qdiscs come all together.
                    _ => messages.extend(read(what, flags, body).filter(|message| message.device == device)),
                }
            }
        }
    }

    /// The changes since the last call.
    pub fn heard(&mut self) -> Result<Vec<Message>> {
        let mut messages = Vec::new();
        loop {
            match recv(self.hearing.as_raw_fd(), &mut self.buffer, MsgFlags::empty()) {
                Ok(length) => messages
                    .extend(split(&self.buffer[..length]).filter_map(|(what, flags, body)| read(what, flags, body))),
                Err(Errno::EAGAIN) => return Ok(messages),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn split(mut bytes: &[u8]) -> impl Iterator<Item = (u16, u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = u32::from_ne_bytes(*bytes.first_chunk::<4>()?) as usize;
        let message = bytes.get(..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        let [a, b, c, d] = *message.get(4..)?.first_chunk::<4>()?;
        Some((u16::from_ne_bytes([a, b]), u16::from_ne_bytes([c, d]), message.get(HEADER..)?))
    })
}

fn read(what: u16, flags: u16, body: &[u8]) -> Option<Message> {
    let word = |at: usize| Some(u32::from_ne_bytes(*body.get(at..)?.first_chunk::<4>()?));
    Some(Message {
        what,
        flags,
        device: word(4)?,
        handle: word(8)?,
        parent: word(12)?,
        info: word(16)?,
        attributes: body.get(TCMSG..)?.to_vec(),
    })
}
