//! A shop whose shard only workers open, and workers in this process.

use std::sync::{Arc, atomic::Ordering};
use std::time::Duration;

use devstack::{
    mariadb::MariaDbServer,
    redis::{Appendonly, RedisServer},
};
use inventory_core::{
    Epoch,
    engine::{Engine, EngineConfig, ProjectionMode, ShardClock, Survey},
};
use sync_worker::{
    cursor::{self, CursorState},
    project::Events,
    recover::Scene,
    run::engine_config,
    status::{Phase, Status},
    worker::Worker,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{both_sides::compare_both_sides, support::*};

/// Closed records that go back into Redis, in the workers of tests.
pub(crate) const RETENTION: Duration = Duration::from_secs(86_400);

/// A world whose engine is that of a server with `--projection required`; every command is in the
/// append-only file before it is answered. The clock of all engines stands at [`T0`].
pub(crate) async fn shop() -> World {
    shop_on(&MARIADB).await
}

/// The same on a MariaDB of the test's own.
pub(crate) async fn shop_on(mariadb: &MariaDbServer) -> World {
    let redis = RedisServer::builder()
        .appendonly(Appendonly::Always)
        .arg("enable-debug-command", "local");
    let redis = Arc::new(redis.start().unwrap());
    let clock = ShardClock::manual(T0);
    let url = mariadb.create_database().unwrap();
    World {
        engine: engine_on(&redis, ProjectionMode::Required, clock.clone()).await,
        pool: migrated(&url).await,
        redis,
        clock,
        url,
    }
}

/// A worker that runs in this process.
pub(crate) struct Working {
    pub(crate) status: Arc<Status>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Working {
    /// Stops it, and waits for its end.
    pub(crate) async fn stop(self) -> Arc<Status> {
        self.stop.cancel();
        self.task.await.unwrap();
        self.status
    }

    /// Ends it in the middle of whatever it does: its lease stays.
    pub(crate) async fn abandon(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

/// What a worker of this shop works with.
pub(crate) async fn scene(world: &World) -> Scene {
    let config = EngineConfig {
        clock: world.clock.clone(),
        call_timeout: Duration::from_secs(15),
        ..engine_config(&world.redis.url(), "sync-worker test")
    };
    let mut engine = None;
    eventually("redis can be reached", async || {
        engine = Engine::connect(config.clone()).await.ok();
        engine.is_some()
    })
    .await;
    Scene {
        engine: engine.unwrap(),
        pool: world.pool.clone(),
        shard: S,
        status: Arc::default(),
        who: "sync-worker test".to_owned(),
        retention: RETENTION,
        events: None,
    }
}

pub(crate) async fn work(world: &World) -> Working {
    work_with(world, None).await
}

/// A worker that writes events, if there is somewhere for them to go.
pub(crate) async fn work_with(world: &World, events: Option<Events>) -> Working {
    let scene = Scene {
        events,
        ..scene(world).await
    };
    let (status, stop) = (Arc::clone(&scene.status), CancellationToken::new());
    let task = tokio::spawn(Worker::new(scene, stop.clone()).run());
    Working { status, stop, task }
}

impl World {
    pub(crate) async fn survey(&self) -> Survey {
        self.engine.survey(S).await.unwrap()
    }

    /// The server is in an epoch after `epoch`.
    pub(crate) async fn opened_after(&self, epoch: Epoch) -> Epoch {
        let mut now = epoch;
        eventually("the shard is opened", async || {
            // Notices another life, as a request would.
            let _ = self.engine.status(S, soon()).await;
            if let Ok(open) = self.engine.gate(S) {
                now = open;
            }
            now > epoch
        })
        .await;
        now
    }

    pub(crate) async fn opened(&self) -> Epoch {
        self.opened_after(Epoch(0)).await
    }

    /// All that is in the journal is in the tables.
    pub(crate) async fn at_rest(&self) {
        eventually("all is projected", async || {
            let cursor = cursor::read(&self.pool, S).await.unwrap();
            let survey = self.engine.survey(S).await;
            cursor.zip(survey.ok()).is_some_and(|(cursor, survey)| {
                cursor.state == CursorState::Following && Some(cursor.position) == survey.last
            })
        })
        .await;
    }

    /// Both sides say the same, once all is projected and the server is in the epoch that it is.
    pub(crate) async fn agree(&self) {
        self.at_rest().await;
        let epoch = self.cursor().await.position.epoch;
        self.opened_after(Epoch(epoch.0 - 1)).await;
        let differences = compare_both_sides(&self.engine, &self.pool).await;
        assert_eq!(differences, Vec::<String>::new());
    }

    /// Kinds of recoveries so far, and their reports.
    pub(crate) async fn reports(&self) -> Vec<(String, serde_json::Value)> {
        let rows: Vec<(String, String)> =
            sqlx::query_as("SELECT kind, report FROM recovery_report ORDER BY id")
                .fetch_all(&self.pool)
                .await
                .unwrap();
        rows.into_iter()
            .map(|(kind, report)| (kind, serde_json::from_str(&report).unwrap()))
            .collect()
    }

    pub(crate) async fn kinds(&self) -> Vec<String> {
        let reports = self.reports().await.into_iter();
        reports.map(|(kind, _)| kind).collect()
    }

    /// Runs statements on the database.
    pub(crate) async fn sql(&self, statements: &[&'static str]) {
        for statement in statements {
            sqlx::query(*statement).execute(&self.pool).await.unwrap();
        }
    }

    /// How much of the append-only file there is: all that was answered.
    pub(crate) fn aof_len(&self) -> u64 {
        let file = self.redis.aof_incr_file().unwrap();
        std::fs::metadata(file).unwrap().len()
    }

    /// Redis dies and comes back with the first `bytes` of what it wrote.
    pub(crate) fn roll_back_to(&self, bytes: u64) {
        self.redis.kill9().unwrap();
        self.redis.truncate_aof_to(bytes).unwrap();
        self.redis.start_again().unwrap();
    }
}

impl Working {
    /// The shard stays as it is, and the reason has this in it.
    pub(crate) async fn is_held(&self, why: &str) {
        let what = format!("held: {why}");
        eventually(&what, async || {
            matches!(self.status.phase(), Phase::Fenced { why: said } if said.contains(why))
        })
        .await;
    }

    /// It projects, and nothing was wrong with what it projected.
    pub(crate) async fn follows(&self) {
        eventually("following", async || {
            self.status.phase() == Phase::Following
        })
        .await;
        assert_eq!(self.status.drift.load(Ordering::Relaxed), 0, "drift");
        assert_eq!(self.status.dead_letters.load(Ordering::Relaxed), 0);
    }
}
