use std::fs;
use std::io::{self, ErrorKind};
use std::ops::Sub;

/// What an interface has counted: frames, and bytes with their Ethernet headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames that came.
    pub received: u64,
    /// Their bytes.
    pub received_bytes: u64,
    /// Frames that came and were dropped by the interface.
    pub receive_dropped: u64,
    /// Frames that were sent.
    pub sent: u64,
    /// Their bytes.
    pub sent_bytes: u64,
    /// Frames that were to be sent and were dropped by the interface: a veth counts here what its other end did not take.
    pub send_dropped: u64,
}

impl Counters {
    /// An Ethernet header, which hosts are not charged for.
    const HEADER: u64 = 14;

    /// Bytes of packets that came, without Ethernet headers.
    pub fn received_payload(&self) -> u64 {
        self.received_bytes - Self::HEADER * self.received
    }

    /// Bytes of packets that were sent, without Ethernet headers.
    pub fn sent_payload(&self) -> u64 {
        self.sent_bytes - Self::HEADER * self.sent
    }
}

impl Sub for Counters {
    type Output = Counters;

    fn sub(self, before: Counters) -> Counters {
        Counters {
            received: self.received - before.received,
            received_bytes: self.received_bytes - before.received_bytes,
            receive_dropped: self.receive_dropped - before.receive_dropped,
            sent: self.sent - before.sent,
            sent_bytes: self.sent_bytes - before.sent_bytes,
            send_dropped: self.send_dropped - before.send_dropped,
        }
    }
}

/// Those of an interface in this thread's namespace.
pub(super) fn read(interface: &str) -> io::Result<Counters> {
    find(&fs::read_to_string("/proc/thread-self/net/dev")?, interface).ok_or_else(|| ErrorKind::NotFound.into())
}

/// The line of an interface in `/proc/net/dev`.
fn find(text: &str, interface: &str) -> Option<Counters> {
    let numbers = text.lines().find_map(|line| line.trim_start().strip_prefix(interface)?.strip_prefix(':'))?;
    let numbers: Vec<u64> = numbers.split_ascii_whitespace().map_while(|number| number.parse().ok()).collect();
    let [received_bytes, received, _, receive_dropped, _, _, _, _, sent_bytes, sent, _, send_dropped, ..] = numbers[..]
    else {
        return None;
    };
    Some(Counters { received, received_bytes, receive_dropped, sent, sent_bytes, send_dropped })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     100       2    0    0    0     0          0         0      100       2    0    0    0     0       0          0
  eth0: 114 3 0 4 0 0 0 0 5142 6 0 7 0 0 0 0
 eth00:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
";

    #[test]
    fn an_interface_is_found_by_its_whole_name() {
        let counters = find(TEXT, "eth0").expect("there");
        assert_eq!((counters.received, counters.receive_dropped, counters.sent, counters.send_dropped), (3, 4, 6, 7));
        assert_eq!((counters.received_payload(), counters.sent_payload()), (72, 5058));
        assert_eq!(find(TEXT, "eth00"), Some(Counters::default()));
        assert_eq!(find(TEXT, "eth"), None);
    }
}
