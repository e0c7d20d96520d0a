/// A vector that grows by whole chunks and never moves what it holds.
///
/// A plain vector copies everything when it grows: with ten million entries that is a pause of hundreds of
/// milliseconds on the packet's road. Here growing costs one allocation of `CHUNK` entries.
///
/// A chunk has all its entries from the start, so that finding one is a single comparison with the number of chunks; those
/// that are not in use yet, or not any more, are copies of some other.
#[derive(Debug)]
pub(crate) struct Chunked<T, const CHUNK: usize> {
    chunks: Vec<Box<[T; CHUNK]>>,
    len: usize,
}

impl<T: Clone, const CHUNK: usize> Chunked<T, CHUNK> {
    pub(crate) const fn new() -> Self {
        // A power of two, so that finding an entry is a shift and a mask.
        assert!(CHUNK.is_power_of_two());
        Chunked { chunks: Vec::new(), len: 0 }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn push(&mut self, value: T) {
        match self.chunks.get_mut(self.len / CHUNK) {
            Some(chunk) => chunk[self.len % CHUNK] = value,
            None => self.push_chunk(value),
        }
        self.len += 1;
    }

    #[cold]
    fn push_chunk(&mut self, value: T) {
        // A vector of that length always becomes an array of that length.
        self.chunks.extend(vec![value; CHUNK].into_boxed_slice().try_into().ok());
    }

    /// Takes the last one out. Its chunk stays, for the next one.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        let last = self.len.checked_sub(1)?;
        let value = self.chunks.get(last / CHUNK)?[last % CHUNK].clone();
        self.len = last;
        Some(value)
    }

    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        if index >= self.len {
            return None;
        }
        Some(&self.chunks.get(index / CHUNK)?[index % CHUNK])
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_over_chunks() {
        let mut stack: Chunked<u32, 4> = Chunked::new();
        for round in 0..3 {
            (0..9).for_each(|value| stack.push(value));
            assert_eq!((stack.len(), stack[8], stack.get(9)), (9, 8, None));
            for value in (0..9).rev() {
                assert_eq!(stack.pop(), Some(value), "{round}");
            }
            assert_eq!((stack.pop(), stack.len()), (None, 0));
        }
        assert_eq!(stack.chunks.len(), 3);
    }
}
