//! The category tree: each category knows the ids from its root to itself, so that what is below it
//! is a range of paths. Whoever changes the tree's shape does so alone.

mod change;
mod subtree;
mod tree;

use serde::Serialize;
use sqlx::{MySql, MySqlConnection, MySqlPool, QueryBuilder, Row as _, mysql::MySqlRow};

pub(crate) use self::{
    change::{Wanted, create, delete, update},
    subtree::{NOTE, Subtree},
    tree::{Node, tree},
};
use crate::{ids::Id, refusal::Refusal};

/// A category as it is shown.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Category {
    pub(crate) category_id: Id,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parent_id: Option<Id>,
    pub(crate) name: String,
    pub(crate) ordering: i32,
    /// From 0.
    pub(crate) depth: usize,
    pub(crate) version: u64,
    #[serde(skip)]
    pub(crate) path: String,
}

impl Category {
    fn of(row: &MySqlRow) -> Result<Self, sqlx::Error> {
        let path: String = row.try_get("path")?;
        Ok(Self {
            category_id: Id(row.try_get("category_id")?),
            parent_id: row.try_get::<Option<u64>, _>("parent_id")?.map(Id),
            name: row.try_get("name")?,
            ordering: row.try_get("ordering")?,
            depth: depth(&path).saturating_sub(1),
            version: row.try_get("version")?,
            path,
        })
    }
}

/// The ids along a path, the root's first.
pub(crate) fn ids_along(path: &str) -> impl Iterator<Item = u64> {
    path.split('/').filter_map(|id| id.parse().ok())
}

/// Categories along a path.
fn depth(path: &str) -> usize {
    ids_along(path).count()
}

const COLUMNS: &str = "SELECT category_id, parent_id, name, ordering, path, version FROM category";

/// One category.
pub(crate) async fn one(
    connection: &mut MySqlConnection,
    id: Id,
) -> Result<Option<Category>, sqlx::Error> {
    let row = sqlx::query(sqlx::AssertSqlSafe(format!(
        "{COLUMNS} WHERE category_id = ?"
    )))
    .bind(id.0)
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(Category::of).transpose()
}

/// The categories along the path to `id`, the root first.
pub(crate) async fn path_to(
    connection: &mut MySqlConnection,
    id: Id,
) -> Result<Vec<Category>, sqlx::Error> {
    let path: Option<String> =
        sqlx::query_scalar("SELECT path FROM category WHERE category_id = ?")
            .bind(id.0)
            .fetch_optional(&mut *connection)
            .await?;
    let Some(path) = path else {
        return Ok(Vec::new());
    };
    // By their ids: to look for paths that this one begins with would be to look at all categories.
    let mut sql = QueryBuilder::<MySql>::new(COLUMNS);
    sql.push(" WHERE category_id IN (");
    let mut list = sql.separated(", ");
    for id in ids_along(&path) {
        list.push_bind(id);
    }
    sql.push(") ORDER BY path");
    let rows = sql.build().fetch_all(connection).await?;
    rows.iter().map(Category::of).collect()
}

/// A category and all below it; nothing where there is none.
pub(crate) async fn below(pool: &MySqlPool, id: Id) -> Result<Vec<u64>, sqlx::Error> {
    sqlx::query_scalar(subtree::IDS)
        .bind(id.0)
        .fetch_all(pool)
        .await
}

/// Locks a category, shared: its path and the names along it stay until the transaction ends, as
/// who changes one of them locks everything below for itself. Whether it exists.
pub(crate) async fn lock_shared(
    connection: &mut MySqlConnection,
    id: Id,
) -> Result<bool, sqlx::Error> {
    let row = sqlx::query("SELECT 1 FROM category WHERE category_id = ? LOCK IN SHARE MODE")
        .bind(id.0)
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

pub(crate) const NOT_FOUND: Refusal = Refusal::CategoryNotFound;
