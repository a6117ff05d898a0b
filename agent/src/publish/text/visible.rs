//! Foreign text on a terminal: names and files of a host may hold what a terminal obeys.

use std::borrow::Cow;

/// What our own styles are made of: bold, dimmed, three colours, and their end.
const STYLES: [&str; 6] =
    ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[2m", "\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m"];

/// `text` with every character written out that a terminal would obey or that changes the order of
/// others, except our own styles: a file of a host must not paint, move or feign lines of a report.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(obeyed) {
        return Cow::Borrowed(text);
    }
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let style = STYLES.into_iter().find(|it| rest.starts_with(it));
        let length = style.map_or(first.len_utf8(), str::len);
        match style {
            Some(style) => written.push_str(style),
            None if obeyed(first) => written.extend(first.escape_default()),
            None => written.push(first),
        }
        rest = &rest[length..];
    }
    Cow::Owned(written)
}

/// Control characters, and those that turn the direction of writing.
fn obeyed(it: char) -> bool {
    it.is_control()
        || matches!(it, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::text::layout::{ASIDE, HEADING, NO, UNKNOWN, YES, styled};

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        assert_eq!(
            visible("evil\u{1b}]0;title\u{7}\nReady  yes"),
            "evil\\u{1b}]0;title\\u{7}\\nReady  yes"
        );
        assert_eq!(visible("\u{202e}txt.fnoc"), "\\u{202e}txt.fnoc");
        assert_eq!(visible("\u{1b}[8mhidden"), "\\u{1b}[8mhidden");
    }

    #[test]
    fn our_own_styles_and_other_languages_stay() {
        for style in [ASIDE, HEADING, NO, UNKNOWN, YES] {
            let text = styled(style, "Größe 大小");
            assert_eq!(visible(&text), text);
        }
    }
}
