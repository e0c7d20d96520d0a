//! The bare forwarder: what comes on one port leaves by the other, and nothing else. The yardstick for a gateway's speed.
//!
//! `forward packet eth1 eth0 10`: both directions for ten seconds, then what was counted and the processor time taken.

use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use tctable::packet::DeviceId;
use tctable_io::port::{
    Departure, Layer, Next, Pace, PacketConfig, PacketSocket, Port, PortError, Role, Tun, TunConfig,
};

const BURST: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [kind, left, right, seconds] = words.as_slice() else {
        return Err("forward packet|xdp|tun|tap LEFT RIGHT SECONDS".into());
    };
    let end = Instant::now() + Duration::from_secs(seconds.parse()?);
    let [mut left, mut right] = [open(kind, left, 0)?, open(kind, right, 1)?];
    let mut pace = Pace::default();
    while Instant::now() < end {
        match pace.next(burst(&mut *left, &mut *right)? + burst(&mut *right, &mut *left)?) {
            Next::Look => {}
            Next::Rest(time) => thread::sleep(time),
            Next::Wait => {
                let ready = [&left, &right].map(|port| PollFd::new(port.readable(), PollFlags::POLLIN));
                poll(&mut { ready }, 100u8)?;
            }
        }
    }
    println!("left  {:?}\nright {:?}", left.statistics(), right.statistics());
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    println!("user {} ms, system {} ms", usage.user_time().num_milliseconds(), usage.system_time().num_milliseconds());
    Ok(())
}

fn open(kind: &str, device: &str, number: u16) -> Result<Box<dyn Port>, Box<dyn Error>> {
    match kind {
        "packet" => Ok(Box::new(PacketSocket::open(PacketConfig::new(device, DeviceId(number), Role::InLine))?)),
        "tun" | "tap" => {
            let layer = if kind == "tun" { Layer::Ip } else { Layer::Ethernet };
            let config = TunConfig { device: device.to_owned(), id: DeviceId(number), layer, offload: true };
            Ok(Box::new(Tun::open(config)?))
        }
        #[cfg(feature = "xdp")]
        "xdp" => {
            let (device, id) = (device.to_owned(), DeviceId(number));
            let config = tctable_io::port::XdpConfig { device, id, slots: 2048, promiscuous: true };
            Ok(Box::new(tctable_io::port::XdpSocket::open(config)?))
        }
        _ => Err(format!("{kind}: no such kind of port").into()),
    }
}

/// One burst from one port to the other.
fn burst(from: &mut dyn Port, to: &mut dyn Port) -> Result<usize, PortError> {
    let mut result = Ok(());
    let shown = from.receive(tctable::time::Instant::ZERO, BURST, &mut |arrivals| {
        let mut burst = [Departure { data: &[], offload: Default::default() }; BURST];
        let burst = &mut burst[..arrivals.len()];
        for (departure, arrival) in burst.iter_mut().zip(arrivals) {
            *departure = Departure { data: arrival.frame.data, offload: arrival.offload };
        }
        let mut done = 0;
        while done < burst.len() {
            match to.send(&burst[done..]) {
                Ok(taken) => done += taken,
                Err(error) => return result = Err(error),
            }
        }
    })?;
    result.map(|()| shown)
}
