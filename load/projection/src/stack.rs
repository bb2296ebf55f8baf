//! What is measured: a private Redis and MariaDB, the released binaries between them.

use std::{
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, Instant},
};

use devstack::{mariadb::MariaDbServer, process::ServerProcess, redis::RedisServer};
use inventory_core::{
    JournalId, ShardId,
    engine::{Engine, EngineConfig, ProjectionMode},
};
use sqlx::{MySqlPool, Row};

/// Longest that anything here is waited for.
const PATIENCE: Duration = Duration::from_secs(900);

/// Redis, MariaDB and a database that a worker has attached to.
#[derive(Debug)]
pub struct Stack {
    /// Redis, AOF everysec.
    pub redis: RedisServer,
    /// The engine, for filling and looking.
    pub engine: Engine,
    /// The projection's database.
    pub pool: MySqlPool,
    database_url: String,
}

/// A child process of this workspace and where it listens.
#[derive(Debug)]
pub struct Child {
    /// The process.
    pub process: ServerProcess,
    /// Its address.
    pub address: SocketAddr,
}

impl Stack {
    /// A store with `skus` SKUs that a projection has taken.
    ///
    /// # Errors
    /// What did not start.
    pub async fn start(mariadb: &MariaDbServer, skus: u32) -> Result<Self, String> {
        let redis = tokio::task::spawn_blocking(move || compare::target::store(skus, 0))
            .await
            .map_err(|error| error.to_string())??;
        let database_url = mariadb
            .create_database()
            .map_err(|error| error.to_string())?;
        let engine = connect(&redis).await?;
        let pool = sync_worker::database::pool(&database_url).map_err(|error| error.to_string())?;
        let mut stack = Self {
            redis,
            engine,
            pool,
            database_url,
        };
        let worker = stack.worker()?;
        stack.caught_up().await?;
        worker
            .process
            .terminate()
            .map_err(|error| error.to_string())?;
        // The worker has opened the shard under a new epoch; this one knows it from the start.
        stack.engine = connect(&stack.redis).await?;
        Ok(stack)
    }

    /// Starts sync-worker, without Kafka.
    ///
    /// # Errors
    /// It did not start.
    pub fn worker(&self) -> Result<Child, String> {
        self.worker_with(&["--no-kafka"])
    }

    /// Starts sync-worker with these flags about Kafka.
    ///
    /// # Errors
    /// It did not start.
    pub fn worker_with(&self, kafka: &[&str]) -> Result<Child, String> {
        child(
            ServerProcess::builder(binary("release", "sync-worker")?)
                .without_env("SYNC_")
                .args(["run", "--ops-listen", "127.0.0.1:0"])
                .args(kafka)
                .args(["--redis-url", &self.redis.url()])
                .args(["--database-url", &self.database_url]),
        )
    }

    /// Starts inventory-server.
    ///
    /// # Errors
    /// It did not start.
    pub fn server(&self) -> Result<Child, String> {
        child(
            ServerProcess::builder(binary("hot", "inventory-server")?)
                .without_env("INVENTORY_")
                .args(["--listen", "127.0.0.1:0", "--redis-url", &self.redis.url()])
                .args(["--projection", "required", "--log", "text"]),
        )
    }

    /// Where MariaDB is.
    #[must_use]
    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// Waits until the projection stands where the journal ends.
    ///
    /// # Errors
    /// It does not within fifteen minutes.
    pub async fn caught_up(&self) -> Result<(), String> {
        let until = Instant::now() + PATIENCE;
        loop {
            let survey = self.engine.survey(ShardId::ZERO).await;
            let end = survey.map_err(|fault| fault.to_string())?.last;
            if end.is_some() && self.position().await == end {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(format!("the projection does not reach {end:?}"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The last entry that is in MariaDB. None before the tables are there, and while Redis is
    /// being copied: the cursor stands at the end of the journal then, and the rows do not.
    async fn position(&self) -> Option<JournalId> {
        let row = sqlx::query(
            "SELECT CONCAT(epoch, '-', n) AS id FROM journal_cursor WHERE state = 'FOLLOWING'",
        )
        .fetch_optional(&self.pool)
        .await
        .ok()??;
        row.try_get::<String, _>("id").ok()?.parse().ok()
    }
}

impl Child {
    /// Waits until it is ready.
    ///
    /// # Errors
    /// It is not within ten seconds.
    pub async fn wait_ready(&self) -> Result<(), String> {
        let url = format!("http://{}/readyz", self.address);
        for _ in 0..200 {
            if ureq::get(&url).call().is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err("the server does not become ready".to_owned())
    }

    /// How many things the worker has put back, while it does.
    #[must_use]
    pub fn restoring(&self) -> Option<u64> {
        // Not ready is an answer too.
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let answer = agent.get(format!("http://{}/readyz", self.address)).call();
        let page: serde_json::Value = answer.ok()?.body_mut().read_json().ok()?;
        page["dependencies"]["projection"]["restored"].as_u64()
    }

    /// A figure of its metrics.
    ///
    /// # Errors
    /// It does not answer, or has no such figure.
    pub fn metric(&self, name: &str) -> Result<f64, String> {
        let page = ureq::get(format!("http://{}/metrics", self.address))
            .call()
            .and_then(|mut answer| answer.body_mut().read_to_string())
            .map_err(|error| error.to_string())?;
        let line = page.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|value| value.trim().parse().ok())
            .ok_or_else(|| format!("no {name} in the metrics"))
    }
}

async fn connect(redis: &RedisServer) -> Result<Engine, String> {
    let config = EngineConfig {
        projection: ProjectionMode::Auto,
        pool_size: 64,
        ..EngineConfig::new(&redis.url())
    };
    Engine::connect(config)
        .await
        .map_err(|error| error.to_string())
}

/// A binary that `load/projection/run` has built, in `target/<profile>/`.
///
/// # Errors
/// This program is not in a target folder.
pub fn binary(profile: &str, name: &str) -> Result<PathBuf, String> {
    let here = std::env::current_exe().map_err(|error| error.to_string())?;
    let target = here.ancestors().nth(2).ok_or("no target folder")?;
    Ok(target.join(profile).join(name))
}

fn child(builder: devstack::process::Builder) -> Result<Child, String> {
    let process = builder.start().map_err(|error| error.to_string())?;
    let line = process
        .wait_for_line(|line| line.contains("listening"), Duration::from_secs(20))
        .map_err(|error| error.to_string())?;
    let address = line
        .split_once("127.0.0.1:")
        .map(|(_, rest)| {
            rest.chars()
                .take_while(char::is_ascii_digit)
                .collect::<String>()
        })
        .and_then(|port| format!("127.0.0.1:{port}").parse().ok())
        .ok_or_else(|| format!("no address in {line:?}"))?;
    Ok(Child { process, address })
}
