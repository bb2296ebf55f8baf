//! One service is slow or dead: what needs it says so in time, the rest goes on.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Answer, Customer, Service, Shop, Stock, shop_alone, until};

/// Longer than a call to a neighbour may take with all its repeats, shorter than any client waits.
const IN_TIME: Duration = Duration::from_secs(20);
/// What needs nobody else: shorter than any client waits, on a machine that has other things to do.
const SOON: Duration = Duration::from_secs(10);

fn within<T>(limit: Duration, what: &str, call: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let answer = call();
    let took = begun.elapsed();
    assert!(took < limit, "{what} took {took:?}");
    answer
}

/// A clear answer, and when to ask again.
#[track_caller]
fn refused_for_now(answer: Answer) -> Value {
    assert!(
        answer.header("retry-after").is_some(),
        "{:?}",
        answer.headers
    );
    let problem = answer.body.clone();
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert_eq!(problem["retryable"], true, "{problem}");
    problem
}

/// What reads only what order-service has.
#[track_caller]
fn orders_are_shown(shop: &Shop, customer: Customer<'static>) {
    within(SOON, "the list of orders", || {
        shop.order
            .http
            .get("/api/orders", customer.token())
            .expect(200)
    });
}

/// Nobody can order while `service` is paused or dead, and everybody can when it is back.
#[track_caller]
fn nobody_can_order_without(
    shop: &Shop,
    service: &Service,
    customer: Customer<'static>,
    sku: &str,
) {
    let ask = || customer.ask(&[(sku, 1)], Value::Null);
    service.process.pause().unwrap();
    let refused = within(IN_TIME, "a slow neighbour's answer", ask);
    let problem = refused_for_now(refused);
    assert_eq!(problem["code"], "NEIGHBOUR_UNAVAILABLE", "{problem}");
    orders_are_shown(shop, customer);
    service.process.kill9().unwrap();
    let problem = refused_for_now(within(IN_TIME, "a dead neighbour's answer", ask));
    assert_eq!(problem["code"], "NEIGHBOUR_UNAVAILABLE", "{problem}");
    orders_are_shown(shop, customer);
    service.process.start_again().unwrap();
    until(format!("orders go on with {}", service.name), || {
        let asked = ask();
        assert!(matches!(asked.status, 202 | 503), "{}", asked.text);
        asked.status == 202
    });
}

#[test]
fn without_catalog_or_user_orders_are_refused_in_time() {
    let (shop, _visit) = shop_alone();
    let cup = shop.goods("cup", 9_000, 100);
    let customer = shop.customer();
    nobody_can_order_without(shop, &shop.catalog, customer, &cup);
    nobody_can_order_without(shop, &shop.user, customer, &cup);
    let order = customer.bought(&[(&cup, 1)], "key");
    assert_eq!(order.ledger(), (order.total, 0));
}

#[test]
fn without_user_or_auth_nobody_logs_in_and_who_is_logged_in_shops_on() {
    let (shop, _visit) = shop_alone();
    let cup = shop.goods("cup", 9_000, 10);
    let customer = shop.customer();
    let login = || {
        let body = json!({"email": "nobody@shop.example", "password": "wrong-wrong"});
        let asked =
            shop.auth
                .http
                .send("POST", "/api/auth/login", "", Some(&body.to_string()), &[]);
        asked.ok()
    };
    shop.user.process.pause().unwrap();
    let refused = within(IN_TIME, "a login without user-service", login).unwrap();
    refused_for_now(refused);
    shop.user.process.resume().unwrap();
    until("logins are answered", || {
        login().is_some_and(|answer| answer.status == 401)
    });

    shop.auth.process.kill9().unwrap();
    let order = customer.bought(&[(&cup, 1)], "key");
    assert_eq!(order.ledger(), (order.total, 0));
    let addresses = shop
        .user
        .http
        .get("/api/users/me/addresses", customer.token());
    addresses.expect(200);
    shop.auth.process.start_again().unwrap();
    until("logins are answered again", || {
        login().is_some_and(|answer| answer.status == 401)
    });
    shop.customer().bought(&[(&cup, 1)], "key");
    assert_eq!(shop.stock(&cup), Stock::at_rest(8, 2));
}

#[test]
fn without_inventory_server_the_catalog_guesses_nothing_and_orders_go_on() {
    let (shop, _visit) = shop_alone();
    let cup = shop.goods("cup", 9_000, 10);
    let customer = shop.customer();
    let product = |wanted: &Value| {
        let path = format!("/api/products?keyword={cup}");
        let page = shop.catalog.http.get(&path, "").expect(200);
        page["products"]
            .as_array()
            .is_some_and(|found| found.iter().all(|product| product["available"] == *wanted))
    };
    let hold = customer.hold(&[(&cup, 1)], 600).expect(201);
    let held = json!({"reservationId": hold["reservationId"]});
    shop.inventory.process.pause().unwrap();
    assert!(within(SOON, "a page of products", || product(&Value::Null)));
    let refused = within(IN_TIME, "an order with a hold", || {
        customer.ask(&[(&cup, 1)], held.clone())
    });
    let problem = refused_for_now(refused);
    assert_eq!(problem["code"], "NEIGHBOUR_UNAVAILABLE", "{problem}");
    shop.inventory.process.kill9().unwrap();
    assert!(within(SOON, "a page of products", || product(&Value::Null)));
    // sync-worker holds and sells what orders without a hold want.
    let order = customer.bought(&[(&cup, 2)], "key");
    shop.inventory.process.start_again().unwrap();
    until("an order with a hold", || {
        customer.ask(&[(&cup, 1)], held.clone()).status == 202
    });
    assert_eq!(order.ledger(), (order.total, 0));
    until("the catalog knows again", || product(&Value::Bool(true)));
}

#[test]
fn without_a_gateway_nothing_is_taken_and_the_customer_may_pay_later() {
    let (shop, _visit) = shop_alone();
    let cup = shop.goods("cup", 9_000, 10);
    let customer = shop.customer();
    let (dead, slow) = (
        customer.order_to_pay(&[(&cup, 1)]),
        customer.order_to_pay(&[(&cup, 1)]),
    );
    shop.sandbox.process.pause().unwrap();
    let unknown = within(IN_TIME, "a slow gateway", || slow.pay("key"));
    assert_eq!(unknown.expect(202)["status"], "UNKNOWN");
    shop.sandbox.process.resume().unwrap();
    // Whether the gateway took what it was asked for before it stopped is its own affair.
    until("the outcome is known, and the same everywhere", || {
        let order = slow.read();
        let money = (slow.ledger(), slow.payment()["status"].clone());
        order["status"] == "CONFIRMED" && money == ((slow.total, 0), json!("APPROVED"))
            || order["cancelReason"] == "PAYMENT_FAILED" && money == ((0, 0), json!("FAILED"))
    });

    shop.sandbox.process.kill9().unwrap();
    let refused = within(IN_TIME, "a dead gateway", || dead.pay("key"));
    let problem = refused_for_now(refused);
    assert_eq!(problem["code"], "GATEWAY_UNAVAILABLE", "{problem}");
    assert_eq!(dead.payment()["status"], "READY");
    orders_are_shown(shop, customer);
    shop.sandbox.process.start_again().unwrap();
    until("it can be paid", || {
        let paid = dead.pay("key");
        assert!(matches!(paid.status, 200 | 503), "{}", paid.text);
        paid.status == 200
    });
    dead.until("CONFIRMED");
    assert_eq!(dead.ledger(), (dead.total, 0));
    let sold = if slow.ledger().0 > 0 { 2 } else { 1 };
    shop.until_stock(&cup, Stock::at_rest(10 - sold, sold));
    shop.assert_in_step(&[&cup]);
}
