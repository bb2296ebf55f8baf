//! Both sides, connected.

use std::time::{Duration, Instant};

use inventory_core::{
    Context, ShardId, Text,
    engine::{Engine, EngineConfig, Survey},
};
use sqlx::{MySql, MySqlPool, Transaction};

use super::exit::Trouble;
use crate::{
    config::Stores,
    cursor::{self, Cursor, CursorState},
    database,
    limits::{RECONCILE_CALL_TIMEOUT, RECONCILE_CONNECTIONS},
    run::{engine_config, secured},
};

/// Redis, through the engine, and MariaDB.
#[derive(Debug, Clone)]
pub(super) struct Both {
    pub(super) engine: Engine,
    pub(super) pool: MySqlPool,
    pub(super) shard: ShardId,
    /// `reconcile:<user>`: the actor of what is journaled.
    pub(super) who: Text,
}

/// The engine. It never opens a shard by itself, and leaves Redis's settings to the servers.
pub(super) async fn engine(stores: &Stores, who: &Text) -> Result<Engine, Trouble> {
    let config = EngineConfig {
        pool_size: RECONCILE_CONNECTIONS,
        call_timeout: RECONCILE_CALL_TIMEOUT,
        ..engine_config(&stores.redis_url, who.as_str())
    };
    let config = secured(config, &stores.trust()?)?;
    Ok(Engine::connect(config).await?)
}

impl Both {
    /// Connects to Redis; MariaDB is reached by the first statement.
    pub(super) async fn connect(stores: &Stores, who: &Text) -> Result<Self, Trouble> {
        let pool = database::pool(&stores.database_url)?;
        let engine = engine(stores, who).await?;
        Ok(Self {
            engine,
            pool,
            shard: ShardId::ZERO,
            who: who.clone(),
        })
    }

    /// Who asks, for the journal.
    pub(super) fn context(&self) -> Context {
        Context {
            actor: Some(self.who.clone()),
            ..Context::default()
        }
    }

    /// The shard, which must be open, and projected into this database.
    ///
    /// # Errors
    /// [`Trouble::Unclear`] says which it is not.
    pub(super) async fn comparable(&self) -> Result<(Survey, Cursor), Trouble> {
        let survey = self.open().await?;
        let cursor = self.cursor().await?;
        let lineage = survey.meta.as_ref().map(|meta| meta.lineage.as_str());
        if lineage != Some(cursor.lineage.as_str()) {
            return Err(Trouble::Unclear(format!(
                "Redis has lineage {}, MariaDB is the projection of {}: these are not two sides of \
                 one shard",
                lineage.unwrap_or("none"),
                cursor.lineage
            )));
        }
        if cursor.state != CursorState::Following {
            return Err(Trouble::Unclear(format!(
                "the projection is {}: it is being copied from Redis anew, compare when sync-worker \
                 says that it follows",
                cursor.state.as_str()
            )));
        }
        Ok((survey, cursor))
    }

    /// The shard, which must be open.
    ///
    /// # Errors
    /// [`Trouble::Unclear`] while it is fenced.
    pub(super) async fn open(&self) -> Result<Survey, Trouble> {
        let survey = self.engine.survey(self.shard).await?;
        if survey.alive() {
            return Ok(survey);
        }
        Err(Trouble::Unclear(format!(
            "the shard is fenced: {}",
            fenced(&survey)
        )))
    }

    /// The cursor row.
    ///
    /// # Errors
    /// [`Trouble::Unclear`] where there is none.
    pub(super) async fn cursor(&self) -> Result<Cursor, Trouble> {
        let cursor = cursor::read(&self.pool, self.shard).await;
        let missing = || {
            Trouble::Unclear(
                "no projection is attached to this database: sync-worker has never run on it"
                    .to_owned(),
            )
        };
        match cursor {
            Ok(cursor) => cursor.ok_or_else(missing),
            // Unknown database, or unknown table.
            Err(error) if matches!(database::number(&error), Some(1049 | 1146)) => Err(missing()),
            Err(error) => Err(error.into()),
        }
    }

    /// One moment of MariaDB for several statements.
    pub(super) async fn snapshot(&self) -> Result<Transaction<'_, MySql>, Trouble> {
        let begin = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";
        Ok(database::begin_with(&self.pool, begin).await?)
    }
}

/// Why a shard that is not alive is not.
pub(super) fn fenced(survey: &Survey) -> &'static str {
    use inventory_core::engine::MetaState;
    match &survey.meta {
        None => "Redis has no meta: it is empty, or was emptied",
        Some(meta) if meta.state == MetaState::Recovering => "it is being restored",
        Some(_) => "Redis was started anew or replaced, and nobody has opened the shard since",
    }
}

/// So long from now.
pub(super) fn within(patience: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(patience).unwrap_or(now)
}
