mod options;

pub use options::{U32Key, U32Mark, U32Node, U32Offset, U32Options, U32Selector, U32VariableOffset};
