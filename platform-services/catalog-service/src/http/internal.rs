use axum::extract::State;
use serde::{Deserialize, Serialize};
use service_kit::http::{Json, Problem};

use super::{Shop, check::Faults, who::Service};
use crate::{
    ids::IdText,
    limits::RESOLVE_MAX,
    resolve::{self, Resolved},
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ResolveBody {
    sku_ids: Vec<IdText>,
}

#[derive(Debug, Serialize)]
pub(super) struct Answer {
    skus: Vec<Resolved>,
    unknown: Vec<String>,
}

pub(super) async fn resolve(
    State(shop): State<Shop>,
    _: Service,
    Json(body): Json<ResolveBody>,
) -> Result<Json<Answer>, Problem> {
    let mut faults = Faults::default();
    if body.sku_ids.is_empty() || body.sku_ids.len() > RESOLVE_MAX {
        faults.add("skuIds", format!("must be 1 to {RESOLVE_MAX}"));
    }
    // What is no SKU id is no SKU either.
    let sku_ids: Vec<String> = body.sku_ids.into_iter().map(|id| id.0).collect();
    faults.finish(())?;
    let (skus, unknown) = resolve::resolve(&shop.pool, &sku_ids).await?;
    Ok(Json(Answer { skus, unknown }))
}
