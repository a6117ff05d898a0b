//! What the pages tell people to type is what the program and the manifests have.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::run::bpfready;

/// Every page, but for the ones that are made from data.
fn pages() -> Vec<PathBuf> {
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
fn commands(page: &Path, program: &str) -> Vec<String> {
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
