use std::{collections::VecDeque, time::Instant};

use inventory_core::{TimestampMs, engine::Survey};

use super::{Look, Worker, ahead::Ahead, lease::Lease};
use crate::{
    cursor::{self, Cursor, CursorState},
    limits::TRIM_EVERY,
    project::{Applied, Batch, Gathered, apply},
    recover::{Decision, Scene, Trouble, decide},
    status::{Lag, Phase},
};

/// Where following stands.
struct Following {
    cursor: Cursor,
    /// The shard's clock, and when it was read.
    clock: (TimestampMs, Instant),
    looked: Instant,
    /// Whether more was there already when the last entries were read.
    more: bool,
}

impl Following {
    fn now(&self) -> TimestampMs {
        let passed = self.clock.1.elapsed().as_millis();
        self.clock
            .0
            .plus_ms(u64::try_from(passed).unwrap_or(u64::MAX))
    }
}

impl Worker {
    /// Carries the journal into MariaDB, until the two do not fit together any more, the shard is
    /// lost, or the worker stops. A transaction that is under way is always finished: it is bound to
    /// the row as this owner knows it.
    pub(super) async fn follow(&mut self, look: Look, lease: &Lease) -> Result<(), Trouble> {
        let Look {
            cursor,
            survey,
            epochs,
        } = look;
        let begun = Instant::now();
        let mut here = Following {
            cursor,
            clock: (survey.now, begun),
            looked: begun,
            more: false,
        };
        self.scene.status.enter(Phase::Following);
        self.slack.back_to(here.cursor.position);
        self.project_to_here(&here.cursor, &survey).await?;
        let Scene { engine, shard, .. } = &self.scene;
        let mut ahead = Ahead::start(engine.clone(), *shard, here.cursor.applied());
        let mut waiting = VecDeque::new();
        while !self.is_over(lease) {
            if waiting.is_empty() {
                let slice = tokio::select! {
                    biased;
                    () = self.stop.cancelled() => return Ok(()),
                    () = lease.lost() => return Ok(()),
                    slice = ahead.next() => slice?,
                };
                if slice.entries.is_empty() {
                    self.scene.status.lag(Lag::Level(Instant::now()));
                }
                here.more = slice.is_full;
                waiting.extend(slice.entries);
            }
            while !Batch::is_full(&waiting)
                && let Some(slice) = ahead.ready()?
            {
                here.more = slice.is_full;
                waiting.extend(slice.entries);
            }
            if !self.carry(&mut here, &mut waiting, lease).await? {
                return Ok(());
            }
            self.backoff.reset();
            if here.looked.elapsed() < TRIM_EVERY {
                continue;
            }
            here.looked = Instant::now();
            let row = cursor::read(&self.scene.pool, self.scene.shard);
            let row = self.unless_stopped(row).await?;
            self.database_is_up();
            let survey = self.survey().await?;
            here.clock = (survey.now, here.looked);
            let decision = decide(&survey, Some(&here.cursor), &epochs, &self.memory);
            if row.as_ref() != Some(&here.cursor) || decision != Decision::Follow {
                return Ok(());
            }
            self.project_to_here(&here.cursor, &survey).await?;
        }
        Ok(())
    }

    /// Applies the first of the entries that wait, in one batch. False: they do not go on from the
    /// cursor.
    async fn carry(
        &mut self,
        here: &mut Following,
        waiting: &mut VecDeque<Gathered>,
        lease: &Lease,
    ) -> Result<bool, Trouble> {
        let Scene {
            pool,
            shard,
            status,
            events,
            ..
        } = &self.scene;
        let Some(oldest) = waiting.front() else {
            return Ok(true);
        };
        if let Some(at) = oldest.at() {
            status.lag(Lag::behind(at, here.now()));
        }
        let batch = match Batch::take(waiting, here.cursor.position) {
            Ok(batch) => batch,
            Err(gap) => {
                tracing::error!(%gap, "the journal does not go on from the cursor");
                self.memory.gap = Some(gap.to_string());
                return Ok(false);
            }
        };
        let applied = apply(pool, *shard, &here.cursor, &batch, status, events.as_ref());
        match applied.await? {
            Applied::Moved(to) => here.cursor.position = to,
            Applied::Superseded => return Err(Trouble::Superseded),
        }
        // The last entry that needs guards ends that state with it.
        if here.cursor.state == CursorState::Resync {
            let row = cursor::read(pool, *shard).await?;
            let row = row.filter(|row| row.token == lease.token());
            here.cursor = row.ok_or(Trouble::Superseded)?;
        }
        match waiting.front().map(Gathered::at) {
            Some(Some(at)) => status.lag(Lag::behind(at, here.now())),
            None if !here.more => status.lag(Lag::Level(Instant::now())),
            // The age of the one before it is not far off.
            Some(None) | None => {}
        }
        self.slack.applied(
            here.cursor.position,
            u64::try_from(batch.bytes()).unwrap_or(u64::MAX),
            Instant::now(),
        );
        Ok(true)
    }

    /// Tells Redis how far the projection is, and lets go of what is old.
    async fn project_to_here(&mut self, cursor: &Cursor, survey: &Survey) -> Result<(), Trouble> {
        let Some((meta, applied)) = survey.meta.as_ref().zip(cursor.applied()) else {
            return Ok(());
        };
        let before = self.slack.trim_before(Instant::now());
        if before.is_none() && meta.projected == Some(applied) {
            return Ok(());
        }
        let Scene { engine, shard, .. } = &self.scene;
        let told = engine.projected(*shard, meta.epoch, applied, before);
        self.unless_stopped(told).await
    }
}
