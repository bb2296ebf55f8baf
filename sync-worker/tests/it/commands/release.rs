//! `order.cancelled`

use contracts::EventType;
use serde_json::json;

use super::shop::*;

#[tokio::test]
async fn what_was_held_comes_back_once() {
    let shop = Shop::open().await;
    shop.place("o-1", &[("a", 2)]).await;
    let cancelled = about("o-1", "order-o-1", &[("a", 2)]);
    shop.does(EventType::OrderCancelled, "c-1", cancelled.clone())
        .await;
    assert_eq!(shop.stock("a"), [10, 0, 0]);
    shop.is_done("release:o-1").await;
    shop.place("o-1", &[("a", 2)]).await;
    shop.does(EventType::OrderCancelled, "c-1", cancelled).await;
    assert_eq!(shop.events(EventType::InventoryReleased).await.len(), 1);
    assert_eq!(shop.stock("a"), [10, 0, 0]);
    shop.is_clean().await;
}

#[tokio::test]
async fn an_order_that_is_cancelled_before_it_is_placed_is_never_held() {
    let shop = Shop::open().await;
    shop.does(
        EventType::OrderCancelled,
        "c-1",
        json!({"orderId": "o-1", "reason": "USER_REQUEST"}),
    )
    .await;
    shop.is_done("release:o-1").await;
    assert_eq!(shop.status("order-o-1").await.unwrap(), "RELEASED");
    shop.place("o-1", &[("a", 2)]).await;
    assert_eq!(
        shop.row("reserve:o-1").await,
        None,
        "it stops at the release"
    );
    assert_eq!(shop.stock("a"), [10, 0, 0]);
    assert!(
        shop.events(EventType::InventoryReservationFailed)
            .await
            .is_empty()
    );
    assert_eq!(shop.events(EventType::InventoryReleased).await.len(), 1);
    // Even if that were forgotten: the tombstone refuses it.
    shop.bench
        .world
        .sql(&["DELETE FROM inventory_command"])
        .await;
    shop.place("o-1", &[("a", 2)]).await;
    shop.is_refused("reserve:o-1", "RESERVATION_RELEASED").await;
    assert_eq!(
        shop.events(EventType::InventoryReservationFailed)
            .await
            .len(),
        1
    );
    shop.is_clean().await;
}

#[tokio::test]
async fn a_customers_hold_goes_with_its_order() {
    let shop = Shop::open().await;
    let world = &shop.bench.world;
    let unknown = Some(("DONE".to_owned(), Some("RESERVATION_NOT_FOUND".to_owned())));
    let not_ours = Some(("DONE".to_owned(), Some("IDEMPOTENCY_MISMATCH".to_owned())));
    world.reserve("r-1", &[("a", 2)]).await;
    world.reserve("r-2", &[("a", 1)]).await;
    // Cancelled before it was bound.
    shop.does(
        EventType::OrderCancelled,
        "c-1",
        about("o-1", "r-1", &[("a", 2)]),
    )
    .await;
    shop.is_done("release:o-1").await;
    assert_eq!(shop.status("r-1").await.unwrap(), "RELEASED");
    // Not what the order is about.
    shop.does(
        EventType::OrderCancelled,
        "c-2",
        about("o-2", "r-2", &[("b", 1)]),
    )
    .await;
    assert_eq!(shop.row("release:o-2").await, not_ours);
    assert_eq!(shop.status("r-2").await.unwrap(), "RESERVED");
    // Unknown: nothing is left behind in the way of whoever takes the name.
    shop.does(
        EventType::OrderCancelled,
        "c-3",
        about("o-3", "r-3", &[("a", 1)]),
    )
    .await;
    assert_eq!(shop.row("release:o-3").await, unknown);
    assert_eq!(shop.status("r-3").await, None);
    let mut late = placed("o-3", &[("a", 1)]);
    late["reservationId"] = json!("r-3");
    shop.does(EventType::OrderPlaced, "p-3", late).await;
    assert_eq!(shop.status("r-3").await, None);
    shop.is_clean().await;
}

/// A hold of another name than the cancelled order says.
#[tokio::test]
async fn a_release_that_finds_nothing_ends() {
    let shop = Shop::open().await;
    shop.place("o-1", &[("a", 1)]).await;
    let cancelled = about("o-1", "r-9", &[("a", 1)]);
    shop.does(EventType::OrderCancelled, "o-1", cancelled).await;
    let row = shop.row("release:o-1").await.unwrap();
    assert_eq!(row.1.as_deref(), Some("RESERVATION_NOT_FOUND"));
}

/// A name that none can have, items that are none: the order's hold comes back all the same.
#[tokio::test]
async fn a_release_that_is_not_valid_but_for_its_order_gives_the_hold_back() {
    let shop = Shop::open().await;
    let wrong = [
        json!({"orderId": "o-1", "reservationId": "no id", "items": [{"skuId": "a", "quantity": 1}]}),
        json!({"orderId": "o-2", "reservationId": 7, "reason": ["none"]}),
        json!({"orderId": "o-3", "items": "all of them"}),
    ];
    for data in wrong {
        let order = data["orderId"].as_str().unwrap().to_owned();
        shop.place(&order, &[("a", 1)]).await;
        shop.does(EventType::OrderCancelled, &order, data).await;
        shop.is_done(&format!("release:{order}")).await;
        assert_eq!(shop.stock("a"), [10, 0, 0], "{order}");
    }
    shop.is_clean().await;
}

#[tokio::test]
async fn what_was_sold_is_not_released() {
    let shop = Shop::open().await;
    shop.place("o-1", &[("a", 2)]).await;
    let about = about("o-1", "order-o-1", &[("a", 2)]);
    shop.does(EventType::OrderConfirmed, "f-1", about.clone())
        .await;
    shop.does(EventType::OrderCancelled, "c-1", about).await;
    shop.is_refused("release:o-1", "RESERVATION_CONFIRMED")
        .await;
    assert_eq!(shop.stock("a"), [8, 0, 2]);
    shop.is_clean().await;
}
