use axum::{
    extract::State,
    http::{HeaderName, StatusCode, header::LOCATION},
};
use serde::{Deserialize, Serialize};
use service_kit::http::{Json, Path, Problem, Query};

use super::{Shop, admin::VersionQuery, check::Faults, who::Admin};
use crate::{
    brand::{self, Brand, Wanted},
    limits::NAME_CHARS_MAX,
    refusal::{Refusal, id_or},
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateBody {
    name: String,
    logo_url: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateBody {
    version: u64,
    name: String,
    logo_url: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PageQuery {
    cursor: Option<String>,
    limit: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    brands: Vec<Brand>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

fn wanted(name: &str, logo_url: Option<String>) -> Result<Wanted, Problem> {
    let mut faults = Faults::default();
    let wanted = Wanted {
        name: faults.text("name", name, NAME_CHARS_MAX),
        logo_url: faults.url("logoUrl", logo_url),
    };
    faults.finish(wanted)
}

pub(super) async fn page(
    State(shop): State<Shop>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page>, Problem> {
    let mut faults = Faults::default();
    let limit = faults.limit(query.limit.as_deref());
    let limit = faults.finish(limit)?;
    let (brands, next_cursor) = brand::page(&shop.pool, query.cursor.as_deref(), limit).await?;
    Ok(Json(Page {
        brands,
        next_cursor,
    }))
}

pub(super) async fn one(
    State(shop): State<Shop>,
    Path(brand_id): Path<String>,
) -> Result<Json<Brand>, Problem> {
    let id = id_or(&brand_id, Refusal::BrandNotFound)?;
    let mut connection = shop.pool.acquire().await?;
    let found = brand::one(&mut connection, id).await?;
    Ok(Json(found.ok_or(Refusal::BrandNotFound)?))
}

pub(super) async fn create(
    State(shop): State<Shop>,
    _: Admin,
    Json(body): Json<CreateBody>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<Brand>), Problem> {
    let wanted = wanted(&body.name, body.logo_url)?;
    let created = brand::create(&shop.pool, &wanted).await?;
    let location = format!("/api/brands/{}", created.brand_id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(created)))
}

pub(super) async fn update(
    State(shop): State<Shop>,
    _: Admin,
    Path(brand_id): Path<String>,
    Json(body): Json<UpdateBody>,
) -> Result<Json<Brand>, Problem> {
    let id = id_or(&brand_id, Refusal::BrandNotFound)?;
    let wanted = wanted(&body.name, body.logo_url)?;
    let updated = brand::update(&shop.pool, id, body.version, &wanted).await?;
    shop.reindex.wake();
    Ok(Json(updated))
}

pub(super) async fn delete(
    State(shop): State<Shop>,
    _: Admin,
    Path(brand_id): Path<String>,
    Query(query): Query<VersionQuery>,
) -> Result<StatusCode, Problem> {
    let id = id_or(&brand_id, Refusal::BrandNotFound)?;
    let mut faults = Faults::default();
    let version = faults.version(query.version.as_deref());
    brand::delete(&shop.pool, id, faults.finish(version)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
