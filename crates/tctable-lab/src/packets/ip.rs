//! IPv4 and IPv6.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{
    link::join,
    protocol::{AUTH, FRAGMENT},
};
use crate::checksum::checksum;

/// An IP packet of whichever family both addresses are.
///
/// # Panics
///
/// If they are of different families.
pub fn ip(src: IpAddr, dst: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    match (src, dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => Ipv4::new(src, dst, protocol).build(payload),
        (IpAddr::V6(src), IpAddr::V6(dst)) => Ipv6::new(src, dst, protocol).build(payload),
        _ => panic!("{src} and {dst} cannot be in one packet"),
    }
}

/// An IPv4 header (RFC 791).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ipv4 {
    /// Where it comes from.
    pub src: Ipv4Addr,
    /// Where it goes.
    pub dst: Ipv4Addr,
    /// What it carries; see [`protocol`](super::protocol).
    pub protocol: u8,
    /// Type of service: the DSCP and two bits of ECN.
    pub tos: u8,
    /// Hops left.
    pub ttl: u8,
    /// Identification, by which fragments find each other.
    pub id: u16,
    /// Don't fragment.
    pub dont_fragment: bool,
    /// More fragments follow.
    pub more_fragments: bool,
    /// Where the fragment's payload belongs, in units of 8 bytes.
    pub fragment_offset: u16,
    /// Options, padded with zeros to a multiple of 4 bytes.
    pub options: Vec<u8>,
}

impl Ipv4 {
    /// A header without options, TTL 64, not a fragment.
    pub fn new(src: impl Into<Ipv4Addr>, dst: impl Into<Ipv4Addr>, protocol: u8) -> Self {
        Self { src: src.into(), dst: dst.into(), protocol, ..Self::default() }
    }

    /// The packet that carries `payload`.
    pub fn build(&self, payload: &[u8]) -> Vec<u8> {
        let mut options = self.options.clone();
        options.resize(options.len().next_multiple_of(4), 0);
        let header = 20 + options.len();
        let total = (header + payload.len()) as u16;
        let fragment =
            u16::from(self.dont_fragment) << 14 | u16::from(self.more_fragments) << 13 | self.fragment_offset;
        let mut packet = join(&[
            &[0x40 | (header / 4) as u8, self.tos],
            &total.to_be_bytes(),
            &self.id.to_be_bytes(),
            &fragment.to_be_bytes(),
            &[self.ttl, self.protocol, 0, 0],
            &self.src.octets(),
            &self.dst.octets(),
            &options,
            payload,
        ]);
        let sum = checksum(&packet[..header]);
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
        packet
    }
}

impl Default for Ipv4 {
    /// From and to 0.0.0.0, protocol 0: start from [`Ipv4::new`] for something more likely.
    fn default() -> Self {
        Self {
            src: Ipv4Addr::UNSPECIFIED,
            dst: Ipv4Addr::UNSPECIFIED,
            protocol: 0,
            tos: 0,
            ttl: 64,
            id: 0,
            dont_fragment: false,
            more_fragments: false,
            fragment_offset: 0,
            options: Vec::new(),
        }
    }
}

/// An IPv6 header with its extension headers (RFC 8200).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ipv6 {
    /// Where it comes from.
    pub src: Ipv6Addr,
    /// Where it goes.
    pub dst: Ipv6Addr,
    /// What follows the last extension header; see [`protocol`](super::protocol).
    pub protocol: u8,
    /// The DSCP and two bits of ECN.
    pub traffic_class: u8,
    /// The flow label, 20 bits.
    pub flow_label: u32,
    /// Hops left.
    pub hop_limit: u8,
    /// Extension headers in order: the number of each, and its bytes after "next header" and the length, padded with zeros
    /// to the size that the length can tell.
    pub extensions: Vec<(u8, Vec<u8>)>,
}

impl Ipv6 {
    /// A header without extensions, hop limit 64.
    pub fn new(src: impl Into<Ipv6Addr>, dst: impl Into<Ipv6Addr>, protocol: u8) -> Self {
        Self { src: src.into(), dst: dst.into(), protocol, ..Self::default() }
    }

    /// Appends an extension header: see [`Ipv6::extensions`].
    pub fn extension(mut self, number: u8, body: &[u8]) -> Self {
        self.extensions.push((number, body.to_vec()));
        self
    }

    /// Appends a fragment header; the offset is in units of 8 bytes.
    pub fn fragment(self, id: u32, offset: u16, more: bool) -> Self {
        let body = join(&[&(offset << 3 | u16::from(more)).to_be_bytes(), &id.to_be_bytes()]);
        self.extension(FRAGMENT, &body)
    }

    /// The packet that carries `payload`.
    pub fn build(&self, payload: &[u8]) -> Vec<u8> {
        let mut numbers: Vec<u8> = self.extensions.iter().map(|(number, _)| *number).collect();
        numbers.push(self.protocol);
        let mut extensions = Vec::new();
        for ((number, body), next) in self.extensions.iter().zip(&numbers[1..]) {
            let start = extensions.len();
            extensions.extend_from_slice(&[*next, 0]);
            extensions.extend_from_slice(body);
            let unpadded = extensions.len() - start;
            let padded = unpadded.next_multiple_of(8);
            extensions.resize(start + padded, 0);
            // AH counts in words (RFC 4302 section 2.2), the others in 8 bytes; the fragment header has a reserved byte
            // there, and its 8 bytes make it the zero that it must be.
            extensions[start + 1] = match *number {
                AUTH => (padded / 4 - 2) as u8,
                _ => (padded / 8 - 1) as u8,
            };
        }
        let word = 6 << 28 | u32::from(self.traffic_class) << 20 | self.flow_label & 0xf_ffff;
        let length = (extensions.len() + payload.len()) as u16;
        join(&[
            &word.to_be_bytes(),
            &length.to_be_bytes(),
            &[numbers[0], self.hop_limit],
            &self.src.octets(),
            &self.dst.octets(),
            &extensions,
            payload,
        ])
    }
}

impl Default for Ipv6 {
    /// From and to ::, protocol 0: start from [`Ipv6::new`] for something more likely.
    fn default() -> Self {
        Self {
            src: Ipv6Addr::UNSPECIFIED,
            dst: Ipv6Addr::UNSPECIFIED,
            protocol: 0,
            traffic_class: 0,
            flow_label: 0,
            hop_limit: 64,
            extensions: Vec::new(),
        }
    }
}
