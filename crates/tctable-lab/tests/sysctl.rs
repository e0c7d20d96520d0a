//! The engine's tunables beside the running kernel's, and its way with files beside that of `sysctl -p`. Needs root and
//! namespaces; where they are missing nothing is tested and one line says so.

use std::process::Command;

use tctable::gateway::Unknown;
use tctable::{Config, Gateway};
use tctable_lab::kernel::{Error, Kernel, not_tested};

/// Whatever is off by default in the kernel, and always on here.
const ALWAYS_ON: [&str; 2] = ["net.netfilter.nf_conntrack_acct", "net.netfilter.nf_conntrack_timestamp"];

/// Runs `work` with a kernel, or says why not.
fn with_kernel(work: impl FnOnce(Kernel) + Send) {
    match Kernel::run(work) {
        Ok(()) => {}
        Err(Error::Unavailable(why)) => not_tested(why),
        Err(error) => panic!("{error}"),
    }
}

/// The tunables that both sides have and that can be set in a namespace, with their defaults here.
fn shared(kernel: &mut Kernel) -> Vec<(&'static str, u64)> {
    let gateway = Gateway::new(Config::default());
    let settable = |name: &str, kernel: &mut Kernel| match kernel.sysctl(name) {
        Ok(value) => kernel.set_sysctl(name, value).is_ok(),
        Err(_) => false,
    };
    gateway.sysctls().filter(|(name, _)| settable(name, kernel) && !ALWAYS_ON.contains(name)).collect()
}

#[test]
fn defaults_and_ranges_are_the_kernels() {
    with_kernel(|mut kernel| {
        let shared = shared(&mut kernel);
        assert!(shared.len() > 30, "{shared:?}");
        let mut gateway = Gateway::new(Config::default());
        for (name, default) in shared {
            assert_eq!(kernel.sysctl(name).unwrap(), default, "{name}");
            for value in ["0", "1", "2", "255", "256", "4194304", "0x10", "010", "08", "x", "\n", "1x", "+1", " 5 "] {
                // Below its low_thresh, which has no effect, the kernel takes none.
                if name.ends_with("high_thresh") && value.len() < 7 {
                    continue;
                }
                let both = [kernel.set_sysctl(name, value).is_ok(), gateway.set_sysctl(name, value).is_ok()];
                assert_eq!(both[0], both[1], "{name} = {value:?}");
                assert_eq!(kernel.sysctl(name).unwrap(), gateway.sysctl(name).unwrap(), "{name} = {value:?}");
            }
        }
    });
}

/// Random numbers (Knuth's linear congruential generator).
struct Random(u64);

impl Random {
    fn pick<T: Copy>(&mut self, what: &[T]) -> T {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        what[(self.0 >> 33) as usize % what.len()]
    }
}

/// Names that are often met by the patterns.
const NAMES: [&str; 8] = [
    "net.netfilter.nf_conntrack_tcp_timeout_close",
    "net.netfilter.nf_conntrack_tcp_timeout_close_wait",
    "net/netfilter/nf_conntrack_tcp_timeout_last_ack",
    "net.netfilter.nf_conntrack_tcp_loose",
    "net/netfilter/nf_conntrack_udp_timeout",
    "net.netfilter.nf_conntrack_sctp_timeout_closed",
    "net.netfilter.nf_conntrack_tcp_max_retrans",
    "net.ipv4.ipfrag_time",
];

const PATTERNS: [&str; 10] = [
    "net.netfilter.nf_conntrack_tcp_timeout_*",
    "net/netfilter/nf_conntrack_tcp_*",
    "net.netfilter.nf_conntrack_*_timeout_close?",
    "net.netfilter.nf_conntrack_[tu]?p_timeout*",
    "net.*.nf_conntrack_udp_timeout",
    "net.*.*frag*time*",
    "net.netfilter.*_[!a-b]lose*",
    "*_timeout",
    "net/*",
    "net.netfilter.nf_conntrack_nothing*",
];

/// A line of a file. What is not passed over is mostly right.
fn line(random: &mut Random) -> String {
    let name = if random.pick(&[true, true, false]) { random.pick(&NAMES) } else { random.pick(&PATTERNS) };
    let value = random.pick(&["0", "1", "1", "1", "7", "0x20", "033", "300"]);
    let space = random.pick(&["", " ", "\t ", "  "]);
    match random.pick(&[0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6]) {
        0 => format!("{space}{name}{space}={space}{value}{space}"),
        1 => format!("-{name}{space}={space}{value}"),
        2 => format!("-{name}"),
        3 => format!("-{name} = x"),
        4 => format!("-net.netfilter.nf_conntrack_mix = {value}"),
        5 => format!("{space}#{name} = {value}"),
        _ => format!("{space};{name} = {value}\n\n{space}"),
    }
}

#[test]
fn files_do_what_sysctl_does_with_them() {
    if Command::new("sysctl").arg("--version").output().is_err() {
        return not_tested("there is no sysctl");
    }
    with_kernel(|mut kernel| {
        let path = std::env::temp_dir().join(format!("tctable-sysctl-{}.conf", std::process::id()));
        let shared = shared(&mut kernel);
        let mut loaded = 0;
        for seed in 0..300 {
            let mut random = Random(seed);
            let text: String = (0..random.pick(&[1, 3, 6, 10])).map(|_| line(&mut random) + "\n").collect();
            let mut gateway = Gateway::new(Config::default());
            if gateway.load_sysctls(text.as_bytes(), Unknown::Refuse).is_err() {
                continue;
            }
            loaded += 1;
            for (name, default) in &shared {
                kernel.set_sysctl(name, default).expect("its default");
            }
            std::fs::write(&path, &text).expect("a directory for files that come and go");
            let sysctl = Command::new("sysctl").arg("-p").arg(&path).output().expect("sysctl is there");
            for (name, _) in &shared {
                let both = (kernel.sysctl(name).unwrap(), gateway.sysctl(name).unwrap());
                assert_eq!(both.0, both.1, "{name} after\n{text}{}", String::from_utf8_lossy(&sysctl.stderr));
            }
        }
        std::fs::remove_file(&path).expect("it was written");
        assert!(loaded > 100, "{loaded} files were right");
    });
}
