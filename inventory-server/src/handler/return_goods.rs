//! `POST /api/reservations/{reservationId}/return`

use hyper::body::Incoming;
use inventory_core::{ReservationId, Return};

use super::{Answer, Call, path_id, reservation_answer};
use crate::{
    metrics::Operation,
    problem::{Problem, Subject},
    wire,
};

pub(super) async fn handle(call: &Call<'_>, id: &str, body: Incoming) -> Answer {
    let body = call.body(body).await?;
    let id = path_id("reservationId", id, ReservationId::parse)?;
    let request = wire::return_goods::parse(&body).map_err(Problem::invalid)?;
    let command = Return {
        id,
        return_id: request.return_id,
        lines: request.lines,
        context: call.context(),
    };
    let app = call.app;
    let engine = app
        .engine
        .return_goods(app.shard, &command, call.deadline());
    let subject = Subject::reservation(&command.id);
    let success = app.command(Operation::Return, &subject, engine).await?;
    Ok(reservation_answer(&success))
}
