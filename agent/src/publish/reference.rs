//! Pages of reference about every name the outside sees: `docs/metrics.md` and `docs/labels.md`.
//! They are made from the tables of [`names`](super::names) and from the closed sets themselves.

mod labels;
mod metrics;
mod values;

pub use labels::page as labels;
pub use metrics::page as metrics;
pub use values::{Values, of as values_of};

/// Says where a page comes from.
const MADE: &str = "Written by `cargo xtask docs` from the tables in `agent/src/publish/names.rs`; do not edit.\n\n";

/// Words as code, in one line.
fn code<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")
}
