//! `POST /api/reservations/{reservationId}/confirm`

use hyper::body::Incoming;
use inventory_core::{Confirm, ReservationId};

use super::{Answer, Call, path_id, reservation_answer};
use crate::{
    metrics::Operation,
    problem::{Problem, Subject},
    wire,
};

pub(super) async fn handle(call: &Call<'_>, id: &str, body: Incoming) -> Answer {
    let body = call.body(body).await?;
    let id = path_id("reservationId", id, ReservationId::parse)?;
    let request = wire::confirm::parse(&body).map_err(Problem::invalid)?;
    let command = Confirm {
        id,
        lines: request.lines,
        reacquire: request.reacquire,
        context: call.context(),
    };
    let app = call.app;
    let engine = app.engine.confirm(app.shard, &command, call.deadline());
    let subject = Subject::reservation(&command.id);
    let success = app.command(Operation::Confirm, &subject, engine).await?;
    Ok(reservation_answer(&success))
}
