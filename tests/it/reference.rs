//! The pages of reference are what the code says.
//!
//! `cargo xtask docs` rewrites them, by `BLESS=1 cargo test -p bpfready-tests reference`.

use bpfready::publish::reference;

#[track_caller]
fn expect(path: &str, page: String) {
    let file = bpfready_tests::root().join(path);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&file, page).unwrap();
    } else {
        let is_same = std::fs::read_to_string(&file).is_ok_and(|it| it == page);
        assert!(is_same, "{path} is not up to date: run `cargo xtask docs`");
    }
}

#[test]
fn metrics() {
    expect("docs/metrics.md", reference::metrics());
}

#[test]
fn labels() {
    expect("docs/labels.md", reference::labels());
}
