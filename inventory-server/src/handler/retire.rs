//! `DELETE /api/inventories/{skuId}`

use hyper::{Response, StatusCode};
use inventory_core::Retire;

use super::{Answer, Call, stock};
use crate::{body::Body, metrics::Operation, problem::Subject};

pub(super) async fn handle(call: &Call<'_>, sku: &str) -> Answer {
    let command = Retire {
        key: stock::key(call, sku)?,
        context: call.context(),
    };
    let app = call.app;
    let engine = app.engine.retire(app.shard, &command, call.deadline());
    let subject = Subject {
        figure: "skuId",
        id: Some(("skuId", command.key.sku.as_str())),
    };
    app.command(Operation::Retire, &subject, engine).await?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}
