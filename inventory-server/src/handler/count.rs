//! `PUT /api/inventories/{skuId}`

use hyper::{
    StatusCode,
    body::Incoming,
    header::{HeaderValue, LOCATION},
};
use inventory_core::{Code, Count, OperationId};

use super::{Answer, Call, json, mark_replayed, stock};
use crate::{
    ids,
    metrics::Operation,
    problem::{Problem, Subject},
    wire,
};

pub(super) async fn handle(call: &Call<'_>, sku: &str, body: Incoming) -> Answer {
    let body = call.body(body).await?;
    let request = wire::count::parse(&body).map_err(Problem::invalid)?;
    let key = stock::key_with(call, sku, request.location)?;
    let operation = match call.idempotency_key(OperationId::parse)? {
        Some(key) => key,
        None => {
            ids::operation().map_err(|_| Problem::new(Code::Internal, "no id could be made"))?
        }
    };
    let command = Count {
        operation,
        key,
        on_hand: request.on_hand,
        expected_version: request.expected_version,
        limit: request.limit,
        reason: request.reason,
        context: call.context(),
    };
    let app = call.app;
    let engine = app.engine.count(app.shard, &command, call.deadline());
    let id = Some(("idempotencyKey", command.operation.as_str()));
    let subject = Subject {
        figure: "onHandQuantity",
        id,
    };
    let counted = app.command(Operation::Count, &subject, engine).await?;
    let status = if counted.value.created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let mut response = json(status, wire::stock::body(&counted.value.stock));
    mark_replayed(&mut response, counted.replayed);
    if counted.value.created {
        let key = &counted.value.stock.key;
        let query = if key.location.is_default() {
            String::new()
        } else {
            format!("?locationId={}", key.location)
        };
        if let Ok(location) = HeaderValue::from_str(&format!("/api/inventories/{}{query}", key.sku))
        {
            response.headers_mut().insert(LOCATION, location);
        }
    }
    Ok(response)
}
