//! Rule: a page under `docs/` is named by another file, or nobody will find it.

use super::Violation;

/// `pages`: Markdown files; `texts`: all files that may name them. Each with path and content.
pub(super) fn check(pages: &[(String, String)], texts: &[(String, String)]) -> Vec<Violation> {
    let in_docs = pages.iter().map(|(path, _)| path).filter(|it| it.starts_with("docs/"));
    let lost = in_docs.filter(|page| {
        let is_named = |(path, text): &(String, String)| path != *page && text.contains(*page);
        !texts.iter().any(is_named)
    });
    lost.map(|it| Violation::new(it, 0, "no other file names this page")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_nobody_names_is_caught() {
        let page = ("docs/a.md".to_owned(), "docs/a.md is this page".to_owned());
        let readme = ("README.md".to_owned(), "See docs/a.md.".to_owned());
        let pages = [page.clone()];
        assert_eq!(check(&pages, &pages).len(), 1);
        assert_eq!(check(&pages, &[page, readme]), []);
    }
}
