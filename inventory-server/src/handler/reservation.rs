//! `GET /api/reservations/{reservationId}`

use hyper::StatusCode;
use inventory_core::{Refusal, ReservationId};

use super::{Answer, Call, json, path_id};
use crate::{
    metrics::Operation,
    problem::{Problem, Subject},
    wire,
};

pub(super) async fn handle(call: &Call<'_>, id: &str) -> Answer {
    let id = path_id("reservationId", id, ReservationId::parse)?;
    let app = call.app;
    let read = app.engine.reservation(app.shard, &id, call.deadline());
    match app.read(Operation::Reservation, read).await? {
        Some(read) if call.caller.sees(&read.reservation) => {
            let status = read.reservation.status_at(read.now);
            Ok(json(
                StatusCode::OK,
                wire::reservation::body(&read.reservation, status),
            ))
        }
        Some(_) | None => Err(Problem::from_refusal(
            Refusal::ReservationNotFound,
            &Subject::READ,
        )),
    }
}
