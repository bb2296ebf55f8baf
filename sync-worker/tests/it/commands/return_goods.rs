//! `payment.cancelled` with items, and `product.sku.created`.

use std::time::Duration;

use contracts::EventType;
use serde_json::json;
use service_kit::consumer::{HandlerError, Outcome};
use sync_worker::{commands::prune, limits::COMMAND_RETENTION};

use super::shop::*;
use crate::{bench::Bench, support::*};

impl Bench {
    /// Purges closed records until these are gone.
    pub(crate) async fn purged(&self, ids: &[&str]) {
        self.world.at_rest().await;
        eventually("they are purged", async || {
            let zero = Duration::ZERO;
            let purged = self
                .world
                .engine
                .purge(S, zero, zero, u64::MAX, soon())
                .await;
            purged.unwrap();
            ids.iter()
                .all(|id| self.world.bytes(&format!("rsv:{id}")).is_none())
        })
        .await;
    }
}

async fn sold(shop: &Shop) {
    shop.place("o-1", &[("a", 3)]).await;
    shop.does(
        EventType::OrderConfirmed,
        "f-1",
        about("o-1", "order-o-1", &[("a", 3)]),
    )
    .await;
}

#[tokio::test]
async fn goods_come_back_once_for_each_refund() {
    let shop = Shop::open().await;
    sold(&shop).await;
    let first = refund("o-1", "order-o-1", "f-1", &[("a", 1)]);
    shop.does(EventType::PaymentCancelled, "p-1", first).await;
    assert_eq!(shop.stock("a"), [8, 0, 2]);
    let rest = refund("o-1", "order-o-1", "f-2", &[("a", 2)]);
    shop.does(EventType::PaymentCancelled, "p-2", rest).await;
    assert_eq!(shop.stock("a"), [10, 0, 0]);
    let more = refund("o-1", "order-o-1", "f-3", &[("a", 1)]);
    shop.does(EventType::PaymentCancelled, "p-3", more).await;
    shop.is_done("return:f-1").await;
    shop.is_done("return:f-2").await;
    shop.is_refused("return:f-3", "RETURN_EXCEEDS_CONFIRMED")
        .await;
    assert_eq!(shop.events(EventType::InventoryReturned).await.len(), 2);
    shop.is_clean().await;
}

#[tokio::test]
async fn goods_of_a_purged_reservation_come_back_too_and_once() {
    let shop = Shop::open().await;
    sold(&shop).await;
    for (refund_id, left) in [("f-1", [8, 0, 2]), ("f-2", [9, 0, 1])] {
        shop.bench.purged(&["order-o-1"]).await;
        let data = refund("o-1", "order-o-1", refund_id, &[("a", 1)]);
        shop.does(EventType::PaymentCancelled, refund_id, data)
            .await;
        assert_eq!(shop.stock("a"), left);
    }
    shop.is_clean().await;
    // Also where it is not remembered as a command, and purged once more.
    shop.bench.purged(&["order-o-1"]).await;
    shop.bench
        .world
        .sql(&["DELETE FROM inventory_command"])
        .await;
    let again = refund("o-1", "order-o-1", "f-1", &[("a", 1)]);
    shop.does(EventType::PaymentCancelled, "f-1", again).await;
    assert_eq!(shop.stock("a"), [9, 0, 1]);
    assert_eq!(shop.events(EventType::InventoryReturned).await.len(), 2);
    shop.is_clean().await;
}

#[tokio::test]
async fn what_cannot_come_back_is_refused_or_set_aside() {
    let shop = Shop::open().await;
    shop.place("o-1", &[("a", 3)]).await;
    for (order, refund_id, reason) in [
        ("o-1", "open", "RESERVATION_NOT_CONFIRMED"),
        ("o-2", "unknown", "RESERVATION_NOT_FOUND"),
    ] {
        let data = refund(order, &format!("order-{order}"), refund_id, &[("a", 1)]);
        shop.does(EventType::PaymentCancelled, refund_id, data)
            .await;
        shop.is_refused(&format!("return:{refund_id}"), reason)
            .await;
    }
    let data = refund("o-3", "order-o-1", "theirs", &[("a", 1)]);
    shop.does(EventType::PaymentCancelled, "theirs", data).await;
    shop.is_refused("return:theirs", "IDEMPOTENCY_MISMATCH")
        .await;
    let mut no_goods = refund("o-1", "order-o-1", "none", &[]);
    let skipped = shop
        .try_do(EventType::PaymentCancelled, "none", &no_goods)
        .await;
    assert!(matches!(skipped, Ok(Outcome::Skipped(_))), "{skipped:?}");
    no_goods["items"] = items(&[("a", -1)]);
    let dead = shop
        .try_do(EventType::PaymentCancelled, "bad", &no_goods)
        .await;
    let Err(HandlerError::Permanent { reason, .. }) = dead else {
        panic!("{dead:?}");
    };
    assert_eq!(reason, "INVALID");
    shop.is_clean().await;
}

#[tokio::test]
async fn a_sku_is_created_once_and_never_set() {
    let shop = Shop::open().await;
    let data = json!({"skuId": "c", "productId": "p", "price": 1, "initialQuantity": 7});
    shop.does(EventType::ProductSkuCreated, "s-1", data.clone())
        .await;
    assert_eq!(shop.stock("c"), [7, 0, 0]);
    shop.is_done("create:c").await;
    shop.bench.world.put("counted", "c", 3).await;
    shop.bench
        .world
        .sql(&["DELETE FROM inventory_command"])
        .await;
    shop.does(EventType::ProductSkuCreated, "s-1", data).await;
    let known = json!({"skuId": "a", "productId": "p", "price": 1, "initialQuantity": 99});
    shop.does(EventType::ProductSkuCreated, "s-2", known).await;
    assert_eq!((shop.stock("c"), shop.stock("a")), ([3, 0, 0], [10, 0, 0]));
    let exists = Some(("DONE".to_owned(), Some("VERSION_CONFLICT".to_owned())));
    assert_eq!(shop.row("create:a").await, exists);
    shop.is_clean().await;
}

#[tokio::test]
async fn outcomes_are_kept_for_long_and_not_for_ever() {
    let pool = migrated(&database_url()).await;
    sqlx::query(
        "INSERT INTO inventory_command (command_key, kind, event_id, outcome, created_at)
         SELECT CONCAT('create:', seq), 'CREATE', seq, 'DONE',
                NOW(3) - INTERVAL IF(seq <= 2500, 91, 89) DAY FROM seq_1_to_2600",
    )
    .execute(&pool)
    .await
    .unwrap();
    assert_eq!(prune(&pool, COMMAND_RETENTION).await.unwrap(), 2_500);
    assert_eq!(prune(&pool, COMMAND_RETENTION).await.unwrap(), 0);
    let left: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM inventory_command")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(left, 100);
}
