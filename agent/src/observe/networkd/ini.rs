//! systemd's configuration files, see systemd.syntax(7). Total on any text.
//!
//! The crates for INI files turn a section into a map, which loses what is said twice, and know
//! nothing of systemd's line continuation.

/// One assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The section that it stands in.
    pub section: String,
    /// What is assigned to.
    pub key: String,
    /// What is assigned; a line that ends with a backslash goes on with the next.
    pub value: String,
}

/// All assignments in their order. Lines that are none are left out, as systemd does.
pub fn parse(text: &str) -> Vec<Line> {
    let mut found = Vec::new();
    let mut section = String::new();
    let mut joined = String::new();
    for line in text.lines() {
        let line = line.trim();
        // A comment between continued lines is left out, too.
        if line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(begun) = line.strip_suffix('\\') {
            joined.push_str(begun);
            joined.push(' ');
            continue;
        }
        joined.push_str(line);
        let whole = std::mem::take(&mut joined);
        if let Some(name) = whole.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            section = name.to_owned();
        } else if let Some((key, value)) = whole.split_once('=') {
            let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
            found.push(Line { section: section.clone(), key, value });
        }
    }
    found
}

/// A boolean as `parse_boolean()` of `src/basic/parse-util.c` takes it.
pub fn boolean(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "yes" | "y" | "true" | "t" | "on" => Some(true),
        "0" | "no" | "n" | "false" | "f" | "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of systemd.syntax(7).
    #[test]
    fn sections_comments_and_continued_lines_are_read() {
        let text = "[Section A]\nKeyOne=value 1\n# a comment\n\n[Section B]\n\
                    Setting=\"something\" \\\n; between\n  more\nnothing\n";
        let line = |section: &str, key: &str, value: &str| Line {
            section: section.into(),
            key: key.into(),
            value: value.into(),
        };
        let want = [
            line("Section A", "KeyOne", "value 1"),
            line("Section B", "Setting", "\"something\"  more"),
        ];
        assert_eq!(parse(text), want);
    }

    #[test]
    fn a_boolean_is_one_of_six_words_each() {
        assert_eq!(boolean("No"), Some(false));
        assert_eq!(boolean("on"), Some(true));
        assert_eq!(boolean("2"), None);
        assert_eq!(boolean(""), None);
    }
}
