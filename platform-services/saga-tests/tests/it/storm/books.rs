//! Money, units, holds and events, when all is over.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    script::{Goods, Kind, is_over},
    steady::eventually,
};
use crate::support::{Order, Shop, Stock};

/// What orders come to.
#[derive(Debug, Default)]
struct Sum {
    money: i64,
    units: BTreeMap<String, i64>,
}

/// Waits until everything has come to rest, and compares all books.
pub(super) fn settle(shop: &Shop, goods: &Goods, orders: &[(Kind, Order)]) {
    let mut sum = Sum::default();
    let mut ends = BTreeMap::<String, usize>::new();
    let mut taken = 0;
    for (kind, order) in orders {
        let (shown, ledger) = at_rest(order, *kind);
        let end = shown["cancelReason"].as_str();
        let end = end.unwrap_or_else(|| shown["status"].as_str().unwrap());
        *ends.entry(format!("{kind:?} {end}")).or_default() += 1;
        taken += ledger;
        sum.add(&shown);
    }
    println!("{ends:#?}");
    // Kills cost some orders their payment, but not most.
    let all = |kind: Kind| orders.iter().filter(|(of, _)| *of == kind).count();
    let ended = |end: &str| ends.get(end).copied().unwrap_or_default();
    for kind in [Kind::Pay, Kind::PayWithHold, Kind::TimeoutAfter] {
        let sold = ended(&format!("{kind:?} CONFIRMED"));
        assert!(sold * 2 > all(kind), "{kind:?}: {ends:#?}");
    }
    let expired = ended("HoldExpires RESERVATION_EXPIRED");
    assert_eq!(expired, all(Kind::HoldExpires), "{ends:#?}");
    assert!(ended("Scarce OUT_OF_STOCK") > 0, "{ends:#?}");
    assert_eq!(taken, sum.money, "the gateway has what the orders cost");

    for (sku, units) in [
        (&goods.cup, super::PLENTY),
        (&goods.pot, super::PLENTY),
        (&goods.rare, super::SCARCE),
    ] {
        let sold = sum.units.get(sku).copied().unwrap_or_default();
        shop.until_stock(sku, Stock::at_rest(units - sold, sold));
    }
    shop.assert_in_step(&[]);
    for sku in [&goods.cup, &goods.pot, &goods.rare] {
        let path = format!("/api/reservations?skuId={sku}&status=RESERVED");
        let held = shop.sync.http.get(&path, &shop.admin).expect(200);
        assert_eq!(held["reservations"], Value::Array(Vec::new()));
    }
    for outbox in [
        "shop_order.order_outbox",
        "shop_payment.payment_outbox",
        "shop_catalog.catalog_outbox",
        "shop_user.user_outbox",
        "inventory.inventory_outbox",
    ] {
        eventually(&format!("{outbox} is empty"), || {
            let rows = shop.mariadb.sql(&format!("SELECT COUNT(*) FROM {outbox}"));
            (rows.unwrap().trim() == "0").then_some(())
        });
    }
    shop.assert_no_dead_letters();
}

/// Waits until order, payment and gateway agree that it is over; the order, and what the gateway has
/// for it.
fn at_rest(order: &Order, kind: Kind) -> (Value, i64) {
    let mut seen = String::new();
    let waited = std::panic::AssertUnwindSafe(|| {
        eventually("the order is at rest", || {
            let shown = order.look()?;
            let status = shown["status"].as_str()?;
            let payment = order.glance_payment();
            let (approved, cancelled) = order.ledger();
            let net = approved - cancelled;
            seen = format!("{kind:?}: {shown:#}, payment {payment:?}, {approved} - {cancelled}");
            let refunded = shown["refundedAmount"].as_i64()?;
            let is_refund = matches!(kind, Kind::RefundAll | Kind::RefundPart);
            let rests = match (status, payment.as_deref()) {
                ("CONFIRMED", Some("APPROVED")) => {
                    !is_refund && net == order.total && refunded == 0
                }
                ("PARTIALLY_REFUNDED", Some("PARTIALLY_CANCELLED")) => {
                    net == order.total - refunded && refunded > 0
                }
                ("REFUNDED", Some("CANCELLED")) => net == 0 && refunded == order.total,
                ("CANCELLED", None | Some("FAILED" | "CLOSED" | "CANCELLED")) => net == 0,
                _ => false,
            };
            (is_over(status) && rests).then_some((shown, net))
        })
    });
    match std::panic::catch_unwind(waited) {
        Ok(rested) => rested,
        Err(_) => panic!("{}: {seen}", order.id),
    }
}

impl Sum {
    /// What the order says was bought and kept.
    fn add(&mut self, order: &Value) {
        if order["status"] == "CANCELLED" {
            return;
        }
        let number = |value: &Value| value.as_i64().unwrap();
        self.money += number(&order["totalAmount"]) - number(&order["refundedAmount"]);
        for item in order["items"].as_array().unwrap() {
            let kept = number(&item["quantity"]) - number(&item["refundedQuantity"]);
            let sku = item["skuId"].as_str().unwrap().to_owned();
            *self.units.entry(sku).or_default() += kept;
        }
    }
}
