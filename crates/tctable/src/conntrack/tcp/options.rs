//! The TCP options that tracking needs: window scale (RFC 7323), SACK permitted and SACK blocks (RFC 2018).

use super::side_flags;

const END: u8 = 0;
const NO_OPERATION: u8 = 1;
const WINDOW_SCALE: u8 = 3;
const SACK_PERMITTED: u8 = 4;
const SACK: u8 = 5;

/// Window scales above are taken to be this (RFC 7323 section 2.3).
const MAX_SCALE: u8 = 14;

/// What a SYN says of its sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SynOptions {
    pub(super) scale: Option<u8>,
    pub(super) sack_permitted: bool,
}

impl SynOptions {
    /// As flags of a side.
    pub(super) fn flags(self) -> u8 {
        let scale = if self.scale.is_some() { side_flags::WINDOW_SCALE } else { 0 };
        let sack = if self.sack_permitted { side_flags::SACK_PERMITTED } else { 0 };
        scale | sack
    }
}

/// Two padding bytes and a timestamp: what nearly every segment of an open connection carries, and nothing else.
const TIMESTAMP_ONLY: [u8; 4] = [NO_OPERATION, NO_OPERATION, 8, 10];

/// The options' kinds and values, up to the first that makes no sense.
fn walk(mut rest: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        loop {
            match *rest.first()? {
                END => return None,
                NO_OPERATION => rest = &rest[1..],
                kind => {
                    let length = usize::from(*rest.get(1)?);
                    let value = rest.get(2..length)?;
                    rest = &rest[length..];
                    return Some((kind, value));
                }
            }
        }
    })
}

/// Reads the options of a SYN.
pub(super) fn of_syn(options: &[u8]) -> SynOptions {
    let mut read = SynOptions::default();
    for (kind, value) in walk(options) {
        match (kind, value) {
            (SACK_PERMITTED, []) => read.sack_permitted = true,
            (WINDOW_SCALE, [scale]) => read.scale = Some((*scale).min(MAX_SCALE)),
            _ => {}
        }
    }
    read
}

/// The highest sequence number that a segment acknowledges, selectively or not.
#[inline]
pub(super) fn highest_acknowledged(options: &[u8], acknowledgment: u32) -> u32 {
    if options.is_empty() || (options.len() == 12 && options.starts_with(&TIMESTAMP_ONLY)) {
        return acknowledgment;
    }
    highest_in_blocks(options, acknowledgment)
}

fn highest_in_blocks(options: &[u8], acknowledgment: u32) -> u32 {
    let blocks = walk(options).find(|(kind, value)| *kind == SACK && !value.is_empty() && value.len() % 8 == 0);
    let edges = blocks.into_iter().flat_map(|(_, value)| value.chunks_exact(8));
    edges.map(|block| u32::from_be_bytes([block[4], block[5], block[6], block[7]])).fold(
        acknowledgment,
        |highest, edge| {
            if super::window::after(edge, highest) { edge } else { highest }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_a_syn() {
        let both = SynOptions { scale: Some(7), sack_permitted: true };
        let cases: [(&[u8], SynOptions); 8] = [
            (&[], SynOptions::default()),
            (&[2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7], both),
            (&[3, 3, 200, 0], SynOptions { scale: Some(14), sack_permitted: false }),
            (&[1, 3, 3, 7, 4, 2, 0, 0], both),
            (&[0, 3, 3, 7], SynOptions::default()), // after the end of the list
            (&[3, 0, 3, 7], SynOptions::default()), // a length of nothing
            (&[4, 2, 3, 9], SynOptions { scale: None, sack_permitted: true }), // a length beyond the header
            (&[3, 4, 7, 0], SynOptions::default()), // the wrong length
        ];
        for (options, expected) in cases {
            assert_eq!(of_syn(options), expected, "{options:?}");
        }
    }

    #[test]
    fn selective_acknowledgments_count_where_they_go_further() {
        let blocks = [1, 1, 5, 18, 0, 0, 0, 10, 0, 0, 0, 20, 0, 0, 0, 30, 0, 0, 0, 40];
        assert_eq!(highest_acknowledged(&blocks, 5), 40);
        assert_eq!(highest_acknowledged(&blocks, 50), 50);
        assert_eq!(highest_acknowledged(&blocks[..16], 5), 5, "blocks that are cut");
        assert_eq!(highest_acknowledged(&[5, 2, 0, 0], 5), 5, "no blocks");
        assert_eq!(highest_acknowledged(&[1, 1, 8, 10, 9, 9, 9, 9, 9, 9, 9, 9], 5), 5, "only a timestamp");
        // Sequence numbers wrap.
        assert_eq!(highest_acknowledged(&blocks, u32::MAX - 3), 40);
    }
}
