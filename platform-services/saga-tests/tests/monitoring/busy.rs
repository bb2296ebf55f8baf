//! A day in the shop, over and over.

use serde_json::json;

use crate::support::{Order, Shop, Stock};

/// Units of what there is enough of.
const PLENTY: i64 = 100_000;
/// One unit more than that is asked for.
const FEW: i64 = 1;

/// A hold that ends before the gateway has to be asked for the last time.
const SHORT_SECONDS: u32 = 60;

/// What is sold.
#[derive(Debug)]
pub(crate) struct Goods {
    cup: String,
    rare: String,
}

impl Goods {
    pub(crate) fn new(shop: &Shop) -> Self {
        Self {
            cup: shop.goods("cup", 7_000, PLENTY),
            rare: shop.goods("rare", 90_000, FEW),
        }
    }

    /// One customer after the other, until somebody has seen enough.
    pub(crate) fn sell(&self, shop: &'static Shop, enough: impl Fn() -> bool) {
        while !enough() {
            self.round(shop);
        }
    }

    /// Everything that is counted somewhere happens once.
    fn round(&self, shop: &'static Shop) {
        let (cup, rare) = (self.cup.as_str(), self.rare.as_str());
        let customer = shop.customer();
        let (email, _) = customer.credentials();
        let wrong = json!({"email": email, "password": "not the password"});
        shop.auth
            .http
            .post("/api/auth/login", "", &wrong)
            .refused(401, "INVALID_CREDENTIALS");
        drop(shop.catalog.http.get("/api/products?keyword=cup", ""));

        // Held directly: given back, ended, and more than there is.
        let held = customer.hold(&[(cup, 1)], 600).expect(201);
        let path = held["reservationId"].as_str().unwrap();
        let path = format!("/api/reservations/{path}/release");
        let released = shop
            .inventory
            .http
            .post(&path, customer.token(), &json!({}));
        released.expect(200);
        customer.hold(&[(cup, 1)], 1).expect(201);
        customer
            .hold(&[(rare, 2)], 600)
            .refused(409, "INSUFFICIENT_STOCK");

        // Ordered: never paid, though nobody knows that for a while, so that a short hold is extended; sold
        // and paid back, cancelled, declined, sold out, and paid without an answer.
        let brought = customer.hold(&[(cup, 1)], SHORT_SECONDS).expect(201);
        let brought = json!({"reservationId": brought["reservationId"]});
        let never = Order::of(customer, &customer.ask(&[(cup, 1)], brought).expect(202));
        never.until_payable();
        never.pay("timeout-before-");
        let unknown = customer.order_to_pay(&[(cup, 1)]);
        unknown.pay("timeout-after-");
        customer.bought(&[(cup, 1)], "key-").refund(&[]).expect(202);
        let cancelled = customer.order_to_pay(&[(cup, 1)]);
        cancelled.cancel();
        let declined = customer.order_to_pay(&[(cup, 1)]);
        declined.pay("decline-");
        let refused = customer.order(&[(rare, 2)]);
        for order in [&cancelled, &declined, &refused] {
            order.until("CANCELLED");
        }
        unknown.until("CONFIRMED");
        assert_eq!(shop.stock(rare), Stock::at_rest(FEW, 0));
    }
}
