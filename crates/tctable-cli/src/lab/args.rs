use std::num::{NonZeroU16, NonZeroU64};

use clap::Args;

const EXAMPLES: &str = "\
Examples:
  Ten seconds of traffic through tctable, what it counted, and what the interfaces say:
    sudo tctable lab --once
  The same forwarded by the kernel with conntrack and nft:
    sudo tctable lab --once --kernel
  Traffic until q is pressed, and the live view of it:
    sudo tctable lab";

/// The options of `tctable lab`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Lab {
    /// Print what came of it, and end.
    #[arg(long)]
    pub(crate) once: bool,

    /// Leave forwarding to the kernel, with conntrack and sets of nft that count for each host.
    #[arg(long, conflicts_with_all = ["shards", "xdp"])]
    pub(crate) kernel: bool,

    /// Seconds of traffic.
    #[arg(long, value_name = "N", default_value_t = NonZeroU64::new(10).expect("not zero"), requires = "once")]
    pub(crate) seconds: NonZeroU64,

    /// Hosts on the inside.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) clients: u8,

    /// Engines of the gateway, each in a thread.
    #[arg(long, value_name = "N", default_value_t = NonZeroU16::new(1).expect("not zero"))]
    pub(crate) shards: NonZeroU16,

    /// AF_XDP in the place of packet sockets.
    #[arg(long)]
    pub(crate) xdp: bool,

    /// JSON in the place of tables.
    #[arg(short, long, requires = "once")]
    pub(crate) json: bool,
}
