//! What the pages tell people to type is what the program and the manifests have.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::run::bpfready;

/// Every page, but for the ones that are made from data.
pub(crate) fn pages() -> Vec<PathBuf> {
    let root = bpfready_tests::root();
    let mut pages = Vec::new();
    for folder in ["", "docs", "docs/runbooks", "manifests"] {
        let entries = std::fs::read_dir(root.join(folder)).unwrap();
        let files = entries.map(|it| it.unwrap().path());
        pages.extend(files.filter(|it| it.extension().is_some_and(|it| it == "md")));
    }
    assert!(pages.len() > 10, "{pages:?}");
    pages
}

/// Lines and code spans of a page that begin with this program.
pub(crate) fn commands(page: &Path, program: &str) -> Vec<String> {
    let text = std::fs::read_to_string(page).unwrap();
    let lines = text.lines().filter(|it| !it.contains('`')).map(str::to_owned);
    let spans = text.lines().flat_map(|it| it.split('`').skip(1).step_by(2)).map(str::to_owned);
    let ours = lines.chain(spans).filter_map(|it| Some(it.strip_prefix(program)?.to_owned()));
    // What follows is the shell's, or a remark.
    ours.map(|it| it.split(['#', '|', '>', '…']).next().unwrap().trim().to_owned()).collect()
}

#[test]
fn every_command_of_ours_is_one_that_the_program_knows() {
    let mut tried = BTreeSet::new();
    for page in pages() {
        for command in commands(&page, "bpfready ") {
            if !tried.insert(command.clone()) {
                continue;
            }
            // An argument that it does not know is refused before help is given.
            let mut args: Vec<&str> = command.split_whitespace().collect();
            args.push("--help");
            let run = bpfready(&args);
            assert_eq!(run.code, Some(0), "{}: bpfready {command}: {}", page.display(), run.stderr);
        }
    }
    assert!(tried.len() > 5, "{tried:?}");
}

#[test]
fn every_folder_of_manifests_that_is_applied_is_there() {
    let mut seen = 0;
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for (at, _) in text.match_indices("manifests/") {
            let rest = &text[at..];
            let end = rest.find(|it: char| !it.is_ascii_alphanumeric() && !"/-_.".contains(it));
            let path = rest[..end.unwrap_or(rest.len())].trim_end_matches(['.', '/']);
            if !text[..at].ends_with(['/', '.']) {
                assert!(bpfready_tests::root().join(path).exists(), "{}: {path}", page.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 5, "{seen}");
}

/// The anchor that GitHub gives a heading: lower case, words joined, no other signs.
fn anchor(heading: &str) -> String {
    let plain = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = plain.chars().filter(|it| it.is_alphanumeric() || " -_".contains(*it));
    kept.map(|it| if it == ' ' { '-' } else { it }).collect()
}

/// Where the links of a page lead, but for those into the world.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|it| Some(it.split_once(')')?.0));
    targets.filter(|it| !it.starts_with("http"))
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let generated = ["docs/metrics.md", "docs/labels.md", "docs/bpftool-differences.md"];
    let generated = generated.map(|it| bpfready_tests::root().join(it));
    let mut seen = 0;
    for page in pages().into_iter().chain(generated) {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in links(&text) {
            let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => page.clone(),
                _ => page.parent().unwrap().join(path),
            };
            assert!(target.exists(), "{}: {link}", page.display());
            if !fragment.is_empty() {
                let there = std::fs::read_to_string(&target).unwrap();
                let mut headings = there.lines().filter(|it| it.starts_with('#')).map(anchor);
                assert!(headings.any(|it| it == fragment), "{}: {link}", page.display());
            }
            seen += 1;
        }
    }
    assert!(seen > 30, "{seen}");
}

/// A name that nobody exports or reads sends its reader on a search.
#[test]
fn every_metric_and_variable_that_a_page_names_is_one_of_ours() {
    let reference =
        std::fs::read_to_string(bpfready_tests::root().join("docs/metrics.md")).unwrap();
    let variables =
        ["agent", "controller", "check", "cluster"].map(|it| bpfready(&[it, "--help"]).stdout);
    let is_of_name = |it: char| it.is_ascii_alphanumeric() || it == '_';
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for word in text.split(|it| !is_of_name(it)) {
            let known = match word {
                // Of the tests and benchmarks: which binary, which image.
                "BPFREADY_BIN" | "BPFREADY_IMAGE" => true,
                _ if word.starts_with("bpfready_") => is_metric(&reference, word),
                _ if word.starts_with("BPFREADY_") => variables.iter().any(|it| it.contains(word)),
                _ => true,
            };
            assert!(known, "{}: {word}", page.display());
        }
    }
}

/// By its own heading, or as a series of a histogram.
fn is_metric(reference: &str, name: &str) -> bool {
    let of = ["_bucket", "_count", "_sum"].iter().find_map(|it| name.strip_suffix(it));
    [Some(name), of].into_iter().flatten().any(|it| reference.contains(&format!("### `{it}`")))
}
