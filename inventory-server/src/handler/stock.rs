//! `GET /api/inventories/{skuId}`

use hyper::StatusCode;
use inventory_core::{Location, Sku, StockKey, Success};

use super::{Answer, Call, json, mark_stale, path_id};
use crate::{
    coalesce::StockAnswer,
    metrics::Operation,
    problem::{Problem, Subject},
    wire::{self, json::Errors, query::parameter},
};

pub(super) async fn handle(call: &Call<'_>, sku: &str) -> Answer {
    let key = key(call, sku)?;
    let (key, read) = read(call, key).await?;
    let stock = read.stock.ok_or_else(|| Problem::unknown_sku(key))?;
    let mut response = json(StatusCode::OK, wire::stock::body(&stock));
    mark_stale(&mut response, read.stale);
    Ok(response)
}

/// The stock that a path and its `locationId` mean.
pub(super) fn key(call: &Call<'_>, sku: &str) -> Result<StockKey, Problem> {
    key_with(call, sku, None)
}

/// The same where the body may name the location, too.
pub(super) fn key_with(
    call: &Call<'_>,
    sku: &str,
    in_body: Option<Location>,
) -> Result<StockKey, Problem> {
    let sku = path_id("skuId", sku, Sku::parse)?;
    if call.query.is_none() {
        return Ok(StockKey {
            location: in_body.unwrap_or_default(),
            sku,
        });
    }
    let mut errors = Errors::default();
    let in_query = parameter(call.query, "locationId", &mut errors, Location::parse);
    if let (Some(query), Some(body)) = (&in_query, &in_body)
        && query != body
    {
        errors.add(
            "locationId",
            format_args!("is {body} in the body and {query} in the query"),
        );
    }
    let key = StockKey {
        location: in_body.or(in_query).unwrap_or_default(),
        sku,
    };
    errors.or(Some(key)).map_err(Problem::invalid)
}

/// Reads one stock together with whoever else reads one now.
pub(super) async fn read(
    call: &Call<'_>,
    key: StockKey,
) -> Result<(StockKey, StockAnswer), Problem> {
    let app = call.app;
    let (key, read) = app
        .stocks
        .ask(key, call.deadline())
        .await
        .map_err(|shed| app.shed(Operation::Stock, shed, &Subject::READ))?;
    let read = read.map(|value| {
        Ok(Success {
            value,
            replayed: false,
        })
    });
    Ok((
        key,
        app.settle(Operation::Stock, &Subject::READ, read)?.value,
    ))
}
