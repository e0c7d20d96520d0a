//! Tunables: files that set them, and `tctable sysctl`.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use tctable::gateway::{SysctlFileError, Unknown};
use tctable::{Config, Gateway};
use thiserror::Error;

use crate::args::Sysctl;
use crate::output::Output;
use crate::replay::ReplayError;
use tctable_view::{Json, append};

/// Why a file of tunables was not loaded.
#[derive(Debug, Error)]
pub(crate) enum LoadError {
    /// It cannot be read.
    #[error("{file}: cannot be read: {reason}")]
    Read {
        /// Its name.
        file: String,
        /// What the operating system said.
        reason: io::Error,
    },
    /// A line of it is wrong.
    #[error("{file}: {reason}")]
    Line {
        /// Its name.
        file: String,
        /// Which, and how.
        reason: SysctlFileError,
    },
}

/// Prints every tunable with its value, as `sysctl -a` does: the defaults, but for what files say.
pub(crate) fn run(args: &Sysctl) -> Result<(), ReplayError> {
    let mut config = Config::default();
    load(&args.load, args.ignore, &mut config)?;
    let mut output = Output::stdout();
    let gateway = Gateway::new(config);
    if args.json {
        Json::object(&mut output.text, |json| gateway.sysctls().for_each(|(name, value)| json.number(name, value)));
        output.text.push('\n');
    } else {
        for (name, value) in gateway.sysctls() {
            append(&mut output.text, format_args!("{name} = {value}\n"));
        }
    }
    Ok(output.finish()?)
}

/// Loads files one after the other; `-` is standard input. With `ignore` unknown names are skipped.
pub(crate) fn load(files: &[PathBuf], ignore: bool, config: &mut Config) -> Result<(), LoadError> {
    let unknown = if ignore { Unknown::Skip } else { Unknown::Refuse };
    for path in files {
        let file = || if is_stdin(path) { "standard input".to_owned() } else { path.display().to_string() };
        let text = read(path).map_err(|reason| LoadError::Read { file: file(), reason })?;
        config.load_sysctls(&text, unknown).map_err(|reason| LoadError::Line { file: file(), reason })?;
    }
    Ok(())
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    if !is_stdin(path) {
        return std::fs::read(path);
    }
    let mut text = Vec::new();
    io::stdin().lock().read_to_end(&mut text)?;
    Ok(text)
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}
