//! The sandbox by itself: it must be as strict as the gateway it stands for.

use serde_json::{Value, json};

use crate::support::{Answer, Http, sandbox, unique};

/// `test_sk:`
const BASIC: &str = "Basic dGVzdF9zazo=";

fn confirm(http: &Http, key: &str, order: &str, amount: i64, idempotency: Option<&str>) -> Answer {
    let body = json!({"paymentKey": key, "orderId": order, "amount": amount});
    http.post_with_key("/v1/payments/confirm", BASIC, &body, idempotency)
}

fn cancel(http: &Http, key: &str, amount: Option<i64>, idempotency: Option<&str>) -> Answer {
    let mut body = json!({"cancelReason": "broken"});
    if let Some(amount) = amount {
        body["cancelAmount"] = json!(amount);
    }
    let path = format!("/v1/payments/{key}/cancel");
    http.post_with_key(&path, BASIC, &body, idempotency)
}

#[test]
fn it_keeps_books_like_the_gateway() {
    let (_process, http) = sandbox(&[]);
    let (key, order) = (unique("k"), unique("o"));
    let paid = confirm(&http, &key, &order, 1_000, None).expect(200);
    assert_eq!(
        (
            &paid["status"],
            &paid["totalAmount"],
            &paid["balanceAmount"]
        ),
        (&json!("DONE"), &json!(1_000), &json!(1_000))
    );
    confirm(&http, &key, &order, 1_000, None).refused(400, "ALREADY_PROCESSED_PAYMENT");
    confirm(&http, &key, &order, 999, None).refused(403, "FORBIDDEN_REQUEST");
    confirm(&http, &unique("k"), &order, 1_000, None).refused(400, "DUPLICATED_ORDER_ID");
    confirm(&http, &unique("k"), &unique("o"), 0, None).refused(400, "INVALID_REQUEST");
    let part = cancel(&http, &key, Some(400), None).expect(200);
    assert_eq!(
        (
            &part["status"],
            &part["balanceAmount"],
            &part["cancels"][0]["cancelAmount"]
        ),
        (&json!("PARTIAL_CANCELED"), &json!(600), &json!(400))
    );
    cancel(&http, &key, Some(601), None).refused(403, "NOT_CANCELABLE_AMOUNT");
    assert_eq!(
        cancel(&http, &key, None, None).expect(200)["status"],
        "CANCELED"
    );
    cancel(&http, &key, Some(1), None).refused(400, "ALREADY_CANCELED_PAYMENT");
    cancel(&http, "nobodys", None, None).refused(404, "NOT_FOUND_PAYMENT");
    for path in [
        format!("/v1/payments/{key}"),
        format!("/v1/payments/orders/{order}"),
    ] {
        assert_eq!(http.get(&path, BASIC).expect(200)["status"], "CANCELED");
        http.get(&path, "").refused(401, "UNAUTHORIZED_KEY");
    }
    let ledger = http.get("/sandbox/ledger", "").body;
    assert_eq!(
        (&ledger["approved"], &ledger["cancelled"], &ledger["net"]),
        (&json!(1_000), &json!(1_000), &json!(0))
    );
}

#[test]
fn a_request_with_a_key_is_done_once() {
    let (_process, http) = sandbox(&[]);
    let (key, order) = (unique("k"), unique("o"));
    let first = confirm(&http, &key, &order, 1_000, Some("i-1")).expect(200);
    assert_eq!(
        confirm(&http, &key, &order, 1_000, Some("i-1")).expect(200),
        first
    );
    confirm(&http, &key, &order, 999, Some("i-1")).refused(400, "INVALID_IDEMPOTENCY_KEY");
    let back = cancel(&http, &key, Some(400), Some("i-1")).expect(200);
    assert_eq!(
        cancel(&http, &key, Some(400), Some("i-1")).expect(200),
        back
    );
    assert_eq!(http.get("/sandbox/ledger", "").body["cancelled"], 400);
}

#[test]
fn only_its_own_key_is_let_in() {
    let (_process, http) = sandbox(&["--secret-key=another"]);
    confirm(&http, "k", "o", 1, None).refused(401, "UNAUTHORIZED_KEY");
}

#[test]
fn its_books_outlive_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let file = format!("--state={}", dir.path().join("books").display());
    let (key, order) = (unique("k"), unique("o"));
    let before: Value = {
        let (process, http) = sandbox(&[&file]);
        confirm(&http, &key, &order, 1_000, Some("i-1")).expect(200);
        cancel(&http, &key, Some(400), Some("i-2")).expect(200);
        confirm(&http, &unique("decline"), &unique("o"), 5, None)
            .refused(403, "REJECT_CARD_PAYMENT");
        process.kill9().unwrap();
        drop(process);
        let (_again, http) = sandbox(&[&file]);
        cancel(&http, &key, Some(400), Some("i-2")).expect(200);
        http.get("/sandbox/ledger", "").body
    };
    assert_eq!(
        (&before["approved"], &before["cancelled"]),
        (&json!(1_000), &json!(400))
    );
}
