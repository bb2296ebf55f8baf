use serde_json::json;

use crate::support::{SERVICE, text, unique};

#[test]
fn own_orders_newest_first_page_by_page() {
    let user = unique("user");
    let customer = SERVICE.with_roles(&user, &[access_token::Role::Customer]);
    SERVICE.customer().place(&[("a", 1)]);
    let mut placed: Vec<String> = (1..=5)
        .map(|quantity| text(&customer.place(&[("a", quantity)]), "orderId").to_owned())
        .collect();
    placed.reverse();
    let mut seen = Vec::new();
    let mut path = "/api/orders?limit=2".to_owned();
    loop {
        let page = customer.get(&path).expect(200);
        let orders = page["orders"].as_array().unwrap();
        assert!((1..=2).contains(&orders.len()));
        seen.extend(orders.iter().map(|it| text(it, "orderId").to_owned()));
        match page["nextCursor"].as_str() {
            Some(cursor) => path = format!("/api/orders?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, placed);
    let admin = SERVICE.admin();
    let theirs = admin.get(&format!("/api/orders?userId={user}")).expect(200);
    assert_eq!(theirs["orders"].as_array().unwrap().len(), 5);
    customer
        .get("/api/orders?userId=other")
        .refused(403, "FORBIDDEN");
    assert_eq!(admin.get("/api/orders").expect(200), json!({"orders": []}));
}

#[test]
fn a_page_has_limits() {
    let customer = SERVICE.customer();
    for query in ["limit=0", "limit=101", "limit=x", "cursor=%20", "cursor="] {
        customer
            .get(&format!("/api/orders?{query}"))
            .refused(400, "INVALID_REQUEST");
    }
}

#[test]
fn numbers_of_orders_can_be_read_out_and_are_unique() {
    let customer = SERVICE.customer();
    let one = customer.place(&[("a", 1)]);
    let two = customer.place(&[("a", 1)]);
    assert_eq!(
        text(&one, "orderNo").len(),
        order_service::domain::ORDER_NO_LEN
    );
    assert_ne!(one["orderNo"], two["orderNo"]);
}
