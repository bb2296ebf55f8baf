//! `reconcile`: proves that both sides agree, shows where they do not, and repairs it. One file a
//! command.
//!
//! It changes Redis only through the engine, journaled with actor and reason, and MariaDB only
//! through the projection of what was journaled (or, as the worker does, through `recover`).

mod bless;
mod check;
mod cli;
mod dead_letters;
mod detach;
mod exit;
mod export;
mod import;
mod journal;
mod output;
mod rebuild;
mod repair;
mod reservation;
mod status;
mod stores;
mod verify;
mod words;

use std::{ffi::OsString, io::Write, process::ExitCode};

use inventory_core::Text;
use serde_json::json;
use service_kit::{audit, db};

pub use self::{
    cli::Cli,
    exit::{Exit, Trouble},
};
use self::{
    cli::Command,
    exit::EX_USAGE,
    output::{Output, say},
    stores::Both,
};
use crate::log;

/// The whole program: 0 fine, 1 drift or rejected rows, 2 could not tell, 64 usage.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::read(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { EX_USAGE } else { 0 };
            // A closed stream is no reason to fail.
            drop(error.print());
            return ExitCode::from(code);
        }
    };
    // A file that is of no use is an error of the command.
    let trust = cli.stores.trust().unwrap_or_default();
    log::init(log::Format::Text, &cli.log_level, &trust);
    let json = cli.json;
    let ended = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Trouble::File)
        .and_then(|runtime| runtime.block_on(run(cli)));
    let code = match ended {
        Ok(exit) => exit.code(),
        Err(Trouble::File(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            Exit::Fine.code()
        }
        Err(trouble) => {
            say(&format!("reconcile: {trouble}"));
            if json {
                let outcome = if trouble.code() == EX_USAGE {
                    "usage"
                } else {
                    "unclear"
                };
                let text = json!({"outcome": outcome, "reason": trouble.to_string()});
                drop(writeln!(std::io::stdout(), "{text}"));
            }
            trouble.code()
        }
    };
    ExitCode::from(code)
}

/// Runs one command; one that may change something leaves a line in the audit.
///
/// # Errors
/// [`Trouble`]: it came to no end of its own.
pub async fn run(cli: Cli) -> Result<Exit, Trouble> {
    let who = cli.who()?;
    let asked = cli.command.changes().then(|| cli.asked.clone());
    let ended = command(cli, &who).await;
    if let Some(asked) = asked {
        let outcome = match &ended {
            Ok(Exit::Fine) => "done",
            Ok(_) => "refused",
            Err(_) => "failed",
        };
        audit::Line {
            who: who.as_str(),
            action: "reconcile",
            on: &asked,
            outcome,
            status: None,
            request_id: None,
        }
        .write();
    }
    ended
}

async fn command(mut cli: Cli, who: &Text) -> Result<Exit, Trouble> {
    let out = Output::new(cli.json);
    let trust = cli.stores.trust()?;
    cli.stores.database_url = db::trusting(&cli.stores.database_url, &trust);
    // These do without one of the sides.
    match &cli.command {
        Command::Status => return status::run(&cli.stores, who, out).await,
        Command::Detach(args) => return detach::run(&cli.stores, who, args, out).await,
        Command::Bless(args) => return bless::run(&cli.stores, who, args, out).await,
        Command::Export(args) => return export::run(&cli.stores, who, args, out).await,
        Command::Import(args) => return import::run(&cli.stores, who, args, out).await,
        Command::Journal(cli::Journal::Tail(args)) => {
            return journal::run(&cli.stores, who, args, out).await;
        }
        Command::DeadLetters(args) => {
            return dead_letters::run(&cli.stores, who, args, out).await;
        }
        Command::Check(_)
        | Command::Repair(_)
        | Command::VerifyInvariants
        | Command::Rebuild(_)
        | Command::Reservation(_) => {}
    }
    let both = Both::connect(&cli.stores, who).await?;
    match &cli.command {
        Command::Check(scope) => check::run(&both, scope, out).await,
        Command::Repair(args) => repair::run(&both, args, out).await,
        Command::VerifyInvariants => verify::run(&both, out).await,
        Command::Rebuild(args) => Box::pin(rebuild::run(&both, args, out)).await,
        Command::Reservation(args) => reservation::run(&both, args, out).await,
        Command::Status
        | Command::Detach(_)
        | Command::Bless(_)
        | Command::Export(_)
        | Command::Import(_)
        | Command::Journal(_)
        | Command::DeadLetters(_) => Ok(Exit::Fine),
    }
}
