use std::fmt;
use std::net::IpAddr;

use crate::account::{Class, ClassCounters, Host};
use crate::time::{Duration, Instant};

/// A jiffy of the kernel that the line comes from: a hundred a second.
const JIFFY: Duration = Duration::from_millis(10);

/// A host as a line of `net/tc_counter`; its [`Display`](fmt::Display) is that line, without the end of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostLine {
    /// Its address.
    pub address: IpAddr,
    /// How long its entry lives on if nothing happens; the line tells whole seconds.
    pub left: Duration,
    /// Its traffic, by [`Class`].
    pub classes: [ClassCounters; 4],
    /// Its open connections, by [`Class`].
    pub open: [u32; 4],
    /// When its last packet was counted, since a time that is the same for all lines; the line tells it in hundredths of a
    /// second.
    pub last: Duration,
    /// The id that its next connection will get.
    pub next_id: u64,
}

impl HostLine {
    /// The line of a host whose entries live `timeout` after their last use. Its last packet is told since `origin`.
    pub fn new(host: &Host, now: Instant, timeout: Duration, origin: Instant) -> HostLine {
        let left = host.expires(timeout) - now;
        // Its timer is due at this moment, and will find the open connections.
        let renewed = left == Duration::ZERO && host.open_connections() > 0;
        HostLine {
            address: host.address(),
            left: if renewed { timeout } else { left },
            classes: Class::ALL.map(|class| host.class(class)),
            open: Class::ALL.map(|class| host.connections(class)),
            last: host.last_seen() - origin,
            next_id: host.next_id(),
        }
    }

    /// Its open connections.
    fn open_connections(&self) -> u64 {
        self.open.iter().map(|open| u64::from(*open)).sum()
    }
}

impl fmt::Display for HostLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.address, self.left.as_secs())?;
        for ((class, counters), open) in Class::ALL.into_iter().zip(&self.classes).zip(self.open) {
            write!(f, " {{ {}", class.name())?;
            for (side, counter) in [("tx", counters.tx), ("rx", counters.rx)] {
                write!(f, " [ {side} pcnt={} bcnt={} ]", counter.packets, counter.bytes)?;
            }
            write!(f, " conn={open} }}")?;
        }
        let users = 1 + self.open_connections();
        let last = self.last.as_nanos() / JIFFY.as_nanos();
        write!(f, " use={users} last={last} next_id={}", self.next_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conntrack::Counter;

    #[test]
    fn writes_the_documented_line() {
        let tcp = ClassCounters { tx: Counter { packets: 3, bytes: 144 }, rx: Counter { packets: 16, bytes: 768 } };
        let none = ClassCounters::default();
        let line = HostLine {
            address: "192.168.199.1".parse().unwrap(),
            left: Duration::from_millis(731_999),
            classes: [tcp, none, none, none],
            open: [1, 0, 0, 0],
            last: Duration::from_millis(6_381_789),
            next_id: 3,
        };
        assert_eq!(
            line.to_string(),
            "192.168.199.1 731 { tcp [ tx pcnt=3 bcnt=144 ] [ rx pcnt=16 bcnt=768 ] conn=1 } \
             { udp [ tx pcnt=0 bcnt=0 ] [ rx pcnt=0 bcnt=0 ] conn=0 } \
             { icmp [ tx pcnt=0 bcnt=0 ] [ rx pcnt=0 bcnt=0 ] conn=0 } \
             { other [ tx pcnt=0 bcnt=0 ] [ rx pcnt=0 bcnt=0 ] conn=0 } use=2 last=638178 next_id=3"
        );
    }
}
