//! Writes a generated capture: `generate KIND PACKETS SEED FILE`.

use std::{env, error::Error, fs::File, time::Instant};

use tctable_lab::generate::{self, Options};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [kind, packets, seed, file] = arguments.as_slice() else {
        return Err("usage: generate office|churn|elephant PACKETS SEED FILE".into());
    };
    let options = Options::new(kind.parse()?, packets.parse()?, seed.parse()?);
    let started = Instant::now();
    let summary = generate::write(&options, File::create(file)?, |packets| eprint!("\r{packets} packets"))?;
    eprintln!(
        "\r{} packets, {} connections, {:.1} s of traffic, {} bytes on the wire, {} in the file, in {:.1} s",
        summary.packets,
        summary.connections,
        summary.duration.as_secs_f64(),
        summary.wire_bytes,
        summary.file_bytes,
        started.elapsed().as_secs_f64(),
    );
    Ok(())
}
