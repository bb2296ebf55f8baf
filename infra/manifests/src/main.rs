//! `manifests`: makes resources, and rehearses Dockerfiles.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use manifests::{generate, rehearse, root};

/// What runs the workspace elsewhere.
#[derive(Debug, Parser)]
#[command(name = "manifests")]
struct Flags {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Writes the resources that follow from the contracts, infra/debezium and infra/prometheus.
    Generate,
    /// Executes the steps of a Dockerfile in a fresh Debian made by debootstrap, starts what it made, and keeps the
    /// result. As root.
    Rehearse {
        /// The Dockerfile.
        dockerfile: PathBuf,
        /// Where its folders are made; they take some 10 GB until the end.
        #[arg(long, value_name = "DIR", default_value = "/var/tmp")]
        scratch: PathBuf,
        /// Leave the folders there.
        #[arg(long)]
        keep: bool,
    },
}

fn main() -> ExitCode {
    let done = match Flags::parse().command {
        Command::Generate => generate::write(&root())
            .map(|written| {
                let shown: Vec<_> = written
                    .iter()
                    .map(|path| path.display().to_string())
                    .collect();
                format!("written: {}", shown.join(" "))
            })
            .map_err(|error| error.to_string()),
        Command::Rehearse {
            dockerfile,
            scratch,
            keep,
        } => rehearse::run(&root(), &dockerfile, &scratch, keep).map_err(|error| error.to_string()),
    };
    let (text, code) = match done {
        Ok(text) => (text, ExitCode::SUCCESS),
        Err(text) => (text, ExitCode::FAILURE),
    };
    // A closed output is no reason to end otherwise.
    drop(writeln!(io::stderr(), "{text}"));
    code
}
