//! `POST /api/inventories/{skuId}/adjustments`

use hyper::{StatusCode, body::Incoming};
use inventory_core::{Adjust, Code, Context, OperationId, Stock, StockKey, Success};

use super::{Answer, Call, json, mark_replayed, stock};
use crate::{
    app::App,
    ids,
    metrics::Operation,
    problem::{Problem, Subject},
    wire::{self, adjust::AdjustRequest},
};

pub(super) async fn handle(call: &Call<'_>, sku: &str, body: Incoming) -> Answer {
    let body = call.body(body).await?;
    let mut request = wire::adjust::parse(&body).map_err(Problem::invalid)?;
    let key = stock::key_with(call, sku, request.location.take())?;
    if request.operation.is_none() {
        request.operation = call.idempotency_key(OperationId::parse)?;
    }
    let command = command(key, request, call.context())?;
    let adjusted = run(call.app, &command, call.deadline()).await?;
    let mut response = json(StatusCode::OK, wire::stock::body(&adjusted.value));
    mark_replayed(&mut response, adjusted.replayed);
    Ok(response)
}

/// The command of a request, with an id of ours where it has none.
pub(super) fn command(
    key: StockKey,
    request: AdjustRequest,
    context: Context,
) -> Result<Adjust, Problem> {
    let operation = match request.operation {
        Some(id) => id,
        None => {
            ids::operation().map_err(|_| Problem::new(Code::Internal, "no id could be made"))?
        }
    };
    Ok(Adjust {
        operation,
        key,
        delta: request.delta,
        reason: request.reason,
        context,
    })
}

/// Makes the call.
pub(super) async fn run(
    app: &App,
    command: &Adjust,
    deadline: std::time::Instant,
) -> Result<Success<Stock>, Problem> {
    let id = Some(("adjustmentId", command.operation.as_str()));
    let subject = Subject {
        figure: "delta",
        id,
    };
    app.command(
        Operation::Adjust,
        &subject,
        app.engine.adjust(app.shard, command, deadline),
    )
    .await
}
