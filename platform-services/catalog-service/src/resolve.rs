//! What SKUs are and cost, for who takes an order.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;
use sqlx::{MySql, MySqlPool, QueryBuilder, Row as _};

use crate::{
    ids::Id,
    product::{Status, option_texts},
};

/// A SKU as it is sold now.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Resolved {
    sku_id: String,
    product_id: Id,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    option_text: Option<String>,
    price: i64,
    currency: &'static str,
    for_sale: bool,
}

/// Those that exist in the order asked, a repeated one once, and the others' ids.
pub(crate) async fn resolve(
    pool: &MySqlPool,
    sku_ids: &[String],
) -> Result<(Vec<Resolved>, Vec<String>), sqlx::Error> {
    let mut asked = BTreeSet::new();
    let sku_ids: Vec<&String> = sku_ids.iter().filter(|id| asked.insert(*id)).collect();
    let mut sql = QueryBuilder::<MySql>::new(
        "SELECT s.sku_id, s.product_id, s.combination, s.price, s.active, p.name, p.status \
         FROM sku s JOIN product p ON p.product_id = s.product_id WHERE s.sku_id IN (",
    );
    let mut list = sql.separated(", ");
    for sku_id in &sku_ids {
        list.push_bind(*sku_id);
    }
    sql.push(")");
    let mut connection = pool.acquire().await?;
    let rows = sql.build().fetch_all(&mut *connection).await?;
    let mut places = Vec::with_capacity(rows.len());
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let product: u64 = row.try_get("product_id")?;
        places.push((product, row.try_get("combination")?));
        let active: bool = row.try_get("active")?;
        let status: String = row.try_get("status")?;
        found.push(Resolved {
            sku_id: row.try_get("sku_id")?,
            product_id: Id(product),
            name: row.try_get("name")?,
            option_text: None,
            price: row.try_get("price")?,
            currency: contracts::KRW,
            for_sale: active && status == Status::OnSale.as_str(),
        });
    }
    let texts = option_texts(&mut connection, &places).await?;
    let mut found: HashMap<String, Resolved> = found
        .into_iter()
        .zip(texts)
        .map(|(sku, option_text)| (sku.sku_id.clone(), Resolved { option_text, ..sku }))
        .collect();
    let mut skus = Vec::new();
    let mut unknown = Vec::new();
    for sku_id in sku_ids {
        match found.remove(sku_id) {
            Some(sku) => skus.push(sku),
            None => unknown.push(sku_id.clone()),
        }
    }
    Ok((skus, unknown))
}
