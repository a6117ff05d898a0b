//! The reader's terminal.

use std::io::IsTerminal;

/// Columns to fill: the terminal's, 80 when standard output is none.
pub(super) fn columns() -> usize {
    if !std::io::stdout().is_terminal() {
        return 80;
    }
    terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0))
}
