//! Which class each packet belongs to, by random sets of `u32` filters: the running kernel's class counters and the
//! engine's have to be the same. Stock `tc` loads the lines there, the engine's own reader here.
//!
//! `TCTABLE_U32_SETS` is the number of sets, of 1,000 packets each; 100 is the full run. Needs root and namespaces; where
//! they are missing nothing is tested and one line says so.

mod engine;
mod kernel;
mod packets;
mod random;
mod sets;

use tctable_lab::kernel::{Error, Kernel, not_tested};

use packets::{Frame, frame};
use random::Random;

const PACKETS: usize = 1_000;

fn differs(kernel: &mut kernel::Side, lines: &str, frames: &[Frame]) -> Option<String> {
    kernel.load(lines);
    let mut engine = engine::Side::new(lines);
    for (number, frame) in frames.iter().enumerate() {
        kernel.send(frame);
        let class = engine.send(frame);
        let (theirs, ours) = (kernel.counts(), engine.counts());
        if theirs != *ours {
            let bytes = frame.bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            return Some(format!(
                "packet {number} {bytes} by input {}: the engine says {class:?} (hexadecimal minor numbers: {:x?}), the kernel {theirs:x?}",
                frame.input, ours
            ));
        }
    }
    None
}

#[test]
fn packets_fall_into_the_classes_that_they_do_in_the_kernel() {
    let sets = std::env::var("TCTABLE_U32_SETS").ok().and_then(|sets| sets.parse().ok()).unwrap_or(10);
    let worked = Kernel::run(|_kernel| {
        let mut kernel = kernel::Side::new();
        let (mut classified, mut below, mut used) = (0, 0, 0);
        for seed in 0..sets {
            let mut random = Random::new(seed);
            let frames: Vec<_> = (0..PACKETS).map(|_| frame(&mut random)).collect();
            let lines = sets::tree() + &sets::set(&mut random, &frames);
            kernel.load(&lines);
            let mut engine = engine::Side::new(&lines);
            assert_eq!(kernel.handles(), engine.handles(), "seed {seed}\n{lines}");
            for frame in &frames {
                kernel.send(frame);
                engine.send(frame);
            }
            if kernel.counts() != *engine.counts() {
                let difference = differs(&mut kernel, &lines, &frames);
                panic!(
                    "seed {seed}\n{lines}{}",
                    difference.unwrap_or_else(|| "the second time it was the same".into())
                );
            }
            below += engine.matched_below();
            let by_filters = engine.counts().iter().filter(|(class, _)| **class < sets::CLASSES);
            classified += by_filters.clone().map(|(_, (packets, _))| packets).sum::<u64>();
            used += by_filters.filter(|(_, (packets, _))| *packets > 0).count() as u64;
        }
        eprintln!("{sets} sets of {PACKETS} packets: filters named a class for {classified}, behind links for {below}");
        // Sets that match nothing would show nothing.
        assert!(classified > sets * 300, "{classified}");
        assert!(below > sets * 50, "{below}");
        assert!(used > 3 * sets, "{used}");
    });
    match worked {
        Ok(()) => {}
        Err(Error::Unavailable(why)) => not_tested(why),
        Err(error) => panic!("{error}"),
    }
}
