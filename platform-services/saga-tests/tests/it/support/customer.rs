//! Somebody who shops.

use serde_json::{Value, json};

use super::{Answer, Order, Shop, login, text, unique};

const PASSWORD: &str = "correct horse battery";

/// A customer of the shop who is logged in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Customer<'a> {
    pub(crate) shop: &'a Shop,
    who: &'a Who,
}

#[derive(Debug)]
struct Who {
    email: String,
    token: String,
    user_id: String,
}

impl Shop {
    /// A new customer without an address.
    #[track_caller]
    pub(crate) fn stranger(&'static self) -> Customer<'static> {
        let email = unique("c") + "@shop.example";
        let body = json!({"email": email, "password": PASSWORD, "name": "손님"});
        let answer = self.user.http.post("/api/users/register", "", &body);
        let user_id = text(&answer.expect(201)["userId"]);
        let token = login(&self.stack, &email, PASSWORD);
        self.known(email, token, user_id)
    }

    /// Somebody who is logged in.
    pub(crate) fn known(
        &'static self,
        email: String,
        token: String,
        user_id: String,
    ) -> Customer<'static> {
        // For as long as the tests run.
        let who = Box::leak(Box::new(Who {
            email,
            token,
            user_id,
        }));
        Customer { shop: self, who }
    }

    /// A new customer with address 1.
    #[track_caller]
    pub(crate) fn customer(&'static self) -> Customer<'static> {
        let customer = self.stranger();
        customer.add_address().expect(201);
        customer
    }
}

impl Customer<'static> {
    /// Mail address and password.
    pub(crate) fn credentials(self) -> (&'static str, &'static str) {
        (&self.who.email, PASSWORD)
    }

    pub(crate) fn token(self) -> &'static str {
        &self.who.token
    }

    pub(crate) fn user_id(self) -> &'static str {
        &self.who.user_id
    }

    pub(crate) fn add_address(self) -> Answer {
        let address = json!({"label": "집", "recipient": "손님", "phone": "010-1234-5678",
            "zipCode": "04524", "address": "서울특별시 중구 세종대로 110", "addressDetail": "1층",
            "isDefault": true});
        self.shop
            .user
            .http
            .post("/api/users/me/addresses", self.token(), &address)
    }

    /// Asks for an order, with whatever else the body has.
    pub(crate) fn ask(self, items: &[(&str, u32)], more: Value) -> Answer {
        let mut body = json!({"items": lines(items), "shippingAddressId": "1"});
        if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
            body.extend(more);
        }
        self.shop
            .order
            .http
            .post("/api/orders", self.token(), &body)
    }

    #[track_caller]
    pub(crate) fn order(self, items: &[(&str, u32)]) -> Order {
        Order::of(self, &self.ask(items, Value::Null).expect(202))
    }

    /// Placed, its goods held, its payment ready.
    #[track_caller]
    pub(crate) fn order_to_pay(self, items: &[(&str, u32)]) -> Order {
        let order = self.order(items);
        order.until_payable();
        order
    }

    /// Paid and sold.
    #[track_caller]
    pub(crate) fn bought(self, items: &[(&str, u32)], payment_key: &str) -> Order {
        let order = self.order_to_pay(items);
        order.pay(payment_key).expect(200);
        order.until("CONFIRMED");
        order
    }

    /// A hold on the hot path.
    pub(crate) fn hold(self, items: &[(&str, u32)], ttl_seconds: u32) -> Answer {
        let body = json!({"items": lines(items), "ttlSeconds": ttl_seconds});
        self.shop
            .inventory
            .http
            .post("/api/reservations", self.token(), &body)
    }
}

pub(crate) fn lines(items: &[(&str, u32)]) -> Value {
    items
        .iter()
        .map(|(sku, quantity)| json!({"skuId": sku, "quantity": quantity}))
        .collect()
}
