//! `tctable generate`: a capture of made-up traffic.

use std::fs::File;
use std::io::{self, ErrorKind, Write};

use tctable_lab::generate::{self, Options};

use crate::args::Generate;
use crate::output::{OutputError, is_stdout};
use crate::progress::Progress;

/// Writes the capture.
pub(crate) fn run(args: &Generate) -> Result<(), OutputError> {
    let file = if is_stdout(&args.output) { "standard output".to_owned() } else { args.output.display().to_string() };
    let output: Box<dyn Write> = if is_stdout(&args.output) {
        Box::new(io::stdout().lock())
    } else {
        let created = File::create(&args.output);
        Box::new(created.map_err(|reason| OutputError::Create { file: file.clone(), reason })?)
    };
    let options = Options { snap_len: args.snap_len, ..Options::new(args.kind, args.packets, args.seed) };
    let progress = Progress::packets(args.packets);
    let written = generate::write(&options, output, |packets| progress.set(packets));
    written.map(|_| ()).map_err(|reason| match reason.kind() {
        ErrorKind::BrokenPipe => OutputError::Closed,
        _ => OutputError::Write { file, reason },
    })
}
