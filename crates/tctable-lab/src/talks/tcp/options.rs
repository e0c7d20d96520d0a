//! What an end offers in its SYN, and the options of its segments, in the layouts that are usual and in others.

use crate::{
    packets::{TcpOption, tcp_options},
    rng::Rng,
};

/// What an end offers in its SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offers {
    /// The shift of its windows.
    pub scale: Option<u8>,
    pub sack: bool,
    pub stamps: bool,
}

impl Offers {
    pub(super) fn new(rng: &mut Rng) -> Self {
        Self {
            scale: rng
                .percent(65)
                .then(|| rng.weighted(&[(1, 0), (2, 1), (3, 7), (1, 10), (1, 14), (1, 15), (1, 255)])),
            sack: rng.percent(70),
            stamps: rng.percent(50),
        }
    }

    /// The options of a SYN, or of a SYN/ACK if the other end's offers are known: it repeats only what was offered.
    pub(super) fn of_syn(&self, rng: &mut Rng, heard: Option<&Offers>, stamps: [u32; 2]) -> Vec<TcpOption> {
        let mut options = Vec::new();
        if rng.percent(90) {
            options.push(TcpOption::Mss(rng.pick(&[1460, 1440, 536, 1])));
        }
        if self.sack && heard.is_none_or(|heard| heard.sack) {
            options.push(TcpOption::SackPermitted);
        }
        if self.stamps && heard.is_none_or(|heard| heard.stamps) {
            options.push(TcpOption::Timestamps(stamps[0], stamps[1]));
        }
        if let Some(scale) = self.scale
            && heard.is_none_or(|heard| heard.scale.is_some())
        {
            options.extend([TcpOption::Nop, TcpOption::WindowScale(scale)]);
        }
        options
    }
}

/// The options of any other segment: timestamps, and selective acknowledgements of some blocks.
pub(super) fn of_segment(rng: &mut Rng, stamps: Option<[u32; 2]>, blocks: &[[u32; 2]]) -> Vec<TcpOption> {
    let mut options = Vec::new();
    if let Some([value, echo]) = stamps {
        // Two NOPs before it is what everybody sends; the kernel looks for just that.
        if rng.percent(90) {
            options.extend([TcpOption::Nop, TcpOption::Nop]);
        }
        options.push(TcpOption::Timestamps(value, echo));
    }
    let room = if stamps.is_some() { 3 } else { 4 };
    if !blocks.is_empty() {
        if rng.percent(90) {
            options.extend([TcpOption::Nop, TcpOption::Nop]);
        }
        options.push(TcpOption::Sack(blocks[..blocks.len().min(room)].to_vec()));
    }
    options
}

/// Options that no stack should send.
pub(super) fn broken(rng: &mut Rng) -> Vec<u8> {
    let word = rng.word();
    let choices = [
        // Lengths of 0 and 1, and one that goes beyond the header.
        vec![TcpOption::Raw(vec![8, 0, 1, 1])],
        vec![TcpOption::Raw(vec![3, 1, 7, 1])],
        vec![TcpOption::Nop, TcpOption::Raw(vec![5, 10, 0, 1])],
        vec![TcpOption::Raw(vec![254, 40, 0, 0])],
        // A kind without a length at the header's very end.
        vec![TcpOption::Nop, TcpOption::Nop, TcpOption::Nop, TcpOption::Raw(vec![5])],
        // Selective acknowledgements without a block, with half of one, with one and a half.
        vec![TcpOption::Raw(vec![5, 2]), TcpOption::Nop, TcpOption::Nop],
        vec![TcpOption::Raw(vec![5, 6, 0, 0, 0, 9]), TcpOption::Nop, TcpOption::Nop],
        vec![TcpOption::Raw(
            [&[5, 14][..], &word.to_be_bytes(), &word.wrapping_add(9).to_be_bytes(), &[0; 4]].concat(),
        )],
        // Window scale of a wrong length, beyond 14, twice; timestamps of a wrong length.
        vec![TcpOption::Raw(vec![3, 4, 9, 9])],
        vec![TcpOption::WindowScale(15), TcpOption::Nop],
        vec![TcpOption::WindowScale(2), TcpOption::WindowScale(9), TcpOption::Nop, TcpOption::Nop],
        vec![TcpOption::Raw(vec![8, 8, 0, 0, 0, 1, 0, 0])],
        vec![TcpOption::Raw(vec![4, 3, 0]), TcpOption::SackPermitted],
        // What follows the end of the list is not to be read.
        vec![TcpOption::End, TcpOption::Sack(vec![[word, word.wrapping_add(1)]])],
        // Unknown kinds, all NOPs, a fast open cookie.
        vec![TcpOption::Raw(vec![253, 4, 0xf9, 0x89])],
        vec![TcpOption::Nop; 40],
        vec![TcpOption::FastOpen(vec![7; 8]), TcpOption::Nop, TcpOption::Nop],
    ];
    tcp_options(&rng.pick(&choices))
}
