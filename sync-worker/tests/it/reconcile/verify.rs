//! Each invariant is found when it is broken.

use super::*;

#[tokio::test]
async fn invariants_hold_and_each_is_found_when_broken() {
    let bench = Bench::stocked().await;
    let world = &bench.world;
    let ran = bench.run(&["verify-invariants"]).await.ends(0);
    assert_eq!(ran.json()["checked"]["stocks"], 3);
    assert_eq!(ran.json()["checked"]["openHolds"], 1);
    let broken = async |rules: &[&str]| {
        let json = bench.run(&["verify-invariants"]).await.ends(1).json();
        let found = json["violations"].as_array().unwrap().iter();
        let found: Vec<_> = found.map(|v| v["rule"].as_str().unwrap()).collect();
        assert_eq!(found, rules, "{json}");
    };
    let both = async |breaks: &'static str, rules: &[&str], mends: &'static str| {
        world.sql(&[breaks]).await;
        broken(rules).await;
        world.sql(&[mends]).await;
        bench.run(&["verify-invariants"]).await.ends(0);
    };
    both(
        "UPDATE stock_item SET available_quantity = available_quantity - 100,
             sold_quantity = sold_quantity + 100 WHERE sku_id = 'a'",
        &["not-negative", "chain"],
        "UPDATE stock_item SET available_quantity = available_quantity + 100,
             sold_quantity = sold_quantity - 100 WHERE sku_id = 'a'",
    )
    .await;
    both(
        "UPDATE reservation SET status = 'EXPIRED' WHERE reservation_id = 'open'",
        &["reserved", "reserved"],
        "UPDATE reservation SET status = 'RESERVED' WHERE reservation_id = 'open'",
    )
    .await;
    both(
        "UPDATE stock_item SET ledger_quantity = 51 WHERE sku_id = 'b'",
        &["ledger", "ledger-sum"],
        "UPDATE stock_item SET ledger_quantity = 50 WHERE sku_id = 'b'",
    )
    .await;
    both(
        "UPDATE stock_journal SET available_before = 96 WHERE sku_id = 'b' AND version = 2",
        &["chain", "balance"],
        "UPDATE stock_journal SET available_before = 50 WHERE sku_id = 'b' AND version = 2",
    )
    .await;
    both(
        "UPDATE stock_journal SET kind = 'RELEASED' WHERE kind = 'RESERVED' AND reservation_id = 'sold'",
        &["resolved-once"],
        "UPDATE stock_journal SET kind = 'RESERVED' WHERE kind = 'RELEASED' AND reservation_id = 'sold'",
    )
    .await;
    bench.redis(&["HINCRBY", &k("stock:default:b"), "version", "-1"]);
    broken(&["version"]).await;
    let plain = reconcile(world, &["verify-invariants"]).await.ends(1);
    assert!(plain.out.contains("1 violation"), "{plain:?}");
}
