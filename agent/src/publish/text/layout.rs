//! Lines that fit the page: headings, rows of two or three columns, wrapped text.

use anstyle::{AnsiColor, Style};
use textwrap::core::display_width;
use textwrap::{Options, WordSplitter};

use super::visible::visible;
use crate::judge::report::{Extent, FeatureStatus, Ternary};

/// The style of a heading.
pub(in crate::publish) const HEADING: Style = Style::new().bold();
/// The style of a yes.
pub(in crate::publish) const YES: Style = AnsiColor::Green.on_default();
/// The style of a no.
pub(in crate::publish) const NO: Style = AnsiColor::Red.on_default();
/// The style of what could not be told, and of warnings.
pub(in crate::publish) const UNKNOWN: Style = AnsiColor::Yellow.on_default();
/// The style of what is said aside.
pub(in crate::publish) const ASIDE: Style = Style::new().dimmed();

/// A word and its style.
#[derive(Debug, Clone, Copy)]
pub(in crate::publish) struct Word(
    pub(in crate::publish) &'static str,
    pub(in crate::publish) Style,
);

impl Word {
    /// The word in its style.
    pub(in crate::publish) fn styled(self) -> String {
        styled(self.1, self.0)
    }
}

impl From<Ternary> for Word {
    fn from(ternary: Ternary) -> Self {
        match ternary {
            Ternary::Yes => Self("yes", YES),
            Ternary::No => Self("no", NO),
            Ternary::Unknown => Self("unknown", UNKNOWN),
        }
    }
}

impl From<Extent> for Word {
    fn from(extent: Extent) -> Self {
        match extent {
            Extent::Full => Self("full", YES),
            Extent::Partial => Self("partial", UNKNOWN),
            Extent::None => Self("none", NO),
            Extent::Unknown => Self("unknown", UNKNOWN),
        }
    }
}

impl From<FeatureStatus> for Word {
    fn from(status: FeatureStatus) -> Self {
        match status {
            FeatureStatus::Supported => Self("yes", YES),
            FeatureStatus::Unsupported => Self("no", NO),
            FeatureStatus::Unknown => Self("unknown", UNKNOWN),
        }
    }
}

/// `text` in `style`.
pub(in crate::publish) fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Most characters of one piece of evidence; the rest is in the JSON.
const LONGEST: usize = 200;

/// `text`, cut where a reader has seen enough.
pub(in crate::publish) fn clipped(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

/// The first sentence, and how many more there are.
pub(in crate::publish) fn first_of(sentences: &[String]) -> Option<String> {
    let first = clipped(sentences.first()?);
    match sentences.len() - 1 {
        0 => Some(first),
        more => Some(format!("{first} (and {more} more)")),
    }
}

/// The text so far, and its width.
#[derive(Debug)]
pub(in crate::publish) struct Page {
    columns: usize,
    text: String,
}

impl Page {
    pub(in crate::publish) fn new(columns: usize) -> Self {
        Self { columns, text: String::new() }
    }

    pub(in crate::publish) fn into_text(self) -> String {
        self.text
    }

    /// How wide it is.
    pub(in crate::publish) fn columns(&self) -> usize {
        self.columns
    }

    /// One line as it is, however long: a command, or a row of a table that was measured.
    pub(in crate::publish) fn verbatim(&mut self, line: &str) {
        self.text.push_str(&visible(line));
        self.text.push('\n');
    }

    /// An empty line and a heading.
    pub(in crate::publish) fn heading(&mut self, heading: &str) {
        self.text.push('\n');
        self.wrapped("", "", &styled(HEADING, heading));
    }

    /// One line, or several when it does not fit: `first` leads the first, as many blanks as it is
    /// wide lead the others.
    pub(in crate::publish) fn item(&mut self, first: &str, text: &str) {
        let rest = " ".repeat(display_width(first));
        self.wrapped(first, &rest, text);
    }

    /// A table row: cells padded to `widths`, then text that wraps in its own column.
    pub(in crate::publish) fn row<const N: usize>(
        &mut self,
        cells: [&str; N],
        widths: [usize; N],
        text: &str,
    ) {
        let mut first = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            first.push_str(cell);
            first.push_str(&" ".repeat(width.saturating_sub(display_width(cell))));
        }
        self.item(&first, text);
    }

    fn wrapped(&mut self, first: &str, rest: &str, text: &str) {
        let (first, text) = (&visible(first), &visible(text));
        // Names such as `xdp-acceleration` stay whole.
        let options = Options::new(self.columns)
            .initial_indent(first)
            .subsequent_indent(rest)
            .word_splitter(WordSplitter::NoHyphenation);
        for line in textwrap::wrap(text, options) {
            self.text.push_str(line.trim_end());
            self.text.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_row_wraps_in_its_last_column_and_styles_take_no_room() {
        let mut page = Page::new(40);
        let status = Word::from(Ternary::No).styled();
        page.row(["  WireGuard", &status], [13, 5], "the module is neither built in nor on disk");
        let plain = anstream::adapter::strip_str(&page.into_text()).to_string();
        let expected =
            "  WireGuard  no   the module is neither\n                  built in nor on disk\n";
        assert_eq!(plain, expected);
    }
}
