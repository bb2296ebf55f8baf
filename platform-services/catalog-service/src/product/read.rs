use std::collections::{BTreeMap, HashMap};

use contracts::catalog::ProductChanged;
use sqlx::{MySql, MySqlConnection, MySqlPool, QueryBuilder, Row as _};

use super::{NewGroup, NewValue, Status};
use crate::{failure::Failure, ids::Id};

/// A product with everything of its own.
#[derive(Debug, Clone)]
pub(crate) struct Product {
    pub(crate) id: Id,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) price: i64,
    pub(crate) status: Status,
    pub(crate) category: Option<Id>,
    pub(crate) brand: Option<Id>,
    pub(crate) image_url: Option<String>,
    pub(crate) sold_out: bool,
    pub(crate) version: u64,
    pub(crate) created_at_ms: i64,
    pub(crate) updated_at_ms: i64,
    /// In their order, values in theirs.
    pub(crate) groups: Vec<NewGroup>,
    /// In the order of their combinations.
    pub(crate) skus: Vec<Sku>,
}

/// A SKU of a product.
#[derive(Debug, Clone)]
pub(crate) struct Sku {
    pub(crate) sku_id: String,
    pub(crate) combination: Vec<usize>,
    pub(crate) price: i64,
    pub(crate) active: bool,
    pub(crate) sold_out: bool,
}

impl Sku {
    /// The values it has, by group, in the groups' order.
    pub(crate) fn options<'a>(
        &self,
        groups: &'a [NewGroup],
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        let values = self.combination.clone();
        groups.iter().zip(values).filter_map(|(group, value)| {
            let value = group.values.get(value)?;
            Some((group.name.as_str(), value.value.as_str()))
        })
    }
}

impl Product {
    /// What it is now, for others.
    pub(crate) fn changed(&self) -> ProductChanged {
        ProductChanged {
            product_id: self.id.to_string(),
            name: self.name.clone(),
            price: self.price,
            status: self.status.as_str().to_owned(),
            category_id: self.category.map(|id| id.to_string()),
            brand_id: self.brand.map(|id| id.to_string()),
        }
    }
}

/// A product, whatever its status. Values are only ever added, so SKUs are read before them.
pub(crate) async fn read(
    connection: &mut MySqlConnection,
    id: Id,
) -> Result<Option<Product>, Failure> {
    let row = sqlx::query(
        "SELECT name, description, price, status, category_id, brand_id, image_url, sold_out, \
         version, created_at_ms, updated_at_ms FROM product WHERE product_id = ?",
    )
    .bind(id.0)
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let status: String = row.try_get("status")?;
    let mut skus = Vec::new();
    let rows = sqlx::query(
        "SELECT sku_id, combination, price, active, sold_out FROM sku WHERE product_id = ?",
    )
    .bind(id.0)
    .fetch_all(&mut *connection)
    .await?;
    for row in rows {
        skus.push(Sku {
            sku_id: row.try_get("sku_id")?,
            combination: combination(&row.try_get::<String, _>("combination")?),
            price: row.try_get("price")?,
            active: row.try_get("active")?,
            sold_out: row.try_get("sold_out")?,
        });
    }
    skus.sort_by(|a, b| a.combination.cmp(&b.combination));
    Ok(Some(Product {
        id,
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        price: row.try_get("price")?,
        status: Status::of_name(&status)
            .ok_or_else(|| sqlx::Error::Decode(format!("status {status}").into()))?,
        category: row.try_get::<Option<u64>, _>("category_id")?.map(Id),
        brand: row.try_get::<Option<u64>, _>("brand_id")?.map(Id),
        image_url: row.try_get("image_url")?,
        sold_out: row.try_get("sold_out")?,
        version: row.try_get("version")?,
        created_at_ms: row.try_get("created_at_ms")?,
        updated_at_ms: row.try_get("updated_at_ms")?,
        groups: groups(connection, &[id.0])
            .await?
            .remove(&id.0)
            .unwrap_or_default(),
        skus,
    }))
}

fn combination(text: &str) -> Vec<usize> {
    text.split('.').filter_map(|n| n.parse().ok()).collect()
}

/// The option groups of products.
async fn groups(
    connection: &mut MySqlConnection,
    products: &[u64],
) -> Result<HashMap<u64, Vec<NewGroup>>, sqlx::Error> {
    let mut found: HashMap<u64, BTreeMap<u8, NewGroup>> = HashMap::new();
    if products.is_empty() {
        return Ok(HashMap::new());
    }
    let mut sql = QueryBuilder::<MySql>::new(
        "SELECT g.product_id, g.group_no, g.name, v.value, v.additional_price FROM option_group g \
         JOIN option_value v ON v.product_id = g.product_id AND v.group_no = g.group_no \
         WHERE g.product_id IN (",
    );
    let mut list = sql.separated(", ");
    for product in products {
        list.push_bind(*product);
    }
    sql.push(") ORDER BY g.product_id, g.group_no, v.value_no");
    for row in sql.build().fetch_all(connection).await? {
        let name: String = row.try_get("name")?;
        let group = found
            .entry(row.try_get("product_id")?)
            .or_default()
            .entry(row.try_get("group_no")?)
            .or_insert_with(|| NewGroup {
                name,
                values: Vec::new(),
            });
        group.values.push(NewValue {
            value: row.try_get("value")?,
            additional_price: row.try_get("additional_price")?,
        });
    }
    let in_order = |(product, groups): (u64, BTreeMap<u8, NewGroup>)| {
        (product, groups.into_values().collect())
    };
    Ok(found.into_iter().map(in_order).collect())
}

/// The SKUs that are sold, of products, for asking how many there are.
pub(crate) async fn live_skus(
    pool: &MySqlPool,
    products: &[Id],
) -> Result<HashMap<Id, Vec<String>>, sqlx::Error> {
    let mut skus: HashMap<Id, Vec<String>> = HashMap::new();
    if products.is_empty() {
        return Ok(skus);
    }
    let mut sql = QueryBuilder::<MySql>::new(
        "SELECT product_id, sku_id FROM sku WHERE active AND product_id IN (",
    );
    let mut list = sql.separated(", ");
    for product in products {
        list.push_bind(product.0);
    }
    sql.push(")");
    for row in sql.build().fetch_all(pool).await? {
        let product = Id(row.try_get("product_id")?);
        skus.entry(product)
            .or_default()
            .push(row.try_get("sku_id")?);
    }
    Ok(skus)
}

/// The values of SKUs as a text, such as `검정 / 270`; none for SKUs without options.
pub(crate) async fn option_texts(
    connection: &mut MySqlConnection,
    skus: &[(u64, String)],
) -> Result<Vec<Option<String>>, sqlx::Error> {
    let mut products: Vec<u64> = skus
        .iter()
        .filter(|(_, combination)| !combination.is_empty())
        .map(|(product, _)| *product)
        .collect();
    products.sort_unstable();
    products.dedup();
    let groups = groups(connection, &products).await?;
    let text = |(product, numbers): &(u64, String)| {
        let groups = groups.get(product)?;
        let values: Vec<&str> = combination(numbers)
            .into_iter()
            .zip(groups)
            .filter_map(|(value, group)| group.values.get(value))
            .map(|value| value.value.as_str())
            .collect();
        (!values.is_empty()).then(|| values.join(" / "))
    };
    Ok(skus.iter().map(text).collect())
}
