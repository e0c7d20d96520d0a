//! Whatever functions say, every packet is somewhere.

use proptest::prelude::*;
use tctable::conntrack::Counter;
use tctable::gateway::Passing;
use tctable::hook::{Families, Hook, Verdict};
use tctable::{Config, Gateway};

use crate::identity::steps;

/// Hook, priority, and verdicts that the function there gives in turn.
type Opinions = Vec<(usize, i32, Vec<u8>)>;

fn verdict(opinion: u8) -> Verdict {
    match opinion {
        0 => Verdict::DROP,
        1 => Verdict::Stolen,
        2 => Verdict::Repeat,
        3 => Verdict::Queue { number: 0, bypass: true },
        4 => Verdict::Queue { number: 1, bypass: false },
        _ => Verdict::Accept,
    }
}

fn opinions() -> impl Strategy<Value = Opinions> {
    let priority = prop_oneof![-500..400i32, Just(i32::MIN), Just(i32::MAX), Just(0)];
    prop::collection::vec((0..5usize, priority, prop::collection::vec(0..12u8, 1..8)), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn every_packet_is_counted_once(
        world in steps::world(false),
        steps in steps::steps(),
        opinions in opinions(),
        answers in prop::collection::vec(0..12u8, 1..10),
    ) {
        let mut gateway = Gateway::new(Config { max_transmits: 2, ..world.config() });
        for (hook, priority, said) in opinions {
            let mut said = said.into_iter().cycle();
            gateway.register_hook(Hook::ALL[hook], priority, Families::Both, move |_: &mut Passing<'_, '_>| {
                said.next().map_or(Verdict::Accept, verdict)
            });
        }
        gateway.bind_queue(0, 4);
        gateway.bind_queue(1, 1);
        let mut answers = answers.into_iter().cycle();
        for step in steps::frames(&steps) {
            if step.calls() {
                gateway.handle_timeout(step.time);
                for _ in 0..10 {
                    let Some(id) = gateway.poll_queued(0).map(|queued| queued.id) else { break };
                    // Some answers come late, or never.
                    let answer = answers.next().unwrap_or_default();
                    if answer != 11 {
                        prop_assert_eq!(gateway.reinject(id, verdict(answer), None, None), Ok(()));
                    }
                }
            } else {
                gateway.receive([step.frame()]);
            }
            prop_assert!(gateway.totals().add_up(), "{:?}", gateway.totals());
        }
        gateway.unbind_queue(0);
        gateway.unbind_queue(1);
        prop_assert!(gateway.totals().add_up(), "{:?}", gateway.totals());
        prop_assert_eq!(gateway.totals().unaccounted.queued, Counter::default());
        prop_assert_eq!(gateway.queued_packets(), 0);
        let open: u64 = gateway.hosts().iter().map(|host| host.open_connections()).sum();
        let owned = gateway.conntrack().iter().filter(|(_, connection)| gateway.owner(connection).is_some());
        prop_assert_eq!(open, owned.count() as u64);
    }
}
