//! Where classes lie.

use std::ops::{Index, IndexMut};

use super::class::{Class, Terms};

/// Classes to a chunk.
const CHUNK: usize = 256;

/// Things at stable numbers, in chunks, so that nothing moves when there are more and little memory lies idle.
#[derive(Debug)]
pub(super) struct Chunks<T> {
    chunks: Vec<Vec<T>>,
}

impl<T> Chunks<T> {
    fn len(&self) -> usize {
        self.chunks.last().map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.len())
    }

    fn push(&mut self, value: T) {
        if self.chunks.last().is_none_or(|last| last.len() == CHUNK) {
            // The first one grows as it fills: few classes take little.
            let room = if self.chunks.is_empty() { 0 } else { CHUNK };
            self.chunks.push(Vec::with_capacity(room));
        }
        if let Some(last) = self.chunks.last_mut() {
            last.push(value);
        }
    }
}

impl<T> Default for Chunks<T> {
    fn default() -> Chunks<T> {
        Chunks { chunks: Vec::new() }
    }
}

impl<T> Index<u32> for Chunks<T> {
    type Output = T;

    #[inline]
    fn index(&self, number: u32) -> &T {
        &self.chunks[number as usize / CHUNK][number as usize % CHUNK]
    }
}

impl<T> IndexMut<u32> for Chunks<T> {
    #[inline]
    fn index_mut(&mut self, number: u32) -> &mut T {
        &mut self.chunks[number as usize / CHUNK][number as usize % CHUNK]
    }
}

/// All classes, what packets need of them apart from the rest.
#[derive(Debug, Default)]
pub(super) struct Store {
    classes: Chunks<Class>,
    pub(super) terms: Chunks<Terms>,
    free: Vec<u32>,
}

impl Store {
    /// Classes that there are.
    pub(super) fn len(&self) -> usize {
        self.classes.len() - self.free.len()
    }

    /// Numbers that were ever given: all are lower.
    pub(super) fn numbers(&self) -> u32 {
        self.classes.len() as u32
    }

    /// Puts a class in; it has a number that was freed last, or the next one.
    pub(super) fn insert(&mut self, class: Class, terms: Terms) -> u32 {
        match self.free.pop() {
            Some(number) => {
                self.classes[number] = class;
                self.terms[number] = terms;
                number
            }
            None => {
                self.classes.push(class);
                self.terms.push(terms);
                self.numbers() - 1
            }
        }
    }

    /// Frees a number. Its class has no leaf any more and is not active.
    pub(super) fn remove(&mut self, number: u32) {
        self.terms[number].minor = 0;
        self.terms[number].block = None;
        self.free.push(number);
    }
}

impl Index<u32> for Store {
    type Output = Class;

    #[inline]
    fn index(&self, number: u32) -> &Class {
        &self.classes[number]
    }
}

impl IndexMut<u32> for Store {
    #[inline]
    fn index_mut(&mut self, number: u32) -> &mut Class {
        &mut self.classes[number]
    }
}
