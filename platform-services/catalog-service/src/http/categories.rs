use axum::{
    extract::State,
    http::{HeaderName, StatusCode, header::LOCATION},
};
use serde::{Deserialize, Serialize};
use service_kit::http::{Json, Path, Problem, Query};

use super::{Shop, admin::VersionQuery, check::Faults, who::Admin};
use crate::{
    category::{self, Category, NOT_FOUND, Node, Wanted},
    ids::IdText,
    limits::{NAME_CHARS_MAX, ORDERING_MAX},
    refusal::id_or,
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateBody {
    name: String,
    parent_id: Option<IdText>,
    ordering: Option<i32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateBody {
    version: u64,
    name: String,
    parent_id: Option<IdText>,
    ordering: Option<i32>,
}

#[derive(Debug, Serialize)]
pub(super) struct Tree {
    categories: Vec<Node>,
}

fn wanted(name: &str, parent_id: Option<IdText>, ordering: Option<i32>) -> Result<Wanted, Problem> {
    let mut faults = Faults::default();
    let ordering = ordering.unwrap_or_default();
    faults.number("ordering", ordering.into(), 0, ORDERING_MAX.into());
    let wanted = Wanted {
        name: faults.text("name", name, NAME_CHARS_MAX),
        parent: faults.id("parentId", parent_id),
        ordering,
    };
    faults.finish(wanted)
}

pub(super) async fn tree(State(shop): State<Shop>) -> Result<Json<Tree>, Problem> {
    let categories = category::tree(&shop.pool).await?;
    Ok(Json(Tree { categories }))
}

pub(super) async fn one(
    State(shop): State<Shop>,
    Path(category_id): Path<String>,
) -> Result<Json<Category>, Problem> {
    let id = id_or(&category_id, NOT_FOUND)?;
    let mut connection = shop.pool.acquire().await?;
    let found = category::one(&mut connection, id).await?;
    Ok(Json(found.ok_or(NOT_FOUND)?))
}

pub(super) async fn create(
    State(shop): State<Shop>,
    _: Admin,
    Json(body): Json<CreateBody>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<Category>), Problem> {
    let wanted = wanted(&body.name, body.parent_id, body.ordering)?;
    let created = category::create(&shop.pool, &wanted).await?;
    let location = format!("/api/categories/{}", created.category_id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(created)))
}

pub(super) async fn update(
    State(shop): State<Shop>,
    _: Admin,
    Path(category_id): Path<String>,
    Json(body): Json<UpdateBody>,
) -> Result<Json<Category>, Problem> {
    let id = id_or(&category_id, NOT_FOUND)?;
    let wanted = wanted(&body.name, body.parent_id, body.ordering)?;
    let updated = category::update(&shop.pool, id, body.version, &wanted).await?;
    shop.reindex.wake();
    Ok(Json(updated))
}

pub(super) async fn delete(
    State(shop): State<Shop>,
    _: Admin,
    Path(category_id): Path<String>,
    Query(query): Query<VersionQuery>,
) -> Result<StatusCode, Problem> {
    let id = id_or(&category_id, NOT_FOUND)?;
    let mut faults = Faults::default();
    let version = faults.version(query.version.as_deref());
    category::delete(&shop.pool, id, faults.finish(version)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
