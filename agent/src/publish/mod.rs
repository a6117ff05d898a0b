//! Telling: a report as text, JSON and the forms that other tools read.

pub mod bpftool;
pub mod cluster;
pub mod json;
pub mod labels;
pub mod names;
#[cfg(feature = "kubernetes")]
pub mod node;
#[cfg(feature = "kubernetes")]
pub mod page;
pub mod prometheus;
#[cfg(feature = "kubernetes")]
pub mod reference;
#[cfg(feature = "kubernetes")]
pub mod serve;
pub mod text;
mod words;
