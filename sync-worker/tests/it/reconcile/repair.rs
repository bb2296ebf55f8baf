//! Repairs, both ways, end clean.

use super::*;

/// A difference is made, found, repaired, and gone; then all invariants hold.
async fn mends(from: &str, break_it: impl AsyncFn(&Bench)) -> Bench {
    let bench = Bench::stocked().await;
    break_it(&bench).await;
    bench.run(&["check"]).await.ends(1);
    let planned = ["repair", "--from", from, "--dry-run", "--reason", "test"];
    bench.run(&planned).await.ends(1).unaudited();
    bench.run(&["check"]).await.ends(1);
    let ran = bench
        .run(&["repair", "--from", from, "--reason", "test"])
        .await
        .ends(0)
        .audited(&format!("repair --from {from} --reason test"), "done");
    assert_eq!(ran.json()["repairs"][0]["outcome"], "repaired");
    bench.is_clean().await;
    bench
}

async fn more_available(bench: &Bench) {
    bench.redis(&["HINCRBY", &k("stock:default:a"), "availableQuantity", "5"]);
}

async fn row_says_less(bench: &Bench) {
    let sql = "UPDATE stock_item SET available_quantity = 90 WHERE sku_id = 'a'";
    bench.world.sql(&[sql]).await;
}

async fn hold_is_gone(bench: &Bench) {
    bench.redis(&["DEL", &k("rsv:open")]);
    bench.redis(&["ZREM", &k("deadlines"), "open"]);
}

async fn extra_record(bench: &Bench) {
    let sold = bench.world.bytes("rsv:sold").unwrap();
    bench
        .world
        .raw(&[&b"SET"[..], k("rsv:extra").as_bytes(), &sold]);
}

async fn other_state(bench: &Bench) {
    let mut sold = bench.world.bytes("rsv:sold").unwrap();
    sold[17] = b'P';
    bench
        .world
        .raw(&[&b"SET"[..], k("rsv:sold").as_bytes(), &sold]);
}

async fn row_in_other_state(bench: &Bench) {
    let sql = "UPDATE reservation SET status = 'RELEASED' WHERE reservation_id = 'sold'";
    bench.world.sql(&[sql]).await;
}

async fn stock_is_gone(bench: &Bench) {
    bench.redis(&["DEL", &k("stock:default:b")]);
}

async fn row_is_gone(bench: &Bench) {
    bench
        .world
        .sql(&["DELETE FROM stock_item WHERE sku_id = 'b'"])
        .await;
}

async fn corrupt_stock(bench: &Bench) {
    bench.redis(&["HSET", &k("stock:default:b"), "availableQuantity", "many"]);
}

#[tokio::test]
async fn a_changed_quantity_is_undone_or_accepted() {
    let bench = mends("mariadb", more_available).await;
    assert_eq!(bench.figure("default:a", "availableQuantity"), 95);
    let bench = mends("redis", more_available).await;
    assert_eq!(bench.figure("default:a", "availableQuantity"), 100);
    let ledger: i64 =
        sqlx::query_scalar("SELECT ledger_quantity FROM stock_item WHERE sku_id = 'a'")
            .fetch_one(&bench.world.pool)
            .await
            .unwrap();
    assert_eq!(ledger, 105);
    let (actor, reason): (String, String) =
        sqlx::query_as("SELECT actor, reason FROM stock_journal WHERE kind = 'ATTESTED'")
            .fetch_one(&bench.world.pool)
            .await
            .unwrap();
    assert_eq!((&*actor, &*reason), ("reconcile:tester", "test"));
}

#[tokio::test]
async fn a_changed_row_is_written_anew() {
    for from in ["mariadb", "redis"] {
        let bench = mends(from, row_says_less).await;
        assert_eq!(bench.figure("default:a", "availableQuantity"), 95);
    }
}

#[tokio::test]
async fn a_missing_hold_comes_back_or_goes() {
    let bench = mends("mariadb", hold_is_gone).await;
    let engine = &bench.world.engine;
    engine
        .confirm(S, &confirm("open"), soon())
        .await
        .unwrap()
        .unwrap();
    // Without the hold, what it held is left over: MariaDB's invariant says so.
    let bench = Bench::stocked().await;
    hold_is_gone(&bench).await;
    bench
        .run(&["repair", "--from", "redis", "--reason", "x"])
        .await
        .ends(0);
    bench.run(&["check"]).await.ends(0);
    let ran = bench.run(&["verify-invariants"]).await.ends(1);
    assert_eq!(ran.json()["violations"][0]["rule"], "reserved");
}

#[tokio::test]
async fn an_extra_record_goes_or_is_kept() {
    let bench = mends("mariadb", extra_record).await;
    assert_eq!(bench.world.bytes("rsv:extra"), None);
    mends("redis", extra_record).await;
}

#[tokio::test]
async fn another_state_is_put_right() {
    let bench = mends("mariadb", other_state).await;
    assert_eq!(bench.world.bytes("rsv:sold").unwrap()[17], b'C');
    mends("redis", other_state).await;
    for from in ["mariadb", "redis"] {
        mends(from, row_in_other_state).await;
    }
}

#[tokio::test]
async fn a_stock_on_one_side_comes_back_or_goes() {
    let bench = mends("mariadb", stock_is_gone).await;
    assert_eq!(bench.figure("default:b", "availableQuantity"), 50);
    mends("redis", stock_is_gone).await;
    mends("redis", row_is_gone).await;
    let bench = mends("mariadb", row_is_gone).await;
    assert_eq!(bench.world.hash("stock:default:b"), []);
    let bench = mends("mariadb", corrupt_stock).await;
    assert_eq!(bench.figure("default:b", "availableQuantity"), 50);
}

#[tokio::test]
async fn only_what_is_named_is_repaired_and_the_rest_is_told() {
    let bench = Bench::stocked().await;
    more_available(&bench).await;
    other_state(&bench).await;
    corrupt_stock(&bench).await;
    bench.redis(&["SET", &k("what"), "?"]);
    let from = ["repair", "--from", "mariadb", "--reason", "x"];
    bench
        .run(&[&from[..], &["--sku", "a"]].concat())
        .await
        .ends(0);
    assert_eq!(bench.run(&["check"]).await.ends(1).drift().len(), 3);
    bench
        .run(&[&from[..], &["--reservation", "sold"]].concat())
        .await
        .ends(0);
    let ran = bench
        .run(&["repair", "--from", "redis", "--reason", "x"])
        .await
        .ends(1)
        .audited("repair --from redis --reason x", "refused");
    let json = ran.json();
    let outcomes: Vec<_> = json["repairs"].as_array().unwrap().iter().collect();
    assert!(
        outcomes.iter().all(|repair| repair["outcome"] == "refused"),
        "{ran:?}"
    );
    bench.run(&from).await.ends(1);
    bench.redis(&["DEL", &k("what")]);
    bench.run(&from).await.ends(0);
    bench.is_clean().await;
}

#[tokio::test]
async fn drift_that_sales_carried_over_is_found_by_the_ledger_and_undone() {
    let bench = Bench::stocked().await;
    let world = &bench.world;
    more_available(&bench).await;
    world.reserve("later", &[("a", 4)]).await;
    world.at_rest().await;
    let ran = bench.run(&["check"]).await.ends(1);
    assert_eq!(ran.drift()[0].2, "the ledger does not add up");
    bench.run(&["verify-invariants"]).await.ends(1);
    bench
        .run(&["repair", "--from", "mariadb", "--reason", "x"])
        .await
        .ends(0);
    assert_eq!(bench.figure("default:a", "availableQuantity"), 91);
    bench.is_clean().await;
}
