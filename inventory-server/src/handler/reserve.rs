//! `POST /api/reservations`

use hyper::{
    Response, StatusCode,
    body::Incoming,
    header::{HeaderValue, LOCATION},
};
use inventory_core::{Code, ReservationId, Reserve, engine::Held};

use super::{Answer, Call, json, mark_replayed};
use crate::{
    body::Body,
    coalesce::Shed,
    ids,
    metrics::Operation,
    problem::{Problem, Subject},
    wire,
};

pub(super) async fn handle(call: &Call<'_>, body: Incoming) -> Answer {
    let app = call.app;
    let body = call.body(body).await?;
    let request = wire::reserve::parse(&body).map_err(Problem::invalid)?;
    let id = match request.id {
        Some(id) => id,
        None => match call.idempotency_key(wire::reserve::id)? {
            Some(key) => call.caller.id_of_key(key)?,
            None => ids::reservation()
                .map_err(|_| Problem::new(Code::Internal, "no id could be made"))?,
        },
    };
    let customer = call.caller.holder(&id, request.customer)?;
    app.admit_reserves()?;
    let command = Reserve {
        id: id.clone(),
        lines: request.lines,
        ttl_ms: app.policy.ttl_ms(request.ttl_seconds),
        order: request.order,
        customer,
        metadata: request.metadata,
        context: call.context(),
    };
    let subject = Subject::reservation(&id);
    let (command, outcome) = app
        .reserves
        .ask(command, call.deadline())
        .await
        .map_err(|shed: Shed| app.shed(Operation::Reserve, shed, &subject))?;
    let held = app.settle(Operation::Reserve, &subject, outcome)?;
    Ok(match &held.value {
        Held::New { created, deadline } => new_hold(
            &id,
            wire::reservation::new_hold(&command, *created, *deadline),
        ),
        Held::Existing(reservation) => {
            let mut response = json(
                StatusCode::OK,
                wire::reservation::body(reservation, reservation.status),
            );
            mark_replayed(&mut response, held.replayed);
            response
        }
    })
}

fn new_hold(id: &ReservationId, body: bytes::Bytes) -> Response<Body> {
    let mut response = json(StatusCode::CREATED, body);
    // An id has no character that a header or a path cannot carry.
    if let Ok(location) =
        HeaderValue::from_maybe_shared(bytes::Bytes::from(format!("/api/reservations/{id}")))
    {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}
