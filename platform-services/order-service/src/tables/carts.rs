use sqlx::MySqlConnection;

use crate::domain::Line;

/// Locks the cart until the transaction ends, and makes it if there is none.
pub(crate) async fn lock(
    connection: &mut MySqlConnection,
    user_id: &str,
    now_ms: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO cart (user_id, updated_at_ms) VALUES (?, ?)
         ON DUPLICATE KEY UPDATE updated_at_ms = ?",
    )
    .bind(user_id)
    .bind(now_ms)
    .bind(now_ms)
    .execute(connection)
    .await
    .map(drop)
}

/// What is in it, in the order in which it came in.
pub(crate) async fn read(
    connection: &mut MySqlConnection,
    user_id: &str,
) -> Result<Vec<Line>, sqlx::Error> {
    let rows: Vec<(String, u32)> =
        sqlx::query_as("SELECT sku_id, quantity FROM cart_item WHERE user_id = ? ORDER BY seq")
            .bind(user_id)
            .fetch_all(connection)
            .await?;
    let line = |(sku_id, quantity)| Line { sku_id, quantity };
    Ok(rows.into_iter().map(line).collect())
}

/// Sets a line, new or not.
pub(crate) async fn put(
    connection: &mut MySqlConnection,
    user_id: &str,
    line: &Line,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO cart_item (user_id, sku_id, quantity) VALUES (?, ?, ?)
         ON DUPLICATE KEY UPDATE quantity = VALUES(quantity)",
    )
    .bind(user_id)
    .bind(&line.sku_id)
    .bind(line.quantity)
    .execute(connection)
    .await
    .map(drop)
}

/// Takes a line out. Whether there was one.
pub(crate) async fn remove(
    connection: &mut MySqlConnection,
    user_id: &str,
    sku_id: &str,
) -> Result<bool, sqlx::Error> {
    let removed = sqlx::query("DELETE FROM cart_item WHERE user_id = ? AND sku_id = ?")
        .bind(user_id)
        .bind(sku_id)
        .execute(connection)
        .await?;
    Ok(removed.rows_affected() > 0)
}

/// Takes everything out.
pub(crate) async fn clear(
    connection: &mut MySqlConnection,
    user_id: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM cart_item WHERE user_id = ?")
        .bind(user_id)
        .execute(connection)
        .await
        .map(drop)
}
