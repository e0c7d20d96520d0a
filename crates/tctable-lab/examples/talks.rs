//! Prints the packets of a run, one line each: `talks KIND SEED PACKETS`.

use std::{env, error::Error};

use tctable_lab::{step::Side, talks};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [kind, seed, packets] = arguments.as_slice() else {
        return Err("usage: talks KIND SEED PACKETS".into());
    };
    for step in talks::generate(kind.parse::<talks::Kind>()?, seed.parse()?, packets.parse()?) {
        let arrow = if step.side == Side::Left { '>' } else { '<' };
        println!("{arrow} {}", talks::describe(&step.packet));
    }
    Ok(())
}
