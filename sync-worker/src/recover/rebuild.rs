use std::time::Instant;

use inventory_core::{
    TimestampMs,
    engine::{RestoreStep, Survey},
};

use super::{Kind, Rebuild, Report, Scene, Trouble, fill::Fill, grace, issue};
use crate::cursor::Cursor;

/// Fills Redis from nothing with what MariaDB has: stocks, open holds, what is over and within the
/// retention, limits. Opened in the last call; until then the shard is closed to everybody.
///
/// # Errors
/// [`Trouble`]. The shard stays closed; begin again.
pub async fn rebuild(
    scene: &Scene,
    cursor: &Cursor,
    survey: &Survey,
    why: Rebuild,
) -> Result<(), Trouble> {
    let started = Instant::now();
    let why_text = why.to_string();
    let issued = issue(scene, cursor, survey, &why_text).await?;
    let mut fill = Fill::begin(scene, &issued, survey).await?;
    fill.step(RestoreStep::Wipe).await?;
    if !cursor.is_new() {
        everything(scene, &issued, survey, &mut fill).await?;
    }
    fill.finish(&issued, &why_text).await?;
    let report = Report {
        kind: Kind::Rebuilt,
        at: survey.now,
        redis_end: survey.last,
        position: cursor.position,
        epoch: issued.issued,
        why: why_text,
        who: scene.who.clone(),
        counts: fill.counts,
        lost_unknown: why != Rebuild::FirstStart,
        duration: started.elapsed(),
    };
    report.keep(scene).await
}

async fn everything(
    scene: &Scene,
    issued: &Cursor,
    survey: &Survey,
    fill: &mut Fill<'_>,
) -> Result<(), Trouble> {
    let (graced, _) = grace::give(scene, issued, survey.now).await?;
    fill.counts.graced = graced;
    for table in [
        "SELECT COUNT(*) FROM stock_item",
        "SELECT COUNT(*) FROM reservation WHERE status = 'RESERVED'",
    ] {
        let rows: i64 = sqlx::query_scalar(table).fetch_one(&scene.pool).await?;
        fill.expect(u64::try_from(rows).unwrap_or_default());
    }
    fill.all_stocks().await?;
    fill.open_holds().await?;
    let retention_ms = u64::try_from(scene.retention.as_millis()).unwrap_or(u64::MAX);
    let since = TimestampMs(survey.now.0.saturating_sub(retention_ms));
    fill.closed(since).await?;
    fill.limits().await?;
    late(scene, issued, fill).await
}

/// Holds whose deadline passed while the shard was being filled.
pub(super) async fn late(
    scene: &Scene,
    issued: &Cursor,
    fill: &mut Fill<'_>,
) -> Result<(), Trouble> {
    let now = scene.engine.survey(scene.shard).await?.now;
    let (graced, deadline) = grace::give(scene, issued, now).await?;
    if graced > 0 {
        fill.holds_until(deadline).await?;
        // They were put, and counted, before.
        fill.counts.holds = fill.counts.holds.saturating_sub(graced);
        fill.counts.graced = fill.counts.graced.saturating_add(graced);
    }
    Ok(())
}
