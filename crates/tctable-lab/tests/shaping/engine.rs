//! The engine, told by the same lines and given the same load in virtual time.

use tctable::packet::DeviceId;
use tctable::sched::text::{Command, Reader};
use tctable::sched::{Config, DeviceConfig, Poll, QdiscOptions, Scheduler, Skb};
use tctable::time::Instant;

use super::kernel::DEVICE;
use super::load::Seen;

const OUT: DeviceId = DeviceId(0);

/// What leaves the tree, and when, until the last of the load has come.
pub fn departures(lines: &str, arrivals: &[Seen]) -> Vec<Seen> {
    let mut scheduler = loaded(lines, Instant::from_nanos(arrivals.first().expect("a load").time));
    let mut departures = Vec::new();
    let mut wake_up = None;
    for (number, seen) in arrivals.iter().enumerate() {
        while let Some(due) = wake_up.filter(|due| *due < seen.time) {
            wake_up = serve(&mut scheduler, due, arrivals, &mut departures);
        }
        let mut skb = Skb {
            token: number as u64,
            data: &seen.headers,
            network_offset: 14,
            protocol: 0x0800,
            len: seen.len,
            info: None,
            mark: 0,
            priority: if seen.class == 0 { 0 } else { 1 << 16 | u32::from(seen.class) },
            input: None,
            ct: None,
            host: None,
        };
        scheduler.offer(Instant::from_nanos(seen.time), OUT, &mut skb);
        wake_up = serve(&mut scheduler, seen.time, arrivals, &mut departures);
    }
    departures
}

fn loaded(lines: &str, now: Instant) -> Scheduler {
    let config = Config { default_leaf: QdiscOptions::Pfifo { limit: None }, ..Config::default() };
    let mut scheduler = Scheduler::new(config);
    let mut reader = Reader::new();
    let device = DeviceConfig { name: DEVICE.to_owned(), ..DeviceConfig::default() };
    scheduler.add_device(OUT, device).expect("a device");
    reader.name_device(DEVICE, OUT);
    for statement in reader.read(lines).unwrap_or_else(|error| panic!("{error}\n{lines}")) {
        match &statement.command {
            Command::SetQdisc(request, flags) => scheduler.set_qdisc(now, request, *flags).expect("a qdisc"),
            Command::SetClass(request, flags) => scheduler.set_class(now, request, *flags).expect("a class"),
            Command::SetFilter(request, flags) => {
                scheduler.set_filter(now, request, *flags).expect("a filter");
            }
            command => panic!("no such line was written: {command:?}"),
        }
    }
    scheduler
}

/// Takes all that may leave now, and gives the time at which to ask again.
fn serve(scheduler: &mut Scheduler, now: u64, arrivals: &[Seen], departures: &mut Vec<Seen>) -> Option<u64> {
    loop {
        match scheduler.poll(Instant::from_nanos(now), OUT) {
            Poll::Packet(departure) => {
                departures.push(Seen { time: now, ..arrivals[departure.token as usize].clone() })
            }
            // A time that has come already would never end.
            Poll::Later(due) => {
                assert!(due.as_nanos() > now, "to be asked again at {due:?}");
                return Some(due.as_nanos());
            }
            Poll::Empty => return None,
        }
    }
}
