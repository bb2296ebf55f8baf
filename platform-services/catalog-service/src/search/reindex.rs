//! Makes documents again whose brand, category or rules changed: soon after, in small transactions.

use std::{sync::Arc, time::Duration};

use service_kit::db;
use sqlx::{MySqlConnection, MySqlPool};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{document, pending, text};
use crate::{
    category, failure::Failure, failure::again_on_deadlock, ids::Id, limits::REINDEX_ROWS_MAX,
};

/// How often it looks by itself: for what another replica left.
const PERIOD: Duration = Duration::from_secs(5);

/// Tells the task that there is something to do.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reindex(Arc<Notify>);

impl Reindex {
    pub(crate) fn wake(&self) {
        self.0.notify_one();
    }

    /// Runs until `stop`.
    pub(crate) async fn run(self, pool: MySqlPool, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                done = all(&pool) => match done {
                    Ok(0) => {}
                    Ok(products) => tracing::info!(products, "search documents made again"),
                    Err(error) => tracing::warn!(?error, "search documents wait to be made again"),
                },
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.0.notified() => {}
                () = tokio::time::sleep(PERIOD) => {}
            }
        }
    }
}

async fn all(pool: &MySqlPool) -> Result<usize, Failure> {
    pending::mark_all(pool).await?;
    let mut done = 0;
    loop {
        let stale: Vec<u64> = sqlx::query_scalar(
            "SELECT product_id FROM product_search WHERE version < ? ORDER BY version, product_id LIMIT ?",
        )
        .bind(text::RULES)
        .bind(REINDEX_ROWS_MAX)
        .fetch_all(pool)
        .await?;
        if stale.is_empty() {
            return Ok(done);
        }
        for product in stale {
            again_on_deadlock(|| one(pool, Id(product))).await?;
            done += 1;
        }
    }
}

/// The locks in the order of everybody: category, brand, product.
async fn one(pool: &MySqlPool, product: Id) -> Result<(), Failure> {
    const REFERENCES: &str = "SELECT category_id, brand_id FROM product WHERE product_id = ?";
    type References = (Option<u64>, Option<u64>);
    let before: References = sqlx::query_as(REFERENCES)
        .bind(product.0)
        .fetch_one(pool)
        .await?;
    let mut transaction = db::begin(pool).await?;
    lock_references(&mut transaction, before.0.map(Id), before.1.map(Id)).await?;
    sqlx::query("SELECT 1 FROM product WHERE product_id = ? FOR UPDATE")
        .bind(product.0)
        .fetch_one(&mut *transaction)
        .await?;
    let now: References = sqlx::query_as(REFERENCES)
        .bind(product.0)
        .fetch_one(&mut *transaction)
        .await?;
    // Whoever gave it another category made its document, or took it away.
    if now == before {
        document::write(&mut transaction, product).await?;
        transaction.commit().await?;
    }
    Ok(())
}

/// Locks what a document is made of, shared: the category, then the brand. Whether they exist.
pub(crate) async fn lock_references(
    connection: &mut MySqlConnection,
    category: Option<Id>,
    brand: Option<Id>,
) -> Result<(bool, bool), sqlx::Error> {
    let has_category = match category {
        Some(category) => category::lock_shared(connection, category).await?,
        None => true,
    };
    let has_brand = match brand {
        Some(brand) => sqlx::query("SELECT 1 FROM brand WHERE brand_id = ? LOCK IN SHARE MODE")
            .bind(brand.0)
            .fetch_optional(connection)
            .await?
            .is_some(),
        None => true,
    };
    Ok((has_category, has_brand))
}
