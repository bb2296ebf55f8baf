use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use contracts::{Amount, Timestamp};
use serde::Serialize;
use service_kit::http::Json;

use crate::{
    payments::Payments,
    state::State,
    store::{self, Kind, Payment, Refund},
};

/// A payment as the API shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PaymentView {
    payment_id: String,
    order_id: String,
    status: &'static str,
    amount: Amount,
    currency: String,
    cancelled_amount: Amount,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway_transaction_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway_code: Option<String>,
    created_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approved_at: Option<Timestamp>,
    cancels: Vec<CancelView>,
}

/// Money that went back, or is to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CancelView {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_id: Option<String>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Amount>,
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway_code: Option<String>,
    requested_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    done_at: Option<Timestamp>,
}

impl PaymentView {
    /// With its refunds; a payment that nobody was told of is shown to nobody, and `None`.
    pub(super) async fn read(
        payments: &Payments,
        payment: Payment,
    ) -> Result<Option<Self>, sqlx::Error> {
        let Some(amount) = payment.amount.filter(|_| payment.is_known()) else {
            return Ok(None);
        };
        let refunds = store::refunds_of(&payments.pool, &payment.order_id).await?;
        Ok(Some(Self {
            payment_id: payment.payment_id,
            order_id: payment.order_id,
            status: payment.state.name(),
            amount,
            currency: payment.currency.unwrap_or_default(),
            cancelled_amount: payment.cancelled_amount,
            payment_key: payment.payment_key,
            gateway_transaction_id: payment.transaction_id,
            gateway_code: payment.gateway_code,
            created_at: at(payment.created_ms),
            approved_at: payment.approved_ms.and_then(at),
            cancels: refunds.into_iter().map(CancelView::of).collect(),
        }))
    }

    /// 200, or 202 while its outcome is not known.
    pub(super) fn answer(self) -> Response {
        let status = if self.status == State::Unknown.name() {
            StatusCode::ACCEPTED
        } else {
            StatusCode::OK
        };
        (status, Json(self)).into_response()
    }
}

impl CancelView {
    fn of(refund: Refund) -> Self {
        let with_id = matches!(refund.kind, Kind::OrderRefund | Kind::Direct);
        Self {
            kind: refund.kind.name(),
            refund_id: with_id.then_some(refund.refund_id),
            status: refund.status.name(),
            amount: refund.amount.or(refund.requested_amount),
            reason: refund.reason,
            gateway_code: refund.last_error.filter(|text| is_code(text)),
            requested_at: at(refund.created_ms),
            done_at: refund.done_ms.and_then(at),
        }
    }
}

/// The gateway's own words; what went wrong on the way to it is for the log.
fn is_code(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

fn at(unix_ms: i64) -> Option<Timestamp> {
    Timestamp::from_unix_ms(unix_ms).ok()
}
