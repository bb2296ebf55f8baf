use std::time::Instant;

use inventory_core::{
    Fault, JournalId,
    engine::{KeptLimit, Restored, StoreKey, Survey},
};

use super::{
    Kind, Rebuild, Report, Scene, Trouble,
    fill::Fill,
    grace, issue,
    rebuild::{late, rebuild},
};
use crate::cursor::Cursor;

/// Puts back what changed after `end`, where Redis was rolled back to: not the entries but the state
/// that they led to. The journal then goes on after the cursor.
///
/// # Errors
/// [`Trouble`]. The shard stays closed, and is filled from nothing the next time.
pub async fn restore(
    scene: &Scene,
    cursor: &Cursor,
    survey: &Survey,
    end: JournalId,
) -> Result<(), Trouble> {
    let started = Instant::now();
    let why = format!(
        "Redis was rolled back to {end}, MariaDB is at {}",
        cursor.position
    );
    // Answered only while the shard is not being restored.
    let limits = match scene.engine.cut_limits(scene.shard).await {
        Ok(limits) => limits.values,
        Err(Fault::Corrupt { .. }) => {
            return rebuild(scene, cursor, survey, Rebuild::Branch).await;
        }
        Err(fault) => return Err(fault.into()),
    };
    let issued = issue(scene, cursor, survey, &why).await?;
    let mut fill = Fill::begin(scene, &issued, survey).await?;
    let (graced, deadline) = grace::give(scene, &issued, survey.now).await?;
    fill.counts.graced = graced;
    fill.changed_after(end).await?;
    // All counters anew: what was given back after the end leaves no row to tell of it.
    forget_limits(limits, &mut fill).await?;
    fill.limits().await?;
    fill.unchanged_holds_until(deadline, end).await?;
    late(scene, &issued, &mut fill).await?;
    fill.finish(&issued, &why).await?;
    let report = Report {
        kind: Kind::Restored,
        at: survey.now,
        redis_end: Some(end),
        position: cursor.position,
        epoch: issued.issued,
        why,
        who: scene.who.clone(),
        counts: fill.counts,
        lost_unknown: true,
        duration: started.elapsed(),
    };
    report.keep(scene).await
}

/// Takes away the limits that Redis has, with all that was used of them.
async fn forget_limits(limits: Vec<KeptLimit>, fill: &mut Fill<'_>) -> Result<(), Trouble> {
    let gone = limits.into_iter().flat_map(|limit| {
        let used = StoreKey::Used {
            generation: limit.generation,
            sku: limit.sku.clone(),
        };
        [Restored::Gone(used), Restored::Unlimited { sku: limit.sku }]
    });
    fill.put(gone.collect()).await
}
