//! `reconcile repair`: makes one side as the other is. Every repair is a journal entry with actor
//! and reason, which the projection applies like any other.

mod reservation;
mod stock;

use clap::{Args, ValueEnum};
use inventory_core::Text;
use serde::Serialize;
use serde_json::json;

use super::{
    check::{Checker, Drift, Scope, Subject, check, table},
    exit::{Exit, Trouble},
    output::{Output, Table},
    stores::Both,
};

/// The side that is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Side {
    /// What Redis has is accepted, and MariaDB takes it over.
    Redis,
    /// What no journal entry says is undone in Redis.
    Mariadb,
}

#[derive(Debug, Clone, Args)]
pub(super) struct RepairArgs {
    /// The side that is right.
    #[arg(long, value_enum)]
    from: Side,
    #[command(flatten)]
    scope: Scope,
    /// Only say what would be done.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Why: the journal has it.
    #[arg(long, value_parser = Text::parse)]
    reason: Text,
}

/// What a repair came to, or would come to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Done {
    /// It was done: what.
    Repaired(String),
    /// It would be done: what.
    Planned(String),
    /// It was not, and why.
    Refused(String),
}

#[derive(Debug, Serialize)]
struct Line {
    kind: &'static str,
    id: String,
    outcome: &'static str,
    detail: String,
}

/// How to repair.
#[derive(Debug)]
struct Repairer<'a> {
    both: &'a Both,
    checker: Checker<'a>,
    from: Side,
    dry_run: bool,
    reason: &'a Text,
}

pub(super) async fn run(both: &Both, args: &RepairArgs, out: Output) -> Result<Exit, Trouble> {
    let found = check(both, &args.scope, out).await?.drift;
    let repairer = Repairer {
        both,
        checker: Checker::new(both, &args.scope),
        from: args.from,
        dry_run: args.dry_run,
        reason: &args.reason,
    };
    let bar = out.progress(found.len() as u64, "repairing");
    let (mut lines, mut repaired) = (Vec::new(), Vec::new());
    for drift in &found {
        let done = repairer.repair(&drift.subject).await?;
        let (outcome, detail) = match done {
            Done::Repaired(what) => {
                repaired.push(drift.subject.clone());
                ("repaired", what)
            }
            Done::Planned(what) => ("planned", what),
            Done::Refused(why) => ("refused", why),
        };
        lines.push(Line {
            kind: drift.kind,
            id: drift.id.clone(),
            outcome,
            detail,
        });
        bar.inc(1);
    }
    bar.finish_and_clear();
    let left = repairer.left(&repaired).await?;
    let clean = left.is_empty() && lines.iter().all(|line| line.outcome == "repaired");
    report(&lines, &left, clean, out)?;
    Ok(Exit::found(!clean))
}

fn report(lines: &[Line], left: &[Drift], clean: bool, out: Output) -> Result<(), Trouble> {
    if out.json {
        let outcome = if clean { "clean" } else { "drift" };
        out.report(&json!({"outcome": outcome, "repairs": lines, "drift": left}))?;
        return Ok(());
    }
    if lines.is_empty() {
        out.line("nothing differs")?;
        return Ok(());
    }
    let mut repairs = Table::new(&["kind", "id", "outcome", "detail"]);
    for line in lines {
        repairs.row(vec![
            line.kind.to_owned(),
            line.id.clone(),
            line.outcome.to_owned(),
            line.detail.clone(),
        ]);
    }
    out.table(&repairs)?;
    if !left.is_empty() {
        out.line("still different:")?;
        out.table(&table(left))?;
    }
    Ok(())
}

impl Repairer<'_> {
    async fn repair(&self, subject: &Subject) -> Result<Done, Trouble> {
        match subject {
            Subject::Stock(key) => self.stock(key).await,
            Subject::Reservation(id) => self.reservation(id).await,
            Subject::Key(_) => Ok(Done::Refused(
                "the engine does not read it: look what wrote it, and remove it by hand".to_owned(),
            )),
            Subject::Retired(_) => Ok(Done::Refused(
                "only `reconcile rebuild` writes what a retired stock goes on from".to_owned(),
            )),
            Subject::Operation(_) | Subject::Limit(_) | Subject::Used(..) => Ok(Done::Refused(
                "only `reconcile rebuild` writes outcomes, limits and counters".to_owned(),
            )),
        }
    }

    /// What differs after the repairs, once the projection has them.
    async fn left(&self, repaired: &[Subject]) -> Result<Vec<Drift>, Trouble> {
        let (mut stocks, mut reservations) = (Vec::new(), Vec::new());
        for subject in repaired {
            match subject {
                Subject::Stock(key) => stocks.push(key.clone()),
                Subject::Reservation(id) => reservations.push(id.clone()),
                Subject::Operation(_)
                | Subject::Limit(_)
                | Subject::Used(..)
                | Subject::Retired(_)
                | Subject::Key(_) => {}
            }
        }
        let mut left = Vec::new();
        for keys in stocks.chunks(crate::limits::SLICE_KEYS_MAX) {
            left.extend(self.checker.settled_stocks(keys.to_vec()).await?);
        }
        for ids in reservations.chunks(crate::limits::SLICE_KEYS_MAX) {
            left.extend(self.checker.settled_reservations(ids.to_vec()).await?);
        }
        Ok(left)
    }
}
