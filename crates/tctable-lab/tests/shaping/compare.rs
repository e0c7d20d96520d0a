//! What both sides carried, class by class.

use std::collections::BTreeMap;

use super::load::Seen;

const SECOND: u64 = 1_000_000_000;
/// From one window of a second to the next.
const STEP: u64 = SECOND / 10;

fn carried(departures: &[Seen], from: u64, to: u64) -> BTreeMap<u16, u64> {
    let mut bytes = BTreeMap::new();
    for seen in departures.iter().filter(|seen| (from..to).contains(&seen.time)) {
        *bytes.entry(seen.class).or_default() += u64::from(seen.len);
    }
    bytes
}

/// The bytes of each class in the first `total` bytes of all.
fn first(departures: &[Seen], total: u64) -> BTreeMap<u16, u64> {
    let (mut bytes, mut all) = (BTreeMap::new(), 0);
    for seen in departures {
        all += u64::from(seen.len);
        if all > total {
            break;
        }
        *bytes.entry(seen.class).or_default() += u64::from(seen.len);
    }
    bytes
}

/// Compares every second, beginning at each tenth of a second: what a class carried differs by no more than 1 % and one
/// packet. The packet is the one that the end of a window cuts off on one side and not on the other.
///
/// # Errors
/// The differences.
pub fn every_second(name: &str, arrivals: &[Seen], theirs: &[Seen], ours: &[Seen]) -> Result<(), String> {
    let (Some(start), Some(end)) = (arrivals.first(), arrivals.last()) else { return Err("no load".into()) };
    let mut largest = BTreeMap::new();
    for seen in arrivals {
        let len: &mut u32 = largest.entry(seen.class).or_default();
        *len = seen.len.max(*len);
    }
    let (mut worst, mut windows, mut differences) = (BTreeMap::new(), 0, Vec::new());
    for from in (start.time..=end.time.saturating_sub(SECOND)).step_by(STEP as usize) {
        let kernel = carried(theirs, from, from + SECOND);
        let engine = carried(ours, from, from + SECOND);
        windows += 1;
        for (&class, &largest) in &largest {
            let [kernel, engine] = [&kernel, &engine].map(|bytes| bytes.get(&class).copied().unwrap_or(0));
            let difference = kernel.abs_diff(engine);
            let of_it = difference as f64 / kernel.max(1) as f64 * 100.0;
            let so_far: &mut (f64, u64) = worst.entry(class).or_default();
            *so_far = if of_it > so_far.0 { (of_it, difference) } else { *so_far };
            if difference * 100 > kernel + 100 * u64::from(largest) {
                let at = (from - start.time) as f64 / SECOND as f64;
                differences.push(format!("class {class:x} in the second from {at:.1}: {kernel} there, {engine} here"));
            }
        }
    }
    let (kernel, engine) = (carried(theirs, 0, end.time), carried(ours, 0, end.time));
    for (class, (of_it, bytes)) in worst {
        eprintln!(
            "{name}: class {class:x}: {} bytes there, {} here; worst of {windows} windows {of_it:.3} % ({bytes} bytes)",
            kernel.get(&class).unwrap_or(&0),
            engine.get(&class).unwrap_or(&0),
        );
    }
    if windows > 10 && differences.is_empty() {
        Ok(())
    } else {
        Err(format!("{windows} windows\n{}", differences.join("\n")))
    }
}

/// Compares how classes share what all of them carried: to within 0.3 % of each one's share. It is the order of
/// departures that is compared, up to the same number of bytes.
///
/// # Errors
/// The differences.
pub fn splits(name: &str, theirs: &[Seen], ours: &[Seen], borrowers: &[u16]) -> Result<(), String> {
    let [kernel, engine] = [theirs, ours].map(|all| all.iter().map(|seen| u64::from(seen.len)).sum::<u64>());
    let total = kernel.min(engine);
    let (kernel, engine) = (first(theirs, total), first(ours, total));
    let mut differences = Vec::new();
    for class in borrowers {
        let [kernel, engine] = [&kernel, &engine].map(|bytes| bytes.get(class).copied().unwrap_or(0));
        let difference = kernel.abs_diff(engine);
        let of_it = difference as f64 / kernel.max(1) as f64 * 100.0;
        eprintln!("{name}: class {class:x} has {kernel} of {total} bytes there, {engine} here: {of_it:.3} %");
        if kernel == 0 || difference * 1000 > 3 * kernel {
            differences.push(format!("class {class:x} has {kernel} of {total} bytes there, {engine} here"));
        }
    }
    if differences.is_empty() { Ok(()) } else { Err(differences.join("\n")) }
}
