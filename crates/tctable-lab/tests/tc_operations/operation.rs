//! Operations as both sides can be told them.

use tctable::packet::DeviceId;
use tctable::sched::{
    ClassOptions, ClassRequest, EtherType, FilterOptions, FilterQuery, FilterRequest, Flags, Handle, HtbClassOptions,
    HtbOptions, QdiscOptions, QdiscRequest, QdiscSpec, Rate, RateSpec, TbfOptions, U32Key, U32Node, U32Options,
    U32Selector,
};

use super::netlink::{self, KIND, Message, OPTIONS, put};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    New(Flags),
    Delete,
    Get,
}

/// What is said of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    pub name: &'static str,
    /// Its options, made of this number.
    pub options: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Qdisc {
        what: What,
        parent: Handle,
        handle: Handle,
        kind: Option<Kind>,
    },
    Class {
        what: What,
        parent: Handle,
        class: Handle,
        rate: Option<u32>,
    },
    /// Of kind u32: all packets to port `class`, say.
    Filter {
        what: What,
        parent: Handle,
        priority: u16,
        protocol: EtherType,
        handle: u32,
        class: Handle,
    },
}

/// Packets that belong to a class, told from those of others by that.
fn key(class: Handle) -> U32Key {
    U32Key { value: class.0, mask: u32::MAX, at: 16, offset_mask: 0 }
}

/// A rate of that many bytes a second.
fn rate_spec(rate: u32) -> Vec<u8> {
    // No rate table is needed where the link layer is known to be Ethernet.
    let mut spec = vec![0, 1, 0, 0, 0, 0, 0, 0];
    spec.extend_from_slice(&rate.to_ne_bytes());
    spec
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

fn nested(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut attribute = Vec::new();
    put(&mut attribute, kind, value);
    attribute
}

impl Kind {
    /// `TCA_OPTIONS`
    fn encoded(self, number: u32) -> Vec<u8> {
        match self.name {
            "pfifo" | "bfifo" => words(&[number]),
            // TCA_HTB_INIT: version, r2q, default, debug, direct packets
            "htb" => nested(2, &words(&[3, 10, number, 0, 0])),
            "tbf" => {
                let mut parms = rate_spec(number);
                parms.extend_from_slice(&[0; 12]);
                parms.extend_from_slice(&words(&[30_000, 0, 0]));
                let mut options = nested(1, &parms);
                put(&mut options, 6, &words(&[3_000]));
                options
            }
            other => unreachable!("{other} has no options"),
        }
    }

    fn spec(self) -> QdiscSpec {
        let Some(number) = self.options else { return QdiscSpec::Kind(self.name.to_owned()) };
        QdiscSpec::Options(match self.name {
            "pfifo" => QdiscOptions::Pfifo { limit: Some(number) },
            "bfifo" => QdiscOptions::Bfifo { limit: Some(number) },
            "htb" => QdiscOptions::Htb(HtbOptions { default: number, ..HtbOptions::default() }),
            "tbf" => QdiscOptions::Tbf(TbfOptions {
                rate: RateSpec::new(Rate(number.into())),
                burst: 3_000,
                limit: 30_000,
                peak_rate: None,
                mtu: 0,
            }),
            other => unreachable!("{other} has no options"),
        })
    }
}

impl What {
    fn flags(self) -> u16 {
        use nix::libc::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
        let What::New(Flags { create, exclusive, replace }) = self else { return 0 };
        let bit = |is_set: bool, bit: i32| if is_set { bit as u16 } else { 0 };
        bit(create, NLM_F_CREATE) | bit(exclusive, NLM_F_EXCL) | bit(replace, NLM_F_REPLACE)
    }

    fn message(self, new: u16) -> u16 {
        match self {
            What::New(_) => new,
            What::Delete => new + 1,
            What::Get => new + 2,
        }
    }
}

impl Operation {
    /// As the kernel is told it, its handles turned into the kernel's.
    pub fn message(self, device: u32, to_kernel: impl Fn(Handle) -> Handle) -> Message {
        let mut attributes = Vec::new();
        let (what, flags, handle, parent) = match self {
            Operation::Qdisc { what, parent, handle, kind } => {
                if let Some(kind) = kind {
                    put(&mut attributes, KIND, format!("{}\0", kind.name).as_bytes());
                    if let Some(number) = kind.options {
                        put(&mut attributes, OPTIONS, &kind.encoded(number));
                    }
                }
                (what.message(netlink::NEW_QDISC), what.flags(), handle, parent)
            }
            Operation::Filter { what, parent, priority, protocol, handle, class } => {
                put(&mut attributes, KIND, b"u32\0");
                if let What::New(_) = what {
                    let U32Key { value, mask, at, .. } = key(class);
                    // TCA_U32_SEL: terminal, shift, keys, no offset, no hash; the key
                    let mut selector = vec![1, 0, 1, 0];
                    selector.extend_from_slice(&[0; 12]);
                    selector.extend([mask.to_be_bytes(), value.to_be_bytes(), at.to_ne_bytes(), [0; 4]].concat());
                    // TCA_U32_CLASSID
                    let mut options = nested(1, &words(&[to_kernel(class).0]));
                    put(&mut options, 5, &selector);
                    put(&mut attributes, OPTIONS, &options);
                }
                let info = u32::from(priority) << 16 | u32::from(protocol.0.to_be());
                let (what, flags, parent) = (what.message(netlink::NEW_FILTER), what.flags(), to_kernel(parent).0);
                return Message { what, flags, device, handle, parent, info, attributes };
            }
            Operation::Class { what, parent, class, rate } => {
                if let Some(rate) = rate {
                    put(&mut attributes, KIND, b"htb\0");
                    // TCA_HTB_PARMS: rate, ceil, burst, cburst, quantum, level, prio
                    let mut parms = [rate_spec(rate), rate_spec(rate)].concat();
                    parms.extend(words(&[15_625_000, 15_625_000, 3_000, 0, 0]));
                    put(&mut attributes, OPTIONS, &nested(1, &parms));
                }
                (what.message(netlink::NEW_CLASS), what.flags(), class, parent)
            }
        };
        let [handle, parent] = [handle, parent].map(|handle| to_kernel(handle).0);
        Message { what, flags, device, handle, parent, info: 0, attributes }
    }
}

pub fn qdisc_request(device: DeviceId, parent: Handle, handle: Handle, kind: Option<Kind>) -> QdiscRequest {
    QdiscRequest { device, parent, handle, spec: kind.map_or(QdiscSpec::Any, Kind::spec) }
}

pub fn class_request(device: DeviceId, parent: Handle, class: Handle, rate: Option<u32>) -> ClassRequest {
    let options = rate.map(|rate| {
        ClassOptions::Htb(HtbClassOptions {
            rate: RateSpec::new(Rate(rate.into())),
            burst: Some(100_000),
            cburst: Some(100_000),
            quantum: Some(3_000),
            ..HtbClassOptions::default()
        })
    });
    ClassRequest { device, parent, class, options }
}

pub fn filter_request(operation: Operation, device: DeviceId) -> Option<(FilterRequest, FilterQuery)> {
    let Operation::Filter { parent, priority, protocol, handle, class, .. } = operation else { return None };
    let selector = U32Selector { terminal: true, keys: vec![key(class)], ..U32Selector::default() };
    let node = U32Node { selector: Some(selector), class: Some(class), ..U32Node::default() };
    let options = FilterOptions::U32(U32Options::Node(node));
    let query = FilterQuery { device, parent, protocol, priority, chain: 0, handle, kind: Some("u32".into()) };
    Some((FilterRequest { device, parent, protocol, priority, chain: 0, handle, options }, query))
}
