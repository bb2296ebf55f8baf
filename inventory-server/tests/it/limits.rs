//! Purchase limits over HTTP.

use crate::support::{Server, json};

const PATH: &str = "/api/reservations";

fn limited(quantity: u32) -> Server {
    let server = Server::start();
    let body = json!({"onHandQuantity": 10, "purchaseLimit": {"quantity": quantity, "windowSeconds": 3600}});
    let stock = server.put("/api/inventories/a", &body).expect(201);
    assert_eq!(stock["purchaseLimit"], body["purchaseLimit"]);
    server
}

#[test]
fn a_limited_sku_needs_a_customer() {
    let server = limited(2);
    let items = json!([{"skuId": "a", "quantity": 1}]);
    assert_eq!(
        server.post(PATH, &json!({"items": items})).faulty_fields(),
        ["customerId"]
    );
    server
        .post(PATH, &json!({"items": items, "customerId": "c"}))
        .expect(201);
}

#[test]
fn a_customer_takes_at_most_the_limit_and_gets_it_back_with_a_release() {
    let server = limited(2);
    let take = |id: &str, quantity: u32| {
        let items = json!([{"skuId": "a", "quantity": quantity}]);
        server.post(
            PATH,
            &json!({"reservationId": id, "items": items, "customerId": "c"}),
        )
    };
    take("r-1", 1).expect(201);
    let refused = take("r-2", 2).refused(409, "PURCHASE_LIMIT_EXCEEDED");
    assert_eq!(
        refused["limits"],
        json!([{"skuId": "a", "limit": 2, "used": 1, "requested": 2}])
    );
    server
        .post_empty("/api/reservations/r-1/release")
        .expect(200);
    take("r-2", 2).expect(201);
}

#[test]
fn a_count_keeps_changes_or_removes_the_limit() {
    let server = limited(1);
    let count = |limit: Option<serde_json::Value>| {
        let mut body = json!({"onHandQuantity": 10});
        if let Some(limit) = limit {
            body["purchaseLimit"] = limit;
        }
        server.put("/api/inventories/a", &body).expect(200)["purchaseLimit"].clone()
    };
    assert_eq!(count(None)["quantity"], 1);
    assert_eq!(count(Some(json!({"quantity": 3}))), json!({"quantity": 3}));
    assert_eq!(count(Some(json!(null))), json!(null));
    server
        .post(PATH, &json!({"items": [{"skuId": "a", "quantity": 9}]}))
        .expect(201);
}
