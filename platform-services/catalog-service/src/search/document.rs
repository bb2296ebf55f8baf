//! The search document of a product: made in the transaction that changes the product.

use sqlx::{MySql, MySqlConnection, QueryBuilder, Row as _};

use super::text;
use crate::{category, ids::Id};

/// Makes the document of a product from its rows, and stores it. The caller has locked what it is
/// made of: category and brand shared, the product for itself.
pub(crate) async fn write(
    connection: &mut MySqlConnection,
    product: Id,
) -> Result<(), sqlx::Error> {
    let row = sqlx::query(
        "SELECT p.name, p.description, b.name AS brand, c.path \
         FROM product p LEFT JOIN brand b ON b.brand_id = p.brand_id \
         LEFT JOIN category c ON c.category_id = p.category_id WHERE p.product_id = ? \
         LOCK IN SHARE MODE",
    )
    .bind(product.0)
    .fetch_one(&mut *connection)
    .await?;
    let name: String = row.try_get("name")?;
    let mut fields = vec![name.clone()];
    fields.extend(row.try_get::<Option<String>, _>("brand")?);
    let path: Option<String> = row.try_get("path")?;
    fields.extend(category_names(connection, path.as_deref().unwrap_or_default()).await?);
    fields.push(row.try_get("description")?);
    let values = "SELECT value FROM option_value WHERE product_id = ? ORDER BY group_no, value_no";
    fields.extend(
        sqlx::query_scalar::<_, String>(values)
            .bind(product.0)
            .fetch_all(&mut *connection)
            .await?,
    );
    let lines: Vec<String> = fields.iter().map(|field| text::normalise(field)).collect();
    let document = lines.join("\n");
    sqlx::query(
        "INSERT INTO product_search (product_id, name, document, tokens, version) \
         VALUES (?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE name = VALUES(name), \
         document = VALUES(document), tokens = VALUES(tokens), version = VALUES(version)",
    )
    .bind(product.0)
    .bind(text::normalise(&name))
    .bind(&document)
    .bind(text::tokens(&document))
    .bind(text::RULES)
    .execute(connection)
    .await?;
    Ok(())
}

/// The names along a path, the root's first.
async fn category_names(
    connection: &mut MySqlConnection,
    path: &str,
) -> Result<Vec<String>, sqlx::Error> {
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = QueryBuilder::<MySql>::new("SELECT name FROM category WHERE category_id IN (");
    let mut list = sql.separated(", ");
    for id in category::ids_along(path) {
        list.push_bind(id);
    }
    sql.push(") ORDER BY path");
    sql.build_query_scalar().fetch_all(connection).await
}
