//! Comparing and repairing while sales go on.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use super::*;
use crate::sales::Load;

/// How long sales go on. `tests/soak` compares a hundred times.
const LOAD: Duration = Duration::from_secs(5);
/// Comparisons that are made at least, however slow the machine is.
const CHECKS_MIN: u32 = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_no_false_drift_while_sales_go_on() {
    let bench = bench().await;
    let load = Load::begin(&bench.world, Duration::ZERO).await;
    let (began, mut checks) = (Instant::now(), 0);
    while checks < CHECKS_MIN || began.elapsed() < LOAD {
        let ran = bench.run(&["check", "--wait-seconds", "60"]).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        checks += 1;
    }
    bench.run(&["verify-invariants"]).await.ends(0);
    let sales = load.end().await;
    println!("{checks} checks during {sales} sales");
    assert!(sales > 100);
    bench.world.at_rest().await;
    bench.is_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hot_stock_is_repaired_while_it_is_sold() {
    let bench = bench().await;
    let load = Load::begin(&bench.world, Duration::ZERO).await;
    let stock = k("stock:default:s-2");
    eventually("sales", async || load.sales.load(Ordering::Relaxed) > 200).await;
    bench.redis(&["HINCRBY", &stock, "availableQuantity", "1000"]);
    let args = [
        "repair",
        "--from",
        "mariadb",
        "--sku",
        "s-2",
        "--wait-seconds",
        "60",
        "--reason",
        "x",
    ];
    let ran = bench.run(&args).await.ends(0);
    assert_eq!(ran.json()["repairs"][0]["outcome"], "repaired", "{ran:?}");
    bench.redis(&["HINCRBY", &stock, "availableQuantity", "-7"]);
    let args = [
        "repair",
        "--from",
        "redis",
        "--sku",
        "s-2",
        "--wait-seconds",
        "60",
        "--reason",
        "x",
    ];
    bench.run(&args).await.ends(0);
    load.end().await;
    bench.world.at_rest().await;
    bench.is_clean().await;
    // Nothing was undone twice: 7 units fewer than were put there and adjusted.
    let (ledger, adjusted): (i64, i64) = sqlx::query_as(
        "SELECT ledger_quantity, (SELECT CAST(SUM(ledger_delta) AS SIGNED) FROM stock_journal
             WHERE sku_id = 's-2' AND kind IN ('COUNTED', 'ADJUSTED'))
         FROM stock_item WHERE sku_id = 's-2'",
    )
    .fetch_one(&bench.world.pool)
    .await
    .unwrap();
    assert_eq!(ledger, adjusted - 7);
}
