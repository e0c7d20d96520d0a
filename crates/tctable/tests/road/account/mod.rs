//! Hosts: what counts for whom.

mod by_device;
mod by_prefix;
mod classes;
mod events;
mod expiry;
mod ids;
mod large;
mod limits;
mod open;
mod related;
