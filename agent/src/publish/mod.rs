//! Telling: a report as text, JSON and the forms that other tools read.

pub mod bpftool;
pub mod json;
pub mod labels;
pub mod names;
pub mod prometheus;
pub mod text;
mod words;
