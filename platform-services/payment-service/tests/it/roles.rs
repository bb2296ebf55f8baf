//! Who may do what.

use access_token::Role;
use serde_json::json;

use crate::support::{WORLD, order::Order, unique};

#[test]
fn without_a_token_nothing() {
    let order = Order::paid("k");
    let id = order.payment()["paymentId"].as_str().unwrap().to_owned();
    let body = json!({"reason": "x"});
    for token in ["", "nonsense", "Basic eDp5"] {
        let refused = |answer: test_support::Answer| {
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
            answer.refused(401, "UNAUTHENTICATED");
        };
        refused(WORLD.get(&format!("/api/payments/{id}"), token));
        refused(WORLD.get(&format!("/api/payments?orderId={}", order.id), token));
        refused(WORLD.post(&format!("/api/payments/{id}/cancel"), token, &body));
        refused(WORLD.post("/api/payments/confirm", token, &order.body("k")));
    }
}

#[test]
fn only_the_owner_pays_and_sees() {
    let order = Order::ready();
    let stranger = WORLD.token("stranger", Role::Customer);
    let (admin, service) = (WORLD.admin(), WORLD.token("order-service", Role::Service));
    let confirm = |token: &str| WORLD.post("/api/payments/confirm", token, &order.body("k"));
    confirm(&stranger).refused(404, "PAYMENT_NOT_FOUND");
    confirm(&admin).refused(404, "PAYMENT_NOT_FOUND");
    confirm(&service).refused(403, "FORBIDDEN");
    let id = order.payment()["paymentId"].as_str().unwrap().to_owned();
    for path in [
        format!("/api/payments/{id}"),
        format!("/api/payments?orderId={}", order.id),
    ] {
        WORLD
            .get(&path, &stranger)
            .refused(404, "PAYMENT_NOT_FOUND");
        for token in [&order.token(), &admin, &service] {
            WORLD.get(&path, token).expect(200);
        }
    }
    WORLD
        .get("/api/payments/nobodys", &order.token())
        .refused(404, "PAYMENT_NOT_FOUND");
    WORLD
        .get("/api/payments", &admin)
        .refused(400, "INVALID_REQUEST");
    assert_eq!(order.payment()["status"], "READY");
}

#[test]
fn what_can_be_no_id_is_nobodys() {
    let admin = WORLD.admin();
    for id in ["%ED%95%9C", "a%20b", "caf%C3%A9-1", "%F0%9F%92%B8"] {
        let path = format!("/api/payments/{id}");
        WORLD.get(&path, &admin).refused(404, "PAYMENT_NOT_FOUND");
        WORLD
            .post(&format!("{path}/cancel"), &admin, &json!({"reason": "x"}))
            .refused(404, "PAYMENT_NOT_FOUND");
        let bad = WORLD.get(&format!("/api/payments?orderId={id}"), &admin);
        let bad = bad.refused(400, "INVALID_REQUEST");
        assert_eq!(bad["errors"][0]["field"], "orderId");
    }
}

#[test]
fn customers_do_not_pay_back() {
    let order = Order::paid("k");
    let id = order.payment()["paymentId"].as_str().unwrap().to_owned();
    let path = format!("/api/payments/{id}/cancel");
    let body = json!({"reason": "x"});
    WORLD
        .post(&path, &order.token(), &body)
        .refused(403, "FORBIDDEN");
    let service = WORLD.token("order-service", Role::Service);
    let nobodys = format!("/api/payments/{}/cancel", unique("p"));
    WORLD
        .post(&nobodys, &service, &body)
        .refused(404, "PAYMENT_NOT_FOUND");
    WORLD.post(&path, &service, &body).expect(200);
    assert_eq!(WORLD.books(&order.id), (39_000, 39_000));
}
