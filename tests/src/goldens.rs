//! Goldens: what a case gives, beside what was reviewed. `BLESS=1` rewrites them.

use std::path::{Path, PathBuf};

/// The folders of all cases, sorted.
///
/// # Panics
///
/// When the folder cannot be read.
pub fn cases(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).expect("the folder of the cases");
    let mut cases: Vec<_> = entries.map(|it| it.expect("an entry of it").path()).collect();
    cases.sort();
    cases
}

/// Compares the views of every case in `dir` with its `want/` files, by name; with `BLESS=1`
/// writes them instead.
///
/// # Panics
///
/// When one differs or is not there; it names all that do, and what to run.
pub fn compare<N: AsRef<str>, V: IntoIterator<Item = (N, String)>>(
    dir: &Path,
    views: impl Fn(&Path) -> V,
) {
    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = Vec::new();
    for case in cases(dir) {
        for (name, got) in views(&case) {
            let path = case.join("want").join(name.as_ref());
            if bless {
                std::fs::create_dir_all(case.join("want")).expect("a folder for what is wanted");
                std::fs::write(&path, got).expect("a file for what is wanted");
            } else if std::fs::read_to_string(&path).ok().as_deref() != Some(&got) {
                wrong.push(path.strip_prefix(crate::root()).unwrap_or(&path).to_owned());
            }
        }
    }
    let suite = dir.file_name().unwrap_or_default().to_string_lossy();
    assert!(
        wrong.is_empty(),
        "{wrong:#?} differ: run `BLESS=1 cargo test -p bpfready-tests {suite}`, review the git diff"
    );
}
