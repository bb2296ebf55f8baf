//! Commands that show.

use super::*;

#[tokio::test]
async fn status_shows_both_sides() {
    let bench = Bench::stocked().await;
    let json = bench.run(&["status"]).await.ends(0).unaudited().json();
    assert_eq!(json["shard"]["phase"], "following");
    assert_eq!(json["shard"]["lagSeconds"], 0.0);
    assert_eq!(json["redis"]["journalLast"], json["mariadb"]["position"]);
    assert_eq!(json["mariadb"]["openDeadLetters"], 0);
    let plain = reconcile(&bench.world, &["status"]).await.ends(0);
    assert!(plain.out.contains("shard\tphase\tfollowing"), "{plain:?}");

    bench
        .world
        .sql(&["UPDATE stock_item SET ledger_quantity = 1 WHERE sku_id = 'a'"])
        .await;
    let json = bench.run(&["status"]).await.ends(1).json();
    assert_eq!(json["mariadb"]["stocksOffLedger"], 1);
    bench.world.redis.kill9().unwrap();
    let json = bench.run(&["status"]).await.ends(2).json();
    assert_eq!(json["redis"]["status"], "down");
    assert_eq!(json["mariadb"]["status"], "FOLLOWING");
}

#[tokio::test]
async fn the_journal_is_shown_filtered_and_followed() {
    let bench = Bench::stocked().await;
    let kinds = async |args: &[&str]| {
        let ran = bench
            .run(&[&["journal", "tail"], args].concat())
            .await
            .ends(0)
            .unaudited();
        let lines = ran.out.lines().map(|line| {
            let json: Value = serde_json::from_str(line).unwrap();
            json["kind"].as_str().unwrap().to_owned()
        });
        lines.collect::<Vec<_>>()
    };
    let all = kinds(&[]).await;
    assert_eq!(all.last().unwrap(), "RELEASED");
    assert_eq!(
        kinds(&["--reservation", "sold"]).await,
        ["RESERVED", "CONFIRMED"]
    );
    assert_eq!(
        kinds(&["--sku", "b", "--kind", "counted"]).await,
        ["COUNTED"]
    );
    assert_eq!(kinds(&["--max", "1"]).await.len(), 1);
    let last = bench.world.survey().await.last.unwrap().to_string();
    assert_eq!(kinds(&["--after", &last]).await, [""; 0]);
    let plain = reconcile(&bench.world, &["journal", "tail", "--reservation", "back"]).await;
    assert!(
        plain.ends(0).out.contains("RELEASED back 5xb [b 50/0/0 v"),
        "plain"
    );

    let args = [
        "journal", "tail", "--follow", "--after", &last, "--max", "2",
    ];
    let followed = bench.run(&args);
    let act = async {
        bench.world.reserve("late-1", &[("a", 1)]).await;
        bench.world.reserve("late-2", &[("a", 1)]).await;
    };
    let (followed, ()) = tokio::join!(followed, act);
    assert_eq!(followed.ends(0).out.lines().count(), 2);
}

#[tokio::test]
async fn a_reservation_is_shown_with_its_history() {
    let bench = Bench::stocked().await;
    let json = bench.run(&["reservation", "sold"]).await.ends(0).json();
    assert_eq!(json["redis"]["reservation"]["status"], "CONFIRMED");
    assert_eq!(json["redis"], json["mariadb"]);
    let history = json["history"].as_array().unwrap().iter();
    let kinds: Vec<_> = history.map(|log| log["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["RESERVED", "CONFIRMED"]);
    bench.run(&["reservation", "nobody"]).await.ends(2);
    let plain = reconcile(&bench.world, &["reservation", "open"])
        .await
        .ends(0);
    assert!(plain.out.contains("100/0/0 -> 97/3/0"), "{plain:?}");
    bench.redis(&["DEL", &k("rsv:open")]);
    let ran = bench.run(&["reservation", "open"]).await.ends(1);
    let ran = ran.unaudited();
    assert_eq!(ran.json()["differs"], "missing in Redis");
}

#[tokio::test]
async fn dead_letters_are_shown_replayed_and_discarded() {
    let bench = Bench::stocked().await;
    bench.run(&["dead-letters", "list"]).await.ends(0);
    let after = bench.world.survey().await.last;
    bench.world.reserve("late", &[("b", 1)]).await;
    bench.world.at_rest().await;
    let wait = std::time::Duration::ZERO;
    let raw = bench.world.engine.entries(S, after, 1, wait).await.unwrap();
    for item in [0, 1] {
        sqlx::query(
            "INSERT INTO dead_letter
                (source, shard, epoch, n, item, reason, payload, tries, status, created_at)
             VALUES ('projection', 0, ?, ?, ?, 'a test', ?, 3, 'OPEN', NOW(3))",
        )
        .bind(raw[0].id.epoch.0)
        .bind(raw[0].id.n)
        .bind(item)
        .bind(raw[0].payload())
        .execute(&bench.world.pool)
        .await
        .unwrap();
    }
    let listed = bench.run(&["dead-letters", "list"]).await.ends(1);
    let listed = listed.unaudited().json();
    let ids: Vec<_> = listed["deadLetters"].as_array().unwrap().iter().collect();
    let id = |place: usize| ids[place]["id"].to_string();
    assert_eq!(
        bench.run(&["check"]).await.ends(0).json()["openDeadLetters"],
        2
    );
    let discarded = format!("dead-letters discard {}", id(0));
    bench
        .run(&["dead-letters", "discard", &id(0)])
        .await
        .ends(0)
        .audited(&discarded, "done");
    bench
        .run(&["dead-letters", "discard", &id(0)])
        .await
        .ends(1)
        .audited(&discarded, "refused");
    bench
        .run(&["dead-letters", "discard", "4711"])
        .await
        .ends(1);
    // Nothing is left to do in it: the entry has one change.
    let ran = bench.run(&["dead-letters", "replay", &id(1)]).await.ends(0);
    ran.audited(&format!("dead-letters replay {}", id(1)), "done");
    bench.run(&["dead-letters", "list"]).await.ends(0);
    let all = bench
        .run(&["dead-letters", "list", "--all"])
        .await
        .ends(0)
        .json();
    assert_eq!(all["deadLetters"].as_array().unwrap().len(), 2);
    assert_eq!(all["deadLetters"][0]["closedBy"], "reconcile:tester");
}
