use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse as _, Response},
};
use contracts::Amount;
use serde::Deserialize;
use service_kit::http::{
    FieldError, Json, Path, Problem, RequestContext,
    auth::{Principal, Role},
};

use super::{Api, check_payment_id, is_id, view::PaymentView};
use crate::{
    direct::{self, Asked, Cancelled},
    refusal::Refusal,
};

/// Longest reason, in characters: with our mark it still is one that the gateway takes.
const REASON_CHARS_MAX: usize = 100;

/// Longest `Idempotency-Key`.
const KEY_LEN_MAX: usize = 64;

const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Body {
    cancel_amount: Option<Amount>,
    reason: String,
}

impl Body {
    fn check(&self) -> Result<(), Problem> {
        let mut errors = Vec::new();
        if self.cancel_amount.is_some_and(|amount| amount < 1) {
            errors.push(FieldError {
                field: "cancelAmount".to_owned(),
                reason: "must be a whole number of won, at least 1; absent: all that is left"
                    .to_owned(),
            });
        }
        if self.reason.trim().is_empty() || self.reason.chars().count() > REASON_CHARS_MAX {
            errors.push(FieldError {
                field: "reason".to_owned(),
                reason: format!("must have 1 to {REASON_CHARS_MAX} characters"),
            });
        }
        if errors.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid(errors))
        }
    }
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    key.to_str()
        .ok()
        .filter(|key| is_id(key, KEY_LEN_MAX, "._:-"))
        .map(|key| Some(key.to_owned()))
        .ok_or_else(|| {
            let reason = format!("must be 1 to {KEY_LEN_MAX} of A-Z a-z 0-9 . _ : -");
            Problem::invalid_field("Idempotency-Key", reason)
        })
}

pub(super) async fn cancel(
    State(api): State<Api>,
    principal: Principal,
    context: RequestContext,
    Path(payment_id): Path<String>,
    headers: HeaderMap,
    body: Result<Json<Body>, Problem>,
) -> Result<Response, Problem> {
    principal.require(&[Role::Admin, Role::Service])?;
    let Json(body) = body?;
    check_payment_id(&payment_id)?;
    body.check()?;
    let asked = Asked {
        payment_id,
        key: key(&headers)?,
        amount: body.cancel_amount,
        reason: body.reason,
    };
    let done = direct::cancel(&api.payments, &asked, &context).await;
    let (cancelled, payment) = done.map_err(Problem::from)?;
    let view = PaymentView::read(&api.payments, payment).await?;
    let view = view.ok_or(Refusal::NotFound)?;
    let mut response = match cancelled {
        Cancelled::Done { .. } => Json(view).into_response(),
        Cancelled::UnderWay => (StatusCode::ACCEPTED, Json(view)).into_response(),
    };
    if let Cancelled::Done { before: true } = cancelled {
        response
            .headers_mut()
            .insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}
