//! Loads random rules into the running kernel with iptables and into the engine, sends the same random packets through both
//! and compares what comes out and what every rule counts: see `rules-differential --help`.

use std::io::{IsTerminal, stderr};
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use tctable_lab::differential::rules::{Pair, Reduced, RulesDifferential, Tally, steps};
use tctable_lab::kernel::{Error, Kernel};
use tctable_lab::rules::Variant;
use tctable_lab::talks::{self, Kind};

const AFTER_HELP: &str = "\
The kernel's side is a network namespace of this process: root, TUN, nf_conntrack and iptables
are needed, nothing outside is touched, and nothing is left when the process ends.

Examples:
  A short run:
    rules-differential
  Two million packets over 500 rule sets:
    rules-differential --packets 4000 --seeds 500
  One run again:
    rules-differential --seed 17 --packets 4000

Exit status:
  0  no difference
  1  a difference was found
  2  the kernel cannot be used";

/// Compare the engine's rules with those of the running kernel.
#[derive(Parser)]
#[command(version, after_help = AFTER_HELP)]
struct Arguments {
    /// Packets of each run.
    #[arg(long, value_name = "N", default_value_t = NonZeroUsize::new(2_000).expect("not zero"))]
    packets: NonZeroUsize,

    /// The first run's seed, for its rules and for its packets.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Runs, each with the seed after the last one's: each is a rule set of IPv4 and one of IPv6.
    #[arg(long, value_name = "N", default_value_t = 10)]
    seeds: u64,

    /// What the packets are about [default: everything].
    #[arg(long, value_name = "KIND", value_delimiter = ',', help = kinds_help())]
    kinds: Vec<Kind>,

    /// Which iptables fills the kernel's tables.
    #[arg(long, value_enum, default_value_t = Program::Legacy)]
    iptables: Program,

    /// End after so many differences.
    #[arg(long, value_name = "N", default_value_t = NonZeroUsize::new(5).expect("not zero"))]
    differences: NonZeroUsize,
}

/// A program of the name.
#[derive(Clone, Copy, ValueEnum)]
enum Program {
    /// xtables, whose behaviour the engine has.
    Legacy,
    /// Rules of nf_tables.
    Nft,
}

fn kinds_help() -> String {
    let names: Vec<String> = Kind::ALL.iter().map(Kind::to_string).collect();
    format!("What the packets are about, with commas between: {} [default: all of them]", names.join(", "))
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match Kernel::run(|kernel| hunt(&arguments, kernel)) {
        Ok(Ok(true)) => ExitCode::SUCCESS,
        Ok(Ok(false)) => ExitCode::from(1),
        Ok(Err(error)) | Err(error) => {
            eprintln!("rules-differential: {error}");
            ExitCode::from(2)
        }
    }
}

/// Runs all that was asked for and prints what it finds; gives whether there was no difference.
fn hunt(arguments: &Arguments, kernel: Kernel) -> Result<bool, Error> {
    let variant = match arguments.iptables {
        Program::Legacy => Variant::Legacy,
        Program::Nft => Variant::Nft,
    };
    let mut both = RulesDifferential::new(kernel, variant)?;
    let kinds = if arguments.kinds.is_empty() { &Kind::ALL[..] } else { &arguments.kinds };
    let progress = stderr().is_terminal();
    let mut tally = Tally::default();
    let mut found = 0;
    let started = Instant::now();
    for seed in (0..arguments.seeds).map(|n| arguments.seed.wrapping_add(n)) {
        if progress {
            eprint!("\r\x1b[Kseed {seed}: {} packets compared, {found} differences", tally.packets);
        }
        let rules = Pair::random(seed);
        let steps = steps(kinds, seed, arguments.packets.get());
        let run = both.run(&rules, &steps)?;
        tally += run.tally;
        let Some(difference) = run.difference else { continue };
        found += 1;
        if progress {
            eprint!("\r\x1b[K");
        }
        println!("--- seed {seed}, {} packets", arguments.packets);
        print_reduced(&both.reduce(rules, steps, difference)?);
        if found >= arguments.differences.get() {
            break;
        }
    }
    if progress {
        eprint!("\r\x1b[K");
    }
    let spent = started.elapsed().as_secs_f64();
    print!("{tally}");
    println!(
        "{} packets ({} forwarded, {} answered) and {} rules in {} pairs of rule sets compared in {spent:.1} s; {} kinds \
         met; {found} differences",
        tally.packets,
        tally.forwarded,
        tally.answers,
        tally.rules,
        tally.rule_sets,
        tally.kinds.values().filter(|[_, met]| *met > 0).count(),
    );
    Ok(found == 0)
}

/// A difference with all that it takes to see it again.
fn print_reduced(Reduced { rules, steps, difference, shows_again }: &Reduced) {
    if !shows_again {
        println!("shows once, not again: it depends on the time between packets\n{difference}");
        return;
    }
    println!("shows with {} packets and these rules:\n{rules}", steps.len());
    for step in steps {
        println!("  {:<5} {}", format!("{:?}", step.side), talks::describe(&step.packet));
    }
    println!("{difference}\n{}", talks::print(steps));
}
