//! At the bounds: of numbers, of batches, of ids.

use inventory_core::{
    limits::{
        BATCH_LINES_MAX, BATCH_RESERVATIONS_MAX, DERIVED_ID_LEN_MAX, LINES_MAX, QUANTITY_MAX,
        REAP_MAX, RETURNS_MAX, STOCK_MAX,
    },
    *,
};

use crate::{
    ledger::{check_books, entries},
    support::*,
};

#[tokio::test]
async fn the_largest_stock_loses_no_unit() {
    let store = store().await;
    store.put("sku-1", STOCK_MAX).await;
    store.reserve("r-1", &[("sku-1", 1)]).await.unwrap();
    let most = [("sku-1", QUANTITY_MAX)];
    store.reserve("r-2", &most).await.unwrap();
    store.confirm(&confirm("r-2")).await.unwrap();
    let million = u64::from(QUANTITY_MAX);
    let left = STOCK_MAX - 1 - million;
    assert_eq!(store.figures("sku-1").await, (left, 1, million));
    // Sold units count too: they may come back.
    let too_large = Err(Refusal::StockTooLarge);
    assert_eq!(store.adjust(&adjust("a-1", "sku-1", 1)).await, too_large);
    let huge = store.adjust(&adjust("a-1", "sku-1", i64::MAX)).await;
    assert_eq!(huge, too_large);
    let counted = store.count(&count("n-1", "sku-1", STOCK_MAX)).await;
    assert_eq!(counted, Err(Refusal::StockTooLarge));
    let less = store.adjust(&adjust("a-2", "sku-1", i64::MIN)).await;
    let short = Shortage {
        key: key("sku-1"),
        requested: i64::MIN.unsigned_abs(),
        available: left,
    };
    assert_eq!(less, Err(Refusal::InsufficientStock(vec![short])));
    store.adjust(&adjust("a-3", "sku-1", -1)).await.unwrap();
    store.adjust(&adjust("a-4", "sku-1", 1)).await.unwrap();
    let back = give_back("r-2", "t", &[]);
    store.give_back(&back).await.unwrap();
    store.release(&release("r-1")).await.unwrap();
    assert_eq!(store.figures("sku-1").await, (STOCK_MAX, 0, 0));
    let everything = -i64::try_from(STOCK_MAX).unwrap();
    let emptied = adjust("a-5", "sku-1", everything);
    assert_eq!(store.adjust(&emptied).await.unwrap().value.available, 0);
    let filled = adjust("a-6", "sku-1", -everything);
    let filled = store.adjust(&filled).await.unwrap().value;
    assert_eq!(filled.available, STOCK_MAX);
    let figure = store.raw(&["HGET", &k("stock:default:sku-1"), "availableQuantity"]);
    assert_eq!(figure.text().unwrap(), "9007199254740991");
    check_books(&store).await;
}

#[tokio::test]
async fn the_longest_hold_is_kept_to_the_millisecond() {
    let store = store().await;
    store.put("sku-1", 1).await;
    let longest = Reserve {
        ttl_ms: u32::MAX,
        ..reserve("r", &[("sku-1", 1)])
    };
    store.hold(&longest).await.unwrap();
    let record = store.record("r").await.unwrap();
    assert_eq!(record.deadline, T0.plus_ms(u64::from(u32::MAX)));
    store.clock.advance_ms(u64::from(u32::MAX) - 1);
    assert_eq!(store.sweep().await.expired, 0);
    store.clock.advance_ms(1);
    assert_eq!(store.sweep().await.expired, 1);
    check_books(&store).await;
}

/// `LINES_MAX` lines of stocks of their own.
fn many(stocks: &[String], quantity: u32) -> Vec<(&str, u32)> {
    stocks.iter().map(|s| (s.as_str(), quantity)).collect()
}

#[tokio::test]
async fn a_hundred_lines_go_through_their_whole_life() {
    let stocks: Vec<String> = (0..LINES_MAX)
        .map(|i| format!("w-{}|sku-{i}", i % 7))
        .collect();
    let store = store().await;
    for stock in &stocks {
        store.put(stock, 10).await;
    }
    let items = many(&stocks, 2);
    for id in ["sold", "part", "released", "expired"] {
        let command = Reserve {
            ttl_ms: 1_000,
            ..reserve(id, &items)
        };
        store.hold(&command).await.unwrap();
    }
    let sold = store.confirm(&confirm("sold")).await.unwrap().value;
    assert_eq!(sold.confirmed.unwrap().lines, lines(&items));
    let half = Confirm {
        lines: Some(lines(&many(&stocks[..50], 1))),
        ..confirm("part")
    };
    store.confirm(&half).await.unwrap();
    store.release(&release("released")).await.unwrap();
    store.clock.advance_ms(1_000);
    assert_eq!(store.sweep().await.expired, 1);
    let reacquire = Confirm {
        reacquire: true,
        ..confirm("expired")
    };
    store.confirm(&reacquire).await.unwrap();
    let returned = give_back("sold", "all", &[]);
    let returned = store.give_back(&returned).await.unwrap().value;
    assert_eq!(returned.status, Status::Returned);
    // All that is short or unknown is named, in the order asked.
    let short = store.reserve("too-much", &many(&stocks, 9)).await;
    let Err(Refusal::InsufficientStock(shortages)) = short else {
        panic!("{short:?}")
    };
    let named: Vec<_> = shortages.iter().map(|s| s.key.to_string()).collect();
    assert_eq!(named, stocks);
    let nowhere: Vec<String> = (0..LINES_MAX).map(|i| format!("gone-{i}")).collect();
    let unknown = store.reserve("unknown", &many(&nowhere, 1)).await;
    let Err(Refusal::UnknownSku(keys)) = unknown else {
        panic!("{unknown:?}")
    };
    assert_eq!(keys.len(), LINES_MAX);
    check_books(&store).await;
}

#[tokio::test]
async fn a_full_batch_is_one_call_and_reaps_a_full_bite() {
    let per_reservation = BATCH_LINES_MAX / BATCH_RESERVATIONS_MAX;
    let stocks: Vec<String> = (0..BATCH_LINES_MAX).map(|i| format!("sku-{i}")).collect();
    let store = store().await;
    for stock in &stocks {
        store.put(stock, 1).await;
    }
    // Every unit is held by a due hold, two lines each.
    let due: Vec<_> = stocks
        .chunks(2)
        .enumerate()
        .map(|(i, pair)| Reserve {
            ttl_ms: 1,
            ..reserve(&format!("due-{i}"), &many(pair, 1))
        })
        .collect();
    assert_eq!(due.len(), REAP_MAX);
    let answers = store.engine.reserve_batch(S, &due, soon()).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap().is_ok()));
    store.clock.advance_ms(1);
    let batch: Vec<_> = stocks
        .chunks(per_reservation)
        .enumerate()
        .map(|(i, chunk)| reserve(&format!("r-{i}"), &many(chunk, 1)))
        .collect();
    assert_eq!(batch.len(), BATCH_RESERVATIONS_MAX);
    let before = entries(&store.engine).await.len();
    let answers = store.engine.reserve_batch(S, &batch, soon()).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap().is_ok()));
    let written = &entries(&store.engine).await[before..];
    assert_eq!(written.len(), 1);
    let EntryBody::Changes { stocks, changes } = &written[0].body else {
        panic!("{written:?}")
    };
    assert_eq!(stocks.len(), BATCH_LINES_MAX);
    assert_eq!(changes.len(), BATCH_RESERVATIONS_MAX + REAP_MAX);
    check_books(&store).await;
}

#[tokio::test]
async fn more_than_a_batch_goes_in_several_calls_and_same_ids_in_different_ones() {
    let store = store().await;
    store.put("sku-1", 10_000).await;
    let before = entries(&store.engine).await.len();
    let mut batch: Vec<_> = (0..300)
        .map(|i| reserve(&format!("r-{i}"), &[("sku-1", 1)]))
        .collect();
    batch.push(reserve("r-299", &[("sku-1", 1)]));
    batch.push(reserve("r-299", &[("sku-1", 2)]));
    let answers = store.engine.reserve_batch(S, &batch, soon()).await;
    assert_eq!(answers.len(), 302);
    let mut answers = answers.into_iter().map(Result::unwrap);
    assert!(answers.by_ref().take(300).all(|a| !a.unwrap().replayed));
    assert!(answers.next().unwrap().unwrap().replayed);
    assert_eq!(answers.next().unwrap(), Err(Refusal::IdempotencyMismatch));
    // The repeats write nothing.
    assert_eq!(entries(&store.engine).await.len() - before, 3);
    assert!(store.engine.reserve_batch(S, &[], soon()).await.is_empty());

    // By lines: 100 and 100, then each further one would pass the bound with the fifth.
    let wide: Vec<String> = (0..LINES_MAX).map(|i| format!("w-{i}")).collect();
    for stock in &wide {
        store.put(stock, 100).await;
    }
    let batch: Vec<_> = (0..12)
        .map(|i| reserve(&format!("wide-{i}"), &many(&wide, 1)))
        .collect();
    let before = entries(&store.engine).await.len();
    let answers = store.engine.reserve_batch(S, &batch, soon()).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap().is_ok()));
    assert_eq!(entries(&store.engine).await.len() - before, 3);
    check_books(&store).await;
}

#[tokio::test]
async fn as_many_returns_as_are_allowed_are_remembered() {
    let store = store().await;
    store.put("sku-1", 200).await;
    store.reserve("r", &[("sku-1", 200)]).await.unwrap();
    store.confirm(&confirm("r")).await.unwrap();
    for i in 0..RETURNS_MAX {
        let part = give_back("r", &format!("t-{i}"), &[("sku-1", 1)]);
        store.give_back(&part).await.unwrap();
    }
    let one_more = give_back("r", "one-more", &[("sku-1", 1)]);
    assert_eq!(
        store.give_back(&one_more).await,
        Err(Refusal::TooManyReturns)
    );
    let first = give_back("r", "t-0", &[("sku-1", 1)]);
    assert!(store.give_back(&first).await.unwrap().replayed);
    check_books(&store).await;
}

#[tokio::test]
async fn ids_of_the_longest_kind_are_taken_everywhere() {
    let long = |letter: &str| letter.repeat(DERIVED_ID_LEN_MAX);
    let store = store().await;
    let stock = format!("{}|{}", "l".repeat(64), "s".repeat(64));
    store.count(&count(&long("n"), &stock, 10)).await.unwrap();
    store.adjust(&adjust(&long("a"), &stock, 1)).await.unwrap();
    let id = long("r");
    let command = Reserve {
        order: Some(OrderId::parse(&"o".repeat(58)).unwrap()),
        customer: Some(CustomerId::parse(&"c".repeat(64)).unwrap()),
        ..reserve(&id, &[(stock.as_str(), 5)])
    };
    store.hold(&command).await.unwrap();
    store.extend(&extend(&id, 1_000_000)).await.unwrap();
    store.confirm(&confirm(&id)).await.unwrap();
    let back = give_back(&id, &long("t"), &[(stock.as_str(), 1)]);
    store.give_back(&back).await.unwrap();
    assert_eq!(store.figures(&stock).await, (7, 0, 4));
    check_books(&store).await;
}

#[tokio::test]
async fn names_that_look_alike_are_kept_apart() {
    // SKUs, reservations, operations and customers all named so.
    let names = [
        "a",
        "A",
        "a:b",
        "b",
        "a:b:c",
        "b:c",
        "default:a",
        "closed",
        "meta",
        "rsv:a",
        "op:a",
        "stock:default:a",
        "used:1-1:a",
        "journal",
        "0",
        "00",
        "-",
        "_",
        "a.b",
        "a-b",
        "1e3",
    ];
    let store = store().await;
    let limit = PurchaseLimit::new(5, None).unwrap();
    let mut amounts = std::collections::BTreeMap::new();
    let mut amount = 100;
    for name in names {
        for location in ["default", "a", "b", "stock"] {
            let stock = format!("{location}|{name}");
            let first = Count {
                limit: LimitChange::Set(limit),
                ..count(&format!("n:{location}:{name}"), &stock, amount)
            };
            store.count(&first).await.unwrap();
            amounts.insert(stock, amount);
            amount += 1;
        }
        store.adjust(&adjust(name, name, 1)).await.unwrap();
    }
    for id in names {
        for (i, sku) in names.iter().enumerate() {
            if i % 4 == 0 {
                let own = format!("{id}..{i}");
                let command = reserve_for(&own, id, &[(sku, 1)]);
                store.hold(&command).await.unwrap();
            }
        }
        store
            .hold(&reserve_for(id, id, &[("b|closed", 1)]))
            .await
            .unwrap();
    }
    let each = u64::try_from(names.len()).unwrap();
    for (i, name) in names.iter().enumerate() {
        for location in ["default", "a", "b", "stock"] {
            let stock = format!("{location}|{name}");
            let held = match (i % 4, location, *name) {
                (_, "b", "closed") => each,
                (0, "default", _) => each,
                _ => 0,
            };
            let more = u64::from(location == "default");
            let amount = amounts[&stock] + more;
            let expected = (amount - held, held, 0);
            assert_eq!(store.figures(&stock).await, expected, "{stock}");
        }
    }
    check_books(&store).await;
}
