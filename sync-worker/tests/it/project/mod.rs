//! Journal entries become rows, exactly once.

pub(crate) mod books;
mod cut_off;
mod dead_letters;
mod drift;
mod events;
mod random;
mod resync;
mod speed;
pub(crate) mod workload;

use inventory_core::{JournalId, engine::RawEntry};
use std::time::Duration;
use sync_worker::{
    cursor::Cursor,
    project::{Applied, Batch, Events, apply},
    status::Status,
};

use crate::support::{S, World};

/// Entries after a place that are there now, at most so many.
async fn entries(world: &World, after: JournalId, max: usize) -> Vec<RawEntry> {
    let after = Some(after).filter(|after| *after != JournalId::default());
    world
        .engine
        .entries(S, after, max, Duration::ZERO)
        .await
        .unwrap()
}

/// Applies what the journal has, in batches of at most `max` entries.
async fn project(world: &World, cursor: &mut Cursor, max: usize, status: &Status) {
    project_with(world, cursor, max, status, None).await;
}

/// The same, with events if there is somewhere for them to go.
async fn project_with(
    world: &World,
    cursor: &mut Cursor,
    max: usize,
    status: &Status,
    events: Option<&Events>,
) {
    loop {
        let entries = entries(world, cursor.position, max).await;
        let batch = Batch::gather(&entries, cursor.position).unwrap();
        if batch.taken() == 0 {
            return;
        }
        let applied = apply(&world.pool, S, cursor, &batch, status, events);
        let applied = applied.await.unwrap();
        assert_eq!(applied, Applied::Moved(batch.last()));
        *cursor = world.cursor().await;
    }
}
