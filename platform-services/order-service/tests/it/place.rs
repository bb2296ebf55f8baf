use serde_json::{Value, json};

use crate::support::{NEIGHBOURS, SERVICE, Sent, text, unique};

#[test]
fn an_order_by_numbers_as_people_type_them() {
    let user = unique("user");
    NEIGHBOURS.set_address(&user, false);
    let customer = SERVICE.with_roles(&user, &[access_token::Role::Customer]);
    let body = r#"{"items":[{"skuId":1,"quantity":2}],"shippingAddressId":1}"#;
    let refused = customer.send("POST", "/api/orders", &[], Some(body));
    refused.refused(422, "UNKNOWN_ADDRESS");
    NEIGHBOURS.set_address(&user, true);
    let order = customer
        .send("POST", "/api/orders", &[], Some(body))
        .expect(202);
    assert_eq!(order["status"], "PLACED");
    assert_eq!(order["totalAmount"], 78_000);
    assert_eq!(order["currency"], "KRW");
    assert_eq!(order["userId"], user);
    assert_eq!(order["items"][0]["skuId"], "1");
    assert_eq!(order["items"][0]["unitPrice"], 39_000);
    assert!(order["shippingAddress"].get("isDefault").is_none());
    assert_eq!(order["shippingAddress"]["recipient"], "홍길동");

    let id = text(&order, "orderId");
    let placed = Sent::one("order.placed", id);
    assert_eq!(placed["data"]["userId"], user);
    assert_eq!(placed["data"]["totalAmount"], 78_000);
    assert!(placed["data"].get("reservationId").is_none());
    assert_eq!(customer.order(id), order);
}

#[test]
fn the_price_is_the_catalogs_and_stays() {
    let customer = SERVICE.customer();
    let sku = unique("sku");
    NEIGHBOURS.set_price(&sku, 500);
    let body = json!({
        "items": [
            {"skuId": sku, "quantity": 1, "unitPrice": 1},
            {"skuId": "b", "quantity": 1},
            {"skuId": sku, "quantity": 2, "unitPrice": 1},
        ],
        "shippingAddressId": "1",
        "totalAmount": 1,
    });
    let order = customer.post("/api/orders", &body).expect(202);
    assert_eq!(order["totalAmount"], 3 * 500 + 1000);
    assert_eq!(order["items"][0]["quantity"], 3);
    assert_eq!(order["itemCount"], 2);
    NEIGHBOURS.set_price(&sku, 700);
    assert_eq!(customer.order(text(&order, "orderId"))["totalAmount"], 2500);
}

#[test]
fn what_cannot_be_ordered_is_refused_and_leaves_nothing() {
    let user = unique("user");
    let customer = SERVICE.with_roles(&user, &[access_token::Role::Customer]);
    let refused = |items: Value, code: &str| {
        let body = json!({"items": items, "shippingAddressId": "1"});
        customer.post("/api/orders", &body).refused(422, code)
    };
    let one = |sku: &str| json!([{"skuId": sku, "quantity": 1}]);
    let unknown = refused(
        json!([{"skuId": "a", "quantity": 1}, {"skuId": "no-1", "quantity": 1}]),
        "UNKNOWN_SKU",
    );
    assert_eq!(unknown["skuIds"], json!(["no-1"]));
    let off = refused(one("off-1"), "SKU_NOT_FOR_SALE");
    assert_eq!(off["skuIds"], json!(["off-1"]));
    refused(one("free"), "ORDER_TOTAL_OUT_OF_RANGE");
    refused(
        json!([{"skuId": "dear", "quantity": 2}]),
        "ORDER_TOTAL_OUT_OF_RANGE",
    );
    let body = json!({"items": one("a"), "shippingAddressId": 2});
    customer
        .post("/api/orders", &body)
        .refused(422, "UNKNOWN_ADDRESS");
    assert_eq!(
        customer.get("/api/orders").expect(200),
        json!({"orders": []})
    );
}

#[test]
fn every_fault_of_a_request_is_named() {
    let customer = SERVICE.customer();
    let fields = |body: &str| -> Vec<String> {
        let answer = customer.send("POST", "/api/orders", &[], Some(body));
        let problem = answer.refused(400, "INVALID_REQUEST");
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        errors
            .iter()
            .map(|it| text(it, "field").to_owned())
            .collect()
    };
    assert_eq!(fields("{}"), ["items", "shippingAddressId"]);
    assert_eq!(
        fields(
            r#"{"items":[{"skuId":"a","quantity":0},{"skuId":"../b","quantity":1}],"shippingAddressId":"1"}"#
        ),
        ["items[0].quantity", "items[1].skuId"]
    );
    let many: Vec<Value> = (0..101)
        .map(|n| json!({"skuId": n, "quantity": 1}))
        .collect();
    assert_eq!(
        fields(&json!({"items": many, "shippingAddressId": "1"}).to_string()),
        ["items"]
    );
    assert_eq!(fields("[]"), ["body"]);
    assert_eq!(fields("{"), [""; 0]);
    customer
        .send(
            "POST",
            "/api/orders",
            &[("content-type", "text/plain")],
            None,
        )
        .refused(415, "UNSUPPORTED_MEDIA_TYPE");
    let key = "k".repeat(101);
    let order = json!({"items": [{"skuId": "a", "quantity": 1}], "shippingAddressId": "1"});
    let problem = customer.post_with_key("/api/orders", &key, &order);
    assert_eq!(
        problem.refused(400, "INVALID_REQUEST")["errors"][0]["field"],
        "Idempotency-Key"
    );
}

#[test]
fn a_hold_of_the_customers_is_the_orders() {
    let user = unique("user");
    let customer = SERVICE.with_roles(&user, &[access_token::Role::Customer]);
    let hold = |owner: &str, status: &str, quantity: u32| {
        let id = unique("hold");
        let items = json!([{"skuId": "a", "locationId": "default", "quantity": quantity}]);
        let hold = json!({
            "reservationId": id, "status": status, "items": items, "customerId": owner,
            "createdAt": "2026-11-23T05:00:00.000Z", "expiresAt": "2026-11-23T05:15:00.000Z",
        });
        NEIGHBOURS.set_hold(&id, hold);
        id
    };
    let place = |hold: &str| {
        let items = json!([{"skuId": "a", "quantity": 1}, {"skuId": "a", "quantity": 1}]);
        let body = json!({"items": items, "shippingAddressId": 1, "reservationId": hold});
        customer.post("/api/orders", &body)
    };
    let good = hold(&user, "RESERVED", 2);
    let order = place(&good).expect(202);
    assert_eq!(order["reservationId"], good);
    let placed = Sent::one("order.placed", text(&order, "orderId"));
    assert_eq!(placed["data"]["reservationId"], good);
    for bad in [
        // No second order with the same.
        good,
        hold("somebody-else", "RESERVED", 2),
        hold(&user, "EXPIRED", 2),
        hold(&user, "RESERVED", 3),
        unique("hold"),
    ] {
        place(&bad).refused(422, "RESERVATION_MISMATCH");
    }
    place("order-1").refused(400, "INVALID_REQUEST");
}
