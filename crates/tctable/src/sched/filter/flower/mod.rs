mod options;

pub use options::{FlowerOptions, IpPrefix, Masked, PortRange};
