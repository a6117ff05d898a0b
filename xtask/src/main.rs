//! `cargo xtask`: what CI and a person run. One file a task.

mod apt;
mod audit;
mod bench;
mod build;
mod ci;
mod container;
mod docs;
mod elf;
mod fuzz;
mod image;
mod kernels;
mod manifests;
mod places;
mod process;
mod progress;
mod run;
mod setup;
mod test;
mod tidy;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use setup::Purpose;

/// The project's tasks. Each installs what it needs and is missing (as root on Debian), or says
/// exactly what to install.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Install what is missing
    Setup {
        /// What for
        #[arg(value_enum, default_value = "build")]
        purpose: Purpose,
    },
    /// Build the agent and look at this machine with `bpfready check`
    Run {
        /// Arguments for `bpfready check`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Run all tests
    Test {
        /// Arguments for `cargo test`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Do what CI does
    Ci,
    /// Boot other kernels in virtual machines, compare with bpftool, test what needs them
    Kernels {
        /// Names (5.10 6.1 6.12 sid 6.1-arm64 6.12-arm64), or `datapath`: the tests on objects that
        /// few kernels have; all without
        names: Vec<String>,
    },
    /// Measure the figures: of speed beside bpftool, or one of the others by name
    Bench {
        /// What else
        #[arg(value_enum)]
        what: Option<bench::What>,
        /// How long the agent's peace or the soak lasts
        #[arg(long, requires = "what")]
        seconds: Option<u64>,
    },
    /// Write the pages that are made from data
    Docs {
        /// Only say whether they are up to date
        #[arg(long)]
        check: bool,
    },
    /// Build the container image for x86-64 and arm64, with its SBOM
    Image(image::Asked),
    /// Make the Kustomize base and its parts from the Helm chart
    Manifests {
        /// Only say whether they are up to date
        #[arg(long)]
        check: bool,
        /// Have checkov look at them as well
        #[arg(long)]
        audit: bool,
    },
    /// Check layering, sizes and names
    Tidy,
    /// Build the release binary: stripped, static
    Build,
    /// Feed the parsers with broken input for a while
    Fuzz {
        /// A file of `fuzz/targets`, without `.rs`; all of them when left out
        target: Option<String>,
        /// How long each target runs
        #[arg(long, default_value_t = 60)]
        seconds: u32,
    },
}

fn main() -> ExitCode {
    match run_task(Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run_task(task: Task) -> Result<()> {
    match task {
        Task::Setup { purpose } => setup::setup(purpose),
        Task::Run { args } => run::run(&args),
        Task::Test { args } => test::test(&args),
        Task::Ci => ci::ci(),
        Task::Kernels { names } => kernels::kernels(&names),
        Task::Bench { what: None, .. } => bench::bench(),
        Task::Bench { what: Some(what), seconds } => bench::example(what, seconds),
        Task::Docs { check } => {
            docs::docs(if check { docs::Mode::Check } else { docs::Mode::Write })
        }
        Task::Image(asked) => image::image(asked),
        Task::Manifests { check, audit } => {
            let mode = if check { manifests::Mode::Check } else { manifests::Mode::Write };
            manifests::manifests(mode)?;
            if audit { audit::audit() } else { Ok(()) }
        }
        Task::Tidy => tidy::tidy(),
        Task::Fuzz { target, seconds } => fuzz::fuzz(target.as_deref(), seconds),
        Task::Build => build::release().map(|it| println!("{}", it.display())),
    }
}
