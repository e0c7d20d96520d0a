use std::net::IpAddr;

use super::program::MIX;

/// Which of so many packet sockets of one device gets what two ends send each other: what the kernel's program says, for who has
/// to know it before a packet comes.
pub fn shard_of(source: IpAddr, destination: IpAddr, shards: usize) -> usize {
    let (source, destination) = (word(source), word(destination));
    let mut hash = source.wrapping_add(destination).wrapping_mul(MIX[0]) ^ (source ^ destination).wrapping_mul(MIX[1]);
    hash ^= hash >> 15;
    (hash.wrapping_mul(MIX[2]) >> 12) as usize % shards.max(1)
}

fn word(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(v4) => v4.to_bits(),
        IpAddr::V6(v6) => {
            let bits = v6.to_bits();
            (0..4).fold(0, |word, nth| word ^ (bits >> (32 * nth)) as u32)
        }
    }
}
