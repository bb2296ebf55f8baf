//! Whose documents have to be made again: noted in the transaction that changes a name, marked after
//! it a number at a time, so that nobody waits for a lock on all products of a category or a brand.
//!
//! Nothing is missed. A document written before the change is there when the note is read; one
//! written after it has the new names, since whoever writes one locks its category and its brand.

use service_kit::db;
use sqlx::{MySql, MySqlConnection, MySqlPool, QueryBuilder};

use crate::{
    category::{NOTE, Subtree},
    failure::{Failure, again_on_deadlock},
    ids::Id,
    limits::MARK_ROWS_MAX,
    product::Status,
};

/// Notes a category and all below it, as the paths are now.
pub(crate) async fn add_categories(
    connection: &mut MySqlConnection,
    path: &str,
) -> Result<(), sqlx::Error> {
    let subtree = Subtree::of(path);
    sqlx::query(NOTE)
        .bind(subtree.first)
        .bind(subtree.end)
        .execute(connection)
        .await
        .map(drop)
}

/// Notes a brand.
pub(crate) async fn add_brand(connection: &mut MySqlConnection, id: Id) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO search_pending (brand_id) VALUES (?)")
        .bind(id.0)
        .execute(connection)
        .await
        .map(drop)
}

#[derive(sqlx::FromRow)]
struct Pending {
    pending_id: u64,
    category_id: Option<u64>,
    brand_id: Option<u64>,
    marked_to: u64,
}

/// Marks what is noted, until nothing is. Another replica may do the same at the same time.
pub(super) async fn mark_all(pool: &MySqlPool) -> Result<(), Failure> {
    loop {
        let pending: Option<Pending> = sqlx::query_as(
            "SELECT pending_id, category_id, brand_id, marked_to FROM search_pending \
             ORDER BY pending_id LIMIT 1",
        )
        .fetch_optional(pool)
        .await?;
        let Some(pending) = pending else {
            return Ok(());
        };
        let products = next_products(pool, &pending).await?;
        again_on_deadlock(|| mark(pool, &pending, &products)).await?;
    }
}

/// The next products of a note by id. Each status is a range of an index by itself: what is marked
/// already is not read again.
async fn next_products(pool: &MySqlPool, pending: &Pending) -> Result<Vec<u64>, sqlx::Error> {
    let (column, id) = match (pending.category_id, pending.brand_id) {
        (Some(id), _) => ("category_id", id),
        (None, Some(id)) => ("brand_id", id),
        (None, None) => return Ok(Vec::new()),
    };
    let mut sql = QueryBuilder::<MySql>::new("");
    for (n, status) in Status::ALL.into_iter().enumerate() {
        sql.push(if n == 0 { "(" } else { " UNION ALL (" });
        sql.push("SELECT product_id FROM product WHERE ")
            .push(column)
            .push(" = ")
            .push_bind(id)
            .push(" AND status = ")
            .push_bind(status.as_str())
            .push(" AND product_id > ")
            .push_bind(pending.marked_to)
            .push(" ORDER BY product_id LIMIT ")
            .push_bind(MARK_ROWS_MAX)
            .push(")");
    }
    sql.push(" ORDER BY product_id LIMIT ")
        .push_bind(MARK_ROWS_MAX);
    sql.build_query_scalar().fetch_all(pool).await
}

/// Marks some products and notes how far it is, or takes the note away when there are none left.
async fn mark(pool: &MySqlPool, pending: &Pending, products: &[u64]) -> Result<(), Failure> {
    let mut transaction = db::begin(pool).await?;
    let mine = match products.last() {
        None => sqlx::query("DELETE FROM search_pending WHERE pending_id = ? AND marked_to = ?")
            .bind(pending.pending_id),
        Some(last) => sqlx::query(
            "UPDATE search_pending SET marked_to = ? WHERE pending_id = ? AND marked_to = ?",
        )
        .bind(*last)
        .bind(pending.pending_id),
    };
    let mine = mine.bind(pending.marked_to).execute(&mut *transaction);
    // Otherwise another replica was quicker.
    if mine.await?.rows_affected() == 1 && !products.is_empty() {
        let mut sql = QueryBuilder::<MySql>::new(
            "UPDATE product_search SET version = 0 WHERE product_id IN (",
        );
        let mut list = sql.separated(", ");
        for product in products {
            list.push_bind(*product);
        }
        sql.push(") ORDER BY product_id");
        sql.build().execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(())
}
