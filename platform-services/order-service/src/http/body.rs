//! Reading requests: every fault is found and named. Fields that nobody knows, such as a price, are
//! passed over.

use axum::http::HeaderMap;
use serde_json::{Map, Value};
use service_kit::http::FieldError;

use crate::{
    domain::{Line, summed},
    error::Error,
    limits::{
        ID_LEN_MAX, IDEMPOTENCY_KEY_LEN_MAX, LINE_QUANTITY_MAX, ORDER_LINES_MAX, REASON_LEN_MAX,
    },
    place::Wanted,
    refund::WantedRefund,
    tables::idempotency::Key,
};

/// Whether a text can be an id: it can stand in a path and in a column as it is.
pub(super) fn is_id(text: &str) -> bool {
    (1..=ID_LEN_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-'))
        && !matches!(text, "." | "..")
}

/// A body being read, with the faults found so far.
#[derive(Debug)]
pub(super) struct Body {
    fields: Map<String, Value>,
    faults: Vec<FieldError>,
}

impl Body {
    /// Of a body that must be a JSON object.
    pub(super) fn of(value: Value) -> Result<Self, Error> {
        match value {
            Value::Object(fields) => Ok(Self {
                fields,
                faults: Vec::new(),
            }),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Err(Error::field("body", "must be a JSON object")),
        }
    }

    /// Of a body that may be absent.
    pub(super) fn optional(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Self::of(Value::Object(Map::new()));
        }
        let value = serde_json::from_slice(bytes)
            .map_err(|error| Error::field("body", format_args!("is no JSON: {error}")))?;
        Self::of(value)
    }

    fn fault(&mut self, field: impl Into<String>, reason: impl ToString) {
        self.faults.push(FieldError {
            field: field.into(),
            reason: reason.to_string(),
        });
    }

    /// What was read, if nothing is wrong.
    fn finish<T>(self, read: T) -> Result<T, Error> {
        if self.faults.is_empty() {
            Ok(read)
        } else {
            Err(Error::Invalid(self.faults))
        }
    }

    /// An id, as a text or a whole number; `None` when it is absent or null.
    fn optional_id(&mut self, name: &str) -> Option<String> {
        let value = self.fields.get(name).filter(|value| !value.is_null())?;
        match id(value) {
            Ok(id) => Some(id),
            Err(reason) => {
                self.fault(name, reason);
                None
            }
        }
    }

    fn id(&mut self, name: &str) -> String {
        if self.fields.get(name).is_none_or(Value::is_null) {
            self.fault(name, "is missing");
        }
        self.optional_id(name).unwrap_or_default()
    }

    fn quantity(&mut self, name: &str) -> u32 {
        match quantity(self.fields.get(name)) {
            Ok(quantity) => quantity,
            Err(reason) => {
                self.fault(name, reason);
                1
            }
        }
    }

    /// The lines of `items`, each SKU once; `None` when it is absent or null.
    fn optional_lines(&mut self) -> Option<Vec<Line>> {
        let items = match self.fields.get("items") {
            None | Some(Value::Null) => return None,
            Some(Value::Array(items)) => items.clone(),
            Some(_) => {
                self.fault("items", "must be an array");
                return Some(Vec::new());
            }
        };
        if items.len() > ORDER_LINES_MAX {
            let count = items.len();
            self.fault(
                "items",
                format_args!("must have at most {ORDER_LINES_MAX} items, has {count}"),
            );
            return Some(Vec::new());
        }
        let before = self.faults.len();
        let mut lines = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let Value::Object(item) = item else {
                self.fault(format!("items[{index}]"), "must be an object");
                continue;
            };
            let sku_id = match item.get("skuId") {
                None | Some(Value::Null) => Err("is missing".to_owned()),
                Some(value) => id(value),
            };
            let quantity = quantity(item.get("quantity"));
            match (sku_id, quantity) {
                (Ok(sku_id), Ok(quantity)) => lines.push(Line { sku_id, quantity }),
                (sku_id, quantity) => {
                    if let Err(reason) = sku_id {
                        self.fault(format!("items[{index}].skuId"), reason);
                    }
                    if let Err(reason) = quantity {
                        self.fault(format!("items[{index}].quantity"), reason);
                    }
                }
            }
        }
        if self.faults.len() > before {
            return Some(Vec::new());
        }
        match summed(lines) {
            Ok(lines) => Some(lines),
            Err(error) => {
                self.fault("items", error);
                Some(Vec::new())
            }
        }
    }

    /// An order.
    pub(super) fn wanted(mut self) -> Result<Wanted, Error> {
        if self.fields.get("items").is_none_or(Value::is_null) {
            self.fault("items", "is missing");
        }
        let lines = self.optional_lines().unwrap_or_default();
        let address_id = self.id("shippingAddressId");
        let reservation_id = self.reservation_id();
        self.finish(Wanted {
            lines,
            address_id,
            reservation_id,
        })
    }

    /// A checkout: the address and the hold.
    pub(super) fn checkout(mut self) -> Result<(String, Option<String>), Error> {
        let address_id = self.id("shippingAddressId");
        let reservation_id = self.reservation_id();
        self.finish((address_id, reservation_id))
    }

    fn reservation_id(&mut self) -> Option<String> {
        let id = self.optional_id("reservationId")?;
        if id.starts_with("order-") {
            self.fault(
                "reservationId",
                "must not start with order-: those are made for orders",
            );
        }
        Some(id)
    }

    /// A refund.
    pub(super) fn refund(mut self) -> Result<WantedRefund, Error> {
        let lines = self.optional_lines();
        let reason = match self.fields.get("reason") {
            None | Some(Value::Null) => None,
            Some(Value::String(reason)) if reason.chars().count() <= REASON_LEN_MAX => {
                Some(reason.clone())
            }
            Some(_) => {
                self.fault(
                    "reason",
                    format_args!("must be a text of at most {REASON_LEN_MAX} characters"),
                );
                None
            }
        };
        self.finish(WantedRefund { lines, reason })
    }

    /// A line for the cart.
    pub(super) fn line(mut self) -> Result<Line, Error> {
        let sku_id = self.id("skuId");
        let quantity = self.quantity("quantity");
        self.finish(Line { sku_id, quantity })
    }

    /// A new quantity of a line in the cart.
    pub(super) fn new_quantity(mut self) -> Result<u32, Error> {
        let quantity = self.quantity("quantity");
        self.finish(quantity)
    }
}

fn id(value: &Value) -> Result<String, String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            return Err("must be a text or a whole number".to_owned());
        }
    };
    if is_id(&text) {
        Ok(text)
    } else {
        Err(format!(
            "must be 1 to {ID_LEN_MAX} of A-Z a-z 0-9 . _ : - and neither . nor .."
        ))
    }
}

fn quantity(value: Option<&Value>) -> Result<u32, String> {
    let wrong = || format!("must be a whole number from 1 to {LINE_QUANTITY_MAX}");
    match value {
        None | Some(Value::Null) => Err("is missing".to_owned()),
        Some(value) => value
            .as_u64()
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| (1..=LINE_QUANTITY_MAX).contains(number))
            .ok_or_else(wrong),
    }
}

/// The `Idempotency-Key` of a request, if it has one, with what must be the same when it is used
/// again.
pub(super) fn key(
    headers: &HeaderMap,
    user_id: &str,
    request: impl FnOnce() -> Value,
) -> Result<Option<Key>, Error> {
    const NAME: &str = "idempotency-key";
    let Some(value) = headers.get(NAME) else {
        return Ok(None);
    };
    let key = value
        .to_str()
        .ok()
        .filter(|key| (1..=IDEMPOTENCY_KEY_LEN_MAX).contains(&key.len()))
        .ok_or_else(|| {
            Error::field(
                "Idempotency-Key",
                format_args!("must be 1 to {IDEMPOTENCY_KEY_LEN_MAX} characters of ASCII"),
            )
        })?;
    Ok(Some(Key {
        user_id: user_id.to_owned(),
        key: key.to_owned(),
        request: request().to_string(),
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(value: Value) -> Vec<String> {
        let read = Body::of(value).and_then(Body::wanted);
        let Err(Error::Invalid(faults)) = read else {
            panic!("{read:?}");
        };
        faults.into_iter().map(|fault| fault.field).collect()
    }

    #[test]
    fn ids_are_texts_or_whole_numbers() {
        let wanted = Body::of(json!({
            "items": [{"skuId": 1, "quantity": 2}, {"skuId": "1", "quantity": 1, "unitPrice": 0}],
            "shippingAddressId": 1,
        }))
        .and_then(Body::wanted)
        .expect("fine");
        assert_eq!(wanted.lines.len(), 1);
        assert_eq!(
            (wanted.lines[0].sku_id.as_str(), wanted.lines[0].quantity),
            ("1", 3)
        );
        assert_eq!(wanted.address_id, "1");
    }

    #[test]
    fn every_fault_is_named() {
        assert_eq!(faults(json!({})), ["items", "shippingAddressId"]);
        let found = faults(json!({
            "items": [{"skuId": 1.5, "quantity": 0}, 7, {"quantity": 1}, {"skuId": "a b", "quantity": "1"}],
            "shippingAddressId": true,
            "reservationId": "order-1",
        }));
        assert_eq!(
            found,
            [
                "items[0].skuId",
                "items[0].quantity",
                "items[1]",
                "items[2].skuId",
                "items[3].skuId",
                "items[3].quantity",
                "shippingAddressId",
                "reservationId",
            ]
        );
        assert_eq!(
            faults(json!({"items": [], "shippingAddressId": 1})),
            ["items"]
        );
        Body::of(json!([])).expect_err("no object");
    }
}
