//! The command line.

use std::ffi::OsString;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use inventory_core::Text;

use super::{
    bless::BlessArgs, check::Scope, dead_letters::DeadLettersCommand, detach::DetachArgs,
    exit::Trouble, export::ExportArgs, import::ImportArgs, journal::TailArgs, rebuild::RebuildArgs,
    repair::RepairArgs, reservation::ReservationArgs, words::words,
};
use crate::config::Stores;

/// Compares Redis and MariaDB, and repairs what differs.
///
/// Exit codes: 0 fine; 1 drift, or rows that were rejected; 2 it could not be told (a side is away,
/// the shard is fenced, the projection is behind); 64 the arguments make no sense.
#[derive(Debug, Parser)]
#[command(name = "reconcile", version, max_term_width = 100)]
pub struct Cli {
    /// Where both sides are.
    #[command(flatten)]
    pub stores: Stores,
    /// Say it in JSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// Who you are: the journal has it as `reconcile:<user>`.
    #[arg(
        long,
        env = "USER",
        default_value = "unknown",
        hide_env_values = true,
        global = true
    )]
    pub user: String,
    /// What goes to the log on standard error.
    #[arg(long, env = "SYNC_LOG_LEVEL", default_value = "error", global = true)]
    pub log_level: String,
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
    /// The same as [`words`].
    #[arg(skip)]
    pub(super) asked: String,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// How both sides stand.
    Status,
    /// Compare both sides while they go on.
    Check(Scope),
    /// Make one side as the other is, journaled.
    Repair(RepairArgs),
    /// Check what must always be so, in MariaDB and between both.
    VerifyInvariants,
    /// Fill one side anew from the other.
    Rebuild(RebuildArgs),
    /// Open a fenced shard without MariaDB.
    Bless(BlessArgs),
    /// Take the projection off the shard: servers open it by themselves from then on.
    Detach(DetachArgs),
    /// Set on-hand quantities from a CSV file.
    Import(ImportArgs),
    /// Write on-hand quantities to a CSV file.
    Export(ExportArgs),
    /// What Redis has journaled.
    #[command(subcommand)]
    Journal(Journal),
    /// Changes that MariaDB refused.
    #[command(subcommand)]
    DeadLetters(DeadLettersCommand),
    /// One reservation on both sides, and its history.
    Reservation(ReservationArgs),
}

#[derive(Debug, Subcommand)]
pub(super) enum Journal {
    /// The last entries, or those after one.
    Tail(TailArgs),
}

impl Command {
    /// Whether it may change something.
    pub(super) fn changes(&self) -> bool {
        match self {
            Self::Status
            | Self::Check(_)
            | Self::Export(_)
            | Self::Journal(_)
            | Self::Reservation(_)
            | Self::VerifyInvariants => false,
            Self::Repair(args) => !args.dry_run,
            Self::Import(args) => !args.dry_run,
            Self::Rebuild(_) | Self::Bless(_) | Self::Detach(_) => true,
            Self::DeadLetters(command) => !matches!(command, DeadLettersCommand::List { .. }),
        }
    }
}

impl Cli {
    /// Reads the command line, whose first word is the program.
    ///
    /// # Errors
    /// What is wrong with it, or the help that was asked for.
    pub(super) fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let matches = Self::command().try_get_matches_from(arguments)?;
        let mut cli =
            Self::from_arg_matches(&matches).map_err(|error| error.format(&mut Self::command()))?;
        cli.asked = words(&Self::command(), &matches);
        Ok(cli)
    }

    /// The actor of what is journaled.
    pub(super) fn who(&self) -> Result<Text, Trouble> {
        Text::parse(&format!("reconcile:{}", self.user))
            .map_err(|error| Trouble::Usage(format!("--user {error}")))
    }
}
