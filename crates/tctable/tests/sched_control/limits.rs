use tctable::packet::DeviceId;
use tctable::sched::{Config, DeviceConfig, DeviceError, DropCause, Offer, PrioOptions, QdiscOptions, Scheduler};

use super::world::{ETH0, ETH1, World, packet};

#[test]
fn devices_have_a_limit() {
    let mut scheduler = Scheduler::new(Config { max_devices: 2, ..Config::default() });
    assert_eq!(scheduler.add_device(DeviceId(5), DeviceConfig::default()), Ok(()));
    assert_eq!(scheduler.add_device(DeviceId(5), DeviceConfig::default()), Err(DeviceError::Exists));
    assert_eq!(scheduler.add_device(DeviceId(u16::MAX), DeviceConfig::default()), Ok(()));
    assert_eq!(scheduler.add_device(DeviceId(0), DeviceConfig::default()), Err(DeviceError::TooMany));
}

#[test]
fn what_all_have_by_default_has_nothing_below_it() {
    let prio = QdiscOptions::Prio(PrioOptions::default());
    let mut scheduler = Scheduler::new(Config { default_leaf: prio, ..Config::default() });
    assert!(matches!(scheduler.add_device(ETH0, DeviceConfig::default()), Err(DeviceError::Default(_))));
}

#[test]
fn packets_that_wait_have_a_limit_over_all_devices() {
    let mut world = World::with(Config { max_waiting: 3, ..Config::default() });
    world.queue(&packet(), 2);
    assert!(matches!(world.offer_to(ETH1, &packet()), Offer::Queued { .. }));
    for device in [ETH0, ETH1] {
        let offer = world.offer_to(device, &packet());
        assert_eq!(offer, Offer::Dropped { class: None, cause: DropCause::Limit });
    }
    assert_eq!(world.qdiscs()[0].dropped, 1);
    // One leaves, one comes.
    let tctable::sched::Poll::Packet(departure) = world.scheduler.poll(world.now, ETH0) else { panic!("it leaves") };
    world.queue(&packet(), 1);
    // What comes back takes a place in any case: it had one.
    world.scheduler.requeue(ETH0, departure);
    assert!(matches!(world.offer(&packet()), Offer::Dropped { .. }));
}

#[test]
fn what_was_dropped_counts_until_it_is_asked_for() {
    let mut world = World::with(Config { max_waiting: 3, ..Config::default() });
    world.queue(&packet(), 3);
    world.tc("qdisc add dev eth0 root handle 1: pfifo");
    assert_eq!(world.offer(&packet()), Offer::Dropped { class: None, cause: DropCause::Limit });
    assert_eq!(world.dropped().len(), 3);
    world.queue(&packet(), 3);
}
