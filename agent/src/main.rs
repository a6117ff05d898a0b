//! The `bpfready` binary: arguments, logging, dispatch, exit code.

use std::process::ExitCode;

use bpfready::cmd::{self, Answer, Cli};
use clap::Parser;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cmd::run(cli) {
        Ok(answer) => answer.into(),
        Err(error) => {
            anstream::eprintln!("error: {}", words(&error));
            Answer::Unknown.into()
        }
    }
}

/// The error and its causes, each said once: some messages hold their cause already.
fn words(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |said, cause| {
        match (said.is_empty(), said.contains(&cause)) {
            (true, _) => cause,
            (_, true) => said,
            (false, false) => format!("{said}: {cause}"),
        }
    })
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    use super::*;

    #[test]
    fn a_cause_that_was_said_is_not_said_again() {
        let error = Err::<(), _>(anyhow!("no such file"))
            .context("cannot open x: no such file")
            .context("cannot judge")
            .unwrap_err();
        assert_eq!(words(&error), "cannot judge: cannot open x: no such file");
    }
}
