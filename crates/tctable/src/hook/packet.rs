use crate::conntrack::{Changes, Connection, ConnectionId, Conntrack, Cookie, CtState, Direction, Unconfirmed};
use crate::packet::{DeviceId, Frame, NotIp, Packet, PacketInfo, Tuple};

/// A packet on its road through the hooks: what the kernel has in an `sk_buff`.
///
/// Its bytes are those of the frame that came until somebody edits them.
#[derive(Debug)]
pub struct PacketBuf<'a> {
    frame: Frame<'a>,
    info: PacketInfo,
    edited: Option<Vec<u8>>,
    /// The packet's mark: a number for rules, filters and routing, 0 at first.
    pub mark: u32,
    /// The class that traffic control is to put it in, `major << 16 | minor`; 0 at first.
    pub priority: u32,
    /// Each rule that it meets is told of (`TRACE`).
    pub traced: bool,
    pub(crate) input: Option<DeviceId>,
    pub(crate) output: Option<DeviceId>,
    pub(crate) tracking: Tracking,
    /// What the `CT` target asked for, before the packet is tracked.
    pub(crate) template: Option<Box<Template>>,
}

/// What connection tracking says of a packet.
#[derive(Debug)]
pub struct Tracking {
    pub(crate) state: CtState,
    pub(crate) direction: Direction,
    pub(crate) connection: Ct,
    /// What is kept on the connection, which may have ended with this packet.
    pub(crate) cookie: Cookie,
}

impl Tracking {
    /// Nobody has looked.
    pub(crate) const NONE: Tracking = Tracking {
        state: CtState::Invalid,
        direction: Direction::Original,
        connection: Ct::None,
        cookie: Cookie::NONE,
    };
}

/// A packet's connection.
#[derive(Debug)]
pub(crate) enum Ct {
    /// None: not tracked yet, never tracked, or invalid.
    None,
    /// One in the table, at this place.
    Confirmed(u32),
    /// One that begins with it.
    New(Box<Unconfirmed>),
}

/// What is laid down for a packet's connection before it begins (`CT`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Template {
    /// It is not to be tracked.
    pub(crate) notrack: bool,
    pub(crate) zone: Option<u16>,
    /// The name of the helper that is to listen to it.
    pub(crate) helper: Option<&'static str>,
    /// The events that are told of it.
    pub(crate) events: Option<Changes>,
}

impl<'a> PacketBuf<'a> {
    pub(crate) fn new(frame: Frame<'a>, info: PacketInfo) -> Self {
        PacketBuf {
            input: None,
            output: None,
            frame,
            info,
            edited: None,
            mark: 0,
            priority: 0,
            traced: false,
            tracking: Tracking::NONE,
            template: None,
        }
    }

    /// The packet with what its headers say, as it is now.
    pub fn packet(&self) -> PacketView<'_> {
        let data = self.edited.as_deref().unwrap_or(self.frame.data);
        PacketView { frame: Frame { data, ..self.frame }, info: &self.info }
    }

    /// What its headers say, as they are now.
    pub fn info(&self) -> &PacketInfo {
        &self.info
    }

    /// Its bytes as far as they were kept, from the link header on, as they are now.
    pub fn data(&self) -> &[u8] {
        self.edited.as_deref().unwrap_or(self.frame.data)
    }

    /// Changes its bytes, and reads its headers again. Checksums are the editor's to keep right.
    ///
    /// # Errors
    /// [`NotIp`] where what comes of it is no IP packet any more: nothing is changed then.
    pub fn edit(&mut self, edit: impl FnOnce(&mut Vec<u8>)) -> Result<(), NotIp> {
        let mut data = self.data().to_vec();
        let kept = data.len();
        edit(&mut data);
        // Bytes that a capture has cut off stay cut off.
        let missing = self.frame.wire_len.saturating_sub(kept as u32);
        let frame = Frame { data: &data, wire_len: data.len() as u32 + missing, ..self.frame };
        let mut info = PacketInfo::read(&frame)?;
        info.tuple.zone = self.info.tuple.zone;
        self.frame.wire_len = frame.wire_len;
        self.info = info;
        self.edited = Some(data);
        Ok(())
    }

    /// The same packet with bytes of its own.
    pub(crate) fn into_owned(self) -> PacketBuf<'static> {
        let data = self.edited.unwrap_or_else(|| self.frame.data.to_vec());
        PacketBuf { frame: Frame { data: &[], ..self.frame }, edited: Some(data), ..self }
    }

    /// Takes the packet for another one, of which it was a part.
    pub(crate) fn replace(&mut self, frame: &Frame<'_>, info: PacketInfo) {
        self.frame = Frame { data: &[], ..*frame };
        self.edited = Some(frame.data.to_vec());
        self.info = info;
    }

    /// The tuple that it is tracked by.
    pub(crate) fn tuple_mut(&mut self) -> &mut Tuple {
        &mut self.info.tuple
    }

    /// Whether its bytes were changed.
    pub fn is_edited(&self) -> bool {
        self.edited.is_some()
    }

    /// The device that it came in by; `None` for a packet that the gateway made.
    pub fn input(&self) -> Option<DeviceId> {
        self.input
    }

    /// The device that it will leave by, from routing on; `None` for a packet that is for the gateway, and where it is not
    /// known.
    pub fn output(&self) -> Option<DeviceId> {
        self.output
    }

    /// What it is to its connection.
    pub fn state(&self) -> CtState {
        self.tracking.state
    }

    /// Its connection, also one that is not in the table yet, and its direction there.
    pub fn connection<'c>(&'c self, conntrack: &'c Conntrack) -> Option<(&'c Connection, Direction)> {
        let connection = match &self.tracking.connection {
            Ct::None => return None,
            Ct::Confirmed(place) => conntrack.at(*place)?,
            Ct::New(unconfirmed) => unconfirmed.connection(),
        };
        Some((connection, self.tracking.direction))
    }

    /// The name of its connection, if that is in the table.
    pub fn connection_id(&self, conntrack: &Conntrack) -> Option<ConnectionId> {
        match &self.tracking.connection {
            Ct::Confirmed(place) => conntrack.named(*place).map(|(id, _)| id),
            Ct::None | Ct::New(_) => None,
        }
    }
}

/// A frame and what its headers say, for as long as nobody edits it.
#[derive(Clone, Copy, Debug)]
pub struct PacketView<'a> {
    /// The frame.
    pub frame: Frame<'a>,
    /// What its headers say.
    pub info: &'a PacketInfo,
}

impl PacketView<'_> {
    /// For those who read packets.
    pub fn as_packet(&self) -> Packet<'_> {
        Packet { frame: &self.frame, info: self.info }
    }
}
