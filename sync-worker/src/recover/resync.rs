use std::time::Instant;

use inventory_core::{
    Fault,
    engine::{MetaState, Survey},
};

use super::{
    Kind, Report, Resync, Scene, Trouble,
    copy::Copy,
    epochs,
    open::{bless, issue_in},
};
use crate::cursor::{self, Cursor, CursorState};

/// Fills MariaDB with what Redis has, while Redis goes on. A new epoch is opened, so that every
/// server learns of the projection; its first entry is the position from which the journal is
/// followed, with guards up to where it ended when the copy was done.
///
/// # Errors
/// [`Trouble`]. MariaDB stays marked as no full copy; begin again.
pub async fn resync(
    scene: &Scene,
    cursor: &Cursor,
    survey: &Survey,
    why: &Resync,
) -> Result<(), Trouble> {
    let started = Instant::now();
    let text = why.to_string();
    let Some(meta) = &survey.meta else {
        return Err(changed());
    };
    let mut transaction = cursor::begin(&scene.pool, scene.shard, cursor)
        .await?
        .ok_or(Trouble::Superseded)?;
    // From now on MariaDB knows the epoch that it found.
    epochs::found(&mut transaction, scene, meta.epoch, survey.now).await?;
    epochs::forget_ends(&mut transaction, scene.shard).await?;
    let mut stale = cursor.clone();
    stale.lineage.clone_from(&meta.lineage);
    stale.guarded_to = None;
    stale.state = match why {
        Resync::Behind | Resync::Gap(_) => CursorState::Stale,
        Resync::Attach | Resync::Unfinished | Resync::Asked => CursorState::Resync,
    };
    let issued = issue_in(&mut transaction, scene, stale, survey, &text).await?;
    transaction.commit().await?;

    let mut copying = issued.clone();
    copying.position = bless(scene, &issued, survey, &text).await?;
    copying.state = CursorState::Resync;
    let mut transaction = cursor::begin(&scene.pool, scene.shard, &issued)
        .await?
        .ok_or(Trouble::Superseded)?;
    cursor::write(&mut transaction, scene.shard, &copying).await?;
    cursor::advance(&mut transaction, scene.shard, copying.position, survey.now).await?;
    transaction.commit().await?;

    let mut copy = Copy::new(scene, &copying);
    copy.all().await?;
    let counts = copy.counts;

    let end = scene.engine.survey(scene.shard).await?;
    let same = end.alive()
        && end.meta.as_ref().is_some_and(|meta| {
            meta.epoch == copying.position.epoch && meta.state == MetaState::Open
        });
    let last = end.last.filter(|_| same).ok_or_else(changed)?;
    let mut copied = copying.clone();
    if last > copying.position {
        copied.guarded_to = Some(last);
    } else {
        copied.state = CursorState::Following;
    }
    let mut transaction = cursor::begin(&scene.pool, scene.shard, &copying)
        .await?
        .ok_or(Trouble::Superseded)?;
    cursor::write(&mut transaction, scene.shard, &copied).await?;
    transaction.commit().await?;

    let report = Report {
        kind: Kind::Resynced,
        at: survey.now,
        redis_end: survey.last,
        position: cursor.position,
        epoch: issued.issued,
        why: text,
        who: scene.who.clone(),
        counts,
        lost_unknown: false,
        duration: started.elapsed(),
    };
    report.keep(scene).await
}

/// The copy is of more than one life of Redis.
pub(super) fn changed() -> Trouble {
    Trouble::Redis(Fault::Fenced("Redis changed its life meanwhile".to_owned()))
}
