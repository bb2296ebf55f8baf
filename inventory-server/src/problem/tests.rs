use hyper::header::HeaderMap;
use inventory_core::{Location, Sku};
use serde_json::{Value, json};

use inventory_core::{Fault, LimitExceeded, Shortage, Status};

use super::*;

fn key() -> StockKey {
    StockKey {
        location: Location::default(),
        sku: Sku::parse("s").expect("a SKU"),
    }
}

fn shortage() -> Shortage {
    Shortage {
        key: key(),
        requested: 3,
        available: 1,
    }
}

/// Status, headers and body of a problem.
fn answer(problem: Problem) -> (u16, HeaderMap, Value) {
    let response = problem.into_response();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    assert_eq!(headers[CONTENT_TYPE], "application/problem+json");
    let Body::Full(Some(body)) = response.into_body() else {
        panic!("a problem has a body")
    };
    (
        status,
        headers,
        serde_json::from_slice(&body).expect("JSON"),
    )
}

#[test]
fn every_code_has_a_row() {
    for code in Code::ALL {
        let (status, headers, body) = answer(Problem::new(*code, "why \"so\""));
        assert_eq!(body["type"], format!("/problems/{}", slug(*code)));
        assert_eq!(body["code"], code.as_str());
        assert_eq!(body["status"], status);
        assert_eq!(body["detail"], "why \"so\"");
        assert_eq!(body["retryable"], status >= 503, "{code}");
        assert_eq!(headers.contains_key(RETRY_AFTER), status == 503, "{code}");
        assert!(
            body["title"]
                .as_str()
                .is_some_and(|title| !title.is_empty())
        );
    }
}

#[test]
fn the_statuses_are_those_of_the_contract() {
    let table = [
        (400, vec![Code::InvalidRequest]),
        (401, vec![Code::Unauthenticated]),
        (403, vec![Code::Forbidden]),
        (
            404,
            vec![Code::NotFound, Code::UnknownSku, Code::ReservationNotFound],
        ),
        (405, vec![Code::MethodNotAllowed]),
        (
            409,
            vec![
                Code::InsufficientStock,
                Code::PurchaseLimitExceeded,
                Code::ReservationReleased,
                Code::ReservationExpired,
                Code::ReservationConfirmed,
                Code::ReservationNotConfirmed,
                Code::VersionConflict,
                Code::BelowReserved,
                Code::SkuInUse,
            ],
        ),
        (413, vec![Code::BodyTooLarge]),
        (415, vec![Code::UnsupportedMediaType]),
        (
            422,
            vec![
                Code::IdempotencyMismatch,
                Code::ConfirmExceedsReservation,
                Code::ReturnExceedsConfirmed,
            ],
        ),
        (500, vec![Code::StoreCorrupt, Code::Internal]),
        (
            503,
            vec![
                Code::Overloaded,
                Code::StoreUnavailable,
                Code::ShardRecovering,
                Code::JournalFull,
                Code::AuthUnavailable,
            ],
        ),
        (504, vec![Code::OutcomeUnknown]),
    ];
    assert_eq!(
        table.iter().map(|(_, codes)| codes.len()).sum::<usize>(),
        Code::ALL.len()
    );
    for (status, codes) in table {
        for code in codes {
            assert_eq!(spec(code).status.as_u16(), status, "{code}");
        }
    }
}

#[test]
fn refusals_say_what_the_contract_names() {
    let figure = "delta";
    let subject = Subject {
        figure,
        id: Some(("adjustmentId", "a-1")),
    };
    let stock = json!({"skuId": "s", "locationId": "default"});
    let short = json!([{"skuId": "s", "locationId": "default", "requested": 3, "available": 1}]);
    let limit = LimitExceeded {
        sku: key().sku,
        limit: 2,
        used: 1,
        requested: 3,
    };
    let table = [
        (
            Refusal::InsufficientStock(vec![shortage()]),
            409,
            "shortages",
            short.clone(),
        ),
        (
            Refusal::UnknownSku(vec![key()]),
            404,
            "skus",
            json!([stock]),
        ),
        (
            Refusal::PurchaseLimitExceeded(vec![limit]),
            409,
            "limits",
            json!([{"skuId": "s", "limit": 2, "used": 1, "requested": 3}]),
        ),
        (
            Refusal::CustomerRequired(vec![key().sku]),
            400,
            "errors",
            json!([{"field": "customerId", "reason": "is required: s has a purchase limit"}]),
        ),
        (
            Refusal::IdempotencyMismatch,
            422,
            "code",
            json!("IDEMPOTENCY_MISMATCH"),
        ),
        (
            Refusal::ReservationNotFound,
            404,
            "code",
            json!("RESERVATION_NOT_FOUND"),
        ),
        (
            Refusal::ReservationReleased,
            409,
            "code",
            json!("RESERVATION_RELEASED"),
        ),
        (
            Refusal::ReservationExpired,
            409,
            "code",
            json!("RESERVATION_EXPIRED"),
        ),
        (
            Refusal::ReservationConfirmed(Status::Returned),
            409,
            "reservationStatus",
            json!("RETURNED"),
        ),
        (
            Refusal::ReservationNotConfirmed(Status::Reserved),
            409,
            "reservationStatus",
            json!("RESERVED"),
        ),
        (
            Refusal::ConfirmExceedsReservation(vec![shortage()]),
            422,
            "exceeded",
            short.clone(),
        ),
        (
            Refusal::ReturnExceedsConfirmed(vec![shortage()]),
            422,
            "exceeded",
            short,
        ),
        (
            Refusal::TooManyReturns,
            400,
            "errors",
            json!([{"field": "returnId", "reason": "is one too many: a reservation sees at most 100 returns"}]),
        ),
        (
            Refusal::VersionConflict { current: 4 },
            409,
            "currentVersion",
            json!(4),
        ),
        (
            Refusal::BelowReserved { reserved: 5 },
            409,
            "reservedQuantity",
            json!(5),
        ),
        (
            Refusal::StockTooLarge,
            400,
            "errors",
            json!([{"field": figure, "reason": "would take a figure of the stock over 9007199254740991"}]),
        ),
        (
            Refusal::SkuInUse {
                available: 1,
                reserved: 2,
            },
            409,
            "availableQuantity",
            json!(1),
        ),
    ];
    for (refusal, status, name, value) in table {
        let code = refusal.code();
        let (got, _, body) = answer(Problem::from_refusal(refusal, &subject));
        assert_eq!(
            (got, &body["code"], &body[name]),
            (status, &json!(code.as_str()), &value),
            "{body}"
        );
    }
}

#[test]
fn faults_say_whether_something_was_changed_and_what_to_repeat_with() {
    let subject = Subject {
        figure: "items",
        id: Some(("reservationId", "r-1")),
    };
    let why = || "why".to_owned();
    let table = [
        (Fault::Fenced(why()), 503, Some("1")),
        (Fault::Unavailable(why()), 503, Some("1")),
        (Fault::ReapMore, 503, Some("0")),
        (Fault::OutcomeUnknown(why()), 504, None),
        (
            Fault::Corrupt {
                key: "inv:{s0}:rsv:r".to_owned(),
            },
            500,
            None,
        ),
        (Fault::Protocol(why()), 500, None),
    ];
    for (fault, status, retry_after) in table {
        let (got, headers, body) = answer(Problem::from_fault(&fault, &subject));
        assert_eq!(got, status, "{body}");
        assert_eq!(body["code"], fault.code().as_str());
        assert_eq!(
            headers.get(RETRY_AFTER).map(|v| v.to_str().expect("ASCII")),
            retry_after,
            "{body}"
        );
        assert_eq!(body.get("reservationId").is_some(), status == 504);
    }
}

#[test]
fn a_problem_that_spoils_the_connection_says_so() {
    let (status, headers, body) = answer(Problem::method_not_allowed("GET, HEAD").closing());
    assert_eq!(
        (status, &headers[ALLOW], &headers[CONNECTION]),
        (
            405,
            &"GET, HEAD".parse().expect("a value"),
            &"close".parse().expect("a value")
        )
    );
    assert!(body.get("errors").is_none());
}
