//! What others say about an order that is not theirs.

use serde_json::json;

use crate::support::{Shop, Stock, shop, text, until};

/// How many events of holds that are not the order's order-service has ignored.
fn ignored(shop: &Shop, topic: &str) -> u64 {
    let metrics = shop.order.http.get("/metrics", "").text;
    let counter =
        format!("consumer_skipped_total{{topic=\"{topic}\",reason=\"another reservation\"}} ");
    let line = metrics.lines().find_map(|line| line.split_once(&counter));
    line.map_or(0, |(_, count)| count.parse().unwrap())
}

#[test]
fn a_strangers_hold_that_names_the_order_changes_nothing() {
    let (shop, _visit) = shop();
    let cup = shop.goods("cup", 9_000, 10);
    let order = shop.customer().order_to_pay(&[(&cup, 2)]);
    let stranger = shop.customer();
    let body = json!({"orderId": order.id, "items": [{"skuId": cup, "quantity": 3}]});
    let reservations = &shop.inventory.http;
    let held = reservations.post("/api/reservations", stranger.token(), &body);
    let id = text(&held.expect(201)["reservationId"]);
    let path = format!("/api/reservations/{id}/release");
    // Bound to an order, it takes a service to release it.
    let released = reservations.post(&path, &shop.service, &json!({}));
    released.expect(200);
    for topic in ["inventory.reserved", "inventory.released"] {
        until("order-service has counted it", || ignored(shop, topic) > 0);
    }
    assert_eq!(order.read()["status"], "PAYMENT_PENDING");
    assert_eq!(order.payment()["status"], "READY");
    order.pay("key").expect(200);
    order.until("CONFIRMED");
    assert_eq!(order.hold()["status"], "CONFIRMED");
    assert_eq!(shop.stock(&cup), Stock::at_rest(8, 2));
    shop.assert_in_step(&[&cup]);
}

#[test]
fn who_is_locked_neither_logs_in_nor_stays_logged_in() {
    let (shop, _visit) = shop();
    let customer = shop.customer();
    let (email, password) = customer.credentials();
    let body = json!({"email": email, "password": password});
    let login = || shop.auth.http.post("/api/auth/login", "", &body);
    let refresh_token = text(&login().expect(200)["refreshToken"]);
    let path = format!("/api/users/{}/lock", customer.user_id());
    let lock = |token| {
        shop.user
            .http
            .post(&path, token, &json!({"reason": "a test"}))
    };
    lock(customer.token()).refused(403, "FORBIDDEN");
    let locked = lock(&shop.admin);
    assert!(matches!(locked.status, 200 | 204), "{}", locked.text);
    login().refused(403, "ACCOUNT_LOCKED");
    let refresh = json!({"refreshToken": refresh_token});
    let refreshed = shop.auth.http.post("/api/auth/refresh", "", &refresh);
    assert!(matches!(refreshed.status, 401 | 403), "{}", refreshed.text);
}

#[test]
fn the_catalog_hears_when_goods_are_gone_and_when_they_are_back() {
    let (shop, _visit) = shop();
    let cup = shop.goods("cup", 9_000, 2);
    let order = shop.customer().bought(&[(&cup, 2)], "key");
    let path = format!(
        "/api/products/{}",
        text(&order.read()["items"][0]["productId"])
    );
    // How many there are is said by inventory-server, where it answers in no time.
    let shows = |sold_out: bool, available: i64| {
        let shown = shop.catalog.http.get(&path, "").expect(200);
        shown["soldOut"] == sold_out && shown["skus"][0]["availableQuantity"] == available
    };
    until("it is sold out", || shows(true, 0));
    order.refund(&[(&cup, 1)]).expect(202);
    order.until("PARTIALLY_REFUNDED");
    until("it is there again", || shows(false, 1));
    shop.assert_in_step(&[&cup]);
}
