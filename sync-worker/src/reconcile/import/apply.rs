//! Rows become counts, some at once, each under an id of its own.

use futures_util::{StreamExt, stream};
use inventory_core::{
    Context, Count, Fault, OperationId, Refusal, ShardId, Text, engine::Engine,
    limits::STOCK_PAGE_MAX,
};

use super::{Rejected, Row, file::Content};
use crate::{
    limits::{RECONCILE_CHANGE_TIMEOUT, RECONCILE_CONNECTIONS},
    reconcile::{exit::Trouble, output::Output, stores::within},
};

/// What an import did, or would do.
#[derive(Debug, Default)]
pub(super) struct Applied {
    pub(super) created: u64,
    pub(super) counted: u64,
    pub(super) replayed: u64,
    pub(super) refused: Vec<Rejected>,
}

const SHARD: ShardId = ShardId::ZERO;

/// Applies the rows. A refused one is noted and the others go on; a fault ends it, and the same
/// file again goes on where this ended.
pub(super) async fn apply(
    engine: &Engine,
    file: &Content,
    reason: Option<Text>,
    who: &Text,
    out: Output,
) -> Result<Applied, Trouble> {
    let bar = out.progress(file.rows.len() as u64, "importing");
    let mut applied = Applied::default();
    let calls = usize::try_from(RECONCILE_CONNECTIONS).unwrap_or(1);
    let mut counts = stream::iter(&file.rows)
        .map(|row| count(engine, &file.fingerprint, row, reason.clone(), who))
        .buffer_unordered(calls);
    while let Some(counted) = counts.next().await {
        match counted.map_err(|fault| unfinished(&applied, &fault))? {
            Counted::Created => applied.created += 1,
            Counted::Done => applied.counted += 1,
            Counted::Replayed => applied.replayed += 1,
            Counted::Refused(rejected) => applied.refused.push(rejected),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(applied)
}

fn unfinished(applied: &Applied, fault: &Fault) -> Trouble {
    let done = applied.created + applied.counted + applied.replayed;
    Trouble::Unclear(format!(
        "{fault}; {done} rows were applied, others may have been. Import the same file again: what \
         was applied is not applied twice"
    ))
}

enum Counted {
    Created,
    Done,
    Replayed,
    Refused(Rejected),
}

async fn count(
    engine: &Engine,
    fingerprint: &str,
    row: &Row,
    reason: Option<Text>,
    who: &Text,
) -> Result<Counted, Fault> {
    let id = format!("import-{fingerprint}-{}", row.line);
    let operation = OperationId::parse(&id).map_err(|error| Fault::Protocol(error.to_string()))?;
    let command = Count {
        operation,
        key: row.key.clone(),
        on_hand: row.on_hand,
        expected_version: None,
        limit: row.limit,
        reason,
        context: Context {
            actor: Some(who.clone()),
            ..Context::default()
        },
    };
    let deadline = within(RECONCILE_CHANGE_TIMEOUT);
    match engine.count(SHARD, &command, deadline).await {
        Ok(Ok(success)) if success.replayed => Ok(Counted::Replayed),
        Ok(Ok(success)) if success.value.created => Ok(Counted::Created),
        Ok(Ok(_)) => Ok(Counted::Done),
        Ok(Err(refusal)) => Ok(Counted::Refused(refused(row, &refusal))),
        // Only this row is in the way.
        Err(fault @ (Fault::Corrupt { .. } | Fault::ReapMore)) => Ok(Counted::Refused(Rejected {
            line: row.line,
            field: "row".to_owned(),
            reason: fault.to_string(),
        })),
        Err(fault) => Err(fault),
    }
}

fn refused(row: &Row, refusal: &Refusal) -> Rejected {
    let code = refusal.code();
    let reason = match refusal {
        Refusal::BelowReserved { reserved } => format!("{code}: {reserved} units are reserved"),
        Refusal::UnknownSku(_) => {
            format!("{code}: imported before, and retired since; change the file to import it anew")
        }
        Refusal::StockTooLarge => {
            format!("{code}: with what was sold it passes the largest figure")
        }
        Refusal::InsufficientStock(_)
        | Refusal::PurchaseLimitExceeded(_)
        | Refusal::CustomerRequired(_)
        | Refusal::IdempotencyMismatch
        | Refusal::ReservationNotFound
        | Refusal::ReservationReleased
        | Refusal::ReservationExpired
        | Refusal::ReservationConfirmed(_)
        | Refusal::ReservationNotConfirmed(_)
        | Refusal::ConfirmExceedsReservation(_)
        | Refusal::ReturnExceedsConfirmed(_)
        | Refusal::TooManyReturns
        | Refusal::VersionConflict { .. }
        | Refusal::SkuInUse { .. } => code.to_string(),
    };
    Rejected {
        line: row.line,
        field: "onHandQuantity".to_owned(),
        reason,
    }
}

/// What the rows would do as the stocks are now.
pub(super) async fn preview(
    engine: &Engine,
    file: &Content,
    out: Output,
) -> Result<Applied, Trouble> {
    let bar = out.progress(file.rows.len() as u64, "reading");
    let mut applied = Applied::default();
    for rows in file.rows.chunks(STOCK_PAGE_MAX) {
        let keys: Vec<_> = rows.iter().map(|row| row.key.clone()).collect();
        let deadline = within(RECONCILE_CHANGE_TIMEOUT);
        let read = engine.stock(SHARD, &keys, deadline).await?;
        for (row, stock) in rows.iter().zip(read.stocks) {
            match stock {
                None => applied.created += 1,
                Some(stock) if row.on_hand < stock.reserved => {
                    let reserved = stock.reserved;
                    let refusal = refused(row, &Refusal::BelowReserved { reserved });
                    applied.refused.push(refusal);
                }
                Some(_) => applied.counted += 1,
            }
        }
        bar.inc(rows.len() as u64);
    }
    bar.finish_and_clear();
    Ok(applied)
}
