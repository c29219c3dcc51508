//! Everything about this repository that is automated: `cargo xtask --help`.

mod axe;
mod bench;
mod ci;
mod compose;
mod deny;
mod generate;
mod python;
mod requirements;
mod step;
mod synapse;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What a developer of this repository runs.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run the tests, on servers that are started for them
    Test {
        /// For the test runner: packages, filters, options; everything is tested without any
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Measure the gateway in release: round trips per second, latencies, memory
    Bench {
        /// For the benchmark: --help shows them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run all that must pass before a change lands: format, lints, documentation, dependencies, tests
    Ci,
    /// Regenerate the query data of the stores after a change of a query or a migration
    Generate {
        /// Change nothing; fail where the data are out of date
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Test { arguments } => test::test(&arguments),
        Task::Bench { arguments } => bench::bench(&arguments),
        Task::Ci => ci::ci(),
        Task::Generate { check } => generate::generate(check),
    };
    let Err(error) = result else { return ExitCode::SUCCESS };
    eprintln!("error: {error:#}");
    // Something to install is the reader's to do; anything else is a failure of what was run.
    if error.is::<requirements::Missing>() { ExitCode::from(2) } else { ExitCode::FAILURE }
}
