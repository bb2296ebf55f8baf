use std::collections::HashMap;

use serde::Serialize;
use sqlx::MySqlPool;

use super::{COLUMNS, Category};
use crate::ids::Id;

/// A category and what is below it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Node {
    #[serde(flatten)]
    pub(crate) category: Category,
    pub(crate) children: Vec<Node>,
}

/// All categories, siblings by their ordering, then by name. Bounded by
/// [`crate::limits::CATEGORIES_MAX`].
pub(crate) async fn tree(pool: &MySqlPool) -> Result<Vec<Node>, sqlx::Error> {
    let all = format!("{COLUMNS} ORDER BY ordering, name, category_id");
    let rows = sqlx::query(sqlx::AssertSqlSafe(all))
        .fetch_all(pool)
        .await?;
    let mut below: HashMap<Option<Id>, Vec<Category>> = HashMap::new();
    for row in &rows {
        let category = Category::of(row)?;
        below.entry(category.parent_id).or_default().push(category);
    }
    Ok(nodes(None, &mut below))
}

/// As deep as [`crate::limits::CATEGORY_DEPTH_MAX`].
fn nodes(parent: Option<Id>, below: &mut HashMap<Option<Id>, Vec<Category>>) -> Vec<Node> {
    let children = below.remove(&parent).unwrap_or_default();
    children
        .into_iter()
        .map(|category| Node {
            children: nodes(Some(category.category_id), below),
            category,
        })
        .collect()
}
