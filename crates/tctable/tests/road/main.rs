//! The engine from the outside: what goes in are frames, what is looked at is its public face. Time is virtual.

mod account;
mod conntrack;
mod control;
mod defrag;
mod events;
mod hooks;
mod identity;
mod packet;
mod restart;
mod support;
mod sysctl;
mod text;
