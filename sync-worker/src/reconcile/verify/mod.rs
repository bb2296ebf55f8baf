//! `reconcile verify-invariants`: what must always be so.
//!
//! Each rule reads MariaDB in bounded ranges, those that belong together in one snapshot; what was
//! projected holds at every committed transaction.

mod chain;
mod resolved;
mod stocks;

use serde::Serialize;
use serde_json::json;

use super::{
    exit::{Exit, Trouble},
    output::{Output, Table},
    stores::Both,
};

/// A rule that something breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Violation {
    rule: &'static str,
    id: String,
    detail: String,
}

impl Violation {
    fn new(rule: &'static str, id: impl ToString, detail: impl Into<String>) -> Self {
        Self {
            rule,
            id: id.to_string(),
            detail: detail.into(),
        }
    }
}

/// What was looked at.
#[derive(Debug, Default, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked {
    stocks: u64,
    open_holds: u64,
    journal_rows: u64,
    reservations: u64,
}

pub(super) async fn run(both: &Both, out: Output) -> Result<Exit, Trouble> {
    both.comparable().await?;
    let (mut found, mut checked) = (Vec::new(), Checked::default());
    let bar = out.progress(4, "verifying");
    stocks::figures(both, &mut found, &mut checked).await?;
    bar.inc(1);
    chain::check(both, &mut found, &mut checked).await?;
    bar.inc(1);
    resolved::check(both, &mut found, &mut checked).await?;
    bar.inc(1);
    stocks::versions(both, &mut found).await?;
    bar.finish_and_clear();
    let exit = Exit::found(!found.is_empty());
    if out.json {
        let outcome = if found.is_empty() {
            "clean"
        } else {
            "violations"
        };
        out.report(&json!({"outcome": outcome, "violations": found, "checked": checked}))?;
        return Ok(exit);
    }
    if !found.is_empty() {
        let mut table = Table::new(&["rule", "id", "detail"]);
        for violation in &found {
            table.row(vec![
                violation.rule.to_owned(),
                violation.id.clone(),
                violation.detail.clone(),
            ]);
        }
        out.table(&table)?;
    }
    let Checked {
        stocks,
        open_holds,
        journal_rows,
        reservations,
    } = checked;
    out.line(&format!(
        "{}: {stocks} stocks, {open_holds} open holds, {journal_rows} rows of the audit log, \
         {reservations} reservations",
        match found.len() {
            0 => "all invariants hold".to_owned(),
            1 => "1 violation".to_owned(),
            many => format!("{many} violations"),
        }
    ))?;
    Ok(exit)
}
