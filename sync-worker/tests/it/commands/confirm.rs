//! `order.confirmed`

use std::time::Duration;

use contracts::EventType;
use inventory_core::{OrderId, Reserve};
use serde_json::json;

use super::shop::*;
use crate::support::*;

/// Held, and over.
async fn expired(shop: &Shop, order: &str, of: &[(&str, i64)]) {
    let (brief, _) = commands(&shop.bench.world, Duration::from_millis(1));
    let placed = placed(order, of);
    attempt(&brief, EventType::OrderPlaced, order, &placed)
        .await
        .unwrap();
    let id = format!("order-{order}");
    eventually("it is over", async || {
        shop.status(&id).await.unwrap() == "EXPIRED"
    })
    .await;
}

#[tokio::test]
async fn an_order_is_sold_once() {
    let shop = Shop::open().await;
    shop.place("o-1", &[("a", 2), ("b", 1)]).await;
    let about = about("o-1", "order-o-1", &[("b", 1), ("a", 2)]);
    shop.does(EventType::OrderConfirmed, "f-1", about.clone())
        .await;
    shop.does(EventType::OrderConfirmed, "f-2", about).await;
    shop.is_done("confirm:o-1").await;
    assert_eq!((shop.stock("a"), shop.stock("b")), ([8, 0, 2], [9, 0, 1]));
    let told = shop.events(EventType::InventoryConfirmed).await;
    assert_eq!((told.len(), &told[0]["causationid"]), (1, &json!("f-1")));
    assert!(
        shop.events(EventType::InventoryConfirmFailed)
            .await
            .is_empty()
    );
    shop.is_clean().await;
}

#[tokio::test]
async fn a_hold_that_is_over_is_taken_anew_if_there_is_enough() {
    let shop = Shop::open().await;
    expired(&shop, "o-1", &[("a", 6)]).await;
    expired(&shop, "o-2", &[("a", 6)]).await;
    shop.does(
        EventType::OrderConfirmed,
        "f-1",
        about("o-1", "order-o-1", &[("a", 6)]),
    )
    .await;
    shop.does(
        EventType::OrderConfirmed,
        "f-2",
        about("o-2", "order-o-2", &[("a", 6)]),
    )
    .await;
    shop.is_done("confirm:o-1").await;
    shop.is_refused("confirm:o-2", "INSUFFICIENT_STOCK").await;
    assert_eq!(shop.stock("a"), [4, 0, 6]);
    let told = shop.events(EventType::InventoryConfirmFailed).await;
    assert_eq!(told.len(), 1);
    assert_eq!(
        told[0]["data"],
        json!({"reservationId": "order-o-2", "orderId": "o-2", "reason": "INSUFFICIENT_STOCK",
            "items": [{"skuId": "a", "locationId": "default", "quantity": 6}]})
    );
    assert_eq!(
        (&told[0]["correlationid"], &told[0]["causationid"]),
        (&json!("o-2"), &json!("f-2"))
    );
    shop.is_clean().await;
}

#[tokio::test]
async fn what_cannot_be_sold_is_told_with_its_reason() {
    let shop = Shop::open().await;
    shop.place("o-1", &[("a", 2)]).await;
    shop.does(
        EventType::OrderCancelled,
        "c-1",
        about("o-1", "order-o-1", &[]),
    )
    .await;
    shop.place("o-3", &[("a", 2)]).await;
    let theirs = Reserve {
        order: Some(OrderId::parse("o-9").unwrap()),
        ..reserve("r-9", &[("a", 1)])
    };
    let world = &shop.bench.world;
    world
        .engine
        .reserve(S, &theirs, soon())
        .await
        .unwrap()
        .unwrap();
    for (order, named, of, reason) in [
        ("o-1", "order-o-1", vec![("a", 2)], "RESERVATION_RELEASED"),
        ("o-2", "order-o-2", vec![("a", 2)], "RESERVATION_NOT_FOUND"),
        (
            "o-3",
            "order-o-3",
            vec![("a", 3)],
            "CONFIRM_EXCEEDS_RESERVATION",
        ),
        ("o-4", "r-9", vec![("a", 1)], "IDEMPOTENCY_MISMATCH"),
        ("o-5", "order-o-5", vec![], "INVALID"),
        ("o-6", "no id", vec![("a", 1)], "INVALID"),
    ] {
        shop.does(EventType::OrderConfirmed, order, about(order, named, &of))
            .await;
        shop.is_refused(&format!("confirm:{order}"), reason).await;
    }
    let told = shop.events(EventType::InventoryConfirmFailed).await;
    assert_eq!(told.len(), 6);
    assert_eq!(told[5]["data"]["reservationId"], "no id");
    assert_eq!(shop.stock("a"), [7, 3, 0]);
    shop.is_clean().await;
}

#[tokio::test]
async fn a_sale_that_was_purged_is_still_a_sale() {
    let shop = Shop::open().await;
    shop.place("o-1", &[("a", 2)]).await;
    shop.place("o-2", &[("a", 2)]).await;
    shop.does(
        EventType::OrderConfirmed,
        "f-1",
        about("o-1", "order-o-1", &[("a", 2)]),
    )
    .await;
    shop.does(
        EventType::OrderCancelled,
        "c-2",
        about("o-2", "order-o-2", &[("a", 2)]),
    )
    .await;
    shop.bench.purged(&["order-o-1", "order-o-2"]).await;
    shop.bench
        .world
        .sql(&["DELETE FROM inventory_command"])
        .await;
    for (order, of) in [("o-1", 2), ("o-2", 2)] {
        let about = about(order, &format!("order-{order}"), &[("a", of)]);
        shop.does(EventType::OrderConfirmed, order, about).await;
    }
    shop.is_done("confirm:o-1").await;
    shop.is_refused("confirm:o-2", "RESERVATION_RELEASED").await;
    // Nor is its history lost to a late release.
    shop.does(
        EventType::OrderCancelled,
        "late",
        about("o-1", "order-o-1", &[("a", 2)]),
    )
    .await;
    shop.is_refused("release:o-1", "RESERVATION_CONFIRMED")
        .await;
    shop.is_clean().await;
}
