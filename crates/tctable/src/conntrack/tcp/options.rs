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

/// The options of a SYN as most systems send them, where these are those: always in the same order, so that there is no
/// need to walk from one to the next.
#[inline(always)]
fn usual_of_syn(options: &[u8]) -> Option<SynOptions> {
    let half = |at: usize| options.get(at..at + 2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]));
    let word = |at: usize| Some(u32::from(half(at)?) << 16 | u32::from(half(at + 2)?));
    const SEGMENT_SIZE: u16 = 0x0204;
    const SACK_THEN_TIMESTAMP: u32 = 0x0402_080a;
    const SCALE: u32 = 0x0103_0300;
    let (scale_at, fits) = match options.len() {
        // Linux: segment size, SACK permitted, timestamp, window scale.
        20 => (16, word(4)? == SACK_THEN_TIMESTAMP),
        // Windows: segment size, window scale, SACK permitted.
        12 => (4, word(8)? == 0x0101_0402),
        // Apple's: segment size, window scale, timestamp, SACK permitted.
        24 => (4, word(8)? == 0x0101_080a && word(20)? == 0x0402_0000),
        _ => return None,
    };
    let scale = word(scale_at)?;
    let fits = fits && half(0)? == SEGMENT_SIZE && scale & !0xff == SCALE;
    fits.then(|| SynOptions { scale: Some((scale as u8).min(MAX_SCALE)), sack_permitted: true })
}

/// Reads the options of a SYN.
#[inline]
pub(super) fn of_syn(options: &[u8]) -> SynOptions {
    usual_of_syn(options).unwrap_or_else(|| walk_syn(options))
}

#[inline(never)]
fn walk_syn(options: &[u8]) -> SynOptions {
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
#[inline(always)]
pub(super) fn highest_acknowledged(options: &[u8], acknowledgment: u32) -> u32 {
    if options.is_empty() || (options.len() == 12 && options.starts_with(&TIMESTAMP_ONLY)) {
        return acknowledgment;
    }
    highest_in_blocks(options, acknowledgment)
}

#[inline(never)]
fn highest_in_blocks(options: &[u8], acknowledgment: u32) -> u32 {
    if usual_of_syn(options).is_some() {
        return acknowledgment;
    }
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
    fn usual_options_are_read_as_any_others() {
        let usual: [&[u8]; 3] = [
            &[2, 4, 5, 180, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7],
            &[2, 4, 5, 180, 1, 3, 3, 8, 1, 1, 4, 2],
            &[2, 4, 5, 180, 1, 3, 3, 6, 1, 1, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 4, 2, 0, 0],
        ];
        for options in usual {
            assert_eq!(usual_of_syn(options), Some(walk_syn(options)));
            let mut changed = options.to_vec();
            for at in 0..changed.len() {
                for byte in 0..=u8::MAX {
                    let before = std::mem::replace(&mut changed[at], byte);
                    assert_eq!(of_syn(&changed), walk_syn(&changed), "{changed:?}");
                    changed[at] = before;
                }
                assert_eq!(of_syn(&options[..at]), walk_syn(&options[..at]));
            }
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
