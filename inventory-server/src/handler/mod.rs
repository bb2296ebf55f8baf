//! One file for each operation; this one finds it and does what all have in common.

mod adjust;
mod adjust_batch;
mod bulk;
mod confirm;
mod confirm_batch;
mod count;
mod docs;
mod extend;
mod health;
mod list;
mod metrics;
mod release;
mod release_batch;
mod reservation;
mod reserve;
mod reserve_batch;
mod retire;
mod return_goods;
mod stock;
mod stream;
mod waves;

use std::{fmt::Display, sync::Arc, time::Instant};

use bytes::Bytes;
use hyper::{
    Request, Response, StatusCode, Version,
    body::Incoming,
    header::{CONNECTION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use inventory_core::{Code, Context, Refusal, Reservation, ReservationId, Status, Success};

use crate::{
    app::App,
    auth::{self, Access, Caller, Need},
    body::{Body, Held, Reader},
    limits::BODY_BYTES_MAX,
    metrics::Operation,
    problem::{Problem, Subject},
    request_id::{self, X_REQUEST_ID},
    route::{self, NoRoute, Route, RouteName},
    server::{Connection, InFlight},
    trace::Traced,
    wire,
};

/// What a handler answers.
type Answer = Result<Response<Body>, Problem>;

static REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
static STALE: HeaderName = HeaderName::from_static("x-inventory-stale");
static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A request without its body, and what it is handled with.
struct Call<'a> {
    app: &'a Arc<App>,
    headers: &'a HeaderMap,
    version: Version,
    query: Option<&'a str>,
    request_id: &'a HeaderValue,
    traceparent: Option<&'a str>,
    caller: Caller,
}

/// Answers a request, whatever it is.
pub(crate) async fn respond(
    app: &Arc<App>,
    connection: &Arc<Connection>,
    request: Request<Incoming>,
) -> Response<Body> {
    let started = Instant::now();
    let (head, body) = request.into_parts();
    let in_flight = connection.begin(head.version);
    let request_id = request_id::of(&head.headers);
    let route = route::find(&head.method, head.uri.path());
    let name = route.map_or(RouteName::None, |route| route.name());
    // What is not there needs nobody to be known.
    let need = route.as_ref().map_or(Need::Nothing, Need::of);
    let traced = Traced::new(name, &request_id, &head.headers);
    let (caller, refused) = match &app.access {
        Access::Anybody => (Caller::Anybody, None),
        access @ Access::Tokens(_) => {
            let asked = traced.scope(access.caller(&head.headers, need));
            Box::pin(asked).await
        }
    };
    let call = Call {
        app,
        headers: &head.headers,
        version: head.version,
        query: head.uri.query(),
        request_id: &request_id,
        traceparent: traced.traceparent(),
        caller,
    };
    let answer = async {
        match (refused, route) {
            (Some(problem), _) => Err(Box::pin(call.reader().refuse(body, problem)).await),
            (None, Ok(Route::Reserve)) => reserve::handle(&call, body).await,
            (None, Ok(Route::Stock(sku))) => stock::handle(&call, sku).await,
            // Boxed, so that the two hot requests do not carry the size of all the others.
            (None, other) => Box::pin(handle(&call, other, body, in_flight)).await,
        }
    };
    let answer = traced.scope(answer).await;
    let mut response = answer.unwrap_or_else(Problem::into_response);
    let status = response.status().as_u16();
    traced.audit(name, head.uri.path(), &call.caller, status);
    traced.span.in_scope(|| {
        tracing::debug!(?request_id, status, "answered");
    });
    if head.version == Version::HTTP_2 {
        response.headers_mut().remove(CONNECTION);
    }
    app.metrics
        .http
        .observe(name, response.status(), started.elapsed());
    response.headers_mut().insert(&X_REQUEST_ID, request_id);
    response
}

async fn handle(
    call: &Call<'_>,
    route: Result<Route<'_>, NoRoute>,
    body: Incoming,
    in_flight: InFlight,
) -> Answer {
    let route = match route {
        Ok(route) => route,
        Err(no_route) => {
            let problem = match no_route {
                NoRoute::NotFound => Problem::new(
                    Code::NotFound,
                    "there is nothing at this path; /docs lists what there is",
                ),
                NoRoute::MethodNotAllowed(allow) => Problem::method_not_allowed(allow),
            };
            return Err(call.reader().refuse(body, problem).await);
        }
    };
    match route {
        Route::Reserve => reserve::handle(call, body).await,
        Route::ReserveBatch => reserve_batch::handle(call, body).await,
        Route::ConfirmBatch => confirm_batch::handle(call, body).await,
        Route::ReleaseBatch => release_batch::handle(call, body).await,
        Route::Reservation(id) => reservation::handle(call, id).await,
        Route::Confirm(id) => confirm::handle(call, id, body).await,
        Route::Release(id) => release::handle(call, id, body).await,
        Route::Extend(id) => extend::handle(call, id, body).await,
        Route::Return(id) => return_goods::handle(call, id, body).await,
        Route::StockList => list::handle(call).await,
        Route::StockBulk => bulk::handle(call, body).await,
        Route::AdjustBatch => adjust_batch::handle(call, body).await,
        Route::Stock(sku) => stock::handle(call, sku).await,
        Route::Count(sku) => count::handle(call, sku, body).await,
        Route::Retire(sku) => retire::handle(call, sku).await,
        Route::Adjust(sku) => adjust::handle(call, sku, body).await,
        Route::Stream(sku) => stream::handle(call, sku, in_flight).await,
        Route::Healthz => Ok(health::healthz()),
        Route::Readyz => Ok(health::readyz(call.app).await),
        Route::Metrics => Ok(metrics::handle(call.app)),
        Route::OpenApi => Ok(docs::openapi()),
        Route::Docs => Ok(docs::page()),
        Route::ProblemPage(slug) => docs::problem(slug),
    }
}

impl<'a> Call<'a> {
    /// When the answer is due.
    fn deadline(&self) -> Instant {
        Instant::now() + self.app.policy.request_timeout
    }

    /// What goes to the journal.
    fn context(&self) -> Context {
        Context {
            actor: self.caller.actor(),
            ..request_id::context(self.request_id, self.traceparent)
        }
    }

    /// Lets a change of a reservation through, if the caller may make it. A customer's is looked up
    /// first: who they are decides whether it exists. An order that is bound between the look and the
    /// change finds a hold that its own customer has given back.
    async fn may_change(&self, id: &ReservationId) -> Result<(), Problem> {
        may_change(self.app, &self.caller, id, self.deadline()).await
    }

    /// A body of the usual size.
    async fn body(&self, body: Incoming) -> Result<Held<'a>, Problem> {
        self.body_up_to(body, BODY_BYTES_MAX).await
    }

    async fn body_up_to(&self, body: Incoming, max: usize) -> Result<Held<'a>, Problem> {
        self.reader().json(body, max).await
    }

    fn reader(&self) -> Reader<'a> {
        Reader {
            headers: self.headers,
            version: self.version,
            budget: &self.app.bodies,
            timeout: self.app.policy.body_timeout,
        }
    }

    /// The id in the header `Idempotency-Key`, read by `parse`.
    fn idempotency_key<T, E: Display>(
        &self,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Problem> {
        let mut keys = self.headers.get_all(&IDEMPOTENCY_KEY).iter();
        let Some(key) = keys.next() else {
            return Ok(None);
        };
        let fault = |reason: String| Problem::invalid_field("Idempotency-Key", reason);
        if keys.next().is_some() {
            return Err(fault("is given twice".to_owned()));
        }
        let text = key
            .to_str()
            .map_err(|_| fault("must be visible ASCII".to_owned()))?;
        parse(text)
            .map(Some)
            .map_err(|error| fault(error.to_string()))
    }
}

/// See [`Call::may_change`].
async fn may_change(
    app: &App,
    caller: &Caller,
    id: &ReservationId,
    deadline: Instant,
) -> Result<(), Problem> {
    caller.may_change(id)?;
    if !matches!(caller, Caller::Customer(_)) {
        return Ok(());
    }
    let read = app.engine.reservation(app.shard, id, deadline);
    let read = app.read(Operation::Reservation, read).await?;
    let own = read.filter(|read| caller.sees(&read.reservation));
    let Some(own) = own else {
        return Err(Problem::from_refusal(
            Refusal::ReservationNotFound,
            &Subject::READ,
        ));
    };
    match own.reservation.order {
        Some(_) => Err(auth::bound_to_order()),
        None => Ok(()),
    }
}

/// An id in the path, read by `parse`.
fn path_id<T, E: Display>(
    name: &str,
    raw: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, Problem> {
    let text =
        wire::query::percent_decoded(raw).map_err(|reason| Problem::invalid_field(name, reason))?;
    parse(&text).map_err(|reason| Problem::invalid_field(name, reason))
}

/// An answer with JSON.
fn json(status: StatusCode, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::full(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Marks an answer that an earlier request got already.
fn mark_replayed(response: &mut Response<Body>, replayed: bool) {
    if replayed {
        response
            .headers_mut()
            .insert(&REPLAYED, HeaderValue::from_static("true"));
    }
}

/// Marks figures that may be behind what was acknowledged.
fn mark_stale(response: &mut Response<Body>, stale: bool) {
    if stale {
        response
            .headers_mut()
            .insert(&STALE, HeaderValue::from_static("true"));
    }
}

/// 200 with a reservation as a command left it.
fn reservation_answer(success: &Success<Reservation>) -> Response<Body> {
    let status: Status = success.value.status;
    let mut response = json(
        StatusCode::OK,
        wire::reservation::body(&success.value, status),
    );
    mark_replayed(&mut response, success.replayed);
    response
}
