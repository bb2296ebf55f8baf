use service_kit::{clock, db};
use sqlx::{MySqlConnection, MySqlPool};

use super::{Product, Status, read};
use crate::{
    events::Teller,
    failure::{Failure, again_on_deadlock},
    ids::Id,
    refusal::Refusal,
    search::{document, reindex},
};

/// What an admin says about a product, but for its options and its status.
#[derive(Debug, Clone)]
pub(crate) struct Attributes {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) price: i64,
    pub(crate) category: Option<Id>,
    pub(crate) brand: Option<Id>,
    pub(crate) image_url: Option<String>,
}

impl Attributes {
    /// Locks the category and the brand, shared; they must exist. Before the product, always.
    pub(super) async fn lock_references(
        &self,
        connection: &mut MySqlConnection,
    ) -> Result<(), Failure> {
        let (category, brand) =
            reindex::lock_references(connection, self.category, self.brand).await?;
        match (self.category, self.brand) {
            (Some(id), _) if !category => Err(Refusal::UnknownCategory(id.to_string()).into()),
            (_, Some(id)) if !brand => Err(Refusal::UnknownBrand(id.to_string()).into()),
            _ => Ok(()),
        }
    }
}

/// Replaces the attributes; the prices of the SKUs follow.
pub(crate) async fn update(
    pool: &MySqlPool,
    teller: &Teller<'_>,
    id: Id,
    version: u64,
    wanted: &Attributes,
) -> Result<Product, Failure> {
    again_on_deadlock(|| async move {
        let mut transaction = db::begin(pool).await?;
        wanted.lock_references(&mut transaction).await?;
        let before = locked(&mut transaction, id, Some(version)).await?;
        sqlx::query(
            "UPDATE product SET name = ?, description = ?, price = ?, category_id = ?, \
             brand_id = ?, image_url = ? WHERE product_id = ?",
        )
        .bind(&wanted.name)
        .bind(&wanted.description)
        .bind(wanted.price)
        .bind(wanted.category.map(|id| id.0))
        .bind(wanted.brand.map(|id| id.0))
        .bind(&wanted.image_url)
        .bind(id.0)
        .execute(&mut *transaction)
        .await?;
        sqlx::query("UPDATE sku SET price = price + ? WHERE product_id = ?")
            .bind(wanted.price - before.price)
            .bind(id.0)
            .execute(&mut *transaction)
            .await?;
        document::write(&mut transaction, id).await?;
        let product = touched(&mut transaction, id).await?;
        if product.status == Status::OnSale {
            ensure_sellable(&product, before.status)?;
        }
        teller
            .product_changed(&mut transaction, product.changed())
            .await?;
        transaction.commit().await?;
        Ok(product)
    })
    .await
}

/// Puts it on sale or takes it from there. What it is already it stays.
pub(crate) async fn set_status(
    pool: &MySqlPool,
    teller: &Teller<'_>,
    id: Id,
    version: Option<u64>,
    to: Status,
) -> Result<Product, Failure> {
    again_on_deadlock(|| async move {
        let mut transaction = db::begin(pool).await?;
        let before = locked(&mut transaction, id, version).await?;
        if before.status == to {
            return Ok(before);
        }
        may_become(&before, to)?;
        sqlx::query("UPDATE product SET status = ? WHERE product_id = ?")
            .bind(to.as_str())
            .bind(id.0)
            .execute(&mut *transaction)
            .await?;
        let product = touched(&mut transaction, id).await?;
        teller
            .product_changed(&mut transaction, product.changed())
            .await?;
        transaction.commit().await?;
        Ok(product)
    })
    .await
}

/// Deletes it for everybody; orders still find its SKUs' names. It holds no category and no brand.
pub(crate) async fn withdraw(
    pool: &MySqlPool,
    teller: &Teller<'_>,
    id: Id,
    version: Option<u64>,
) -> Result<(), Failure> {
    again_on_deadlock(|| async move {
        let mut transaction = db::begin(pool).await?;
        let before = locked(&mut transaction, id, version).await?;
        may_become(&before, Status::Deleted)?;
        sqlx::query(
            "UPDATE product SET status = ?, category_id = NULL, brand_id = NULL WHERE product_id = ?",
        )
        .bind(Status::Deleted.as_str())
        .bind(id.0)
        .execute(&mut *transaction)
        .await?;
        sqlx::query("DELETE FROM product_search WHERE product_id = ?")
            .bind(id.0)
            .execute(&mut *transaction)
            .await?;
        let product = touched(&mut transaction, id).await?;
        teller
            .product_changed(&mut transaction, product.changed())
            .await?;
        transaction.commit().await?;
        Ok(())
    })
    .await
}

/// Sells one SKU of a product, or no longer.
pub(crate) async fn set_sku_active(
    pool: &MySqlPool,
    teller: &Teller<'_>,
    id: Id,
    version: Option<u64>,
    sku_id: &str,
    active: bool,
) -> Result<Product, Failure> {
    again_on_deadlock(|| async move {
        let mut transaction = db::begin(pool).await?;
        let before = locked(&mut transaction, id, version).await?;
        let Some(sku) = before.skus.iter().find(|sku| sku.sku_id == sku_id) else {
            return Err(Refusal::SkuNotFound(sku_id.to_owned()).into());
        };
        if sku.active == active {
            return Ok(before);
        }
        sqlx::query("UPDATE sku SET active = ? WHERE sku_id = ?")
            .bind(active)
            .bind(sku_id)
            .execute(&mut *transaction)
            .await?;
        refresh_sold_out(&mut transaction, id).await?;
        let product = touched(&mut transaction, id).await?;
        if product.status == Status::OnSale {
            ensure_sellable(&product, product.status)?;
        }
        teller
            .product_changed(&mut transaction, product.changed())
            .await?;
        transaction.commit().await?;
        Ok(product)
    })
    .await
}

/// Locks a product that is not deleted, and that nobody changed since `version`.
pub(super) async fn locked(
    connection: &mut MySqlConnection,
    id: Id,
    version: Option<u64>,
) -> Result<Product, Failure> {
    let current: Option<u64> =
        sqlx::query_scalar("SELECT version FROM product WHERE product_id = ? FOR UPDATE")
            .bind(id.0)
            .fetch_optional(&mut *connection)
            .await?;
    let current = current.ok_or(Refusal::ProductNotFound)?;
    let product = read(connection, id)
        .await?
        .ok_or(Refusal::ProductNotFound)?;
    if product.status == Status::Deleted {
        return Err(Refusal::ProductNotFound.into());
    }
    if version.is_some_and(|seen| seen != current) {
        return Err(Refusal::VersionConflict { current }.into());
    }
    Ok(product)
}

/// Counts the change, and reads what it made.
pub(super) async fn touched(connection: &mut MySqlConnection, id: Id) -> Result<Product, Failure> {
    sqlx::query("UPDATE product SET version = version + 1, updated_at_ms = ? WHERE product_id = ?")
        .bind(clock::unix_ms())
        .bind(id.0)
        .execute(&mut *connection)
        .await?;
    Ok(read(connection, id)
        .await?
        .ok_or(Refusal::ProductNotFound)?)
}

/// Whether anything of it is left, as far as the events told.
pub(crate) async fn refresh_sold_out(
    connection: &mut MySqlConnection,
    id: Id,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE product SET sold_out = NOT EXISTS (SELECT 1 FROM sku \
         WHERE product_id = ? AND active AND NOT sold_out) WHERE product_id = ?",
    )
    .bind(id.0)
    .bind(id.0)
    .execute(connection)
    .await
    .map(drop)
}

fn may_become(product: &Product, to: Status) -> Result<(), Refusal> {
    if !product.status.may_become(to) {
        return Err(Refusal::InvalidProductState {
            from: product.status,
            to,
            why: "that is not a step it can take",
        });
    }
    if to == Status::OnSale {
        ensure_sellable(product, product.status)?;
    }
    Ok(())
}

/// What is on sale has a price and something to sell.
pub(super) fn ensure_sellable(product: &Product, from: Status) -> Result<(), Refusal> {
    let why = if product.price <= 0 {
        "it has no price"
    } else if !product.skus.iter().any(|sku| sku.active) {
        "it has no SKU that is sold: stop it instead"
    } else {
        return Ok(());
    };
    Err(Refusal::InvalidProductState {
        from,
        to: Status::OnSale,
        why,
    })
}
