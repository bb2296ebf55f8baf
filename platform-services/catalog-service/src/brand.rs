//! Brands.

use serde::Serialize;
use service_kit::{
    audit,
    db::{self, OnConstraint as _},
};
use sqlx::{MySql, MySqlConnection, MySqlPool, Row as _, mysql::MySqlRow, query::Query};

use crate::{
    failure::{Failure, again_on_deadlock},
    ids::Id,
    refusal::Refusal,
    search::{cursor, pending},
};

/// A brand as it is shown.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Brand {
    pub(crate) brand_id: Id,
    pub(crate) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) logo_url: Option<String>,
    pub(crate) version: u64,
}

impl Brand {
    fn of(row: &MySqlRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            brand_id: Id(row.try_get("brand_id")?),
            name: row.try_get("name")?,
            logo_url: row.try_get("logo_url")?,
            version: row.try_get("version")?,
        })
    }
}

/// What a brand is to be.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) logo_url: Option<String>,
}

fn select(id: Id) -> Query<'static, MySql, sqlx::mysql::MySqlArguments> {
    sqlx::query("SELECT brand_id, name, logo_url, version FROM brand WHERE brand_id = ?").bind(id.0)
}

pub(crate) async fn one(
    connection: &mut MySqlConnection,
    id: Id,
) -> Result<Option<Brand>, sqlx::Error> {
    let row = select(id).fetch_optional(connection).await?;
    row.as_ref().map(Brand::of).transpose()
}

/// One page by id, and where the next begins.
pub(crate) async fn page(
    pool: &MySqlPool,
    after: Option<&str>,
    limit: u32,
) -> Result<(Vec<Brand>, Option<String>), Failure> {
    let after: u64 = after.map(cursor::read).transpose()?.unwrap_or_default();
    let rows = sqlx::query(
        "SELECT brand_id, name, logo_url, version FROM brand WHERE brand_id > ? \
         ORDER BY brand_id LIMIT ?",
    )
    .bind(after)
    .bind(limit.saturating_add(1))
    .fetch_all(pool)
    .await?;
    let mut brands: Vec<Brand> = rows.iter().map(Brand::of).collect::<Result<_, _>>()?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = brands.len() > limit;
    brands.truncate(limit);
    let next = brands.last().filter(|_| more);
    let next = next.map(|last| cursor::write(&last.brand_id.0));
    Ok((brands, next))
}

pub(crate) async fn create(pool: &MySqlPool, wanted: &Wanted) -> Result<Brand, Failure> {
    let mut transaction = db::begin(pool).await?;
    let inserted = sqlx::query("INSERT INTO brand (name, logo_url) VALUES (?, ?)")
        .bind(&wanted.name)
        .bind(&wanted.logo_url)
        .execute(&mut *transaction)
        .await
        .on_constraint::<Failure>("brand_name", || {
            Refusal::NameTaken(wanted.name.clone()).into()
        })?;
    let id = Id(inserted.last_insert_id());
    audit::record(&mut transaction, &format!("brand:{id}")).await?;
    transaction.commit().await?;
    Ok(Brand {
        brand_id: id,
        name: wanted.name.clone(),
        logo_url: wanted.logo_url.clone(),
        version: 1,
    })
}

pub(crate) async fn update(
    pool: &MySqlPool,
    id: Id,
    version: u64,
    wanted: &Wanted,
) -> Result<Brand, Failure> {
    again_on_deadlock(|| async {
        let mut transaction = db::begin(pool).await?;
        let before = locked(&mut transaction, id, Some(version)).await?;
        sqlx::query(
            "UPDATE brand SET name = ?, logo_url = ?, version = version + 1 WHERE brand_id = ?",
        )
        .bind(&wanted.name)
        .bind(&wanted.logo_url)
        .bind(id.0)
        .execute(&mut *transaction)
        .await
        .on_constraint::<Failure>("brand_name", || {
            Refusal::NameTaken(wanted.name.clone()).into()
        })?;
        if before.name != wanted.name {
            pending::add_brand(&mut transaction, id).await?;
        }
        audit::record(&mut transaction, &format!("brand:{id}")).await?;
        transaction.commit().await?;
        Ok(Brand {
            brand_id: id,
            name: wanted.name.clone(),
            logo_url: wanted.logo_url.clone(),
            version: before.version + 1,
        })
    })
    .await
}

pub(crate) async fn delete(pool: &MySqlPool, id: Id, version: Option<u64>) -> Result<(), Failure> {
    let mut transaction = db::begin(pool).await?;
    locked(&mut transaction, id, version).await?;
    let deleted = sqlx::query("DELETE FROM brand WHERE brand_id = ?")
        .bind(id.0)
        .execute(&mut *transaction)
        .await;
    if let Err(error) = deleted {
        return Err(match db::constraint(&error) {
            Some("product_of_brand") => Refusal::BrandInUse.into(),
            _ => error.into(),
        });
    }
    audit::record(&mut transaction, &format!("brand:{id}")).await?;
    transaction.commit().await?;
    Ok(())
}

async fn locked(
    connection: &mut MySqlConnection,
    id: Id,
    version: Option<u64>,
) -> Result<Brand, Failure> {
    let row = sqlx::query(
        "SELECT brand_id, name, logo_url, version FROM brand WHERE brand_id = ? FOR UPDATE",
    )
    .bind(id.0)
    .fetch_optional(connection)
    .await?;
    let brand = row.as_ref().map(Brand::of).transpose()?;
    let brand = brand.ok_or(Refusal::BrandNotFound)?;
    match version {
        Some(seen) if seen != brand.version => Err(Refusal::VersionConflict {
            current: brand.version,
        }
        .into()),
        _ => Ok(brand),
    }
}
