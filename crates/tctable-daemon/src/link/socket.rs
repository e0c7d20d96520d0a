use std::io;

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{AsyncSocket, AsyncSocketExt, SocketAddr, TokioSocket};

use super::message::{LINK_HEADER, Message, NETLINK_HEADER, RTM_GETLINK, messages};

const RTNLGRP_LINK: u32 = 1;
/// Room for what the kernel has to say, in bytes: some hundred messages.
const ROOM: usize = 1 << 20;

/// A way to hear what happens to interfaces.
pub(super) struct Listener {
    socket: TokioSocket,
    /// The number of the last list that was asked for.
    asked: u32,
}

/// What was heard.
#[derive(Debug)]
pub(super) enum Heard {
    /// Messages.
    Messages(Vec<Message>),
    /// There was more than there was room for: something was missed.
    Overrun,
}

impl Listener {
    /// Hears of the interfaces of this thread's namespace from now on. Within a runtime.
    pub(super) fn open() -> io::Result<Listener> {
        let mut socket = TokioSocket::new(NETLINK_ROUTE)?;
        let inner = socket.socket_mut();
        inner.set_rx_buf_sz(ROOM as libc::c_int)?;
        inner.bind_auto()?;
        inner.add_membership(RTNLGRP_LINK)?;
        Ok(Listener { socket, asked: 0 })
    }

    /// Asks for a list of all interfaces; its number.
    pub(super) fn ask_for_all(&mut self) -> io::Result<u32> {
        self.asked = self.asked.wrapping_add(1).max(1);
        let mut request = Vec::with_capacity(NETLINK_HEADER + LINK_HEADER);
        request.extend_from_slice(&((NETLINK_HEADER + LINK_HEADER) as u32).to_ne_bytes());
        request.extend_from_slice(&RTM_GETLINK.to_ne_bytes());
        request.extend_from_slice(&(NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
        request.extend_from_slice(&self.asked.to_ne_bytes());
        // Of any family, any index: zeros.
        request.resize(NETLINK_HEADER + LINK_HEADER, 0);
        self.socket.socket_ref().send_to(&request, &SocketAddr::new(0, 0), 0)?;
        Ok(self.asked)
    }

    /// Waits for what comes next.
    pub(super) async fn hear(&self) -> io::Result<Heard> {
        match self.socket.recv_from_full().await {
            // Only the kernel is believed.
            Ok((datagram, from)) if from.port_number() == 0 => Ok(Heard::Messages(messages(&datagram))),
            Ok(_) => Ok(Heard::Messages(Vec::new())),
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => Ok(Heard::Overrun),
            Err(error) => Err(error),
        }
    }
}
