//! Which shard a frame is for: classic BPF, which the kernel runs for each frame.
//!
//! By the two ends' addresses, alike in both directions. Not by ports as well: fragments have none, a helper's
//! expectation is met by a connection between the same ends, and an ICMP error belongs to the connection whose packet it quotes,
//! so its shard is that of the quoted ends.

use libc::sock_filter;
use tctable::packet::LinkType;

/// Loads at this and beyond are relative to the network header, and to the link header.
const NETWORK: u32 = libc::SKF_NET_OFF as u32;
const LINK: u32 = libc::SKF_LL_OFF as u32;
const ETHERNET_BYTES: u32 = 14;
/// So many tags are looked behind.
const TAGS: u32 = 3;
const PROTOCOL: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_PROTOCOL) as u32;

/// Odd numbers without a pattern.
pub(super) const MIX: [u32; 3] = [0x9e37_79b1, 0x85eb_ca6b, 0xc2b2_ae35];

/// A place in the program that is jumped to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Next,
    /// Behind so many tags.
    Tags(u32),
    Network,
    Pppoe,
    V4,
    V4Ends,
    V4Quote,
    V6,
    V6Ends,
    V6Quote,
    Mix,
    Other,
}

use Place::*;

/// Where things are kept.
const SOURCE: u32 = 0;
const DESTINATION: u32 = 1;
const START: u32 = 2;

struct Program {
    /// Where loads are relative to: behind the link header without tags.
    base: u32,
    steps: Vec<(sock_filter, Place, Place)>,
    places: Vec<(Place, usize)>,
}

impl Program {
    fn step(&mut self, code: u32, k: u32) {
        self.jump(code, k, Next, Next);
    }

    fn jump(&mut self, code: u32, k: u32, yes: Place, no: Place) {
        self.steps.push((sock_filter { code: code as u16, jt: 0, jf: 0, k }, yes, no));
    }

    fn here(&mut self, place: Place) {
        self.places.push((place, self.steps.len()));
    }

    fn if_equal(&mut self, k: u32, yes: Place, no: Place) {
        self.jump(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, k, yes, no);
    }

    /// Goes on at a place in any case.
    fn go(&mut self, place: Place) {
        // Nothing is below zero.
        self.jump(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0, place, place);
    }

    /// A load of that size from `at` bytes behind the base and X.
    fn load(&mut self, size: u32, at: u32) {
        self.step(libc::BPF_LD | size | libc::BPF_IND, self.base.wrapping_add(at));
    }

    fn x(&mut self, value: u32) {
        self.step(libc::BPF_LDX | libc::BPF_IMM, value);
    }

    fn alu(&mut self, operation: u32, k: u32) {
        self.step(libc::BPF_ALU | operation | libc::BPF_K, k);
    }

    fn alu_x(&mut self, operation: u32) {
        self.step(libc::BPF_ALU | operation | libc::BPF_X, 0);
    }

    fn keep(&mut self, slot: u32) {
        self.step(libc::BPF_ST, slot);
    }

    fn fetch(&mut self, slot: u32) {
        self.step(libc::BPF_LD | libc::BPF_MEM, slot);
    }

    fn fetch_x(&mut self, slot: u32) {
        self.step(libc::BPF_LDX | libc::BPF_MEM, slot);
    }

    /// X goes so many bytes on.
    fn skip(&mut self, bytes: u32) {
        self.step(libc::BPF_MISC | libc::BPF_TXA, 0);
        self.alu(libc::BPF_ADD, bytes);
        self.step(libc::BPF_MISC | libc::BPF_TAX, 0);
    }

    fn finish(self) -> Vec<sock_filter> {
        let distance = |from: usize, to: Place| match to {
            Next => 0,
            _ => {
                let at = self.places.iter().find(|(place, _)| *place == to).map_or(from + 1, |(_, at)| *at);
                (at - from - 1) as u8
            }
        };
        let steps = self.steps.iter().enumerate();
        steps
            .map(|(from, (step, yes, no))| sock_filter { jt: distance(from, *yes), jf: distance(from, *no), ..*step })
            .collect()
    }
}

/// The program: what it returns, modulo the number of members, is the member's number.
pub(super) fn by_ends(link: LinkType) -> Vec<sock_filter> {
    let [byte, half, word] = [libc::BPF_B, libc::BPF_H, libc::BPF_W];
    // The kernel has taken the first tag out of what came, if there was any. What leaves may have it: the kernel's network header is behind
    // it then, so that it is looked for from the link header on.
    let (base, protocol) = match link {
        LinkType::Ethernet => (LINK + ETHERNET_BYTES, LINK + ETHERNET_BYTES - 2),
        _ => (NETWORK, PROTOCOL),
    };
    let mut p = Program { base, steps: Vec::new(), places: Vec::new() };
    p.step(libc::BPF_LD | half | libc::BPF_ABS, protocol);
    p.x(0);
    for tags in 0..TAGS {
        p.if_equal(0x8100, Tags(tags + 1), Next);
        p.if_equal(0x88a8, Tags(tags + 1), Network);
        p.here(Tags(tags + 1));
        p.load(half, 2);
        p.x(4 * (tags + 1));
    }
    p.here(Network);
    p.if_equal(0x0800, V4, Next);
    p.if_equal(0x86dd, V6, Next);
    p.if_equal(0x8864, Pppoe, Other);
    p.here(Pppoe);
    p.load(half, 6);
    p.keep(START);
    p.skip(8);
    p.fetch(START);
    p.if_equal(0x21, V4, Next);
    p.if_equal(0x57, V6, Other);

    // An ICMP error that is no later fragment: destination unreachable, source quench, redirect, time exceeded, parameter problem.
    p.here(V4);
    p.load(byte, 9);
    p.if_equal(1, Next, V4Ends);
    p.load(half, 6);
    p.jump(libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K, 0x1fff, V4Ends, Next);
    p.step(libc::BPF_STX, START);
    p.load(byte, 0);
    p.alu(libc::BPF_AND, 0x0f);
    p.alu(libc::BPF_LSH, 2);
    p.alu_x(libc::BPF_ADD);
    p.step(libc::BPF_MISC | libc::BPF_TAX, 0);
    p.load(byte, 0);
    for kind in [3, 4, 5, 11, 12] {
        p.if_equal(kind, V4Quote, Next);
    }
    p.fetch_x(START);
    p.go(V4Ends);
    p.here(V4Quote);
    p.skip(8);
    p.here(V4Ends);
    p.load(word, 12);
    p.keep(SOURCE);
    p.load(word, 16);
    p.keep(DESTINATION);
    p.go(Mix);

    // ICMPv6 errors have types below 128.
    p.here(V6);
    p.load(byte, 6);
    p.if_equal(58, Next, V6Ends);
    p.load(byte, 40);
    p.jump(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 128, V6Ends, V6Quote);
    p.here(V6Quote);
    p.skip(48);
    p.here(V6Ends);
    p.step(libc::BPF_STX, START);
    for (at, kept) in [(8, SOURCE), (24, DESTINATION)] {
        p.load(word, at);
        p.keep(kept);
        for more in [4, 8, 12] {
            p.fetch_x(START);
            p.load(word, at + more);
            p.fetch_x(kept);
            p.alu_x(libc::BPF_XOR);
            p.keep(kept);
        }
        p.fetch_x(START);
    }

    p.here(Mix);
    p.fetch(SOURCE);
    p.fetch_x(DESTINATION);
    p.alu_x(libc::BPF_ADD);
    p.alu(libc::BPF_MUL, MIX[0]);
    p.keep(START);
    p.fetch(SOURCE);
    p.alu_x(libc::BPF_XOR);
    p.alu(libc::BPF_MUL, MIX[1]);
    p.fetch_x(START);
    p.alu_x(libc::BPF_XOR);
    p.keep(START);
    p.alu(libc::BPF_RSH, 15);
    p.fetch_x(START);
    p.alu_x(libc::BPF_XOR);
    p.alu(libc::BPF_MUL, MIX[2]);
    p.alu(libc::BPF_RSH, 12);
    p.step(libc::BPF_RET | libc::BPF_A, 0);
    p.here(Other);
    p.step(libc::BPF_RET | libc::BPF_K, 0);
    p.finish()
}
