//! `POST /api/reservations/{reservationId}/release`

use hyper::body::Incoming;
use inventory_core::{Release, ReservationId};

use super::{Answer, Call, path_id, reservation_answer};
use crate::{
    metrics::Operation,
    problem::{Problem, Subject},
    wire,
};

pub(super) async fn handle(call: &Call<'_>, id: &str, body: Incoming) -> Answer {
    let body = call.body(body).await?;
    let id = path_id("reservationId", id, ReservationId::parse)?;
    let reason = wire::release::parse(&body).map_err(Problem::invalid)?;
    call.may_change(&id).await?;
    let command = Release {
        id,
        reason,
        tombstone: false,
        context: call.context(),
    };
    let app = call.app;
    let engine = app.engine.release(app.shard, &command, call.deadline());
    let subject = Subject::reservation(&command.id);
    let success = app.command(Operation::Release, &subject, engine).await?;
    Ok(reservation_answer(&success))
}
