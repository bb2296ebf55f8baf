//! What payment-service says. Amounts are in the minor unit of `currency`.

use serde::{Deserialize, Serialize};

use crate::{Amount, event::event_data, order::Item};

/// A payment is ready to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Created {
    /// The payment.
    pub payment_id: String,
    /// The order it is for.
    pub order_id: String,
    /// What is to be paid.
    pub amount: Amount,
    /// ISO 4217.
    pub currency: String,
}

/// The gateway took the money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Completed {
    /// The payment.
    pub payment_id: String,
    /// The order it is for.
    pub order_id: String,
    /// What was paid.
    pub amount: Amount,
    /// ISO 4217.
    pub currency: String,
    /// The gateway's own id of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_transaction_id: Option<String>,
}

/// The gateway declined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failed {
    /// The payment.
    pub payment_id: String,
    /// The order it is for.
    pub order_id: String,
    /// What was to be paid.
    pub amount: Amount,
    /// ISO 4217.
    pub currency: String,
    /// The gateway's own id of it, if it got one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_transaction_id: Option<String>,
    /// Why, as the gateway's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Money was paid back, wholly or in part, or a payment was closed before any was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cancelled {
    /// The payment.
    pub payment_id: String,
    /// The order it is for.
    pub order_id: String,
    /// What had been paid, or was to be.
    pub amount: Amount,
    /// ISO 4217.
    pub currency: String,
    /// The gateway's own id of the payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_transaction_id: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was paid back this time; absent when nothing had been taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancelled_amount: Option<Amount>,
    /// The refund that asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refund_id: Option<String>,
    /// The reservation the units were sold from; there when `items` are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reservation_id: Option<String>,
    /// The units that come back to stock. Absent: none, as when an order was cancelled, whose hold
    /// is released for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<Item>>,
}

macro_rules! payment_event {
    ($($data:ident = $variant:ident;)*) => {$(
        event_data!(
            $data = $variant,
            key: |it| it.order_id.as_str(),
            subject: |it| it.payment_id.as_str()
        );
    )*};
}

payment_event! {
    Created = PaymentCreated;
    Completed = PaymentCompleted;
    Failed = PaymentFailed;
    Cancelled = PaymentCancelled;
}
