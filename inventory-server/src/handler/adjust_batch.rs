//! `POST /api/inventories/adjustments`

use hyper::{StatusCode, body::Incoming};
use inventory_core::{Adjust, StockKey};
use serde_json::value::RawValue;

use super::{Answer, Call, adjust, json, waves};
use crate::{
    limits::BATCH_BODY_BYTES_MAX,
    problem::Problem,
    wire::{self, write::Writer},
};

pub(super) async fn handle(call: &Call<'_>, body: Incoming) -> Answer {
    let body = call.body_up_to(body, BATCH_BODY_BYTES_MAX).await?;
    let deadline = call.deadline();
    let elements = wire::batch::parse(&body, "adjustments").map_err(Problem::invalid)?;
    let _place = call.app.batch_place(deadline).await?;
    let commands: Vec<Result<Adjust, Problem>> = elements
        .iter()
        .enumerate()
        .map(|(index, element)| read(call, index, element))
        .collect();
    let key = |command: &Result<Adjust, Problem>| command.as_ref().ok().map(|c| c.key.clone());
    let results = waves::run(&commands, key, |command| async move {
        match command {
            Ok(command) => adjust::run(call.app, command, deadline).await,
            Err(problem) => Err(problem.clone()),
        }
    })
    .await;
    let mut writer = Writer::object(64 + 300 * elements.len());
    let rows = elements.iter().zip(&commands).zip(&results);
    writer.array("results", rows, |json, ((element, command), result)| {
        write_ids(json, element, command.as_ref().ok());
        match result {
            Ok(adjusted) => {
                json.id("status", "APPLIED");
                json.boolean("replayed", adjusted.replayed);
                json.nested("inventory", |json| {
                    wire::stock::write(json, &adjusted.value);
                });
            }
            Err(problem) => {
                json.id("status", "REJECTED");
                json.nested("problem", |json| problem.write(json));
            }
        }
    });
    Ok(json(StatusCode::OK, writer.finish()))
}

fn read(call: &Call<'_>, index: usize, element: &RawValue) -> Result<Adjust, Problem> {
    let (sku, mut request) = wire::adjust::parse_element(element, &format!("adjustments[{index}]"))
        .map_err(Problem::invalid)?;
    let location = request.location.take().unwrap_or_default();
    adjust::command(StockKey { location, sku }, request, call.context())
}

/// Says which element it is, as far as that can be told.
fn write_ids(json: &mut Writer, element: &RawValue, command: Option<&Adjust>) {
    for name in ["skuId", "adjustmentId"] {
        let known = command.map(|command| match name {
            "skuId" => command.key.sku.as_str().to_owned(),
            _ => command.operation.as_str().to_owned(),
        });
        let object = element.get().starts_with('{');
        match known.or_else(|| {
            object
                .then(|| wire::batch::name_of(element, name))
                .flatten()
        }) {
            Some(id) => json.text(name, &id),
            None => json.raw(name, "null"),
        }
    }
}
