use axum::{extract::State, response::Response};
use contracts::Amount;
use serde::Deserialize;
use service_kit::http::{
    FieldError, Json, Problem, RequestContext,
    auth::{Principal, Role},
};

use super::{Api, ORDER_ID_LEN_MAX, is_id, view::PaymentView};
use crate::{
    confirm::{self, Asked},
    refusal::Refusal,
};

/// Longest payment key, as Toss has it.
const PAYMENT_KEY_LEN_MAX: usize = 200;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Body {
    order_id: String,
    payment_key: String,
    amount: Amount,
}

impl Body {
    fn checked(self) -> Result<Asked, Problem> {
        let mut errors = Vec::new();
        let mut check = |field: &str, fits: bool, reason: String| {
            if !fits {
                let field = field.to_owned();
                errors.push(FieldError { field, reason });
            }
        };
        check(
            "orderId",
            is_id(&self.order_id, ORDER_ID_LEN_MAX, "._:-"),
            format!("must be 1 to {ORDER_ID_LEN_MAX} of A-Z a-z 0-9 . _ : -"),
        );
        check(
            "paymentKey",
            is_id(&self.payment_key, PAYMENT_KEY_LEN_MAX, "._:=-"),
            format!("must be 1 to {PAYMENT_KEY_LEN_MAX} of A-Z a-z 0-9 . _ : = -"),
        );
        check(
            "amount",
            self.amount >= 1,
            "must be a whole number of won, at least 1".to_owned(),
        );
        if !errors.is_empty() {
            return Err(Problem::invalid(errors));
        }
        Ok(Asked {
            order_id: self.order_id,
            payment_key: self.payment_key,
            amount: self.amount,
        })
    }
}

pub(super) async fn confirm(
    State(api): State<Api>,
    principal: Principal,
    context: RequestContext,
    body: Result<Json<Body>, Problem>,
) -> Result<Response, Problem> {
    principal.require(&[Role::Customer, Role::Admin])?;
    let Json(body) = body?;
    let asked = body.checked()?;
    let confirmed = confirm::confirm(&api.payments, principal.subject(), &asked, &context).await;
    let payment = confirmed.map_err(Problem::from)?;
    let view = PaymentView::read(&api.payments, payment).await?;
    Ok(view.ok_or(Refusal::NotFound)?.answer())
}
