use std::collections::BTreeSet;

use contracts::catalog::SkuCreated;
use service_kit::{
    clock,
    db::{self, OnConstraint as _},
};
use sqlx::{MySql, MySqlConnection, MySqlPool, QueryBuilder};

use super::{
    Attributes, NewGroup, NewSku, NewValue, Product, Status,
    change::{ensure_sellable, locked, refresh_sold_out},
    options::{Planned, combination_text, plan},
    read,
};
use crate::{
    events::Teller,
    failure::{Failure, again_on_deadlock},
    ids::Id,
    limits::VALUES_MAX,
    refusal::Refusal,
    search::document,
};

/// A product to be.
#[derive(Debug, Clone)]
pub(crate) struct New {
    pub(crate) attributes: Attributes,
    pub(crate) status: Status,
    pub(crate) groups: Vec<NewGroup>,
    pub(crate) skus: Vec<NewSku>,
    /// Of SKUs about which nothing else is said.
    pub(crate) initial_quantity: i64,
}

/// Creates a product with all its SKUs, and tells.
pub(crate) async fn create(
    pool: &MySqlPool,
    teller: &Teller<'_>,
    new: &New,
) -> Result<Product, Failure> {
    let planned = plan(
        &new.groups,
        &BTreeSet::new(),
        &new.skus,
        new.initial_quantity,
    )?;
    let planned = &planned;
    again_on_deadlock(|| async move {
        let mut transaction = db::begin(pool).await?;
        let attributes = &new.attributes;
        attributes.lock_references(&mut transaction).await?;
        let now = clock::unix_ms();
        let sold_out = planned.iter().all(|sku| sku.initial_quantity == 0);
        let inserted = sqlx::query(
            "INSERT INTO product (name, description, price, status, category_id, brand_id, \
             image_url, sold_out, created_at_ms, updated_at_ms) VALUES (?,?,?,?,?,?,?,?,?,?)",
        )
        .bind(&attributes.name)
        .bind(&attributes.description)
        .bind(attributes.price)
        .bind(new.status.as_str())
        .bind(attributes.category.map(|id| id.0))
        .bind(attributes.brand.map(|id| id.0))
        .bind(&attributes.image_url)
        .bind(sold_out)
        .bind(now)
        .bind(now)
        .execute(&mut *transaction)
        .await?;
        let id = Id(inserted.last_insert_id());
        for (group_no, group) in (0_u8..).zip(&new.groups) {
            sqlx::query("INSERT INTO option_group (product_id, group_no, name) VALUES (?, ?, ?)")
                .bind(id.0)
                .bind(group_no)
                .bind(&group.name)
                .execute(&mut *transaction)
                .await
                .on_constraint::<Failure>("option_group_name", || {
                    Refusal::OptionTaken(group.name.clone()).into()
                })?;
            insert_values(&mut transaction, id, group_no, 0, &group.values).await?;
        }
        insert_skus(&mut transaction, teller, id, attributes.price, planned).await?;
        document::write(&mut transaction, id).await?;
        let product = read(&mut transaction, id)
            .await?
            .ok_or(Refusal::ProductNotFound)?;
        if new.status == Status::OnSale {
            ensure_sellable(&product, Status::Draft)?;
        }
        teller
            .product_changed(&mut transaction, product.changed())
            .await?;
        transaction.commit().await?;
        Ok(product)
    })
    .await
}

/// Adds values to a group, and the combinations they make.
pub(crate) async fn add_values(
    pool: &MySqlPool,
    teller: &Teller<'_>,
    id: Id,
    version: u64,
    group: &str,
    values: &[NewValue],
    (skus, initial_quantity): (&[NewSku], i64),
) -> Result<Product, Failure> {
    again_on_deadlock(|| async move {
        let mut transaction = db::begin(pool).await?;
        let before = locked(&mut transaction, id, Some(version)).await?;
        let mut groups = before.groups.clone();
        let Some(place) = groups.iter().position(|known| known.name == group) else {
            return Err(Refusal::invalid("group", "the product has no such option group").into());
        };
        let old = groups[place].values.len();
        if old + values.len() > VALUES_MAX {
            let reason = format!("make more than {VALUES_MAX} in the group");
            return Err(Refusal::invalid("values", reason).into());
        }
        groups[place].values.extend_from_slice(values);
        let existing = before
            .skus
            .iter()
            .map(|sku| combination_text(&sku.combination));
        let planned = plan(&groups, &existing.collect(), skus, initial_quantity)?;
        let group_no = u8::try_from(place).unwrap_or(u8::MAX);
        let first = u8::try_from(old).unwrap_or(u8::MAX);
        insert_values(&mut transaction, id, group_no, first, values).await?;
        insert_skus(&mut transaction, teller, id, before.price, &planned).await?;
        refresh_sold_out(&mut transaction, id).await?;
        // The task makes the document again, with the locks it needs in their order.
        sqlx::query("UPDATE product_search SET version = 0 WHERE product_id = ?")
            .bind(id.0)
            .execute(&mut *transaction)
            .await?;
        let product = super::change::touched(&mut transaction, id).await?;
        teller
            .product_changed(&mut transaction, product.changed())
            .await?;
        transaction.commit().await?;
        Ok(product)
    })
    .await
}

async fn insert_values(
    connection: &mut MySqlConnection,
    id: Id,
    group_no: u8,
    first: u8,
    values: &[NewValue],
) -> Result<(), Failure> {
    for (value_no, value) in (first..).zip(values) {
        sqlx::query(
            "INSERT INTO option_value (product_id, group_no, value_no, value, additional_price) \
             VALUES (?, ?, ?, ?, ?)",
        )
        .bind(id.0)
        .bind(group_no)
        .bind(value_no)
        .bind(&value.value)
        .bind(value.additional_price)
        .execute(&mut *connection)
        .await
        .on_constraint::<Failure>("option_value_value", || {
            Refusal::OptionTaken(value.value.clone()).into()
        })?;
    }
    Ok(())
}

/// The SKUs and the events that create their stock.
async fn insert_skus(
    connection: &mut MySqlConnection,
    teller: &Teller<'_>,
    id: Id,
    price: i64,
    planned: &[Planned],
) -> Result<(), Failure> {
    if planned.is_empty() {
        return Ok(());
    }
    let mut sql = QueryBuilder::<MySql>::new(
        "INSERT INTO sku (sku_id, product_id, combination, price, active, sold_out) ",
    );
    sql.push_values(planned, |mut row, sku| {
        row.push_bind(&sku.sku_id)
            .push_bind(id.0)
            .push_bind(combination_text(&sku.combination))
            .push_bind(price + sku.additional_price)
            .push_bind(true)
            .push_bind(sku.initial_quantity == 0);
    });
    if let Err(error) = sql.build().execute(&mut *connection).await {
        if db::constraint(&error) == Some("PRIMARY") {
            return Err(Refusal::SkuIdTaken(taken(connection, planned).await?).into());
        }
        return Err(error.into());
    }
    let created = planned.iter().map(|sku| SkuCreated {
        sku_id: sku.sku_id.clone(),
        product_id: id.to_string(),
        price: price + sku.additional_price,
        initial_quantity: sku.initial_quantity,
    });
    teller.skus_created(connection, created.collect()).await?;
    Ok(())
}

async fn taken(
    connection: &mut MySqlConnection,
    planned: &[Planned],
) -> Result<Option<String>, sqlx::Error> {
    let mut sql = QueryBuilder::<MySql>::new("SELECT sku_id FROM sku WHERE sku_id IN (");
    let mut list = sql.separated(", ");
    for sku in planned {
        list.push_bind(&sku.sku_id);
    }
    sql.push(") ORDER BY sku_id LIMIT 1 LOCK IN SHARE MODE");
    sql.build_query_scalar().fetch_optional(connection).await
}
