//! Prints a run as a test case: `talks KIND SEED PACKETS`. Its comments say what each packet is.

use std::{env, error::Error};

use tctable_lab::talks;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [kind, seed, packets] = arguments.as_slice() else {
        return Err("usage: talks KIND SEED PACKETS".into());
    };
    print!("{}", talks::print(&talks::generate(kind.parse()?, seed.parse()?, packets.parse()?)));
    Ok(())
}
