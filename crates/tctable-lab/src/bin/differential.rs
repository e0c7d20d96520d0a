//! Sends random packets through the running kernel's forward path and through the engine, and compares them after every
//! packet: see `differential --help`.

use std::io::{IsTerminal, stderr};
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use tctable::Config;
use tctable_lab::differential::{Differential, KNOWN, Reduced, SettingError, Tally};
use tctable_lab::kernel::Kernel;
use tctable_lab::talks::{self, Kind};

const AFTER_HELP: &str = "\
The kernel's side is a network namespace of this process: root, TUN and nf_conntrack are
needed, nothing outside is touched, and nothing is left when the process ends.

Examples:
  A short run of every kind:
    differential
  A million packets of each of two kinds:
    differential --kinds tcp,icmp --packets 5000 --seeds 200
  One run again:
    differential --kinds tcp --seed 17 --packets 5000
  With another setting on both sides:
    differential --kinds udp --packets 200000 --set nf_conntrack_udp_timeout=1

Exit status:
  0  no difference but those that are known
  1  a difference: it is printed with the packets that show it
  2  nothing was compared, or not to the end";

/// The engine beside the running kernel: the same random packets through both, and every connection compared after every
/// packet.
#[derive(Debug, Parser)]
#[command(name = "differential", after_help = AFTER_HELP)]
struct Arguments {
    /// Packets of each run.
    #[arg(long, value_name = "N", default_value_t = NonZeroUsize::new(2_000).expect("not zero"))]
    packets: NonZeroUsize,

    /// The first run's seed.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Runs of each kind, each with the seed after the last one's.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seeds: u64,

    /// What the runs are about [default: everything].
    #[arg(long, value_name = "KIND", value_delimiter = ',', help = kinds_help())]
    kinds: Vec<Kind>,

    /// A setting of both sides, by its name under net.netfilter; repeat for more.
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,

    /// Report known differences too.
    #[arg(long)]
    strict: bool,

    /// End after so many differences.
    #[arg(long, value_name = "N", default_value_t = NonZeroUsize::new(5).expect("not zero"))]
    differences: NonZeroUsize,
}

fn kinds_help() -> String {
    let names: Vec<String> = Kind::ALL.iter().map(Kind::to_string).collect();
    format!("What the runs are about, with commas between: {} [default: all of them]", names.join(", "))
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("not NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match Kernel::run(|kernel| hunt(&arguments, kernel)) {
        Ok(Ok(true)) => ExitCode::SUCCESS,
        Ok(Ok(false)) => ExitCode::from(1),
        Ok(Err(error)) => fail(&error),
        Err(error) => fail(&error.into()),
    }
}

fn fail(error: &SettingError) -> ExitCode {
    eprintln!("differential: {error}");
    ExitCode::from(2)
}

/// Runs all that was asked for and prints what it finds; gives whether there was no difference.
fn hunt(arguments: &Arguments, kernel: Kernel) -> Result<bool, SettingError> {
    let known = if arguments.strict { &[] } else { KNOWN };
    let mut differential = Differential::new(kernel, Config::default(), known);
    for (name, value) in &arguments.set {
        differential.set(name, value)?;
    }
    differential.assign_helpers()?;
    let kinds = if arguments.kinds.is_empty() { &Kind::ALL[..] } else { &arguments.kinds };
    let progress = stderr().is_terminal();
    let mut tally = Tally::default();
    let mut found = 0;
    let mut spent = std::time::Duration::ZERO;
    'runs: for seed in (0..arguments.seeds).map(|n| arguments.seed.wrapping_add(n)) {
        for kind in kinds {
            if progress {
                eprint!("\r\x1b[K{kind}, seed {seed}: {} packets compared, {found} differences", tally.packets);
            }
            let steps = talks::generate(*kind, seed, arguments.packets.get());
            let started = Instant::now();
            let run = differential.run(&steps)?;
            spent += started.elapsed();
            tally += run.tally;
            let Some(difference) = run.difference else { continue };
            found += 1;
            if progress {
                eprint!("\r\x1b[K");
            }
            println!("--- {kind}, seed {seed}, {} packets", arguments.packets);
            print_reduced(&differential.reduce(steps, difference)?);
            if found >= arguments.differences.get() {
                break 'runs;
            }
        }
    }
    if progress {
        eprint!("\r\x1b[K");
    }
    print!("{tally}");
    let rate = tally.packets as f64 / spent.as_secs_f64().max(f64::MIN_POSITIVE);
    println!(
        "{} packets and {} connections compared in {:.1} s, {rate:.0} packets/s; {} left out; {found} differences",
        tally.packets,
        tally.connections,
        spent.as_secs_f64(),
        tally.left_out,
    );
    Ok(found == 0)
}

/// A difference with all that it takes to see it again.
fn print_reduced(Reduced { steps, difference, shows_again }: &Reduced) {
    if !shows_again {
        println!("shows once, not again: it depends on the time between packets\n{difference}");
        return;
    }
    println!("shows with {} packets:", steps.len());
    for step in steps {
        println!("  {:<5} {}", format!("{:?}", step.side), talks::describe(&step.packet));
    }
    println!("{difference}\n{}", talks::print(steps));
}
