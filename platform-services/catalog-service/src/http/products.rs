//! Everybody's view of the products.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use service_kit::http::{
    Json, Path, Problem, Query, RequestContext,
    auth::{Principal, Role},
};

use super::{
    Shop,
    check::Faults,
    view::{Detail, Summary},
};
use crate::{
    availability::Units,
    brand, category,
    failure::Failure,
    ids::IdText,
    limits::{AVAILABILITY_SKUS_MAX, KEYWORD_CHARS_MAX, KEYWORD_WORDS_MAX, PRICE_MAX},
    product::{self, Product, Status},
    refusal::{Refusal, id_or},
    search::{
        list::{self, Place, Search, Sort},
        text,
    },
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ListQuery {
    keyword: Option<String>,
    category_id: Option<String>,
    brand_id: Option<String>,
    min_price: Option<String>,
    max_price: Option<String>,
    in_stock: Option<String>,
    sort: Option<String>,
    cursor: Option<String>,
    limit: Option<String>,
}

impl ListQuery {
    fn search(self) -> Result<Search, Problem> {
        let mut faults = Faults::default();
        let keyword = self.keyword.unwrap_or_default();
        let words = text::words(&keyword);
        if keyword.chars().count() > KEYWORD_CHARS_MAX || words.len() > KEYWORD_WORDS_MAX {
            let reason =
                format!("may have {KEYWORD_CHARS_MAX} characters and {KEYWORD_WORDS_MAX} words");
            faults.add("keyword", reason);
        } else if words.is_empty() && !keyword.trim().is_empty() {
            faults.add("keyword", "must contain a letter or a digit");
        }
        let sort = match self.sort.as_deref() {
            None if words.is_empty() => Sort::Newest,
            None => Sort::Relevance,
            Some(name) => {
                let known = Sort::NAMES.iter().find(|(known, _)| *known == name);
                if known.is_none() {
                    let names: Vec<&str> = Sort::NAMES.iter().map(|(name, _)| *name).collect();
                    faults.add("sort", format!("must be one of {}", names.join(", ")));
                }
                known.map_or(Sort::Newest, |(_, sort)| *sort)
            }
        };
        if sort == Sort::Relevance && words.is_empty() {
            faults.add("sort", "relevance needs a keyword");
        }
        let price_min = faults.query_number("minPrice", self.min_price.as_deref(), PRICE_MAX);
        let price_max = faults.query_number("maxPrice", self.max_price.as_deref(), PRICE_MAX);
        if let (Some(min), Some(max)) = (price_min, price_max)
            && min > max
        {
            faults.add("minPrice", "must not be above maxPrice");
        }
        let in_stock = match self.in_stock.as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => {
                faults.add("inStock", "must be true or false");
                false
            }
        };
        let search = Search {
            words,
            category: faults.id("categoryId", self.category_id.map(IdText)),
            brand: faults.id("brandId", self.brand_id.map(IdText)),
            price_min,
            price_max,
            in_stock,
            sort,
            after: None,
            limit: faults.limit(self.limit.as_deref()),
        };
        let mut search = faults.finish(search)?;
        if let Some(cursor) = &self.cursor {
            search.after = Some(Place::read(cursor, search.sort)?);
        }
        Ok(search)
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    products: Vec<Summary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

pub(super) async fn list(
    State(shop): State<Shop>,
    context: RequestContext,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page>, Problem> {
    let search = query.search()?;
    let (listed, next_cursor) = list::page(&shop.pool, &search).await?;
    let ids: Vec<_> = listed.iter().map(|product| product.id).collect();
    let skus = product::live_skus(&shop.pool, &ids).await?;
    // One call for the page. What does not fit into it is not known.
    let mut asked: Vec<&str> = Vec::new();
    for id in &ids {
        let of_product = skus.get(id).map(Vec::as_slice).unwrap_or_default();
        if asked.len() + of_product.len() <= AVAILABILITY_SKUS_MAX {
            asked.extend(of_product.iter().map(String::as_str));
        }
    }
    let units = shop.availability.of(&context, &asked).await;
    let products = listed.into_iter().map(|product| {
        let of_product = skus.get(&product.id).map(Vec::as_slice);
        Summary::of(product, of_product, &units)
    });
    Ok(Json(Page {
        products: products.collect(),
        next_cursor,
    }))
}

pub(super) async fn one(
    State(shop): State<Shop>,
    context: RequestContext,
    principal: Option<Principal>,
    Path(product_id): Path<String>,
) -> Result<Json<Detail>, Problem> {
    let id = id_or(&product_id, Refusal::ProductNotFound)?;
    let mut connection = shop.pool.acquire().await?;
    let found = product::read(&mut connection, id).await?;
    drop(connection);
    let is_admin = principal.is_some_and(|principal| principal.has(Role::Admin));
    let visible = |product: &Product| {
        product.status.is_public() || (is_admin && product.status == Status::Draft)
    };
    let product = found.filter(visible).ok_or(Refusal::ProductNotFound)?;
    Ok(Json(detail(&shop, &context, product).await?))
}

/// With its category, its brand and its availability, which is asked for without a connection to
/// the database in hand.
pub(super) async fn detail(
    shop: &Shop,
    context: &RequestContext,
    product: Product,
) -> Result<Detail, Failure> {
    let mut connection = shop.pool.acquire().await?;
    let path = match product.category {
        Some(id) => category::path_to(&mut connection, id).await?,
        None => Vec::new(),
    };
    let brand = match product.brand {
        Some(id) => brand::one(&mut connection, id).await?,
        None => None,
    };
    drop(connection);
    let live = product.skus.iter().filter(|sku| sku.active);
    let live: Vec<&str> = live.map(|sku| sku.sku_id.as_str()).collect();
    let units: Units = shop.availability.of(context, &live).await;
    Ok(Detail::of(product, path, brand, &units))
}
