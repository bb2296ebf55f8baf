//! `POST /api/inventories/bulk`

use std::collections::HashSet;

use hyper::{StatusCode, body::Incoming};
use inventory_core::{Location, StockKey};

use super::{Answer, Call, json, mark_stale};
use crate::{
    limits::BATCH_BODY_BYTES_MAX,
    metrics::Operation,
    problem::Problem,
    wire::{self, write::Writer},
};

pub(super) async fn handle(call: &Call<'_>, body: Incoming) -> Answer {
    let body = call.body_up_to(body, BATCH_BODY_BYTES_MAX).await?;
    let skus = wire::bulk::parse(&body).map_err(Problem::invalid)?;
    let keys: Vec<StockKey> = skus
        .into_iter()
        .map(|sku| StockKey {
            location: Location::default(),
            sku,
        })
        .collect();
    let app = call.app;
    let read = app
        .read(
            Operation::Stock,
            app.engine.stock(app.shard, &keys, call.deadline()),
        )
        .await?;
    let mut writer = Writer::object(64 + 200 * keys.len());
    writer.array(
        "inventories",
        read.stocks.iter().flatten(),
        wire::stock::write,
    );
    let corrupt: HashSet<&StockKey> = read.corrupt.iter().collect();
    let unknown = keys
        .iter()
        .zip(&read.stocks)
        .filter(|(key, stock)| stock.is_none() && !corrupt.contains(key))
        .map(|(key, _)| key.sku.as_str());
    writer.ids("unknown", unknown);
    wire::stock::corrupt(&mut writer, &read.corrupt);
    let mut response = json(StatusCode::OK, writer.finish());
    mark_stale(&mut response, read.stale);
    Ok(response)
}
