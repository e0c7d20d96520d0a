use crate::table::Chunked;

/// Bytes that a block holds: with its own fields it is 256 bytes long, and six of them hold what an Ethernet frame has
/// of an IPv4 datagram.
const BYTES: usize = 247;
/// Blocks to a chunk: 64 KiB.
const CHUNK: usize = 1 << 8;
const NONE: u32 = u32::MAX;

/// The bytes of all fragments that wait, in blocks that are used again.
///
/// Each block knows where in its datagram its bytes belong, so their order in a chain does not matter. A chain is given
/// back in one step, however long it is. Memory for blocks is kept for later ones.
#[derive(Debug)]
pub(super) struct Blocks {
    blocks: Chunked<Block, CHUNK>,
    free: u32,
}

#[derive(Clone, Debug)]
struct Block {
    next: u32,
    /// Where the first byte belongs, seen from where the datagram's payload begins: less than zero for its headers.
    place: i32,
    len: u8,
    bytes: [u8; BYTES],
}

/// The blocks of one datagram.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    first: u32,
    last: u32,
}

impl Default for Chain {
    fn default() -> Self {
        Chain { first: NONE, last: NONE }
    }
}

impl Blocks {
    pub(super) const fn new() -> Self {
        Blocks { blocks: Chunked::new(), free: NONE }
    }

    /// The memory that so many bytes take.
    pub(super) const fn cost(len: usize) -> u32 {
        (len.div_ceil(BYTES) * size_of::<Block>()) as u32
    }

    /// Puts bytes in a chain; the first of them belongs at `place`.
    pub(super) fn push(&mut self, chain: &mut Chain, mut place: i32, bytes: &[u8]) {
        for part in bytes.chunks(BYTES) {
            let block = self.take();
            let Block { next, place: at, len, bytes } = &mut self.blocks[block as usize];
            *next = std::mem::replace(&mut chain.first, block);
            (*at, *len) = (place, part.len() as u8);
            bytes[..part.len()].copy_from_slice(part);
            place += part.len() as i32;
            if chain.last == NONE {
                chain.last = block;
            }
        }
    }

    fn take(&mut self) -> u32 {
        if self.free == NONE {
            self.blocks.push(Block { next: NONE, place: 0, len: 0, bytes: [0; BYTES] });
            return self.blocks.len() as u32 - 1;
        }
        let block = self.free;
        self.free = self.blocks[block as usize].next;
        block
    }

    /// Copies a chain's bytes to their places in `into`, whose first byte is the one at `origin`. What belongs outside
    /// is left out.
    pub(super) fn copy(&self, chain: &Chain, origin: i32, into: &mut [u8]) {
        let mut block = chain.first;
        while block != NONE {
            let Block { next, place, len, bytes } = &self.blocks[block as usize];
            if let Some(room) = usize::try_from(place - origin).ok().and_then(|at| into.get_mut(at..)) {
                let len = usize::from(*len).min(room.len());
                room[..len].copy_from_slice(&bytes[..len]);
            }
            block = *next;
        }
    }

    /// Takes a chain's blocks back.
    pub(super) fn free(&mut self, chain: Chain) {
        if chain.last != NONE {
            self.blocks[chain.last as usize].next = std::mem::replace(&mut self.free, chain.first);
        }
    }

    /// Blocks in use or kept for later.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.blocks.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_a_quarter_of_a_kibibyte() {
        assert_eq!((size_of::<Block>(), Blocks::cost(0), Blocks::cost(1)), (256, 0, 256));
        assert_eq!((Blocks::cost(BYTES), Blocks::cost(BYTES + 1), Blocks::cost(1480)), (256, 512, 6 * 256));
    }

    #[test]
    fn bytes_come_back_at_their_places_and_outside_ones_are_left_out() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
        let (mut blocks, mut chain) = (Blocks::new(), Chain::default());
        blocks.push(&mut chain, 300, &bytes[320..]);
        blocks.push(&mut chain, -20, &bytes[..320]);
        let mut into = vec![0; 1000];
        blocks.copy(&chain, -20, &mut into);
        assert_eq!(into, bytes);
        let mut into = vec![0; 700];
        blocks.copy(&chain, -20, &mut into);
        assert_eq!(into, bytes[..700]);
    }

    #[test]
    fn blocks_are_used_again() {
        let mut blocks = Blocks::new();
        for round in 0..10u8 {
            let mut chains = [Chain::default(), Chain::default()];
            for (chain, fill) in chains.iter_mut().zip([round, !round]) {
                blocks.push(chain, 0, &[fill; 1000]);
                blocks.push(chain, 1000, &[]);
            }
            for (chain, fill) in chains.into_iter().zip([round, !round]) {
                let mut into = [0; 1000];
                blocks.copy(&chain, 0, &mut into);
                assert_eq!(into, [fill; 1000]);
                blocks.free(chain);
            }
            blocks.free(Chain::default());
        }
        assert_eq!(blocks.len(), 10);
    }
}
