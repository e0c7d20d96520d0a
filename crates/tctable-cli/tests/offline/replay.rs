//! `tctable replay` as a user sees it: files in, text and an exit status out.

mod burst;
mod command_line;
mod connections;
mod damage;
mod expiry;
mod formats;
mod identity;
mod inputs;
mod lan;
mod limits;
mod rules;
mod sample;
mod sysctl;
mod trace;
