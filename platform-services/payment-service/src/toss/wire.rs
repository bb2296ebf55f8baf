//! The bodies of the Toss Payments REST API, as far as we send or read them. Fields that are not named
//! here are passed over.

use serde::{Deserialize, Serialize};

/// Asks to take the money: `POST /v1/payments/confirm`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Confirm {
    /// The key that the customer's browser got from the gateway.
    pub payment_key: String,
    /// The order.
    pub order_id: String,
    /// In whole won.
    pub amount: i64,
}

/// Asks to pay back: `POST /v1/payments/{paymentKey}/cancel`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cancel {
    /// Why, at most 200 characters.
    pub cancel_reason: String,
    /// In whole won; absent: all that is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_amount: Option<i64>,
}

/// What became of a payment at the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Begun by the customer.
    Ready,
    /// Authenticated; a confirm is awaited. Never money without one.
    InProgress,
    /// A virtual account that nobody paid into yet.
    WaitingForDeposit,
    /// The money was taken.
    Done,
    /// All of it was paid back.
    Canceled,
    /// A part of it was paid back.
    PartialCanceled,
    /// Declined.
    Aborted,
    /// Nobody confirmed it within 30 minutes, and nobody can any more.
    Expired,
    /// One that we have not heard of.
    #[serde(other)]
    Other,
}

/// A payment at the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// Its key.
    pub payment_key: String,
    /// The order it is for.
    pub order_id: String,
    /// What became of it.
    pub status: Status,
    /// What was asked for, in whole won.
    pub total_amount: i64,
    /// What is left of it.
    #[serde(default)]
    pub balance_amount: i64,
    /// ISO 4217.
    #[serde(default = "krw")]
    pub currency: String,
    /// The gateway's id of the last thing that was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_transaction_key: Option<String>,
    /// What was paid back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancels: Option<Vec<CancelDone>>,
    /// Why it was declined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// When the customer began, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<String>,
    /// When the money was taken, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_at: Option<String>,
    /// How it was paid, in Korean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
}

fn krw() -> String {
    contracts::KRW.to_owned()
}

/// Money that was paid back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CancelDone {
    /// In whole won.
    pub cancel_amount: i64,
    /// Why.
    #[serde(default)]
    pub cancel_reason: String,
    /// The gateway's id of it.
    #[serde(default)]
    pub transaction_key: String,
    /// `DONE` when it is done.
    #[serde(default = "done")]
    pub cancel_status: String,
    /// When, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canceled_at: Option<String>,
}

fn done() -> String {
    CancelDone::DONE.to_owned()
}

impl CancelDone {
    /// The `cancelStatus` of one that is done.
    pub const DONE: &'static str = "DONE";
}

/// The body of every refusal, and the reason in a declined payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A word in `UPPER_CASE`.
    pub code: String,
    /// For people, in Korean.
    #[serde(default)]
    pub message: String,
}

/// The body of a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook<T> {
    /// [`PAYMENT_STATUS_CHANGED`] is the one we know.
    pub event_type: String,
    /// When, as the gateway writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// The payment, as far as one believes it.
    pub data: T,
}

/// The `eventType` of a webhook about a payment.
pub const PAYMENT_STATUS_CHANGED: &str = "PAYMENT_STATUS_CHANGED";
