//! `POST /api/reservations/batch/confirm`, and what it shares with its sister for releases.

use std::{future::Future, sync::Arc, time::Instant};

use hyper::{StatusCode, body::Incoming};
use inventory_core::{Confirm, Context, Reservation, ReservationId, Success};
use serde_json::value::RawValue;

use super::{Answer, Call, json, waves};
use crate::{
    app::App,
    limits::BATCH_BODY_BYTES_MAX,
    metrics::Operation,
    problem::{Problem, Subject},
    wire::{self, json::text_of, write::Writer},
};

pub(super) async fn handle(call: &Call<'_>, body: Incoming) -> Answer {
    run(call, body, |app, id, context, deadline| async move {
        let command = Confirm {
            id,
            lines: None,
            reacquire: false,
            context,
        };
        let engine = app.engine.confirm(app.shard, &command, deadline);
        app.command(
            Operation::Confirm,
            &Subject::reservation(&command.id),
            engine,
        )
        .await
    })
    .await
}

/// Reads `reservationIds`, makes the call of each and lists what came of them.
pub(super) async fn run<F>(
    call: &Call<'_>,
    body: Incoming,
    one: impl Fn(Arc<App>, ReservationId, Context, Instant) -> F,
) -> Answer
where
    F: Future<Output = Result<Success<Reservation>, Problem>>,
{
    let body = call.body_up_to(body, BATCH_BODY_BYTES_MAX).await?;
    let deadline = call.deadline();
    let elements = wire::batch::parse(&body, "reservationIds").map_err(Problem::invalid)?;
    let _place = call.app.batch_place(deadline).await?;
    let context = call.context();
    let ids: Vec<Result<ReservationId, Problem>> = elements
        .iter()
        .enumerate()
        .map(|(index, element)| read(index, element))
        .collect();
    let results = waves::run(
        &ids,
        |id| id.as_ref().ok().cloned(),
        |id| {
            let command = id
                .as_ref()
                .map(|id| one(Arc::clone(call.app), id.clone(), context.clone(), deadline));
            async move {
                match command {
                    Ok(command) => command.await,
                    Err(problem) => Err(problem.clone()),
                }
            }
        },
    )
    .await;
    let mut writer = Writer::object(64 + 128 * elements.len());
    writer.array(
        "results",
        elements.iter().zip(&results),
        |json, (element, result)| {
            match wire::batch::name_of(element, "reservationId") {
                Some(name) => json.text("reservationId", &name),
                None => json.raw("reservationId", "null"),
            }
            match result {
                Ok(success) => {
                    json.id("status", success.value.status.as_str());
                    json.boolean("replayed", success.replayed);
                }
                Err(problem) => {
                    json.id("status", "REJECTED");
                    json.nested("problem", |json| problem.write(json));
                }
            }
        },
    );
    Ok(json(StatusCode::OK, writer.finish()))
}

fn read(index: usize, element: &RawValue) -> Result<ReservationId, Problem> {
    text_of(element)
        .and_then(|text| ReservationId::parse(&text).map_err(|error| error.to_string()))
        .map_err(|reason| Problem::invalid_field(format!("reservationIds[{index}]"), reason))
}
