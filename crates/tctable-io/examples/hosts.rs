//! The hosts of a capture and their open connections: `cargo run -p tctable-io --example hosts -- FILE`.

use tctable::{Config, Gateway};
use tctable_io::capture::Capture;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: hosts FILE")?;
    let mut capture = Capture::open(path.as_ref())?;
    let mut gateway = Gateway::new(Config::default());
    while let Some(burst) = capture.next_burst(256)? {
        gateway.receive(burst.frames());
    }
    for host in gateway.hosts().iter() {
        println!("{} has {} connections open", host.address(), host.open_connections());
    }
    Ok(())
}
