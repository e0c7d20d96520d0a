//! What a gateway and its supervisor say to each other: a byte or two at a time over a pair of sockets, which is the gateway's standard input.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair};

/// Set for a process whose standard input is such a socket.
pub(super) const SUPERVISED: &str = "TCTABLE_SUPERVISED";

/// How often a shard says that it is alive.
pub(super) const BEAT: Duration = Duration::from_millis(5);

/// From the gateway, with the number of shards: its ports are open, and it would forward. The answer is [`GO`].
pub(super) const OPEN: u8 = b'O';
/// From the gateway, with the number of a shard: it is alive.
pub(super) const ALIVE: u8 = b'A';
/// From the gateway: shards will say nothing more. The answer is [`GO`].
pub(super) const CLOSE: u8 = b'C';
/// To the gateway: what it asked for is done.
pub(super) const GO: u8 = b'G';

/// One end.
#[derive(Clone, Debug)]
pub(super) struct End(Arc<OwnedFd>);

impl End {
    pub(super) fn pair() -> io::Result<(End, OwnedFd)> {
        let (here, there) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((End(Arc::new(here)), there))
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Says something: what nobody has room for is not said.
    pub(super) fn say(&self, word: &[u8]) -> bool {
        send(&self.0, word, SendFlags::DONTWAIT | SendFlags::NOSIGNAL).is_ok()
    }

    /// Waits for a message; `None` when time is over, and an empty one when the other end is gone.
    pub(super) fn hear(&self, patience: Option<Duration>) -> Option<Vec<u8>> {
        let since = Instant::now();
        loop {
            let left = patience.map(|patience| patience.saturating_sub(since.elapsed()));
            let left = left.map(|left| Timespec::try_from(left).expect("less than an age"));
            match poll(&mut [PollFd::new(&self.0, PollFlags::IN)], left.as_ref()) {
                Ok(0) => return None,
                // A signal, such as that of a child's end.
                Err(rustix::io::Errno::INTR) => continue,
                Ok(_) | Err(_) => break,
            }
        }
        let mut word = vec![0; 16];
        // Whoever was killed leaves nothing, or an error.
        let length = recv(&self.0, &mut word, RecvFlags::DONTWAIT).map_or(0, |(length, _)| length);
        word.truncate(length);
        Some(word)
    }
}

impl From<OwnedFd> for End {
    fn from(descriptor: OwnedFd) -> End {
        End(Arc::new(descriptor))
    }
}
