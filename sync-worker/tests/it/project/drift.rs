//! Absolute values do not hide that something else changed.

use std::sync::atomic::Ordering;

use inventory_core::{AttestStock, Context, Text};
use sync_worker::status::Status;

use super::{books, project};
use crate::support::*;

/// Rows whose figures are not what initial + adjustments come to.
async fn unbalanced(world: &World) -> i64 {
    sqlx::query_scalar(
        "SELECT COUNT(*) FROM stock_item
         WHERE available_quantity + reserved_quantity + sold_quantity <> ledger_quantity",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_hash_changed_by_hand_is_counted_until_it_is_accepted() {
    let world = world().await;
    let mut cursor = world.attach().await;
    let status = Status::default();
    let drift = || status.drift.load(Ordering::Relaxed);
    world.put("op-1", "a", 50).await;
    world.put("op-2", "b", 50).await;
    project(&world, &mut cursor, 100, &status).await;
    world.raw(&["HINCRBY", &k("stock:default:a"), "availableQuantity", "5"]);
    world.reserve("r-1", &[("a", 1), ("b", 1)]).await;
    // Within a batch it is seen as well.
    world.raw(&["HINCRBY", &k("stock:default:b"), "availableQuantity", "5"]);
    world.reserve("r-2", &[("b", 1)]).await;
    project(&world, &mut cursor, 100, &status).await;
    assert_eq!((drift(), unbalanced(&world).await), (2, 2));
    world.reserve("r-3", &[("a", 1), ("b", 1)]).await;
    project(&world, &mut cursor, 100, &status).await;
    assert_eq!((drift(), unbalanced(&world).await), (2, 2));

    world.raw(&["HINCRBY", &k("stock:default:a"), "availableQuantity", "1"]);
    for (stock, ledger_delta) in [("a", 6), ("b", 5)] {
        let command = AttestStock {
            key: key(stock),
            version_above: 0,
            ledger_delta,
            reason: Text::parse("found behind the shelf").unwrap(),
            context: Context::default(),
        };
        let attested = world.engine.attest_stock(S, &command, soon()).await;
        attested.unwrap().unwrap();
    }
    project(&world, &mut cursor, 100, &status).await;
    // What is being put right is not counted once more.
    assert_eq!((drift(), unbalanced(&world).await), (2, 0));
}

#[tokio::test]
async fn skus_that_differ_in_case_are_different() {
    let world = world().await;
    let mut cursor = world.attach().await;
    let status = Status::default();
    for (operation, stock, units) in [
        ("op-1", "sku-a", 1),
        ("OP-1", "SKU-A", 2),
        ("op-2", "X|sku-a", 3),
        ("OP-2", "x|sku-a", 4),
    ] {
        world.put(operation, stock, units).await;
    }
    world.reserve("r-1", &[("sku-a", 1), ("X|sku-a", 1)]).await;
    world.reserve("R-1", &[("SKU-A", 1), ("x|sku-a", 1)]).await;
    project(&world, &mut cursor, 100, &status).await;
    books::check(&world).await;
    let rows = "SELECT available_quantity FROM stock_item ORDER BY available_quantity";
    let rows: Vec<i64> = sqlx::query_scalar(rows)
        .fetch_all(&world.pool)
        .await
        .unwrap();
    assert_eq!(rows, [0, 1, 2, 3]);
    assert_eq!(status.drift.load(Ordering::Relaxed), 0);
}
