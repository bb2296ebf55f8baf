//! One transaction: the cursor is locked and compared, rows are written, the cursor moves.

use std::sync::atomic::Ordering;

use inventory_core::{JournalId, ShardId, Text, TimestampMs};
use service_kit::telemetry;
use sqlx::{MySql, MySqlConnection, MySqlPool, Transaction};
use tracing::Span;

use super::{
    batch::{Batch, Content, Gathered},
    dead_letter,
    events::{Events, Outlet},
    isolate,
    parts::Parts,
    plan::{Drift, Plan},
    rows::ChangeRows,
    write::{self, Mode},
};
use crate::{
    cursor::{self, Cursor, CursorState, shard_number},
    database,
    limits::{APPLY_TRIES_MAX, DRIFT_LOGGED_MAX},
    status::Status,
};

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It is in the tables, and the cursor stands here.
    Moved(JournalId),
    /// The cursor is not as expected: another owner, another position, another epoch. If the batch
    /// had to be taken apart, a first part of it may have been applied.
    Superseded,
}

/// Applies a batch exactly once. What the database refuses for good, [`APPLY_TRIES_MAX`] times, is
/// looked for in halves of the batch; the change at fault goes to `dead_letter`, alone.
///
/// Without `events` nothing is written for Kafka.
///
/// # Errors
/// Those of the database that may pass, or that are not the fault of a change. Nothing was applied,
/// or a first part of the batch, or (if the connection was lost at the end) all of it: read the
/// cursor again.
pub async fn apply(
    pool: &MySqlPool,
    shard: ShardId,
    expected: &Cursor,
    batch: &Batch,
    status: &Status,
    events: Option<&Events>,
) -> Result<Applied, sqlx::Error> {
    let mut expected = expected.clone();
    let mut tries = APPLY_TRIES_MAX.max(1);
    // Parts still to be applied, the first on top. A first part of a batch is a batch.
    let mut parts = Parts::whole(batch.taken());
    while let Some(part) = parts.next() {
        let Some(entries) = batch.entries().get(part.clone()).filter(|e| !e.is_empty()) else {
            continue;
        };
        let mut apply = Apply {
            shard,
            expected: &mut expected,
            status,
            events,
        };
        let mut tried = apply.whole(pool, entries).await?;
        while tries > 1 && matches!(tried, Tried::Refused(_)) {
            tries = tries.saturating_sub(1);
            tried = apply.whole(pool, entries).await?;
        }
        match tried {
            Tried::Moved => {}
            Tried::Superseded => return Ok(Applied::Superseded),
            Tried::Refused(error) if parts.halve(&part) => {
                tracing::warn!(%error, entries = part.len(), "a batch is refused: taken apart");
            }
            Tried::Refused(_) => match apply.by_change(pool, entries).await? {
                Tried::Superseded => return Ok(Applied::Superseded),
                Tried::Moved | Tried::Refused(_) => {}
            },
        }
    }
    Ok(Applied::Moved(expected.position))
}

enum Tried {
    Moved,
    Superseded,
    /// A row is refused, and will be again.
    Refused(sqlx::Error),
}

struct Apply<'s> {
    shard: ShardId,
    expected: &'s mut Cursor,
    status: &'s Status,
    events: Option<&'s Events>,
}

impl<'s> Apply<'s> {
    /// Applies entries as one plan.
    async fn whole(
        &mut self,
        pool: &MySqlPool,
        entries: &[Gathered],
    ) -> Result<Tried, sqlx::Error> {
        let _steps = steps(entries);
        let plan = Plan::of(entries.iter().flat_map(Gathered::changes));
        let Some((mut transaction, mode, now)) = self.begin(pool).await? else {
            return Ok(Tried::Superseded);
        };
        let outlet = self.outlet(&now);
        let written = write::write(&mut transaction, self.shard, &plan, mode, outlet).await;
        let mut drifts = match written {
            Ok(drifts) => drifts,
            Err(error) if database::is_transient(&error) => return Err(error),
            Err(error) => {
                transaction.rollback().await?;
                return Ok(Tried::Refused(error));
            }
        };
        if mode == Mode::Following {
            drifts.extend(plan.drifts);
        }
        let mut put_aside = 0;
        for entry in entries {
            if let Content::Unreadable(reason) = &entry.content {
                let (raw, events) = (&entry.raw, outlet.is_some());
                dead_letter::insert(&mut transaction, self.shard, raw, None, reason, events)
                    .await?;
                put_aside += 1;
            }
        }
        self.finish(transaction, now, entries, &drifts, put_aside)
            .await
    }

    /// Applies one entry change by change; those that are refused are put aside.
    async fn by_change(
        &mut self,
        pool: &MySqlPool,
        entries: &[Gathered],
    ) -> Result<Tried, sqlx::Error> {
        let Some((mut transaction, mode, now)) = self.begin(pool).await? else {
            return Ok(Tried::Superseded);
        };
        let outlet = self.outlet(&now);
        let mut drifts = Vec::new();
        let mut put_aside = 0;
        for entry in entries {
            let done = isolate::entry(&mut transaction, self.shard, entry, mode, outlet).await?;
            drifts.extend(done.drifts);
            put_aside += done.put_aside;
        }
        self.finish(transaction, now, entries, &drifts, put_aside)
            .await
    }

    /// A transaction that has locked the cursor; none if that is not as expected.
    async fn begin<'p>(
        &self,
        pool: &'p MySqlPool,
    ) -> Result<Option<(Transaction<'p, MySql>, Mode, Cursor)>, sqlx::Error> {
        let mut transaction = database::begin(pool).await?;
        let now = cursor::lock(&mut transaction, self.shard).await?;
        let expected = &*self.expected;
        let as_expected = now.filter(|now| {
            now.token == expected.token
                && now.position == expected.position
                && now.issued == expected.issued
                && now.state == expected.state
        });
        let found = as_expected.and_then(|now| {
            let mode = match now.state {
                CursorState::Following => Mode::Following,
                CursorState::Resync => Mode::Guarded,
                // There is nothing to apply to.
                CursorState::Stale => return None,
            };
            Some((mode, now))
        });
        match found {
            Some((mode, now)) => Ok(Some((transaction, mode, now))),
            None => {
                transaction.rollback().await?;
                Ok(None)
            }
        }
    }

    fn outlet<'o>(&self, now: &'o Cursor) -> Option<Outlet<'o>>
    where
        's: 'o,
    {
        let lineage = &now.lineage;
        self.events.map(|events| Outlet { events, lineage })
    }

    /// Moves the cursor behind the entries and commits.
    async fn finish(
        &mut self,
        mut transaction: Transaction<'_, MySql>,
        now: Cursor,
        entries: &[Gathered],
        drifts: &[Drift<'_>],
        put_aside: u64,
    ) -> Result<Tried, sqlx::Error> {
        let Some(last) = entries.last().map(Gathered::id) else {
            return Ok(Tried::Moved);
        };
        for entry in entries {
            if let Content::Bless {
                previous: Some(previous),
                ..
            } = entry.content
            {
                end_epoch(&mut transaction, self.shard, previous).await?;
            }
        }
        // The epoch is a moment shortly before its first entry.
        let at = entries.iter().rev().find_map(Gathered::at);
        let at = at.unwrap_or(TimestampMs(last.epoch.0));
        cursor::advance(&mut transaction, self.shard, last, at).await?;
        let caught_up = now.state == CursorState::Resync
            && now.guarded_to.is_some_and(|guarded_to| last >= guarded_to);
        if caught_up {
            follow(&mut transaction, self.shard).await?;
        }
        transaction.commit().await?;

        if let Some(events) = self.events {
            events.wake();
        }
        self.expected.position = last;
        if caught_up {
            self.expected.state = CursorState::Following;
            tracing::info!(%last, "the projection is level with the copy");
        }
        self.count(entries, drifts, put_aside);
        self.status.moved(last);
        Ok(Tried::Moved)
    }

    fn count(&self, entries: &[Gathered], drifts: &[Drift<'_>], put_aside: u64) {
        let add = |counter: &std::sync::atomic::AtomicU64, more: usize| {
            counter.fetch_add(u64::try_from(more).unwrap_or(0), Ordering::Relaxed);
        };
        let status = self.status;
        add(&status.batches_applied, 1);
        add(&status.entries_applied, entries.len());
        let changes = entries.iter().map(|entry| entry.changes().len()).sum();
        add(&status.changes_applied, changes);
        add(&status.drift, drifts.len());
        status.dead_letters.fetch_add(put_aside, Ordering::Relaxed);
        for drift in drifts.iter().take(DRIFT_LOGGED_MAX) {
            tracing::warn!(
                stock = %drift.key, entry = %drift.entry, item = drift.item,
                row = ?drift.was, said = ?drift.said,
                "a change does not follow from the row that it replaces"
            );
        }
        if drifts.len() > DRIFT_LOGGED_MAX {
            tracing::warn!(drifts = drifts.len(), "and more such changes");
        }
    }
}

/// A span for every change, in the trace of what asked for it, until the transaction is over.
fn steps(entries: &[Gathered]) -> Vec<Span> {
    if !telemetry::is_collecting() {
        return Vec::new();
    }
    let changes = entries.iter().flat_map(Gathered::changes);
    let step = |change: &ChangeRows| {
        let traceparent = change.change.context().traceparent.as_ref();
        let subject = change.id.to_string();
        telemetry::step_span("project", &subject, traceparent.map(Text::as_str))
    };
    changes.map(step).collect()
}

/// Notes where an epoch ended.
async fn end_epoch(
    connection: &mut MySqlConnection,
    shard: ShardId,
    last: JournalId,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE journal_epoch SET last_n = ? WHERE shard = ? AND epoch = ?")
        .bind(last.n)
        .bind(shard_number(shard))
        .bind(last.epoch.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// The copy from Redis is behind: no guards from here on.
async fn follow(connection: &mut MySqlConnection, shard: ShardId) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE journal_cursor SET state = 'FOLLOWING', resync_epoch = NULL, resync_n = NULL
         WHERE shard = ?",
    )
    .bind(shard_number(shard))
    .execute(connection)
    .await?;
    Ok(())
}
