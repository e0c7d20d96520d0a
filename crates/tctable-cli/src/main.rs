//! The program `tctable`.
fn main() {}
