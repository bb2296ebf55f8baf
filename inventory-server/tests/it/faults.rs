use std::{sync::Arc, thread};

use devstack::{
    redis::{Appendonly, RedisServer},
    wait,
};

use crate::support::{Server, TIMEOUT, json};

/// Redis that remembers what it was told when it is started again.
fn durable_redis() -> Arc<RedisServer> {
    Arc::new(
        RedisServer::builder()
            .appendonly(Appendonly::Always)
            .start()
            .expect("a Redis"),
    )
}

#[test]
fn without_redis_nothing_is_promised_and_with_it_all_goes_on() {
    let server = Server::on(&durable_redis(), &["--request-timeout-ms=3000"]);
    server.stock("a", 10);
    server.hold("r", "a", 1);
    server.redis.kill9().expect("killed");
    // Whoever finds the connection dead cannot know whether Redis got the command.
    let writes = [
        server.reserve_one("s"),
        server.post_empty("/api/reservations/r/confirm"),
        server.put("/api/inventories/b", &json!({"onHandQuantity": 1})),
        server.post("/api/inventories/a/adjustments", &json!({"delta": 1})),
    ];
    for answer in writes {
        assert!([503, 504].contains(&answer.status), "{}", answer.text);
    }
    let reads = [
        server.get("/api/reservations/r"),
        server.get("/api/inventories/a"),
        server.get("/api/inventories"),
        server.post("/api/inventories/bulk", &json!({"skuIds": ["a"]})),
    ];
    for answer in reads {
        assert_eq!(answer.status, 503, "{}", answer.text);
    }
    let not_ready = server.get("/readyz").expect(503);
    assert_eq!(not_ready["dependencies"]["redis"]["status"], "down");
    server.get("/healthz").expect(200);
    server.redis.start_again().expect("started");
    // The first call in the new life of Redis is what finds out about it.
    wait::until(TIMEOUT, "it serves again", || {
        [200, 201].contains(&server.reserve_one("s").status)
    })
    .expect("it serves");
    server.get("/readyz").expect(200);
    server.post_empty("/api/reservations/r/confirm").expect(200);
    assert_eq!(server.figures("a"), "8/1/1");
}

#[test]
fn an_emptied_redis_is_not_sold_from() {
    let server = Server::with(&["--request-timeout-ms=3000"]);
    server.stock("a", 10);
    server.redis.command(&["FLUSHALL"]).expect("emptied");
    let refused = || server.reserve_one("s");
    assert_eq!(refused().status, 503);
    wait::until(TIMEOUT, "it is fenced", || {
        refused().body["code"] == "SHARD_RECOVERING"
    })
    .expect("fenced");
    assert_eq!(refused().header("retry-after"), Some("1"));
    // Never an untrue 404.
    for path in [
        "/api/inventories/a",
        "/api/reservations/r",
        "/api/inventories",
    ] {
        server.get(path).refused(503, "SHARD_RECOVERING");
    }
    let not_ready = server.get("/readyz").expect(503);
    assert_eq!(not_ready["dependencies"]["gate"]["status"], "fenced");
    assert_eq!(not_ready["dependencies"]["redis"]["status"], "up");
    assert!(server.get("/metrics").text.contains("inventory_fenced 1\n"));
}

#[test]
fn a_fenced_shard_still_shows_its_stock_as_stale() {
    let redis = durable_redis();
    let before = Server::on(&redis, &["--projection=none"]);
    before.stock("a", 10);
    before.hold("r", "a", 1);
    before.process.terminate().expect("it ends");
    redis.kill9().expect("killed");
    redis.start_again().expect("started");
    let server = Server::on(&redis, &["--projection=required"]);
    let stock = server.get("/api/inventories/a");
    assert_eq!(stock.header("x-inventory-stale"), Some("true"));
    assert_eq!(stock.expect(200)["availableQuantity"], 9);
    for answer in [
        server.get("/api/inventories"),
        server.post("/api/inventories/bulk", &json!({"skuIds": ["a"]})),
    ] {
        assert_eq!(
            answer.header("x-inventory-stale"),
            Some("true"),
            "{}",
            answer.text
        );
    }
    // What is not there may not be there yet.
    for answer in [
        server.get("/api/inventories/x"),
        server.get("/api/inventories/x/stream"),
        server.post("/api/inventories/bulk", &json!({"skuIds": ["a", "x"]})),
    ] {
        answer.refused(503, "SHARD_RECOVERING");
    }
    server.reserve_one("s").refused(503, "SHARD_RECOVERING");
    server
        .get("/api/reservations/r")
        .refused(503, "SHARD_RECOVERING");
    server
        .post_empty("/api/reservations/r/confirm")
        .refused(503, "SHARD_RECOVERING");
    server.get("/readyz").expect(503);
}

#[test]
fn a_corrupt_key_spoils_only_what_needs_it() {
    let server = Server::start();
    server.stock("a", 10);
    server.stock("b", 10);
    server
        .redis
        .command(&["DEL", "inv:{s0}:stock:default:b"])
        .expect("deleted");
    server
        .redis
        .command(&["SET", "inv:{s0}:stock:default:b", "rubbish"])
        .expect("set");
    let reserve = |sku: &str| {
        let items = json!([{"skuId": sku, "quantity": 1}]);
        server.post("/api/reservations", &json!({"items": items}))
    };
    let corrupt = reserve("b").refused(500, "STORE_CORRUPT");
    assert!(
        corrupt["key"]
            .as_str()
            .expect("a key")
            .ends_with("default:b"),
        "{corrupt}"
    );
    reserve("a").expect(201);
    let both = json!({"reservations": [
        {"items": [{"skuId": "b", "quantity": 1}]},
        {"items": [{"skuId": "a", "quantity": 1}]}
    ]});
    let results = server.post("/api/reservations/batch", &both).expect(200);
    assert_eq!(results["results"][0]["problem"]["code"], "STORE_CORRUPT");
    assert_eq!(results["results"][1]["status"], "RESERVED");
    assert_eq!(server.figures("a"), "8/2/0");
}

#[test]
fn a_corrupt_stock_does_not_hide_the_others() {
    let server = Server::start();
    for sku in ["a", "b", "c"] {
        server.stock(sku, 10);
    }
    let key = "inv:{s0}:stock:default:b";
    let corrupt = json!([{"skuId": "b", "locationId": "default"}]);
    for spoil in [
        &["HSET", key, "availableQuantity", "rubbish"][..],
        &["SET", key, "rubbish"],
    ] {
        server.redis.command(spoil).expect("spoilt");
        let read = [
            server.get("/api/inventories").expect(200),
            server
                .post(
                    "/api/inventories/bulk",
                    &json!({"skuIds": ["c", "b", "a", "x"]}),
                )
                .expect(200),
        ];
        for read in &read {
            assert_eq!(read["corrupt"], corrupt);
            assert_eq!(read["inventories"].as_array().map(Vec::len), Some(2));
        }
        assert_eq!(read[1]["unknown"], json!(["x"]));
        for _ in 0..2 {
            server
                .get("/api/inventories/b")
                .refused(500, "STORE_CORRUPT");
            server.get("/api/inventories/a").expect(200);
        }
    }
    // Those who read at the same time are answered together, and each as if it were alone.
    server.redis.pause().expect("paused");
    thread::scope(|scope| {
        let readers: Vec<_> = ["a", "b", "c", "b", "a"]
            .map(|sku| {
                let server = &server;
                let reader = move || server.get(&format!("/api/inventories/{sku}")).status;
                (sku, scope.spawn(reader))
            })
            .into_iter()
            .collect();
        server.redis.resume().expect("resumed");
        for (sku, reader) in readers {
            let status = if sku == "b" { 500 } else { 200 };
            assert_eq!(reader.join().expect("no panic"), status, "{sku}");
        }
    });
}

#[test]
fn a_redis_without_memory_takes_no_holds_and_lets_them_end() {
    let server = Server::with(&["--request-timeout-ms=3000"]);
    server.stock("a", 10);
    server.hold("r", "a", 1);
    server.hold("s", "a", 1);
    server
        .redis
        .command(&["CONFIG", "SET", "maxmemory", "1"])
        .expect("set");
    server.reserve_one("t").refused(503, "STORE_UNAVAILABLE");
    server.post_empty("/api/reservations/r/confirm").expect(200);
    server.post_empty("/api/reservations/s/release").expect(200);
    server
        .redis
        .command(&["CONFIG", "SET", "maxmemory", "0"])
        .expect("set");
    server.reserve_one("t").expect(201);
    assert_eq!(server.figures("a"), "8/1/1");
}

#[test]
fn a_full_journal_takes_no_holds_and_lets_them_end() {
    let server = Server::with(&["--journal-max-bytes=1048576"]);
    server.stock("a", 1_000_000);
    server.hold("r", "a", 1);
    // With a projection attached that takes nothing, nothing may be trimmed.
    server
        .redis
        .command(&["HSET", "inv:{s0}:meta", "projection", "a test"])
        .expect("set");
    let note = "x".repeat(1_000);
    let mut batches = 0;
    let full = || {
        batches += 1;
        let reservations: Vec<_> = (0..200)
            .map(|n| {
                json!({"reservationId": format!("{batches}-{n}"), "metadata": {"note": note},
                    "items": [{"skuId": "a", "quantity": 1}]})
            })
            .collect();
        let answer = server.post(
            "/api/reservations/batch",
            &json!({"reservations": reservations}),
        );
        if answer.status == 503 {
            assert_eq!(answer.header("retry-after"), Some("5"));
            answer.refused(503, "JOURNAL_FULL");
            return true;
        }
        answer.expect(200);
        false
    };
    wait::until(TIMEOUT, "the journal is full", full).expect("full");
    server.reserve_one("s").refused(503, "JOURNAL_FULL");
    assert!(
        server
            .get("/metrics")
            .text
            .contains("inventory_journal_full 1\n")
    );
    server.post_empty("/api/reservations/r/confirm").expect(200);
    server
        .redis
        .command(&["HDEL", "inv:{s0}:meta", "projection"])
        .expect("deleted");
    wait::until(TIMEOUT, "the journal was trimmed", || {
        server.reserve_one("s").status == 201
    })
    .expect("trimmed");
}
