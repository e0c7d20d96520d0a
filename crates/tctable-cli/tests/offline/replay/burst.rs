//! The same file and options give the same bytes, whatever the burst size.

use tctable_lab::generate::Kind;

use crate::support::*;

#[test]
fn no_output_depends_on_the_burst_size_or_on_chance() {
    // Long enough for connections and hosts to expire, and with tables that run full.
    let files = Files::new("bursts");
    let office = files.write("office.pcap", &generated(Kind::Office, 6_000, 20_000));
    let churn = files.write("churn.pcap", &generated(Kind::Churn, 6_000, 300));
    for limits in [&[][..], &["--max-hosts", "10", "--max-connections", "50", "--host-timeout", "20"]] {
        for output in [
            &["--format", "table"][..],
            &["--format", "json"],
            &["--format", "csv"],
            &["--format", "proc"],
            &["--connections"],
            &["--connections", "--all"],
            &["--connections", "--all", "--format", "json"],
            &["--trace", "-"],
        ] {
            let run = |burst: &str| {
                tctable(&[&["replay", &office, &churn, "--burst", burst], limits, output].concat()).clean()
            };
            let once = run("64");
            assert!(!once.is_empty());
            for burst in ["1", "7", "64", "1000"] {
                assert!(run(burst) == once, "{output:?} {limits:?} differs with bursts of {burst}");
            }
        }
    }
}
