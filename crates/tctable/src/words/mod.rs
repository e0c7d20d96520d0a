//! Words of texts that people write, each with its place, and what is said of one that cannot be read.

mod error;
mod word;

pub use error::{ParseError, Problem};
pub use word::Word;
