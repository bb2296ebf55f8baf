//! The same reservation as plain SQL, as one writes it without this engine: a conditional update of
//! the one hot row, then the reservation, in one transaction.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use devstack::mariadb::MariaDbServer;
use sqlx::{Executor as _, MySqlPool, mysql::MySqlPoolOptions};

const SCHEMA: [&str; 4] = [
    "CREATE TABLE stock (sku_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
        available BIGINT NOT NULL, reserved BIGINT NOT NULL)",
    "CREATE TABLE hold (reservation_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
        status VARCHAR(16) NOT NULL, expires_at DATETIME(3) NOT NULL, KEY (status, expires_at))",
    "CREATE TABLE hold_item (reservation_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        sku_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, quantity INT NOT NULL,
        PRIMARY KEY (reservation_id, sku_id))",
    "INSERT INTO stock VALUES ('sku-1', 1000000000, 0)",
];

/// Reservations per second of one hot SKU over `connections` connections.
///
/// # Errors
/// What the database said.
pub(crate) async fn per_second(
    mariadb: &MariaDbServer,
    connections: u32,
    duration: Duration,
) -> Result<f64, String> {
    let url = mariadb
        .create_database()
        .map_err(|error| error.to_string())?;
    let pool = MySqlPoolOptions::new()
        .max_connections(connections)
        .connect(&url)
        .await
        .map_err(|error| error.to_string())?;
    for statement in SCHEMA {
        pool.execute(statement)
            .await
            .map_err(|error| error.to_string())?;
    }
    let taken = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let end = began + duration;
    let tasks: Vec<_> = (0..connections)
        .map(|_| tokio::spawn(until(pool.clone(), Arc::clone(&taken), end)))
        .collect();
    for task in tasks {
        let done = task.await.map_err(|error| error.to_string())?;
        done.map_err(|error| error.to_string())?;
    }
    let count = u32::try_from(taken.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
    let per_second = f64::from(count) / began.elapsed().as_secs_f64();
    pool.close().await;
    Ok(per_second)
}

#[expect(
    clippy::disallowed_methods,
    reason = "nobody goes away, and the plain way is what is measured"
)]
async fn until(pool: MySqlPool, taken: Arc<AtomicU64>, end: Instant) -> Result<(), sqlx::Error> {
    while Instant::now() < end {
        let id = format!("r-{}", taken.fetch_add(1, Ordering::Relaxed));
        let mut transaction = pool.begin().await?;
        let updated = sqlx::query(
            "UPDATE stock SET available = available - 1, reserved = reserved + 1
             WHERE sku_id = 'sku-1' AND available >= 1",
        )
        .execute(&mut *transaction)
        .await?;
        if updated.rows_affected() == 1 {
            sqlx::query("INSERT INTO hold VALUES (?, 'RESERVED', NOW(3) + INTERVAL 900 SECOND)")
                .bind(&id)
                .execute(&mut *transaction)
                .await?;
            sqlx::query("INSERT INTO hold_item VALUES (?, 'sku-1', 1)")
                .bind(&id)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
    }
    Ok(())
}
