//! The relay and Debezium on the same transactions, each to a broker of its own.

use std::collections::BTreeSet;

use super::{LOCKED, Row, Shop, TRACEPARENT, order, published, seen};
use crate::support;

/// Some in the table when the connector comes, some after, in transactions of one row and of many.
fn transactions(part: &str) -> Vec<Vec<Row>> {
    let test = format!("both-{part}");
    let many = |from: usize, rows: usize| {
        (from..from + rows)
            .map(|n| Row::new(&test, n, n % 7))
            .collect::<Vec<_>>()
    };
    let odd = |n: usize, payload: &str, traceparent: Option<&str>| {
        let row = Row {
            payload: payload.to_owned(),
            traceparent: traceparent.map(ToOwned::to_owned),
            topic: LOCKED,
            ..Row::new(&test, n, 8)
        };
        vec![row]
    };
    let long = format!("{{\"long\": \"{}\"}}", "재고 😀 x".repeat(71_000));
    assert!((900_000..1_000_000).contains(&long.len()), "{}", long.len());
    vec![
        many(0, 1),
        many(100, 300),
        odd(
            1_000,
            "{ \"a\" : \"\\u00e9 é 한국어 😀 \\\"\\\\ \\n\"\n\t}  ",
            None,
        ),
        odd(1_001, &long, Some(TRACEPARENT)),
        odd(1_002, &long, None),
        odd(
            1_003,
            "{\"payload\":null,\"traceparent\":\"x\"}",
            Some(TRACEPARENT),
        ),
        // Twice the same, with another id.
        odd(1_004, "{}", None),
        odd(1_005, "{}", None),
        many(2_000, 50),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relay_and_debezium_publish_the_same() {
    let shop = Shop::open("both").await;
    shop.make_topics(&support::kafka()).await;
    let (before, after) = (transactions("before"), transactions("later"));
    for rows in &before {
        shop.write(rows).await.unwrap();
    }
    shop.register().await;
    for rows in &after {
        shop.write(rows).await.unwrap();
    }
    let rows: Vec<Row> = before.into_iter().chain(after).flatten().collect();
    let debezium = published(&shop.brokers(), &rows).await;
    let relay = shop.relay(support::kafka());
    shop.until_empty().await;
    relay.stop().await;
    let relayed = published(&support::brokers(), &rows).await;

    assert_eq!(debezium.len(), 2);
    for (topic, messages) in &debezium {
        let others = &relayed[topic];
        assert_eq!(messages.len(), others.len());
        let set = |messages: &[_]| messages.iter().map(seen).collect::<BTreeSet<_>>();
        let (ours, theirs) = (set(messages), set(others));
        for (one, other) in ours.iter().zip(&theirs) {
            assert!(one == other, "{:?}\n{:?}", one.headers, other.headers);
            let names: Vec<_> = one.headers.iter().map(|(name, _)| &**name).collect();
            let expected = &["ce_type", "content-type", "id", "traceparent"][..];
            assert_eq!(names, expected[..one.header_count]);
        }
        assert_eq!(order(messages), order(others));
        let bytes: BTreeSet<_> = messages.iter().map(|it| seen(it).payload).collect();
        for row in rows.iter().filter(|row| row.topic == *topic) {
            assert!(bytes.contains(row.payload.as_bytes()), "{}", row.id);
        }
    }
    shop.close().await;
}
