use std::net::SocketAddr;
use tctable_lab::kernel::{Kernel, Tuple};
use tctable_lab::packets::{Tcp, tcp_packet};
use tctable_lab::step::Side;
fn main() {
    let (c, s): (SocketAddr, SocketAddr) = ("10.11.0.1:1024".parse().unwrap(), "10.22.0.1:80".parse().unwrap());
    let text = std::io::read_to_string(std::io::stdin()).unwrap();
    Kernel::run(|mut kernel| {
        for line in text.lines().filter(|l| !l.trim().is_empty()) {
            if line.trim() == "--" {
                kernel.reset().unwrap();
                println!("--");
                continue;
            }
            let w: Vec<&str> = line.split_whitespace().collect();
            let n = |i: usize| w.get(i).map_or(0, |x: &&str| x.parse::<i64>().unwrap() as u32);
            let mut flags = 0u8;
            for ch in w[1].chars() {
                flags |= match ch {
                    'S' => 2,
                    '.' => 16,
                    'F' => 1,
                    'R' => 4,
                    _ => 0,
                };
            }
            let header = Tcp {
                seq: n(2),
                ack: n(3),
                flags,
                window: if w.len() > 4 { n(4) as u16 } else { 65535 },
                ..Tcp::default()
            };
            let data = vec![7; n(5) as usize];
            let (side, p) = if w[0] == "L" {
                (Side::Left, tcp_packet(c, s, &header, &data))
            } else {
                (Side::Right, tcp_packet(s, c, &header, &data))
            };
            let fate = kernel.send(side, &p).unwrap();
            let info = tctable::packet::PacketInfo::read(&tctable::packet::Frame {
                time: tctable::time::Instant::ZERO,
                device: tctable::packet::DeviceId(0),
                direction: tctable::packet::FrameDirection::Unknown,
                link: tctable::packet::LinkType::Raw,
                wire_len: p.len() as u32,
                data: &p,
            })
            .unwrap();
            let conn = kernel.connection(&Tuple::from(&info.tuple)).unwrap();
            println!("{line:40} {fate:?}");
            if let Some(x) = conn {
                println!(
                    "      {:?} status {:x} timeout {} {:?} orig-sport {:?}",
                    x.protocol, x.status, x.timeout, x.counters, x.original
                );
            }
        }
    })
    .unwrap();
}
