//! The list of products that are on sale.

use serde::{Deserialize, Serialize};
use sqlx::{MySql, MySqlPool, QueryBuilder, Row as _};

use super::{cursor, text};
use crate::{category, failure::Failure, ids::Id, refusal::Refusal};

/// The order of a list. Every order ends with the id, so that it has one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sort {
    Newest,
    PriceAsc,
    PriceDesc,
    Name,
    /// Best first: products whose name has the words, then those whose name begins with them.
    Relevance,
}

impl Sort {
    pub(crate) const NAMES: [(&str, Self); 5] = [
        ("newest", Self::Newest),
        ("price_asc", Self::PriceAsc),
        ("price_desc", Self::PriceDesc),
        ("name", Self::Name),
        ("relevance", Self::Relevance),
    ];
}

/// What is looked for.
#[derive(Debug, Clone)]
pub(crate) struct Search {
    /// All must be there.
    pub(crate) words: Vec<String>,
    /// This one or below it.
    pub(crate) category: Option<Id>,
    pub(crate) brand: Option<Id>,
    pub(crate) price_min: Option<i64>,
    pub(crate) price_max: Option<i64>,
    pub(crate) in_stock: bool,
    pub(crate) sort: Sort,
    pub(crate) after: Option<Place>,
    pub(crate) limit: u32,
}

/// The last entry of a page, in the order it was in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Place {
    sort: Sort,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    number: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    id: u64,
}

impl Place {
    pub(crate) fn read(text: &str, sort: Sort) -> Result<Self, Refusal> {
        let place: Self = cursor::read(text)?;
        let whole = match sort {
            Sort::Newest => true,
            Sort::PriceAsc | Sort::PriceDesc | Sort::Relevance => place.number.is_some(),
            Sort::Name => place.name.is_some(),
        };
        if place.sort == sort && whole {
            Ok(place)
        } else {
            Err(Refusal::invalid(
                "cursor",
                "is of a list in another order: keep sort and keyword from page to page",
            ))
        }
    }
}

/// A product in a list.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) id: Id,
    pub(crate) name: String,
    pub(crate) price: i64,
    pub(crate) status: String,
    pub(crate) category: Option<Id>,
    pub(crate) brand: Option<Id>,
    pub(crate) brand_name: Option<String>,
    pub(crate) image_url: Option<String>,
    pub(crate) sold_out: bool,
    pub(crate) created_at_ms: i64,
    score: i64,
}

impl Listed {
    fn place(&self, sort: Sort) -> Place {
        Place {
            sort,
            number: match sort {
                Sort::PriceAsc | Sort::PriceDesc => Some(self.price),
                Sort::Relevance => Some(self.score),
                Sort::Newest | Sort::Name => None,
            },
            name: (sort == Sort::Name).then(|| self.name.clone()),
            id: self.id.0,
        }
    }
}

/// One page, and where the next begins.
pub(crate) async fn page(
    pool: &MySqlPool,
    search: &Search,
) -> Result<(Vec<Listed>, Option<String>), Failure> {
    let below = match search.category {
        Some(category) => Some(category::below(pool, category).await?),
        None => None,
    };
    let mut query = statement(search, below.as_deref());
    let rows = query.build().fetch_all(pool).await?;
    let mut listed = Vec::with_capacity(rows.len());
    for row in rows {
        listed.push(Listed {
            id: Id(row.try_get("product_id")?),
            name: row.try_get("name")?,
            price: row.try_get("price")?,
            status: row.try_get("status")?,
            category: row.try_get::<Option<u64>, _>("category_id")?.map(Id),
            brand: row.try_get::<Option<u64>, _>("brand_id")?.map(Id),
            brand_name: row.try_get("brand_name")?,
            image_url: row.try_get("image_url")?,
            sold_out: row.try_get("sold_out")?,
            created_at_ms: row.try_get("created_at_ms")?,
            score: row.try_get("score")?,
        });
    }
    let limit = usize::try_from(search.limit).unwrap_or(usize::MAX);
    let more = listed.len() > limit;
    listed.truncate(limit);
    let next = listed.last().filter(|_| more);
    let next = next.map(|last| cursor::write(&last.place(search.sort)));
    Ok((listed, next))
}

/// Keyset paging: rows that come in between move nothing that was shown.
fn statement(search: &Search, categories: Option<&[u64]>) -> QueryBuilder<MySql> {
    let mut sql = QueryBuilder::new(
        "SELECT q.*, b.name AS brand_name FROM (SELECT p.product_id, p.name, p.price, p.status, \
         p.category_id, p.brand_id, p.image_url, p.sold_out, p.created_at_ms, ",
    );
    score(&mut sql, search);
    sql.push(" AS score FROM product p");
    if !search.words.is_empty() {
        sql.push(" JOIN product_search s ON s.product_id = p.product_id");
    }
    sql.push(" WHERE p.status = 'ON_SALE'");
    if !search.words.is_empty() {
        sql.push(" AND MATCH(s.tokens) AGAINST (")
            .push_bind(text::wanted(&search.words))
            .push(" IN BOOLEAN MODE)");
        for word in &search.words {
            // Letters and digits only: nothing in it is a pattern.
            sql.push(" AND s.document LIKE ")
                .push_bind(format!("%{word}%"));
        }
    }
    if let Some(categories) = categories {
        // A list, not a subquery: so that an index in the list's order may be read.
        sql.push(" AND p.category_id IN (NULL");
        for category in categories {
            sql.push(", ").push_bind(*category);
        }
        sql.push(")");
    }
    if let Some(brand) = search.brand {
        sql.push(" AND p.brand_id = ").push_bind(brand.0);
    }
    if let Some(price) = search.price_min {
        sql.push(" AND p.price >= ").push_bind(price);
    }
    if let Some(price) = search.price_max {
        sql.push(" AND p.price <= ").push_bind(price);
    }
    if search.in_stock {
        sql.push(" AND NOT p.sold_out");
    }
    sql.push(") q LEFT JOIN brand b ON b.brand_id = q.brand_id");
    after(&mut sql, search);
    sql.push(match search.sort {
        Sort::Newest => " ORDER BY q.product_id DESC",
        Sort::PriceAsc => " ORDER BY q.price, q.product_id",
        Sort::PriceDesc => " ORDER BY q.price DESC, q.product_id DESC",
        Sort::Name => " ORDER BY q.name, q.product_id",
        Sort::Relevance => " ORDER BY q.score DESC, q.product_id DESC",
    });
    sql.push(" LIMIT ")
        .push_bind(search.limit.saturating_add(1));
    sql
}

/// For each word: 2 where the name has it, 1 more where it begins with it.
fn score(sql: &mut QueryBuilder<MySql>, search: &Search) {
    sql.push("CAST(0");
    if search.sort == Sort::Relevance {
        for word in &search.words {
            sql.push(" + 2 * (s.name LIKE ")
                .push_bind(format!("%{word}%"))
                .push(") + (s.name LIKE ")
                .push_bind(format!("{word}%"))
                .push(")");
        }
    }
    sql.push(" AS SIGNED)");
}

fn after(sql: &mut QueryBuilder<MySql>, search: &Search) {
    let Some(place) = &search.after else {
        return;
    };
    let (column, forward) = match search.sort {
        Sort::Newest => {
            sql.push(" WHERE q.product_id < ").push_bind(place.id);
            return;
        }
        Sort::PriceAsc => ("q.price", ">"),
        Sort::PriceDesc => ("q.price", "<"),
        Sort::Name => ("q.name", ">"),
        Sort::Relevance => ("q.score", "<"),
    };
    sql.push(format_args!(" WHERE ({column} {forward} "));
    bind(sql, place);
    sql.push(format_args!(" OR ({column} = "));
    bind(sql, place);
    sql.push(format_args!(" AND q.product_id {forward} "))
        .push_bind(place.id)
        .push("))");
}

fn bind(sql: &mut QueryBuilder<MySql>, place: &Place) {
    match (&place.name, place.number) {
        (Some(name), _) => sql.push_bind(name.clone()),
        (None, number) => sql.push_bind(number.unwrap_or_default()),
    };
}
