//! Random operations on qdiscs and classes, by the running kernel and by the engine: error numbers, the tree after each, and
//! the notifications have to be the same. Needs root and namespaces; where they are missing nothing is tested and one
//! line says so.

mod netlink;
mod operation;
mod random;
mod sides;

use tctable_lab::kernel::{Error, Kernel, not_tested};

use random::Random;
use sides::Sides;

/// Runs of that many operations each.
const RUNS: u64 = 200;
const OPERATIONS: usize = 150;

#[test]
fn operations_do_what_they_do_in_the_kernel() {
    let worked = Kernel::run(|_kernel| {
        let mut sides = Sides::open().expect("a device, and a socket to the kernel's traffic control");
        let mut seen = std::collections::BTreeMap::new();
        for seed in 0..RUNS {
            let mut random = Random::new(seed);
            sides.clear();
            let mut log = Vec::new();
            for _ in 0..OPERATIONS {
                let operation = random.operation(&sides.there());
                log.push(operation);
                let error = sides.step(operation).unwrap_or_else(|difference| {
                    panic!("seed {seed}, operation {}: {difference}\n{}", log.len(), sides::told(&log))
                });
                *seen.entry(error).or_insert(0u32) += 1;
            }
        }
        // Every error that can be met so, and success, often enough.
        for errno in [0, 2, 16, 17, 22, 95] {
            assert!(seen.get(&errno).is_some_and(|times| *times > 20), "errno {errno}: {seen:?}");
        }
    });
    match worked {
        Ok(()) => {}
        Err(Error::Unavailable(why)) => not_tested(why),
        Err(error) => panic!("{error}"),
    }
}
