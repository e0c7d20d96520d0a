//! TFTP (RFC 1350): the answer comes from another port than the one that was asked.

use super::datagrams::Datagrams;
use crate::{rng::Rng, talks::places};

pub(super) fn begin(rng: &mut Rng) -> Datagrams {
    let [client, server] = places::two(rng);
    let asks = client.port(1024 + rng.below(6) as u16);
    let mut talk = Datagrams::default();
    for _ in 0..rng.range(1, 3) {
        let operation = rng.weighted(&[(6, 1u8), (6, 2), (1, 5), (1, 9)]);
        let mut request = [[0, operation].as_slice(), b"file\0octet\0"].concat();
        if rng.one_in(12) {
            request.truncate(rng.below(4) as usize);
        }
        talk.push(asks, server.port(69), request);
        let answers = if rng.one_in(10) { server.neighbour(rng) } else { server };
        let answers = answers.port(2_000 + rng.below(20) as u16);
        let (writes, reads) = if operation == 2 { (asks, answers) } else { (answers, asks) };
        if operation == 2 {
            talk.push(answers, asks, [0, 4, 0, 0]);
        }
        for block in 1..=rng.range(1, 4) as u8 {
            talk.push(writes, reads, [[0, 3, 0, block].as_slice(), &[b'x'; 100]].concat());
            talk.push(reads, writes, [0, 4, 0, block]);
        }
    }
    talk
}
