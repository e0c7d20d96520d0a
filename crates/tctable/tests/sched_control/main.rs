//! Traffic control through the public API: one test for each rule and error of its operations, and what becomes of packets
//! meanwhile. What the kernel says to the same was asked of Linux 6.18; `tctable-lab`'s `tc_operations` compares both.

mod classes;
mod dumps;
mod filters;
mod hooks;
mod limits;
mod notifications;
mod packets;
mod qdiscs;
mod redirects;
mod world;
