//! What is masked out is neither told nor built.

use tctable::conntrack::Changes;
use tctable::gateway::EventMask;
use tctable::time::Duration;

use super::{told, word};
use crate::support::{BOTH, Net, Road};

/// Everything that can happen to a connection today.
fn life(road: &mut Road, net: Net) {
    for packet in [net.out("S"), net.back("S."), net.out(".")] {
        road.pass(&packet);
    }
    let (id, _) = road.connection();
    road.gateway.set_mark(id, 1);
    road.gateway.set_labels(id, 1);
    road.gateway.delete_connection(id);
    road.wait(Duration::from_secs(901)).tick();
}

/// What of it is told to whoever asks for these changes.
fn expected(mask: Changes) -> Vec<String> {
    let all: [Changes; 6] = [
        Changes::NEW,
        Changes::REPLY | Changes::PROTOINFO,
        Changes::ASSURED | Changes::PROTOINFO,
        Changes::MARK,
        Changes::LABEL,
        Changes::DESTROY,
    ];
    let wanted = all.into_iter().map(|changes| changes.and(mask)).filter(|changes| !changes.is_empty());
    let words = wanted.map(|changes| match changes {
        Changes::DESTROY => "Deleted".to_owned(),
        _ => changes.names().collect::<Vec<_>>().join("+"),
    });
    words.collect()
}

#[test]
fn each_mask_tells_its_changes_and_builds_nothing_else() {
    let single = [
        Changes::NEW,
        Changes::DESTROY,
        Changes::REPLY,
        Changes::ASSURED,
        Changes::PROTOINFO,
        Changes::MARK,
        Changes::LABEL,
    ];
    for net in BOTH {
        for bits in 0u32..1 << single.len() {
            for host_expired in [false, true] {
                let chosen = (0..single.len()).filter(|nth| bits >> nth & 1 != 0);
                let mask = chosen.fold(Changes::NONE, |mask, nth| mask | single[nth]);
                let mut wanted = expected(mask);
                wanted.extend(host_expired.then(|| "host".to_owned()));
                let mut road = Road::with(|config| {
                    config.events =
                        EventMask { connections: mask, expectations: false, host_expired, ..EventMask::default() };
                    // Were more built than is told, it would be lost and counted.
                    config.max_events = wanted.len();
                });
                life(&mut road, net);
                assert_eq!((told(&mut road), road.gateway.totals().events_lost), (wanted, 0), "{mask:?}");
            }
        }
    }
}

#[test]
fn everything_is_in_all() {
    for net in BOTH {
        let mut road = Road::with(|config| config.events = EventMask::ALL);
        life(&mut road, net);
        let told: Vec<String> = road.events().iter().map(word).collect();
        assert_eq!(told, ["new", "reply+protoinfo", "assured+protoinfo", "mark", "label", "Deleted", "host"]);
    }
}

#[test]
fn nobody_asks_by_default() {
    assert_eq!(
        tctable::Config::default().events,
        EventMask { connections: Changes::NONE, expectations: false, host_expired: false, ..EventMask::default() }
    );
}
