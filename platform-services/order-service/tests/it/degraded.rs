use serde_json::{Value, json};

use devstack::mariadb::MariaDbServer;

use crate::support::{SERVICE, Service, unique, until};

/// An address where nobody listens.
const NOWHERE: &str = "http://127.0.0.1:1";

#[test]
fn a_neighbour_that_is_away_is_named_and_nothing_is_written() {
    for (flag, neighbour) in [
        ("catalog-url", "catalog"),
        ("user-url", "user"),
        ("inventory-url", "inventory"),
    ] {
        let service = Service::start(&[&format!("--{flag}={NOWHERE}")]);
        let customer = service.customer();
        let body = json!({
            "items": [{"skuId": "a", "quantity": 1}], "shippingAddressId": 1,
            "reservationId": (neighbour == "inventory").then(|| unique("hold")),
        });
        let answer = customer.post_with_key("/api/orders", "k", &body);
        assert!(answer.header("retry-after").is_some());
        let problem = answer.refused(503, "NEIGHBOUR_UNAVAILABLE");
        assert_eq!(problem["neighbour"], neighbour);
        assert_eq!(problem["retryable"], true);
        for table in ["orders", "order_item", "order_outbox", "order_idempotency"] {
            assert_eq!(
                service.count(&format!("SELECT COUNT(*) FROM {table}")),
                0,
                "{table}"
            );
        }
    }
}

#[test]
fn a_wrong_secret_is_the_shops_fault_not_the_customers() {
    let service = Service::start(&["--client-secret=wrong"]);
    let body = json!({"items": [{"skuId": "a", "quantity": 1}], "shippingAddressId": 1});
    let answer = service.customer().post("/api/orders", &body);
    answer.refused(503, "NEIGHBOUR_UNAVAILABLE");
}

#[test]
fn without_the_catalog_a_cart_shows_what_is_known() {
    let service = Service::on(
        &SERVICE.database_url,
        &[&format!("--catalog-url={NOWHERE}")],
    );
    let user = unique("user");
    let role = [access_token::Role::Customer];
    let line = json!({"skuId": "a", "quantity": 2});
    SERVICE
        .with_roles(&user, &role)
        .post("/api/carts/me/items", &line)
        .expect(200);
    let cart = service
        .with_roles(&user, &role)
        .get("/api/carts/me")
        .expect(200);
    assert_eq!(cart["items"][0]["quantity"], 2);
    assert_eq!(cart["items"][0]["unitPrice"], Value::Null);
    assert_eq!(cart["totalAmount"], Value::Null);
}

#[test]
fn without_kafka_orders_are_taken() {
    let service = Service::start(&["--kafka-brokers=127.0.0.1:1"]);
    let order = service.customer().place(&[("a", 1)]);
    assert_eq!(order["status"], "PLACED");
    assert_eq!(service.count("SELECT COUNT(*) FROM order_outbox"), 1);
}

#[test]
fn without_mariadb_it_waits_and_says_so() {
    let mariadb = MariaDbServer::builder().start().unwrap();
    let url = mariadb.create_database().unwrap();
    mariadb.kill9().unwrap();
    let service = Service::begin(&url, &[]);
    let anybody = service.anybody();
    assert_eq!(anybody.get("/healthz").status, 200);
    let ready = anybody.get("/readyz").expect(503);
    assert_eq!(ready["dependencies"]["mariadb"]["status"], "down");
    let customer = service.customer();
    let body = json!({"items": [{"skuId": "a", "quantity": 1}], "shippingAddressId": 1});
    customer
        .post("/api/orders", &body)
        .refused(503, "STORE_UNAVAILABLE");
    mariadb.start_again().unwrap();
    until("it is ready", || anybody.get("/readyz").status == 200);
    customer.post("/api/orders", &body).expect(202);
    mariadb.kill9().unwrap();
    customer
        .get("/api/orders")
        .refused(503, "STORE_UNAVAILABLE");
    mariadb.start_again().unwrap();
    until("it is back", || customer.get("/api/orders").status == 200);
}
