//! What commands print.

use std::{
    fmt::Display,
    io::{self, ErrorKind, Write as _},
    process,
};

/// Prints a line. Whoever reads may stop reading (`switchboard … | head`): then there is nothing
/// left to do.
pub(super) fn say(line: impl Display) {
    if let Err(error) = writeln!(io::stdout().lock(), "{line}") {
        process::exit(i32::from(error.kind() != ErrorKind::BrokenPipe));
    }
}
