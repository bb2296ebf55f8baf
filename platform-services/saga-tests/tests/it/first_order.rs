//! The first calls of somebody who has only the README.

use serde_json::json;

use crate::support::{Order, Stock, shop, text};

/// As `curl -d` sends it.
const REGISTER: &str = r#"{"email":"test@example.com","password":"password123","name":"테스트"}"#;
const ORDER: &str = r#"{"items":[{"skuId":1,"quantity":2}],"shippingAddressId":1}"#;

#[test]
fn a_new_user_orders_by_two_calls_as_they_stand_in_the_readme() {
    let (shop, _visit) = shop();
    shop.goods_as(&json!(1), "머그컵", 15_000, 10);
    let register = |body| {
        let users = &shop.user.http;
        users.send("POST", "/api/users/register", "", Some(body), &[])
    };
    let registered = register(REGISTER).unwrap().expect(201);
    register(REGISTER).unwrap().refused(409, "EMAIL_TAKEN");
    let body = json!({"email": "test@example.com", "password": "password123"});
    let login = shop.auth.http.post("/api/auth/login", "", &body);
    let token = text(&login.expect(200)["accessToken"]);
    let email = text(&registered["email"]);
    let customer = shop.known(email, token, text(&registered["userId"]));
    let order = |token| {
        let orders = &shop.order.http;
        orders
            .send("POST", "/api/orders", token, Some(ORDER), &[])
            .unwrap()
    };
    order("").refused(401, "UNAUTHENTICATED");
    order(customer.token()).refused(422, "UNKNOWN_ADDRESS");
    assert_eq!(customer.add_address().expect(201)["addressId"], "1");
    let placed = order(customer.token()).expect(202);
    assert_eq!(placed["status"], "PLACED");
    assert_eq!(placed["totalAmount"], 30_000);
    let order = Order::of(customer, &placed);
    order.until_payable();
    order.pay("key").expect(200);
    order.until("CONFIRMED");
    assert_eq!(order.read()["userId"], customer.user_id());
    assert_eq!(shop.stock("1"), Stock::at_rest(8, 2));
    shop.assert_in_step(&["1"]);
}
