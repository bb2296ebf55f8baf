//! `POST /api/reservations/batch`

use std::{hash::RandomState, time::Instant};

use hyper::{StatusCode, body::Incoming};
use inventory_core::{Code, Reserve, Status, Success, TimestampMs, engine::Held};
use serde_json::value::RawValue;

use super::{Answer, Call, json};
use crate::{
    app::App,
    coalesce::ReserveRoom,
    ids,
    limits::BATCH_BODY_BYTES_MAX,
    metrics::Operation,
    problem::{Problem, Subject},
    wire::{self, write::Writer},
};

/// One element: a command, or why it is none.
struct Element {
    name: Option<String>,
    command: Result<Reserve, Problem>,
}

/// What a hold came to.
struct Done {
    status: Status,
    replayed: bool,
    expires: TimestampMs,
}

pub(super) async fn handle(call: &Call<'_>, body: Incoming) -> Answer {
    let app = call.app;
    let body = call.body_up_to(body, BATCH_BODY_BYTES_MAX).await?;
    let deadline = call.deadline();
    let elements = wire::batch::parse(&body, "reservations").map_err(Problem::invalid)?;
    app.admit_reserves()?;
    let elements: Vec<Element> = elements
        .iter()
        .enumerate()
        .map(|(index, element)| read(call, index, element))
        .collect();
    let _place = app.batch_place(deadline).await?;
    let mut done = reserve(app, &elements, deadline).await.into_iter();
    let mut writer = Writer::object(64 + 128 * elements.len());
    writer.array("results", &elements, |json, element| {
        match &element.name {
            Some(name) => json.text("reservationId", name),
            None => json.raw("reservationId", "null"),
        }
        let result = match &element.command {
            Ok(_) => done
                .next()
                .unwrap_or_else(|| Err(Problem::new(Code::Internal, "the engine gave no answer"))),
            Err(problem) => Err(problem.clone()),
        };
        match result {
            Ok(done) => {
                json.id("status", done.status.as_str());
                json.boolean("replayed", done.replayed);
                json.time("expiresAt", done.expires);
            }
            Err(problem) => {
                json.id("status", "REJECTED");
                json.nested("problem", |json| problem.write(json));
            }
        }
    });
    Ok(json(StatusCode::OK, writer.finish()))
}

fn read(call: &Call<'_>, index: usize, element: &RawValue) -> Element {
    let command = wire::reserve::parse_element(element, &format!("reservations[{index}]"))
        .map_err(Problem::invalid)
        .and_then(|request| {
            let id = match request.id {
                Some(id) => id,
                None => ids::reservation()
                    .map_err(|_| Problem::new(Code::Internal, "no id could be made"))?,
            };
            let customer = call.caller.holder(&id, request.customer)?;
            Ok(Reserve {
                id,
                lines: request.lines,
                ttl_ms: call.app.policy.ttl_ms(request.ttl_seconds),
                order: request.order,
                customer,
                metadata: request.metadata,
                context: call.context(),
            })
        });
    let name = match &command {
        Ok(command) => Some(command.id.as_str().to_owned()),
        Err(_) => wire::batch::name_of(element, "reservationId"),
    };
    Element { name, command }
}

/// How many of the first commands go into one call.
fn call_len(commands: &[Reserve], hasher: &RandomState) -> usize {
    let mut room = ReserveRoom::default();
    commands
        .iter()
        .take_while(|command| room.admit(hasher, command))
        .count()
        .max(1)
}

/// Sends the commands in calls in which no id occurs twice; one result for each, in order.
async fn reserve(app: &App, elements: &[Element], deadline: Instant) -> Vec<Result<Done, Problem>> {
    let commands: Vec<Reserve> = elements
        .iter()
        .filter_map(|e| e.command.as_ref().ok())
        .cloned()
        .collect();
    let mut results = Vec::with_capacity(commands.len());
    let hasher = RandomState::new();
    let mut rest = commands.as_slice();
    while !rest.is_empty() {
        let (now, later) = rest.split_at(call_len(rest, &hasher));
        let outcomes = app.reserve_many(now, deadline).await;
        results.extend(now.iter().zip(outcomes).map(|(command, outcome)| {
            let subject = Subject::reservation(&command.id);
            app.settle(Operation::Reserve, &subject, outcome)
                .map(|success| done(&success))
        }));
        rest = later;
    }
    results
}

fn done(success: &Success<Held>) -> Done {
    let (status, expires) = match &success.value {
        Held::New { deadline, .. } => (Status::Reserved, *deadline),
        Held::Existing(reservation) => (reservation.status, reservation.deadline),
    };
    Done {
        status,
        replayed: success.replayed,
        expires,
    }
}
