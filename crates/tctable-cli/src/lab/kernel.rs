//! The kernel as the gateway: it routes, tracks connections, and counts in sets of nft.

use serde_json::Value;
use tctable_lab::live::{Namespace, Network, nft};

use super::LabError;
use super::hosts::{Counter, Hosts};

/// The gateway's namespace.
pub(super) struct KernelGateway(Namespace);

impl KernelGateway {
    pub(super) fn start(network: &Network) -> Result<KernelGateway, LabError> {
        network.gateway.feed("nft", &["-f", "-"], &nft::counting_rules())?;
        Ok(KernelGateway(network.gateway.clone()))
    }

    pub(super) fn hosts(&self) -> Result<Hosts, LabError> {
        let text = self.0.command("nft", &["-j", "list", "sets"])?;
        read(&text).ok_or_else(|| LabError::Gateway("nft's sets are not understood".to_owned()))
    }
}

/// What `nft -j list sets` says.
fn read(text: &str) -> Option<Hosts> {
    let mut hosts = Hosts::default();
    let all: Value = serde_json::from_str(text).ok()?;
    for set in all["nftables"].as_array()?.iter().filter_map(|each| each.get("set")) {
        let sent = set["name"].as_str()?.starts_with("tx");
        for element in set["elem"].as_array().into_iter().flatten() {
            let element = &element["elem"];
            let counter = &element["counter"];
            let counted = Counter { packets: counter["packets"].as_u64()?, bytes: counter["bytes"].as_u64()? };
            let (tx, rx) = if sent { (counted, Counter::default()) } else { (Counter::default(), counted) };
            hosts.add(element["val"].as_str()?.parse().ok()?, tx, rx);
        }
    }
    Some(hosts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_read() {
        let text = r#"{"nftables":[{"metainfo":{"version":"1.0.6"}},
            {"set":{"family":"inet","name":"tx4","elem":[{"elem":{"val":"10.0.0.1","counter":{"packets":2,"bytes":84}}}]}},
            {"set":{"family":"inet","name":"rx4","elem":[{"elem":{"val":"10.0.0.1","counter":{"packets":1,"bytes":42}}}]}},
            {"set":{"family":"inet","name":"rx6"}}]}"#;
        let host = read(text).expect("sets").of(&["10.0.0.1".parse().expect("an address")]);
        assert_eq!((host.tx.packets, host.tx.bytes, host.rx.packets, host.rx.bytes), (2, 84, 1, 42));
        assert!(read("{}").is_none());
    }
}
