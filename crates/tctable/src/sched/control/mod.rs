//! What changes the tree, and what lists it: operations on qdiscs, classes and filters with the kernel's meaning, as typed
//! requests with typed errors.

mod errno;

pub use errno::Errno;
