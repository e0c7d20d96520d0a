//! The commands that read files, as a user sees them: files in, text and an exit status out.

mod replay;
mod rules;
mod simulate;
mod support;
