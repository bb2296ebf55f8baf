//! The loop of a shard: own it, find out what has become of it, mend it, and carry its journal into
//! MariaDB.

mod ahead;
mod backoff;
mod follow;
mod lease;
mod slack;

use std::{sync::atomic::Ordering, time::Duration};

use inventory_core::{Fault, engine::Survey};
use tokio_util::sync::CancellationToken;

pub(crate) use backoff::Backoff;
use lease::Lease;
use slack::Slack;

use crate::{
    cursor::{self, Cursor, CursorState},
    database, identity,
    limits::{GIVE_UP_TIMEOUT, LEASE_POLL, LOOK_AGAIN},
    recover::{Decision, Epochs, Memory, Scene, Trouble, decide, open, rebuild, restore, resync},
    status::{Lag, Phase},
};

/// The worker of one shard. Any number may run; one at a time owns the shard, the others stand by.
#[derive(Debug)]
pub struct Worker {
    scene: Scene,
    owner: String,
    stop: CancellationToken,
    memory: Memory,
    slack: Slack,
    backoff: Backoff,
}

/// What both sides say.
#[derive(Debug)]
struct Look {
    cursor: Cursor,
    survey: Survey,
    epochs: Epochs,
}

impl Worker {
    /// A worker that ends when `stop` is cancelled.
    #[must_use]
    pub fn new(scene: Scene, stop: CancellationToken) -> Self {
        Self {
            scene,
            owner: identity::owner(),
            stop,
            memory: Memory::default(),
            slack: Slack::default(),
            backoff: Backoff::default(),
        }
    }

    /// Runs until it is stopped; finishes the transaction under way then, and gives the shard up.
    pub async fn run(mut self) {
        while !self.stop.is_cancelled() {
            match self.round().await {
                Ok(()) => self.backoff.reset(),
                Err(Trouble::Stopped) => {}
                Err(trouble) => {
                    self.note(&trouble);
                    let pause = self.backoff.next();
                    self.pause(None, pause).await;
                }
            }
        }
        self.give_up().await;
    }

    /// Does not wait for a MariaDB that was away at the last look: it would not hear of it in time.
    async fn give_up(&self) {
        let status = &self.scene.status;
        if !status.database_up.load(Ordering::Relaxed) {
            tracing::warn!("the lease runs out by itself: MariaDB is away");
            return;
        }
        let given = cursor::give_up(&self.scene.pool, self.scene.shard, &self.owner);
        match tokio::time::timeout(GIVE_UP_TIMEOUT, given).await {
            Ok(Ok(())) => tracing::info!(owner = self.owner, "gave the shard up"),
            Ok(Err(error)) => tracing::warn!(%error, "the lease runs out by itself"),
            Err(_) => tracing::warn!("the lease runs out by itself: no answer in time"),
        }
    }

    /// Until something has changed.
    async fn round(&mut self) -> Result<(), Trouble> {
        let Scene { pool, shard, .. } = &self.scene;
        let Some(row) = self.unless_stopped(cursor::read(pool, *shard)).await? else {
            return self.make_row().await;
        };
        // Before the lease is asked for: whoever is told to stop from here on may have it, and gives it up.
        self.database_is_up();
        let taken = Lease::take(pool, *shard, &self.owner);
        match self.unless_stopped(taken).await? {
            Some(lease) => {
                self.scene.status.lag_counts();
                self.own(&lease).await
            }
            None => {
                let owner = row.owner.unwrap_or_default();
                self.scene.status.lag(Lag::NotOurs);
                self.scene.status.enter(Phase::Standby { owner });
                self.pause(None, LEASE_POLL).await;
                Ok(())
            }
        }
    }

    /// The first row of a shard. Whoever is second finds that of the first.
    async fn make_row(&mut self) -> Result<(), Trouble> {
        self.database_is_up();
        let survey = self.survey().await?;
        let (lineage, state) = match decide(&survey, None, &Epochs::default(), &self.memory) {
            Decision::Wait(why) => return self.wait(None, why).await,
            Decision::Hold(held) => return self.hold(None, held.to_string()).await,
            Decision::Rebuild(_) => (identity::lineage(), CursorState::Following),
            Decision::Follow
            | Decision::Open(_)
            | Decision::Restore { .. }
            | Decision::Resync(_) => {
                let lineage = survey.meta.map(|meta| meta.lineage).unwrap_or_default();
                (lineage, CursorState::Resync)
            }
        };
        let Scene { pool, shard, .. } = &self.scene;
        tracing::info!(
            lineage,
            state = state.as_str(),
            "a shard that MariaDB knows nothing of"
        );
        let inserted = cursor::insert(pool, *shard, &lineage, state);
        self.unless_stopped(inserted).await
    }

    /// As long as the shard is owned.
    async fn own(&mut self, lease: &Lease) -> Result<(), Trouble> {
        while !self.is_over(lease) {
            let look = self.look(lease).await?;
            let decision = decide(&look.survey, Some(&look.cursor), &look.epochs, &self.memory);
            match decision {
                Decision::Wait(why) => self.wait(Some(lease), why).await?,
                Decision::Hold(held) => self.hold(Some(lease), held.to_string()).await?,
                Decision::Follow => self.follow(look, lease).await?,
                Decision::Open(_)
                | Decision::Restore { .. }
                | Decision::Rebuild(_)
                | Decision::Resync(_) => {
                    tracing::warn!(?decision, cursor = %look.cursor.position, survey = ?look.survey, "the shard has to be recovered");
                    self.recover(decision, &look, lease).await?;
                    self.memory = Memory::default();
                }
            }
        }
        Ok(())
    }

    /// Does what was decided. Dropped half way when the shard is lost: another owner begins anew,
    /// with a token of its own.
    async fn recover(&self, decision: Decision, look: &Look, lease: &Lease) -> Result<(), Trouble> {
        let (scene, cursor, survey) = (&self.scene, &look.cursor, &look.survey);
        let work = async {
            match decision {
                Decision::Open(why) => open(scene, cursor, survey, why).await,
                Decision::Restore { end } => restore(scene, cursor, survey, end).await,
                Decision::Rebuild(why) => rebuild(scene, cursor, survey, why).await,
                Decision::Resync(why) => resync(scene, cursor, survey, &why).await,
                Decision::Wait(_) | Decision::Hold(_) | Decision::Follow => Ok(()),
            }
        };
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Ok(()),
            () = lease.lost() => Err(Trouble::Superseded),
            done = Box::pin(work) => done,
        }
    }

    /// The row first: what it says was in Redis once, so a later look at Redis finds it, or a loss.
    async fn look(&mut self, lease: &Lease) -> Result<Look, Trouble> {
        let Scene { pool, shard, .. } = &self.scene;
        let cursor = self.unless_stopped(cursor::read(pool, *shard)).await?;
        let cursor = cursor.filter(|cursor| cursor.token == lease.token());
        let cursor = cursor.ok_or(Trouble::Superseded)?;
        let epochs = self.unless_stopped(Epochs::read(pool, *shard)).await?;
        self.database_is_up();
        self.scene.status.moved(cursor.position);
        Ok(Look {
            cursor,
            epochs,
            survey: self.survey().await?,
        })
    }

    async fn survey(&mut self) -> Result<Survey, Trouble> {
        let survey = self.scene.engine.survey(self.scene.shard);
        let survey = self.unless_stopped(survey).await?;
        let status = &self.scene.status;
        status.redis_up.store(true, Ordering::Relaxed);
        status
            .journal_entries
            .store(survey.entries, Ordering::Relaxed);
        self.memory.highest = self.memory.highest.max(survey.last);
        Ok(survey)
    }

    fn database_is_up(&self) {
        self.scene.status.database_up.store(true, Ordering::Relaxed);
    }

    async fn wait(&self, lease: Option<&Lease>, why: &str) -> Result<(), Trouble> {
        let why = why.to_owned();
        self.scene.status.enter(Phase::Waiting { why });
        self.pause(lease, LOOK_AGAIN).await;
        Ok(())
    }

    async fn hold(&self, lease: Option<&Lease>, why: String) -> Result<(), Trouble> {
        let status = &self.scene.status;
        if !matches!(status.phase(), Phase::Fenced { why: before } if before == why) {
            tracing::error!(why, "the shard stays as it is until somebody decides");
        }
        status.enter(Phase::Fenced { why });
        self.pause(lease, LOOK_AGAIN).await;
        Ok(())
    }

    /// What a store answers to something that can be left half way: a store that is away keeps nobody who was
    /// told to stop.
    async fn unless_stopped<T, E>(
        &self,
        asked: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Trouble>
    where
        Trouble: From<E>,
    {
        let answered = self.stop.run_until_cancelled(asked).await;
        Ok(answered.ok_or(Trouble::Stopped)??)
    }

    fn is_over(&self, lease: &Lease) -> bool {
        self.stop.is_cancelled() || lease.is_lost()
    }

    async fn pause(&self, lease: Option<&Lease>, pause: Duration) {
        let lost = async {
            match lease {
                Some(lease) => lease.lost().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = lost => {}
            () = tokio::time::sleep(pause) => {}
        }
    }

    /// Says once what is in the way, and which side it is on.
    fn note(&self, trouble: &Trouble) {
        let status = &self.scene.status;
        status.retries.fetch_add(1, Ordering::Relaxed);
        // Whoever cannot look does not know that another projects.
        status.lag_counts();
        let why = trouble.to_string();
        let phase = match trouble {
            Trouble::Database(error) => {
                status.database_up.store(false, Ordering::Relaxed);
                if !database::is_transient(error) {
                    tracing::error!(%error, "MariaDB refuses what the worker needs");
                }
                Phase::Waiting { why }
            }
            Trouble::Redis(Fault::Unavailable(_) | Fault::OutcomeUnknown(_)) => {
                status.redis_up.store(false, Ordering::Relaxed);
                Phase::Waiting { why }
            }
            Trouble::Redis(Fault::Fenced(_) | Fault::ReapMore | Fault::Protocol(_))
            | Trouble::Superseded
            | Trouble::Stopped => Phase::Waiting { why },
            // Neither passes by itself.
            Trouble::Redis(Fault::Corrupt { .. }) | Trouble::Unreadable(_) => Phase::Fenced { why },
        };
        if status.phase() != phase {
            tracing::warn!(?phase, "trying again after a while");
        }
        status.enter(phase);
    }
}
