//! `tctable man` and `tctable completions`: what is made of the command line's own description.

use std::io::{self, ErrorKind};
use std::path::PathBuf;

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use thiserror::Error;

use crate::args::Cli;
use crate::output::{Output, OutputError};

const MAN_EXAMPLES: &str = "\
Examples:
  Read it now:
    tctable man | man -l -
  One page for each command, where man looks for them:
    sudo tctable man --directory /usr/local/share/man/man1";

const COMPLETION_EXAMPLES: &str = "\
Examples:
  For this user's bash:
    tctable completions bash > ~/.local/share/bash-completion/completions/tctable
  For everybody's zsh:
    tctable completions zsh | sudo tee /usr/local/share/zsh/site-functions/_tctable > /dev/null";

/// The options of `tctable man`.
#[derive(Args, Debug)]
#[command(after_help = MAN_EXAMPLES)]
pub(crate) struct Manual {
    /// Write a page for each command into this directory, in the place of the first one to standard output.
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<PathBuf>,
}

/// The options of `tctable completions`.
#[derive(Args, Debug)]
#[command(after_help = COMPLETION_EXAMPLES)]
pub(crate) struct Completions {
    /// The shell.
    shell: Shell,
}

/// Why there is no page.
#[derive(Debug, Error)]
pub(crate) enum ManualError {
    /// The directory takes none.
    #[error("{}: cannot be written: {reason}", .directory.display())]
    Directory {
        /// It.
        directory: PathBuf,
        /// What the operating system said.
        reason: io::Error,
    },
    /// Standard output takes none.
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// Prints or writes the manual.
pub(crate) fn man(args: &Manual) -> Result<(), ManualError> {
    match &args.directory {
        Some(directory) => clap_mangen::generate_to(Cli::command(), directory)
            .map_err(|reason| ManualError::Directory { directory: directory.clone(), reason }),
        None => {
            let mut page = Vec::new();
            Man::new(Cli::command()).render(&mut page).expect("memory takes everything");
            Ok(print(page)?)
        }
    }
}

/// Prints what a shell needs.
pub(crate) fn completions(args: &Completions) -> Result<(), OutputError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tctable", &mut script);
    print(script)
}

fn print(bytes: Vec<u8>) -> Result<(), OutputError> {
    let mut output = Output::stdout();
    let text = String::from_utf8(bytes).map_err(|_| io::Error::from(ErrorKind::InvalidData));
    output.text = text.expect("help is text");
    output.finish()
}

#[cfg(test)]
mod tests {
    use clap::Command;

    use super::*;

    /// Commands that do something, under their whole names.
    fn leaves(command: &Command, name: &str, all: &mut Vec<(String, Command)>) {
        let mut own = command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help").peekable();
        if own.peek().is_none() {
            all.push((name.to_owned(), command.clone()));
        }
        for sub in own {
            leaves(sub, &format!("{name} {}", sub.get_name()), all);
        }
    }

    #[test]
    fn the_help_of_every_command_has_an_example_of_it() {
        let mut all = Vec::new();
        leaves(&Cli::command(), "tctable", &mut all);
        assert!(all.len() > 5, "{}", all.len());
        for (name, mut command) in all {
            let help = command.render_long_help().to_string();
            let (_, examples) = help.split_once("Examples:").unwrap_or_else(|| panic!("{name} --help: no examples"));
            assert!(examples.contains(&name), "{name} --help: an example without it:\n{examples}");
        }
    }

    #[test]
    fn pages_and_completions_name_every_command() {
        let directory = tempfile::tempdir().expect("a directory");
        man(&Manual { directory: Some(directory.path().to_owned()) }).expect("pages");
        let mut all = Vec::new();
        leaves(&Cli::command(), "tctable", &mut all);
        for (name, _) in &all {
            let page = directory.path().join(format!("{}.1", name.replace(' ', "-")));
            let text = std::fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
            assert!(text.contains("Examples:"), "{name}");
        }
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "tctable", &mut script);
            let script = String::from_utf8(script).expect("text");
            for (name, _) in &all {
                assert!(script.contains(name.rsplit(' ').next().expect("a name")), "{shell}: {name}");
            }
        }
    }
}
