use std::thread;

use serde_json::{Value, json};

use crate::support::{NEIGHBOURS, SERVICE, Sent, text, unique};

#[test]
fn a_cart_from_empty_to_ordered() {
    let customer = SERVICE.customer();
    let sku = unique("sku");
    NEIGHBOURS.set_price(&sku, 700);
    let empty = customer.get("/api/carts/me").expect(200);
    assert_eq!(
        empty,
        json!({"items": [], "totalAmount": 0, "currency": "KRW"})
    );
    customer
        .post("/api/carts/me/checkout", &json!({"shippingAddressId": 1}))
        .refused(422, "CART_EMPTY");

    customer
        .post("/api/carts/me/items", &json!({"skuId": sku, "quantity": 1}))
        .expect(200);
    customer
        .post("/api/carts/me/items", &json!({"skuId": 1, "quantity": 1}))
        .expect(200);
    let cart = customer.post("/api/carts/me/items", &json!({"skuId": sku, "quantity": 2}));
    let cart = cart.expect(200);
    assert_eq!(cart["items"][0]["quantity"], 3);
    assert_eq!(cart["items"][0]["lineAmount"], 2100);
    assert_eq!(cart["totalAmount"], 2100 + 39_000);

    let path = format!("/api/carts/me/items/{sku}");
    let set = customer
        .send("PATCH", &path, &[], Some(r#"{"quantity":2}"#))
        .expect(200);
    assert_eq!(set["items"][0]["quantity"], 2);
    assert_eq!(
        customer
            .send("DELETE", "/api/carts/me/items/1", &[], None)
            .status,
        204
    );
    customer
        .send("DELETE", "/api/carts/me/items/1", &[], None)
        .refused(404, "CART_ITEM_NOT_FOUND");
    customer
        .send(
            "PATCH",
            "/api/carts/me/items/1",
            &[],
            Some(r#"{"quantity":2}"#),
        )
        .refused(404, "CART_ITEM_NOT_FOUND");

    // A checkout that is refused keeps the cart.
    customer
        .post("/api/carts/me/checkout", &json!({"shippingAddressId": 9}))
        .refused(422, "UNKNOWN_ADDRESS");
    let checkout = json!({"shippingAddressId": 1});
    let order = customer
        .post_with_key("/api/carts/me/checkout", "k", &checkout)
        .expect(202);
    assert_eq!(order["totalAmount"], 1400);
    assert_eq!(order["items"][0]["skuId"], sku);
    Sent::one("order.placed", text(&order, "orderId"));
    assert_eq!(
        customer.get("/api/carts/me").expect(200)["items"],
        json!([])
    );
    let again = customer.post_with_key("/api/carts/me/checkout", "k", &checkout);
    assert!(again.is_replayed());
    assert_eq!(again.expect(200)["orderId"], order["orderId"]);
}

#[test]
fn a_cart_takes_what_can_be_ordered() {
    let customer = SERVICE.customer();
    let add = |body: Value| customer.post("/api/carts/me/items", &body);
    add(json!({"skuId": "no-1", "quantity": 1})).refused(422, "UNKNOWN_SKU");
    add(json!({"skuId": "off-1", "quantity": 1})).refused(422, "SKU_NOT_FOR_SALE");
    add(json!({"skuId": "a", "quantity": 0})).refused(400, "INVALID_REQUEST");
    add(json!({"quantity": 1})).refused(400, "INVALID_REQUEST");
    add(json!({"skuId": "a", "quantity": 1_000_000})).expect(200);
    add(json!({"skuId": "a", "quantity": 1})).refused(400, "INVALID_REQUEST");
    assert_eq!(
        customer
            .send("DELETE", "/api/carts/me/items", &[], None)
            .status,
        204
    );
    assert_eq!(
        customer.get("/api/carts/me").expect(200)["items"],
        json!([])
    );
}

#[test]
fn carts_are_ones_own() {
    let one = SERVICE.customer();
    one.post("/api/carts/me/items", &json!({"skuId": "a", "quantity": 1}))
        .expect(200);
    assert_eq!(
        SERVICE.customer().get("/api/carts/me").expect(200)["items"],
        json!([])
    );
}

#[test]
fn two_checkouts_at_once_are_one_order() {
    let customer = SERVICE.customer();
    let line = json!({"skuId": "a", "quantity": 1});
    customer.post("/api/carts/me/items", &line).expect(200);
    let answers: Vec<u16> = thread::scope(|scope| {
        let checkout = || customer.post("/api/carts/me/checkout", &json!({"shippingAddressId": 1}));
        let tasks: Vec<_> = (0..6).map(|_| scope.spawn(checkout)).collect();
        tasks
            .into_iter()
            .map(|task| task.join().unwrap().status)
            .collect()
    });
    assert_eq!(
        answers.iter().filter(|status| **status == 202).count(),
        1,
        "{answers:?}"
    );
    assert_eq!(
        answers.iter().filter(|status| **status == 422).count(),
        5,
        "{answers:?}"
    );
}

#[test]
fn units_added_at_once_all_count() {
    let customer = SERVICE.customer();
    let line = json!({"skuId": "a", "quantity": 1});
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| customer.post("/api/carts/me/items", &line).expect(200));
        }
    });
    assert_eq!(
        customer.get("/api/carts/me").expect(200)["items"][0]["quantity"],
        8
    );
}
