//! `cargo xtask`: what CI and a person run.
fn main() {}
