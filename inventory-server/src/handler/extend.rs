//! `POST /api/reservations/{reservationId}/extend`

use hyper::body::Incoming;
use inventory_core::{Extend, ReservationId};

use super::{Answer, Call, path_id, reservation_answer};
use crate::{
    metrics::Operation,
    problem::{Problem, Subject},
    wire,
};

pub(super) async fn handle(call: &Call<'_>, id: &str, body: Incoming) -> Answer {
    let body = call.body(body).await?;
    let id = path_id("reservationId", id, ReservationId::parse)?;
    let ttl_seconds = wire::extend::parse(&body).map_err(Problem::invalid)?;
    call.may_change(&id).await?;
    let app = call.app;
    let command = Extend {
        id,
        ttl_ms: app.policy.ttl_ms(Some(ttl_seconds)),
        max_hold_ms: app.policy.max_hold_ms(),
        context: call.context(),
    };
    let engine = app.engine.extend(app.shard, &command, call.deadline());
    let subject = Subject::reservation(&command.id);
    let success = app.command(Operation::Extend, &subject, engine).await?;
    Ok(reservation_answer(&success))
}
