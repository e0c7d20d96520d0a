use crate::packet::{Address, Family};
use crate::table::{HashKey, Hasher, Index, Slab};

/// Counts the fragments of each IPv4 source that has datagrams waiting, so that an identification that has come round
/// is told from a slow datagram.
#[derive(Debug)]
pub(super) struct Peers {
    hasher: Hasher,
    index: Index,
    slab: Slab<Peer>,
}

#[derive(Clone, Debug)]
pub(super) struct Peer {
    address: Address,
    fragments: u32,
    /// Datagrams that wait: the last one takes the peer with it.
    queues: u32,
}

impl Peers {
    pub(super) fn new(key: HashKey) -> Self {
        Peers { hasher: Hasher::new(key), index: Index::new(), slab: Slab::new() }
    }

    /// The place of a source, which has one more datagram waiting now.
    pub(super) fn join(&mut self, address: Address) -> Option<u32> {
        let hash = self.hasher.host(Family::V4, address);
        if let Some(place) = self.index.find(hash, |place| self.slab[place].address == address) {
            self.slab[place].queues += 1;
            return Some(place);
        }
        let place = self.slab.insert(&Peer { address, fragments: 0, queues: 1 })?;
        if self.index.insert(hash, place).is_err() {
            self.slab.remove(place);
            return None;
        }
        Some(place)
    }

    /// One datagram less.
    pub(super) fn leave(&mut self, place: u32) {
        let peer = &mut self.slab[place];
        peer.queues -= 1;
        if peer.queues == 0 {
            self.index.remove(self.hasher.host(Family::V4, peer.address), place);
            self.slab.remove(place);
        }
    }

    /// Counts a fragment and gives the count.
    pub(super) fn count(&mut self, place: u32) -> u32 {
        let peer = &mut self.slab[place];
        peer.fragments = peer.fragments.wrapping_add(1);
        peer.fragments
    }
}
