//! What `check` finds, and that it finds nothing where there is nothing.

use inventory_core::{Context, Count, CustomerId, LimitChange, PurchaseLimit, Reserve, Retire};

use super::*;

#[tokio::test]
async fn two_sides_that_agree_are_clean() {
    let bench = Bench::stocked().await;
    let ran = bench.run(&["check"]).await.ends(0);
    let json = ran.json();
    assert_eq!(json["outcome"], "clean");
    assert_eq!(json["compared"]["stocks"], 3);
    assert_eq!(json["compared"]["reservations"], 3);
    assert_eq!(json["compared"]["operations"], 3);
    let named = bench
        .run(&["check", "--sku", "a", "--reservation", "open"])
        .await;
    assert_eq!(named.ends(0).json()["compared"]["stocks"], 1);
    let plain = reconcile(&bench.world, &["check"]).await.ends(0);
    assert!(plain.out.starts_with("clean: 3 stocks"), "{plain:?}");
}

#[tokio::test]
async fn each_single_difference_is_found() {
    let bench = Bench::stocked().await;
    let world = &bench.world;
    let rsv = |id: &str| k(&format!("rsv:{id}"));
    let stock = k("stock:default:a");
    let open = world.bytes("rsv:open").unwrap();

    // A quantity.
    bench.redis(&["HINCRBY", &stock, "availableQuantity", "5"]);
    assert_found(&bench, &["stock a figures differ"]).await;
    bench.redis(&["HINCRBY", &stock, "availableQuantity", "-5"]);
    world
        .sql(&["UPDATE stock_item SET reserved_quantity = 4 WHERE sku_id = 'a'"])
        .await;
    assert_found(&bench, &["stock a figures differ"]).await;
    world
        .sql(&["UPDATE stock_item SET reserved_quantity = 3 WHERE sku_id = 'a'"])
        .await;

    // A missing hold, an extra one, and one in another state.
    bench.redis(&["DEL", &rsv("open")]);
    assert_found(&bench, &["reservation open missing in Redis"]).await;
    world.raw(&[&b"SET"[..], rsv("open").as_bytes(), &open]);
    world.raw(&[&b"SET"[..], rsv("extra").as_bytes(), &open]);
    assert_found(&bench, &["reservation extra missing in MariaDB"]).await;
    bench.redis(&["DEL", &rsv("extra")]);
    let mut changed = open.clone();
    changed[17] = b'C';
    world.raw(&[&b"SET"[..], rsv("open").as_bytes(), &changed]);
    assert_found(&bench, &["reservation open records differ"]).await;
    world.raw(&[&b"SET"[..], rsv("open").as_bytes(), &open]);
    world
        .sql(&["UPDATE reservation SET status = 'EXPIRED' WHERE reservation_id = 'open'"])
        .await;
    assert_found(&bench, &["reservation open columns differ from the record"]).await;
    world
        .sql(&["UPDATE reservation SET status = 'RESERVED' WHERE reservation_id = 'open'"])
        .await;
    world
        .sql(&["UPDATE reservation_item SET quantity = 9 WHERE reservation_id = 'sold'"])
        .await;
    assert_found(&bench, &["reservation sold items differ from the record"]).await;
    world
        .sql(&["UPDATE reservation_item SET quantity = 2 WHERE reservation_id = 'sold'"])
        .await;

    // An outcome, a stock on one side only, a strange key, and the ledger.
    world
        .sql(&["DELETE FROM stock_operation WHERE operation_id = 'op-b'"])
        .await;
    bench.redis(&["DEL", &k("stock:default:b")]);
    bench.redis(&["SET", &k("what"), "?"]);
    world
        .sql(&["UPDATE stock_item SET ledger_quantity = 11 WHERE sku_id = 'c'"])
        .await;
    assert_found(
        &bench,
        &[
            "stock b missing in Redis",
            "stock seoul|c the ledger does not add up",
            "operation op-b missing in MariaDB",
            "key inv:{s0}:what not a key of the engine",
        ],
    )
    .await;
    let named = bench.run(&["check", "--sku", "c"]).await.ends(1);
    assert_eq!(named.drift().len(), 1);
    bench
        .run(&["check", "--sku", "a", "--reservation", "open"])
        .await
        .ends(0);
    let plain = reconcile(&bench.world, &["check"]).await.ends(1);
    assert!(plain.out.contains("4 differences"), "{plain:?}");
}

#[track_caller]
fn found(ran: &Ran) -> Vec<String> {
    let drift = ran.drift().into_iter();
    drift
        .map(|(kind, id, what)| format!("{kind} {id} {what}"))
        .collect()
}

async fn assert_found(bench: &Bench, expected: &[&str]) {
    let ran = bench.run(&["check"]).await.ends(1);
    assert_eq!(found(&ran), expected);
}

#[tokio::test]
async fn limits_counters_and_retired_stocks_are_compared() {
    let bench = bench().await;
    let world = &bench.world;
    let limited = |operation: &str, stock: &str, window_seconds| Count {
        limit: LimitChange::Set(PurchaseLimit::new(5, window_seconds).unwrap()),
        ..count(operation, stock, 100)
    };
    let engine = &world.engine;
    for command in [
        limited("op-a", "a", None),
        limited("op-b", "b", Some(3_600)),
    ] {
        engine.count(S, &command, soon()).await.unwrap().unwrap();
    }
    for (id, stock) in [("r-1", "a"), ("r-2", "b"), ("r-3", "b")] {
        let command = Reserve {
            customer: Some(CustomerId::parse("c-1").unwrap()),
            ..reserve(id, &[(stock, 2)])
        };
        engine.reserve(S, &command, soon()).await.unwrap().unwrap();
    }
    world.put("op-c", "c", 0).await;
    let retire = Retire {
        key: key("c"),
        context: Context::default(),
    };
    engine.retire(S, &retire, soon()).await.unwrap().unwrap();
    let ran = bench.run(&["check"]).await.ends(0);
    assert_eq!(ran.json()["compared"]["limits"], 2);
    assert_eq!(ran.json()["compared"]["counters"], 2);

    let limit = world.hash("limits").into_iter().find(|(sku, _)| sku == "a");
    let generation = limit.unwrap().1.rsplit_once(' ').unwrap().1.to_owned();
    let used = k(&format!("used:{generation}:a"));
    bench.redis(&["HSET", &used, "c-1", "1"]);
    bench.redis(&["HSET", &used, "c-2", "1"]);
    world
        .sql(&["UPDATE purchase_limit SET quantity = 6 WHERE sku_id = 'b'"])
        .await;
    bench.redis(&["HSET", &k("retired"), "default:c", "0 9"]);
    assert_found(
        &bench,
        &[
            "limit b limits differ",
            "used a c-1 what was used differs",
            "used a c-2 what was used differs",
            "retired c figures differ",
        ],
    )
    .await;
}

#[tokio::test]
async fn it_could_not_tell() {
    let bench = Bench::stocked().await;
    let Bench { world, working } = bench;
    let unclear = async |args: &[&str], why: &str| {
        let args = [&["--json"], args].concat();
        let ran = reconcile(&world, &args).await.ends(2);
        assert!(ran.err.contains(why), "{why}: {ran:?}");
        assert_eq!(ran.json()["outcome"], "unclear");
    };
    // The projection is behind.
    working.stop().await;
    world.put("op-a2", "a", 90).await;
    unclear(&["check", "--wait-seconds", "0"], "behind").await;
    // Being copied anew.
    world
        .sql(&["UPDATE journal_cursor SET state = 'STALE'"])
        .await;
    unclear(&["check"], "STALE").await;
    world
        .sql(&["UPDATE journal_cursor SET state = 'FOLLOWING', lineage = REPEAT('f', 32)"])
        .await;
    unclear(&["check"], "not two sides").await;
    // Another life of Redis.
    world.redis.kill9().unwrap();
    unclear(&["check"], "reach Redis").await;
    world.redis.start_again().unwrap();
    unclear(&["check"], "fenced").await;
    unclear(&["export"], "fenced").await;
    unclear(&["verify-invariants"], "fenced").await;
    // No database.
    let nowhere = "mysql://root@127.0.0.1:1/x";
    let ran = reconcile_on(&world.redis.url(), nowhere, &["dead-letters", "list"]).await;
    assert!(ran.ends(2).err.contains("MariaDB"));
    let empty = database_url();
    let ran = reconcile_on(&world.redis.url(), &empty, &["reservation", "open"]).await;
    assert!(ran.ends(2).err.contains("fenced"));
}

#[tokio::test]
async fn arguments_that_make_no_sense_are_usage() {
    let usage = async |args: &[&str]| {
        let url = "redis://127.0.0.1:1";
        let ran = reconcile_on(url, "mysql://root@127.0.0.1:1/x", args).await;
        ran.ends(64)
    };
    usage(&[]).await;
    usage(&["chekc"]).await;
    usage(&["check", "--sku", "a b"]).await;
    usage(&["repair", "--from", "redis"]).await;
    usage(&["repair", "--from", "kafka", "--reason", "x"]).await;
    usage(&["--database-url", "nonsense", "dead-letters", "list"]).await;
    usage(&["--redis-url", "nonsense", "check"]).await;
    usage(&["bless"]).await;
    usage(&["rebuild", "--discard-redis", "--adopt-redis"]).await;
    usage(&["journal", "tail", "--kind", "SOLD"]).await;
    let help = reconcile_on("x", "x", &["--help"]).await.ends(0);
    assert!(help.out.contains("Exit codes: 0 fine; 1 drift"), "{help:?}");
}
