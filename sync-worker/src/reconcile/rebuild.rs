//! `reconcile rebuild`: one side is filled anew from the other, because an operator says so.
//!
//! It takes the shard from the worker that owns it, for as long as it lasts: two that fill one side
//! would be in each other's way.

use std::{sync::Arc, time::Duration};

use clap::Args;
use inventory_core::engine::Survey;
use serde_json::{Value, json};

use super::{
    exit::{Exit, Trouble},
    output::{Output, say},
    stores::{Both, fenced},
};
use crate::{
    cursor::{self, Cursor, CursorState, shard_number},
    identity,
    limits::LEASE,
    recover::{self, Rebuild, Resync, Scene},
    status::{Phase, Status},
};

#[derive(Debug, Clone, Args)]
pub(super) struct RebuildArgs {
    /// Fill Redis with what MariaDB has, though Redis is open or has another history. What only
    /// Redis has is lost.
    #[arg(long, conflicts_with = "adopt_redis")]
    discard_redis: bool,
    /// Fill MariaDB with what Redis has, though Redis has another history. What only MariaDB has is
    /// removed; its audit log stays.
    #[arg(long)]
    adopt_redis: bool,
    /// Yes, do it.
    #[arg(long)]
    yes: bool,
    /// Closed records younger than this go back into Redis, as the servers are told.
    #[arg(long, value_name = "N", default_value_t = inventory_core::limits::RETENTION_SECONDS_DEFAULT)]
    retention_seconds: u64,
}

pub(super) async fn run(both: &Both, args: &RebuildArgs, out: Output) -> Result<Exit, Trouble> {
    let survey = both.engine.survey(both.shard).await?;
    let cursor = both.cursor().await?;
    allowed(args, &survey, &cursor)?;
    if !args.yes {
        return Err(Trouble::Usage(format!(
            "this would {}. Add --yes to do it",
            plan(args, &survey, &cursor)
        )));
    }
    let status = Arc::new(Status::default());
    let scene = Scene {
        engine: both.engine.clone(),
        pool: both.pool.clone(),
        shard: both.shard,
        status: Arc::clone(&status),
        who: both.who.as_str().to_owned(),
        retention: Duration::from_secs(args.retention_seconds),
        // It applies nothing: the worker does.
        events: None,
    };
    let owner = identity::owner();
    seize(both, &owner).await?;
    let work = filled(both, &scene, args);
    let done = tokio::select! {
        done = work => done,
        lost = keep(both, &owner) => lost,
        () = show(&status, out) => Ok(()),
    };
    // The lease ends by itself where this does not get through.
    drop(cursor::give_up(&both.pool, both.shard, &owner).await);
    done?;
    let report = status.last_recovery().unwrap_or_default();
    if out.json {
        let report: Value = serde_json::from_str(&report).unwrap_or_default();
        out.report(&json!({"outcome": "rebuilt", "report": report}))?;
    } else {
        out.line(&format!("rebuilt: {report}"))?;
    }
    Ok(Exit::Fine)
}

/// Says what stands against it, and what to do instead.
fn allowed(args: &RebuildArgs, survey: &Survey, cursor: &Cursor) -> Result<(), Trouble> {
    let refuse = |why: String| Err(Trouble::Unclear(why));
    if survey.loading || !survey.master {
        return refuse("this Redis is loading or a replica: wait, or name its master".to_owned());
    }
    if args.adopt_redis {
        return match &survey.meta {
            None => refuse("Redis is empty: there is nothing to adopt".to_owned()),
            Some(meta) if meta.state == inventory_core::engine::MetaState::Recovering => {
                refuse("Redis is half restored: what it has is no state that ever was".to_owned())
            }
            Some(_) => Ok(()),
        };
    }
    if cursor.is_new() {
        return refuse("MariaDB has nothing yet: there is nothing to fill Redis with".to_owned());
    }
    if args.discard_redis {
        return Ok(());
    }
    if let Some(meta) = survey.meta.as_ref().filter(|m| m.lineage != cursor.lineage) {
        return refuse(format!(
            "Redis has lineage {}, MariaDB {}: one of the two is the wrong one. --discard-redis \
             fills Redis with what MariaDB has, --adopt-redis MariaDB with what Redis has",
            meta.lineage, cursor.lineage
        ));
    }
    if cursor.state != CursorState::Following {
        return refuse(format!(
            "MariaDB is {}: no full copy of what Redis had. --discard-redis fills Redis with what \
             there is of it",
            cursor.state.as_str()
        ));
    }
    if survey.alive() {
        return refuse(
            "the shard is open: Redis is the authority, and may have what MariaDB has not yet. \
             `reconcile check` and `repair` compare and mend both; --discard-redis fills Redis anew \
             all the same"
                .to_owned(),
        );
    }
    Ok(())
}

fn plan(args: &RebuildArgs, survey: &Survey, cursor: &Cursor) -> String {
    let end = survey
        .last
        .map_or_else(|| "nothing".to_owned(), |id| id.to_string());
    let position = cursor.position;
    if args.adopt_redis {
        return format!(
            "fill MariaDB (at {position}) with what Redis has (at {end}) and remove there what \
             Redis does not have"
        );
    }
    let state = if survey.alive() {
        "open"
    } else {
        fenced(survey)
    };
    format!(
        "remove what Redis has (at {end}; {state}) and fill it with what MariaDB has (at {position})"
    )
}

async fn filled(both: &Both, scene: &Scene, args: &RebuildArgs) -> Result<(), Trouble> {
    let survey = both.engine.survey(both.shard).await?;
    let cursor = both.cursor().await?;
    allowed(args, &survey, &cursor)?;
    let filled = if args.adopt_redis {
        recover::resync(scene, &cursor, &survey, &Resync::Asked).await
    } else {
        recover::rebuild(scene, &cursor, &survey, Rebuild::Asked).await
    };
    filled.map_err(|trouble| {
        Trouble::Unclear(format!(
            "{trouble}. The side that was to be filled stays closed or stale: do it again, or let \
             sync-worker finish it"
        ))
    })
}

/// Takes the shard, whoever owns it: its owner notices at its next transaction, and stands by.
async fn seize(both: &Both, owner: &str) -> Result<(), Trouble> {
    sqlx::query(
        "UPDATE journal_cursor
         SET token = token + 1, owner = ?, lease_until = NOW(3) + INTERVAL ? MICROSECOND
         WHERE shard = ?",
    )
    .bind(owner)
    .bind(u64::try_from(LEASE.as_micros()).unwrap_or(u64::MAX))
    .bind(shard_number(both.shard))
    .execute(&both.pool)
    .await?;
    Ok(())
}

/// Keeps the lease; ends when it is lost.
async fn keep(both: &Both, owner: &str) -> Result<(), Trouble> {
    loop {
        tokio::time::sleep(LEASE / 3).await;
        if cursor::lease(&both.pool, both.shard, owner)
            .await?
            .is_none()
        {
            return Err(Trouble::Unclear(
                "somebody else has taken the shard meanwhile".to_owned(),
            ));
        }
    }
}

/// Tells how far it is; never ends.
async fn show(status: &Status, out: Output) {
    const EVERY: Duration = Duration::from_millis(200);
    let bar = out.progress(0, "filling");
    loop {
        match status.phase() {
            Phase::Restoring { restored, total } => {
                bar.set_length(total);
                bar.set_position(restored);
            }
            Phase::Resync { copied } => bar.set_position(copied),
            Phase::Waiting { why } | Phase::Fenced { why } => say(&why),
            Phase::Starting | Phase::Standby { .. } | Phase::Following => {}
        }
        tokio::time::sleep(EVERY).await;
    }
}
