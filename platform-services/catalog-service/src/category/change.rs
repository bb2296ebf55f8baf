use service_kit::{
    audit,
    db::{self, OnConstraint as _},
};
use sqlx::{MySql, MySqlConnection, MySqlPool, Transaction};

use super::{
    Category, NOT_FOUND, Subtree, depth, one,
    subtree::{MOVE, PATHS_LOCKED},
};
use crate::{
    failure::{Failure, again_on_deadlock},
    ids::Id,
    limits::{CATEGORIES_MAX, CATEGORY_DEPTH_MAX},
    refusal::Refusal,
    search::pending,
};

/// What a category is to be.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) parent: Option<Id>,
    pub(crate) ordering: i32,
}

/// Begins a transaction that alone changes the tree.
async fn alone(pool: &MySqlPool) -> Result<Transaction<'static, MySql>, sqlx::Error> {
    let mut transaction = db::begin(pool).await?;
    sqlx::query("SELECT id FROM category_tree WHERE id = 1 FOR UPDATE")
        .fetch_one(&mut *transaction)
        .await?;
    Ok(transaction)
}

pub(crate) async fn create(pool: &MySqlPool, wanted: &Wanted) -> Result<Category, Failure> {
    let mut transaction = alone(pool).await?;
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM category")
        .fetch_one(&mut *transaction)
        .await?;
    if count >= CATEGORIES_MAX {
        return Err(Refusal::TooManyCategories.into());
    }
    let parent = parent_path(&mut transaction, wanted.parent).await?;
    if depth(&parent) >= CATEGORY_DEPTH_MAX {
        return Err(Refusal::TooDeep.into());
    }
    let taken = || Refusal::NameTaken(wanted.name.clone()).into();
    let inserted =
        sqlx::query("INSERT INTO category (parent_id, name, ordering, path) VALUES (?, ?, ?, '')")
            .bind(wanted.parent.map(|id| id.0))
            .bind(&wanted.name)
            .bind(wanted.ordering)
            .execute(&mut *transaction)
            .await
            .on_constraint::<Failure>("category_name", taken)?;
    let id = Id(inserted.last_insert_id());
    sqlx::query("UPDATE category SET path = ? WHERE category_id = ?")
        .bind(format!("{parent}{id}/"))
        .bind(id.0)
        .execute(&mut *transaction)
        .await?;
    audit::record(&mut transaction, &format!("category:{id}")).await?;
    let created = one(&mut transaction, id).await?.ok_or(NOT_FOUND)?;
    transaction.commit().await?;
    Ok(created)
}

/// Renames, reorders and moves, with everything below it.
pub(crate) async fn update(
    pool: &MySqlPool,
    id: Id,
    version: u64,
    wanted: &Wanted,
) -> Result<Category, Failure> {
    again_on_deadlock(|| async {
        let mut transaction = alone(pool).await?;
        let before = checked(&mut transaction, id, Some(version)).await?;
        let parent = parent_path(&mut transaction, wanted.parent).await?;
        if parent.starts_with(&before.path) {
            return Err(Refusal::CategoryCycle.into());
        }
        // All that is below moves along, and carries the name.
        let subtree = Subtree::of(&before.path);
        let below: Vec<String> = sqlx::query_scalar(PATHS_LOCKED)
            .bind(&subtree.first)
            .bind(&subtree.end)
            .fetch_all(&mut *transaction)
            .await?;
        let deepest = below
            .iter()
            .map(|path| depth(path))
            .max()
            .unwrap_or_default();
        if deepest - before.depth + depth(&parent) > CATEGORY_DEPTH_MAX {
            return Err(Refusal::TooDeep.into());
        }
        let taken = || Refusal::NameTaken(wanted.name.clone()).into();
        sqlx::query(
            "UPDATE category SET name = ?, parent_id = ?, ordering = ?, version = version + 1 \
             WHERE category_id = ?",
        )
        .bind(&wanted.name)
        .bind(wanted.parent.map(|id| id.0))
        .bind(wanted.ordering)
        .bind(id.0)
        .execute(&mut *transaction)
        .await
        .on_constraint::<Failure>("category_name", taken)?;
        let path = format!("{parent}{id}/");
        sqlx::query(MOVE)
            .bind(&path)
            .bind(u64::try_from(before.path.len() + 1).unwrap_or(u64::MAX))
            .bind(&subtree.first)
            .bind(&subtree.end)
            .execute(&mut *transaction)
            .await?;
        if before.name != wanted.name || before.path != path {
            pending::add_categories(&mut transaction, &path).await?;
        }
        audit::record(&mut transaction, &format!("category:{id}")).await?;
        let updated = one(&mut transaction, id).await?.ok_or(NOT_FOUND)?;
        transaction.commit().await?;
        Ok(updated)
    })
    .await
}

pub(crate) async fn delete(pool: &MySqlPool, id: Id, version: Option<u64>) -> Result<(), Failure> {
    let mut transaction = alone(pool).await?;
    checked(&mut transaction, id, version).await?;
    let deleted = sqlx::query("DELETE FROM category WHERE category_id = ?")
        .bind(id.0)
        .execute(&mut *transaction)
        .await;
    if let Err(error) = deleted {
        return Err(match db::constraint(&error) {
            Some("category_parent" | "product_in_category") => Refusal::CategoryInUse.into(),
            _ => error.into(),
        });
    }
    audit::record(&mut transaction, &format!("category:{id}")).await?;
    transaction.commit().await?;
    Ok(())
}

/// The category as it is, if it is still the one that the caller has seen.
async fn checked(
    connection: &mut MySqlConnection,
    id: Id,
    version: Option<u64>,
) -> Result<Category, Failure> {
    let category = one(connection, id).await?.ok_or(NOT_FOUND)?;
    match version {
        Some(seen) if seen != category.version => Err(Refusal::VersionConflict {
            current: category.version,
        }
        .into()),
        _ => Ok(category),
    }
}

/// The path that a child's begins with.
async fn parent_path(
    connection: &mut MySqlConnection,
    parent: Option<Id>,
) -> Result<String, Failure> {
    match parent {
        None => Ok("/".to_owned()),
        Some(parent) => match one(connection, parent).await? {
            Some(parent) => Ok(parent.path),
            None => Err(Refusal::UnknownCategory(parent.to_string()).into()),
        },
    }
}
