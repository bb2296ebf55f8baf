//! A private broker, a database for each test, and short names.

pub(crate) mod events;
pub(crate) mod log;

use std::{
    future::Future,
    sync::LazyLock,
    time::{Duration, Instant},
};

use devstack::{
    kafka::KafkaServer,
    mariadb::{self, MariaDbServer},
};
use service_kit::{
    db::{self, PoolSettings, ServiceName},
    inbox,
    kafka::Kafka,
    outbox,
};
use sqlx::{AssertSqlSafe, MySqlPool};

/// How long a condition may take to come true; far longer than it ever should.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// How long a broker is away.
pub(crate) const OUTAGE: Duration = Duration::from_secs(30);

/// The MariaDB of this process, for tests that do not kill theirs.
static MARIADB: LazyLock<MariaDbServer> = LazyLock::new(|| {
    let builder = MariaDbServer::builder().durability(mariadb::Durability::EverySecond);
    builder.start().unwrap()
});

/// The broker of this process, for tests that do not kill theirs.
static KAFKA: LazyLock<KafkaServer> = LazyLock::new(broker);

/// A broker of its own, for a test that kills it.
pub(crate) fn broker() -> KafkaServer {
    KafkaServer::builder().start().unwrap()
}

pub(crate) fn client(broker: &KafkaServer) -> Kafka {
    Kafka::new(broker.bootstrap(), "test")
}

/// The shared broker.
pub(crate) fn kafka() -> Kafka {
    client(&KAFKA)
}

/// Where the shared broker is.
pub(crate) fn brokers() -> String {
    KAFKA.bootstrap()
}

/// An empty database on the shared MariaDB.
pub(crate) fn database_url() -> String {
    MARIADB.create_database().unwrap()
}

pub(crate) fn pool(url: &str) -> MySqlPool {
    db::pool(url, "test", PoolSettings::default()).unwrap()
}

pub(crate) fn service() -> ServiceName {
    "test".parse().unwrap()
}

/// A database with the tables of outbox and inbox, and one that handlers write to.
pub(crate) async fn database() -> (String, MySqlPool) {
    let url = database_url();
    let pool = pool(&url);
    let own = "CREATE TABLE handled (
        seq BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
        event_id VARCHAR(255) NOT NULL,
        user_id VARCHAR(255) NOT NULL
    )";
    for ddl in [
        outbox::ddl(&service()),
        inbox::ddl(&service()),
        own.to_owned(),
    ] {
        sqlx::raw_sql(AssertSqlSafe(ddl))
            .execute(&pool)
            .await
            .unwrap();
    }
    (url, pool)
}

/// A number from the database.
pub(crate) async fn count(pool: &MySqlPool, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
}

/// Waits until the condition holds.
pub(crate) async fn until<F, A>(what: &str, mut condition: F)
where
    F: FnMut() -> A,
    A: Future<Output = bool>,
{
    let begun = Instant::now();
    while !condition().await {
        assert!(begun.elapsed() < PATIENCE, "{what}: not in time");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A name that nothing else on the broker has.
pub(crate) fn unique(name: &str) -> String {
    format!("{name}-{}", &service_kit::ids::uuid()[24..])
}
