/// A vector that grows by whole chunks and never moves what it holds.
///
/// A plain vector copies everything when it grows: with ten million entries that is a pause of hundreds of
/// milliseconds on the packet's road. Here growing costs one allocation of `CHUNK` entries.
#[derive(Debug)]
pub(crate) struct Chunked<T, const CHUNK: usize> {
    chunks: Vec<Vec<T>>,
    len: usize,
}

impl<T, const CHUNK: usize> Chunked<T, CHUNK> {
    pub(crate) const fn new() -> Self {
        // A power of two, so that finding an entry is a shift and a mask.
        assert!(CHUNK.is_power_of_two());
        Chunked { chunks: Vec::new(), len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn push(&mut self, value: T) {
        if self.len.is_multiple_of(CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.push(value);
            self.len += 1;
        }
    }

    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        self.chunks.get(index / CHUNK)?.get(index % CHUNK)
    }
}

impl<T, const CHUNK: usize> std::ops::Index<usize> for Chunked<T, CHUNK> {
    type Output = T;

    #[inline]
    fn index(&self, index: usize) -> &T {
        &self.chunks[index / CHUNK][index % CHUNK]
    }
}

impl<T, const CHUNK: usize> std::ops::IndexMut<usize> for Chunked<T, CHUNK> {
    #[inline]
    fn index_mut(&mut self, index: usize) -> &mut T {
        &mut self.chunks[index / CHUNK][index % CHUNK]
    }
}
