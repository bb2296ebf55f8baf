//! `reconcile import`: counts from a file. Read and checked as a whole before anything is applied.

mod apply;
mod file;

use std::path::PathBuf;

use clap::Args;
use inventory_core::{LimitChange, StockKey, Text};
use serde::Serialize;
use serde_json::json;

use self::apply::Applied;
use super::{
    exit::{Exit, Trouble},
    output::{Output, Table},
    stores::engine,
};
use crate::config::Stores;

/// The columns of a file. The last two may be left out.
pub(super) const COLUMNS: [&str; 5] = [
    "skuId",
    "locationId",
    "onHandQuantity",
    "purchaseLimit",
    "purchaseLimitWindowSeconds",
];

/// Rows of `skuId,locationId,onHandQuantity[,purchaseLimit,purchaseLimitWindowSeconds]`, with this
/// header.
///
/// An empty location is `default`; an empty purchase limit leaves the SKU's limit as it is; an empty
/// window is for life. Each row is a count under an id made of the file's content and the line: the
/// same file again changes nothing, as long as outcomes are kept.
#[derive(Debug, Clone, Args)]
pub(super) struct ImportArgs {
    /// The file.
    file: PathBuf,
    /// Apply the rows that are sound where others are not.
    #[arg(long)]
    partial: bool,
    /// Only read and check the file, and say what it would do.
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// A sound row.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    line: u64,
    key: StockKey,
    on_hand: u64,
    limit: LimitChange,
}

/// What is wrong with a row, or why it was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Rejected {
    line: u64,
    field: String,
    reason: String,
}

pub(super) async fn run(
    stores: &Stores,
    who: &Text,
    args: &ImportArgs,
    out: Output,
) -> Result<Exit, Trouble> {
    let file = file::read(&args.file)?;
    if !file.rejected.is_empty() && !args.partial {
        return report("rejected", &Applied::default(), &file.rejected, out);
    }
    let engine = engine(stores, who).await?;
    let name = args.file.file_name().map(|name| name.to_string_lossy());
    let reason = format!("import {}", name.unwrap_or_default());
    let reason = Text::parse(&reason).ok();
    let (outcome, mut applied) = if args.dry_run {
        ("dry run", apply::preview(&engine, &file, out).await?)
    } else {
        let applied = apply::apply(&engine, &file, reason, who, out).await?;
        ("imported", applied)
    };
    let mut rejected = file.rejected;
    rejected.append(&mut applied.refused);
    rejected.sort_by_key(|row| row.line);
    report(outcome, &applied, &rejected, out)
}

fn report(
    outcome: &str,
    applied: &Applied,
    rejected: &[Rejected],
    out: Output,
) -> Result<Exit, Trouble> {
    let Applied {
        created,
        counted,
        replayed,
        ..
    } = applied;
    if out.json {
        out.report(&json!({
            "outcome": outcome, "created": created, "counted": counted, "replayed": replayed,
            "rejected": rejected,
        }))?;
        return Ok(Exit::found(!rejected.is_empty()));
    }
    if !rejected.is_empty() {
        let mut table = Table::new(&["line", "field", "reason"]);
        for row in rejected {
            table.row(vec![
                row.line.to_string(),
                row.field.clone(),
                row.reason.clone(),
            ]);
        }
        out.table(&table)?;
    }
    out.line(&format!(
        "{outcome}: {created} created, {counted} counted, {replayed} as a run of this file before \
         left them, {} rejected{}",
        rejected.len(),
        if outcome == "rejected" {
            "; nothing was applied"
        } else {
            ""
        }
    ))?;
    Ok(Exit::found(!rejected.is_empty()))
}
