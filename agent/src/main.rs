//! The `bpfready` binary: arguments, logging, dispatch, exit code.

fn main() {}
