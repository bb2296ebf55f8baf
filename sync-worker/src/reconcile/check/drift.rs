//! One difference between the sides.

use inventory_core::{Kept, OperationId, ReservationId, Sku, StockKey};
use serde::Serialize;
use serde_json::{Value, json};

/// What differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::reconcile) enum Subject {
    /// A stock.
    Stock(StockKey),
    /// A reservation.
    Reservation(ReservationId),
    /// The outcome of an adjustment or a count.
    Operation(OperationId),
    /// A purchase limit.
    Limit(Sku),
    /// What a customer used of one.
    Used(Sku, String),
    /// What a retired stock goes on from.
    Retired(StockKey),
    /// A key of Redis that the engine does not write.
    Key(String),
}

impl Subject {
    pub(in crate::reconcile) const fn kind(&self) -> &'static str {
        match self {
            Self::Stock(_) => "stock",
            Self::Reservation(_) => "reservation",
            Self::Operation(_) => "operation",
            Self::Limit(_) => "limit",
            Self::Used(..) => "used",
            Self::Retired(_) => "retired",
            Self::Key(_) => "key",
        }
    }

    /// A stock at the default location is shown by its SKU alone.
    pub(in crate::reconcile) fn id(&self) -> String {
        match self {
            Self::Stock(key) | Self::Retired(key) if key.location.is_default() => {
                key.sku.to_string()
            }
            Self::Stock(key) | Self::Retired(key) => key.to_string(),
            Self::Reservation(id) => id.to_string(),
            Self::Operation(id) => id.to_string(),
            Self::Limit(sku) => sku.to_string(),
            Self::Used(sku, customer) => format!("{sku} {customer}"),
            Self::Key(name) => name.clone(),
        }
    }

    pub(super) fn stock(&self) -> Option<StockKey> {
        match self {
            Self::Stock(key) => Some(key.clone()),
            Self::Reservation(_)
            | Self::Operation(_)
            | Self::Limit(_)
            | Self::Used(..)
            | Self::Retired(_)
            | Self::Key(_) => None,
        }
    }

    pub(super) fn reservation(&self) -> Option<ReservationId> {
        match self {
            Self::Reservation(id) => Some(id.clone()),
            Self::Stock(_)
            | Self::Operation(_)
            | Self::Limit(_)
            | Self::Used(..)
            | Self::Retired(_)
            | Self::Key(_) => None,
        }
    }

    pub(super) fn operation(&self) -> Option<OperationId> {
        match self {
            Self::Operation(id) => Some(id.clone()),
            Self::Stock(_)
            | Self::Reservation(_)
            | Self::Limit(_)
            | Self::Used(..)
            | Self::Retired(_)
            | Self::Key(_) => None,
        }
    }
}

/// A difference.
#[derive(Debug, Clone, Serialize)]
pub(in crate::reconcile) struct Drift {
    #[serde(skip)]
    pub(in crate::reconcile) subject: Subject,
    pub(in crate::reconcile) kind: &'static str,
    pub(in crate::reconcile) id: String,
    /// The rule that is broken.
    pub(in crate::reconcile) what: &'static str,
    /// What Redis has; null for nothing.
    pub(in crate::reconcile) redis: Value,
    /// What MariaDB has; null for nothing.
    pub(in crate::reconcile) mariadb: Value,
    /// When MariaDB's side changed last: the difference is younger, or was there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::reconcile) since: Option<String>,
}

impl Drift {
    pub(super) fn new(subject: Subject, what: &'static str) -> Self {
        Self {
            kind: subject.kind(),
            id: subject.id(),
            subject,
            what,
            redis: Value::Null,
            mariadb: Value::Null,
            since: None,
        }
    }

    pub(super) fn sides(self, redis: Value, mariadb: Value) -> Self {
        Self {
            redis,
            mariadb,
            ..self
        }
    }

    /// `at` as a `DATETIME(3)` is written.
    pub(super) fn since(self, at: Option<&str>) -> Self {
        Self {
            since: at.map(moment),
            ..self
        }
    }

    pub(super) fn cells(&self) -> Vec<String> {
        vec![
            self.kind.to_owned(),
            self.id.clone(),
            self.what.to_owned(),
            short(&self.redis),
            short(&self.mariadb),
            self.since.clone().unwrap_or_default(),
        ]
    }
}

/// A `DATETIME(3)` as RFC 3339.
pub(in crate::reconcile) fn moment(at: &str) -> String {
    at.replacen(' ', "T", 1) + "Z"
}

/// `name value` pairs, without the punctuation of JSON.
fn short(value: &Value) -> String {
    let bare = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    match value {
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| format!("{name} {}", bare(value)));
            members.collect::<Vec<_>>().join(", ")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            bare(value)
        }
    }
}

/// What Redis has of a stock.
pub(in crate::reconcile) fn kept_stock(kept: &Kept<[u64; 4]>) -> Value {
    match kept {
        Kept::Absent => Value::Null,
        Kept::Corrupt => json!("corrupt"),
        Kept::Is([available, reserved, sold, version]) => json!({
            "available": available, "reserved": reserved, "sold": sold, "version": version,
        }),
    }
}
