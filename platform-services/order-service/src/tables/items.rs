use sqlx::{AssertSqlSafe, FromRow, MySqlConnection};

/// A row of `order_item`: a line as it was when the order was placed, and what came back of it.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Item {
    pub(crate) line_no: u32,
    pub(crate) sku_id: String,
    pub(crate) product_id: String,
    pub(crate) name: String,
    pub(crate) option_text: Option<String>,
    pub(crate) quantity: u32,
    pub(crate) unit_price: i64,
    pub(crate) asked_quantity: u32,
    pub(crate) refunded_quantity: u32,
}

pub(crate) async fn read(
    connection: &mut MySqlConnection,
    order_id: &str,
) -> Result<Vec<Item>, sqlx::Error> {
    sqlx::query_as(
        "SELECT line_no, sku_id, product_id, name, option_text, quantity, unit_price,
            asked_quantity, refunded_quantity
         FROM order_item WHERE order_id = ? ORDER BY line_no",
    )
    .bind(order_id)
    .fetch_all(connection)
    .await
}

/// At least one, in one statement.
pub(crate) async fn insert(
    connection: &mut MySqlConnection,
    order_id: &str,
    items: &[Item],
) -> Result<(), sqlx::Error> {
    let values = vec!["(?,?,?,?,?,?,?,?)"; items.len()].join(",");
    let mut query = sqlx::query(AssertSqlSafe(format!(
        "INSERT INTO order_item
           (order_id, line_no, sku_id, product_id, name, option_text, quantity, unit_price)
         VALUES {values}"
    )));
    for item in items {
        query = query
            .bind(order_id)
            .bind(item.line_no)
            .bind(&item.sku_id)
            .bind(&item.product_id)
            .bind(&item.name)
            .bind(&item.option_text)
            .bind(item.quantity)
            .bind(item.unit_price);
    }
    query.execute(connection).await.map(drop)
}

/// So many more units of a SKU were asked back. A check keeps them within what was ordered.
pub(crate) async fn ask(
    connection: &mut MySqlConnection,
    order_id: &str,
    sku_id: &str,
    quantity: u32,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE order_item SET asked_quantity = asked_quantity + ?
         WHERE order_id = ? AND sku_id = ?",
    )
    .bind(quantity)
    .bind(order_id)
    .bind(sku_id)
    .execute(connection)
    .await
    .map(drop)
}

/// The units of a refund came back.
pub(crate) async fn refunded(
    connection: &mut MySqlConnection,
    order_id: &str,
    refund_id: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE order_item AS i JOIN order_refund_item AS r ON r.sku_id = i.sku_id
         SET i.refunded_quantity = i.refunded_quantity + r.quantity
         WHERE i.order_id = ? AND r.refund_id = ?",
    )
    .bind(order_id)
    .bind(refund_id)
    .execute(connection)
    .await
    .map(drop)
}
