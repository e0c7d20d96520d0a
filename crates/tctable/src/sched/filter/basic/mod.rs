mod options;

pub use options::{BasicOptions, Cmp, CmpLayer, CmpOperator, Ematch, EmatchU32, Meta, MetaKey, MetaValue, Nbyte};
