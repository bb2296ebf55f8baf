use std::{sync::atomic::Ordering, time::Instant};

use inventory_core::{
    Epoch, JournalId,
    engine::{Issued, Survey},
};
use sqlx::{MySql, Transaction};

use super::{Counts, Kind, Open, PROJECTION, Report, Scene, Trouble, epochs};
use crate::cursor::{self, Cursor};

/// An epoch that was never used: above all that either side knows, and at least the shard's clock.
fn next_epoch(survey: &Survey, cursor: &Cursor) -> Epoch {
    let meta = survey.meta.as_ref().map_or(0, |meta| meta.epoch.0);
    let journal = survey.last.map_or(0, |last| last.epoch.0);
    let known = meta.max(journal).max(cursor.issued.0).max(survey.now.0);
    Epoch(known.saturating_add(1))
}

/// Writes the next epoch down and commits, before Redis hears of it. From then on no batch that was
/// read before can commit. The row as it is now, if it was as `cursor` says.
///
/// # Errors
/// [`Trouble::Superseded`], [`Trouble::Database`].
pub async fn issue(
    scene: &Scene,
    cursor: &Cursor,
    survey: &Survey,
    why: &str,
) -> Result<Cursor, Trouble> {
    let mut transaction = cursor::begin(&scene.pool, scene.shard, cursor)
        .await?
        .ok_or(Trouble::Superseded)?;
    let issued = issue_in(&mut transaction, scene, cursor.clone(), survey, why).await?;
    transaction.commit().await?;
    Ok(issued)
}

/// The same in a transaction that holds the row, with all that `cursor` says.
pub(super) async fn issue_in(
    transaction: &mut Transaction<'_, MySql>,
    scene: &Scene,
    mut issued: Cursor,
    survey: &Survey,
    why: &str,
) -> Result<Cursor, Trouble> {
    issued.issued = next_epoch(survey, &issued);
    cursor::write(transaction, scene.shard, &issued).await?;
    epochs::record(
        transaction,
        scene.shard,
        issued.issued,
        survey.now,
        &scene.who,
        why,
    )
    .await?;
    Ok(issued)
}

/// Opens a new epoch over what Redis has, if nothing has changed since the survey.
///
/// # Errors
/// [`Trouble`]; an epoch that was issued and not opened is never used.
pub async fn open(
    scene: &Scene,
    cursor: &Cursor,
    survey: &Survey,
    why: Open,
) -> Result<(), Trouble> {
    let started = Instant::now();
    let text = why.to_string();
    let mut transaction = cursor::begin(&scene.pool, scene.shard, cursor)
        .await?
        .ok_or(Trouble::Superseded)?;
    if why == Open::Forgotten
        && let Some(meta) = &survey.meta
    {
        epochs::found(&mut transaction, scene, meta.epoch, survey.now).await?;
    }
    let issued = issue_in(&mut transaction, scene, cursor.clone(), survey, &text).await?;
    transaction.commit().await?;
    bless(scene, &issued, survey, &text).await?;
    let report = Report {
        kind: Kind::Opened,
        at: survey.now,
        redis_end: survey.last,
        position: cursor.position,
        epoch: issued.issued,
        why: text,
        who: scene.who.clone(),
        counts: Counts::default(),
        lost_unknown: false,
        duration: started.elapsed(),
    };
    report.keep(scene).await
}

/// Opens the epoch that was issued last.
pub(super) async fn bless(
    scene: &Scene,
    issued: &Cursor,
    survey: &Survey,
    why: &str,
) -> Result<JournalId, Trouble> {
    let blessing = Issued {
        epoch: issued.issued,
        projection: PROJECTION.to_owned(),
        lineage: Some(issued.lineage.clone()),
        previous: None,
        who: scene.who.clone(),
        why: why.to_owned(),
    };
    let Scene { engine, shard, .. } = scene;
    let first = engine.bless_issued(*shard, survey, &blessing).await?;
    scene.status.blessings.fetch_add(1, Ordering::Relaxed);
    Ok(first)
}

#[cfg(test)]
mod tests {
    use inventory_core::TimestampMs;

    use super::{
        super::decide::tests::{cursor, survey},
        *,
    };

    #[test]
    fn a_new_epoch_is_above_all_that_anybody_knows() {
        let (mut survey, mut cursor) = (survey(), cursor());
        survey.now = TimestampMs(7);
        assert_eq!(next_epoch(&survey, &cursor), Epoch(101));
        survey.now = TimestampMs(1_000);
        assert_eq!(next_epoch(&survey, &cursor), Epoch(1_001));
        cursor.issued = Epoch(2_000);
        assert_eq!(next_epoch(&survey, &cursor), Epoch(2_001));
        survey.last = Some("3000-7".parse().unwrap());
        assert_eq!(next_epoch(&survey, &cursor), Epoch(3_001));
    }
}
