//! What is seen, counted and dropped, as OpenMetrics text over HTTP, for Prometheus and its like.
//!
//! Nothing in it grows with traffic: hosts are the top ones only, and no connection has a label.

mod collect;
mod serve;
#[cfg(test)]
mod tests;

pub use serve::serve;
