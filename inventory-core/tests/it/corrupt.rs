//! A key that is not what the engine wrote costs the calls that need it, and nobody else.

use std::time::Duration;

use inventory_core::{engine::Held, *};

use crate::{ledger::entries, support::*};

const HOUR_MS: u64 = 3_600_000;

/// What may stand in a figure that the engine did not write.
const NO_FIGURES: [&str; 8] = [
    "abc",
    "",
    "-5",
    "1.5",
    "inf",
    "nan",
    "99999999999999999999",
    "9007199254740993",
];
/// Sold is passed on as it is written, so here the form counts too.
const NO_SOLD: [&str; 3] = ["1e3", "0x10", " 7"];

async fn two_stocks() -> Store {
    let store = store().await;
    store.put("good", 100).await;
    store.put("bad", 100).await;
    store
}

impl Store {
    fn stock_key(name: &str) -> String {
        k(&format!("stock:default:{name}"))
    }

    /// Three reservations in one call, the middle one in need of what is corrupt.
    async fn only_the_middle_one_is_refused(&self, middle: Reserve, round: usize) {
        let batch = [
            reserve(&format!("first-{round}"), &[("good", 1)]),
            middle,
            reserve(&format!("last-{round}"), &[("good", 1)]),
        ];
        let answers = self.engine.reserve_batch(S, &batch, soon()).await;
        let held = |answer: &Result<Outcome<Held>, Fault>| matches!(answer, Ok(Ok(_)));
        assert!(held(&answers[0]) && held(&answers[2]), "{answers:?}");
        assert!(is_corrupt(&answers[1]), "{:?}", answers[1]);
        // Whoever reads the journal is not stopped either.
        entries(&self.engine).await;
    }
}

fn is_corrupt<T>(answer: &Result<T, Fault>) -> bool {
    matches!(answer, Err(Fault::Corrupt { .. }))
}

#[tokio::test]
async fn a_stock_that_is_no_stock_refuses_what_needs_it() {
    let store = two_stocks().await;
    store.reserve("held", &[("bad", 1)]).await.unwrap();
    let bad = Store::stock_key("bad");
    let sound = bulk(store.raw(&["DUMP", &bad])).unwrap();
    let mut damages: Vec<Vec<Vec<&str>>> = vec![
        vec![vec!["DEL", &bad], vec!["SET", &bad, "text"]],
        vec![vec!["DEL", &bad], vec!["RPUSH", &bad, "1"]],
        vec![vec!["DEL", &bad], vec!["HSET", &bad, "other", "1"]],
        vec![vec!["HDEL", &bad, "version"]],
    ];
    for figure in NO_FIGURES {
        for field in ["availableQuantity", "reservedQuantity", "soldQuantity"] {
            damages.push(vec![vec!["HSET", &bad, field, figure]]);
        }
    }
    for figure in NO_SOLD {
        damages.push(vec![vec!["HSET", &bad, "soldQuantity", figure]]);
    }
    for (round, damage) in damages.into_iter().enumerate() {
        store.raw(&[
            b"RESTORE".as_slice(),
            bad.as_bytes(),
            b"0",
            &sound,
            b"REPLACE",
        ]);
        for command in &damage {
            store.raw(command);
        }
        println!("{damage:?}");
        let before = store.raw(&["DUMP", &bad]);
        let mixed = reserve("mixed", &[("good", 1), ("bad", 1)]);
        store.only_the_middle_one_is_refused(mixed, round).await;
        let engine = &store.engine;
        let operation = format!("op-{round}");
        let asked = [key("bad"), key("good")];
        let read = engine.stock(S, &asked, soon()).await.unwrap();
        assert_eq!(read.corrupt, [key("bad")]);
        assert!(read.stocks[0].is_none() && read.stocks[1].is_some());
        let page = engine.list_stock(S, None, 10, soon()).await.unwrap();
        assert_eq!(page.corrupt, [key("bad")]);
        let answer = engine
            .adjust(S, &adjust(&operation, "bad", 1), soon())
            .await;
        assert!(is_corrupt(&answer), "{answer:?}");
        let answer = engine.count(S, &count(&operation, "bad", 1), soon()).await;
        assert!(is_corrupt(&answer), "{answer:?}");
        let answer = engine.confirm(S, &confirm("held"), soon()).await;
        assert!(is_corrupt(&answer), "{answer:?}");
        let answer = engine.release(S, &release("held"), soon()).await;
        assert!(is_corrupt(&answer), "{answer:?}");
        assert_eq!(store.raw(&["DUMP", &bad]), before);
    }
    store.raw(&[
        b"RESTORE".as_slice(),
        bad.as_bytes(),
        b"0",
        &sound,
        b"REPLACE",
    ]);
    store.confirm(&confirm("held")).await.unwrap();
    assert_eq!(store.figures("bad").await, (99, 0, 1));
}

#[tokio::test]
async fn a_reservation_that_is_no_record_refuses_its_own_id() {
    let store = two_stocks().await;
    let odd = k("rsv:odd");
    store.reserve("odd", &[("good", 1)]).await.unwrap();
    let sound = bulk(store.raw(&["GET", &odd])).unwrap();
    let mut no_items = sound.clone();
    no_items.truncate(22);
    no_items.extend_from_slice(b"garbage");
    let damages: [&[&[u8]]; 6] = [
        &[b"SET", odd.as_bytes(), b""],
        &[b"SET", odd.as_bytes(), b"garbage"],
        &[b"SET", odd.as_bytes(), &[b'?'; 60]],
        &[b"SET", odd.as_bytes(), &no_items],
        &[b"HSET", odd.as_bytes(), b"a", b"b"],
        &[b"ZADD", odd.as_bytes(), b"1", b"b"],
    ];
    for (round, damage) in damages.into_iter().enumerate() {
        store.raw(&["DEL", &odd]);
        store.raw(damage);
        let same = reserve("odd", &[("good", 1)]);
        store.only_the_middle_one_is_refused(same, round).await;
        let engine = &store.engine;
        let id = rid("odd");
        assert!(is_corrupt(&engine.reservation(S, &id, soon()).await));
        let answer = engine.confirm(S, &confirm("odd"), soon()).await;
        assert!(is_corrupt(&answer), "{round} {answer:?}");
        let answer = engine.release(S, &release("odd"), soon()).await;
        assert!(is_corrupt(&answer), "{round} {answer:?}");
        let answer = engine.extend(S, &extend("odd", 1), soon()).await;
        assert!(is_corrupt(&answer), "{round} {answer:?}");
        let command = give_back("odd", "t", &[]);
        let answer = engine.return_goods(S, &command, soon()).await;
        assert!(is_corrupt(&answer), "{round} {answer:?}");
        entries(engine).await;
    }
}

#[tokio::test]
async fn an_outcome_that_is_none_refuses_its_own_operation() {
    let store = two_stocks().await;
    let odd = k("op:odd");
    let damages: [&[&str]; 4] = [
        &["SET", &odd, ""],
        &["SET", &odd, "garbage"],
        &["HSET", &odd, "a", "b"],
        &["RPUSH", &odd, "a"],
    ];
    for damage in damages {
        store.raw(&["DEL", &odd]);
        store.raw(damage);
        let before = store.dump();
        let (a, n) = (adjust("odd", "good", 1), count("odd", "good", 1));
        assert!(is_corrupt(&store.engine.adjust(S, &a, soon()).await));
        assert!(is_corrupt(&store.engine.count(S, &n, soon()).await));
        assert_eq!(store.dump(), before);
    }
}

#[tokio::test]
async fn a_counter_that_is_none_refuses_its_own_customer() {
    for window in [None, Some(60)] {
        let store = two_stocks().await;
        let limit = PurchaseLimit::new(50, window).unwrap();
        let set = Count {
            limit: LimitChange::Set(limit),
            ..count("set", "bad", 100)
        };
        store.count(&set).await.unwrap();
        for id in ["bob-1", "bob-2"] {
            let taken = reserve_for(id, "bob", &[("bad", 2)]);
            store.hold(&taken).await.unwrap();
        }
        let mut names = names(&store.redis).into_iter();
        let counter = names.find(|name| name.contains(":used:")).unwrap();
        for (round, garbage) in ["abc", "", "-1", "1.5", "1e3"].into_iter().enumerate() {
            store.raw(&["HSET", &counter, "ann", garbage]);
            let anns = reserve_for("ann", "ann", &[("bad", 1)]);
            store.only_the_middle_one_is_refused(anns, round).await;
            let bobs = reserve_for(&format!("bob:{round}"), "bob", &[("bad", 1)]);
            store.hold(&bobs).await.unwrap();
        }
        store.raw(&["SET", &counter, "text"]);
        let bobs = reserve_for("bob", "bob", &[("bad", 1)]);
        store.only_the_middle_one_is_refused(bobs, 100).await;
        // Nothing is given back to it, and what needs no counter goes on.
        let answer = store.engine.release(S, &release("bob-1"), soon()).await;
        assert!(is_corrupt(&answer), "{answer:?}");
        store.confirm(&confirm("bob-2")).await.unwrap();
    }
}

#[tokio::test]
async fn a_limit_that_is_none_refuses_its_own_sku() {
    let store = two_stocks().await;
    for (round, garbage) in ["abc", "", "5", "5 0", "x 0 1-1"].into_iter().enumerate() {
        store.raw(&["HSET", &k("limits"), "bad", garbage]);
        let needs = reserve_for("r", "ann", &[("bad", 1), ("good", 1)]);
        store.only_the_middle_one_is_refused(needs, round).await;
    }
    // A count that sets or removes it mends it.
    let remove = Count {
        limit: LimitChange::Remove,
        ..count("remove", "bad", 100)
    };
    store.count(&remove).await.unwrap();
    store.hold(&reserve("r", &[("bad", 1)])).await.unwrap();
    assert_eq!(store.stock("good").await.unwrap().purchase_limit, None);
}

#[tokio::test]
async fn corrupt_holds_that_are_due_do_not_stop_the_others() {
    const BAD: usize = 300;
    let store = store().await;
    store.put("good", 100).await;
    store.put("bad", 1_000).await;
    let brief = |id: String, stock: &str, ttl_ms| Reserve {
        ttl_ms,
        ..reserve(&id, &[(stock, 1)])
    };
    let mut batch: Vec<_> = (0..BAD)
        .map(|i| brief(format!("bad-{i}"), "bad", 1_000))
        .collect();
    batch.push(brief("no-record".to_owned(), "good", 1_000));
    batch.push(brief("text".to_owned(), "good", 1_000));
    batch.extend((0..10).map(|i| brief(format!("good-{i}"), "good", 1_001)));
    store.engine.reserve_batch(S, &batch, soon()).await;
    store.raw(&["DEL", &k("rsv:no-record")]);
    store.raw(&["SET", &k("rsv:text"), "garbage"]);
    let bad = Store::stock_key("bad");
    let figures = bulk(store.raw(&["HGET", &bad, "availableQuantity"])).unwrap();
    store.raw(&["HSET", &bad, "availableQuantity", "garbage"]);
    store.clock.advance_ms(1_001);

    let (mut expired, mut corrupt) = (0, 0);
    for _ in 0..3 {
        let swept = store.sweep().await;
        expired += swept.expired;
        corrupt += swept.corrupt;
    }
    assert_eq!((expired, corrupt), (10, BAD + 2));
    let swept = store.sweep().await;
    assert_eq!(
        (swept.remaining, swept.corrupt),
        (0, 0),
        "put off, not dropped"
    );

    // Mended, they expire when their turn comes again.
    store.raw(&[
        b"HSET".as_slice(),
        bad.as_bytes(),
        b"availableQuantity",
        &figures,
    ]);
    store.clock.advance_ms(HOUR_MS);
    let mut expired = 0;
    for _ in 0..2 {
        expired += store.sweep().await.expired;
    }
    assert_eq!(expired, BAD);
    assert_eq!(store.figures("bad").await, (1_000, 0, 0));
}

#[tokio::test]
async fn a_reserve_is_decided_though_many_corrupt_holds_are_due() {
    let store = store().await;
    store.put("good", 10).await;
    store.put("bad", 1_000).await;
    let mut batch: Vec<_> = (0..600)
        .map(|i| Reserve {
            ttl_ms: 1,
            ..reserve(&format!("bad-{i}"), &[("bad", 1)])
        })
        .collect();
    batch.push(Reserve {
        ttl_ms: 2,
        ..reserve("good", &[("good", 10)])
    });
    store.engine.reserve_batch(S, &batch, soon()).await;
    store.raw(&["SET", &Store::stock_key("bad"), "garbage"]);
    store.clock.advance_ms(2);
    store.reserve("next", &[("good", 10)]).await.unwrap();
}

#[tokio::test]
async fn corrupt_records_that_are_over_do_not_stop_the_purger() {
    let store = store().await;
    store.put("good", 1_000).await;
    let hour = Duration::from_millis(HOUR_MS);
    for i in 0..300 {
        let id = format!("r-{i}");
        store.reserve(&id, &[("good", 1)]).await.unwrap();
        store.release(&release(&id)).await.unwrap();
    }
    // The first bytes of a record say which journal entry it is from: here one to come.
    let garbage = [0xff_u8; 60];
    for i in 0..280 {
        let name = k(&format!("rsv:r-{i}"));
        match i % 3 {
            0 => store.raw(&[b"SET".as_slice(), name.as_bytes(), &garbage]),
            1 => store.raw(&["SET", &name, ""]),
            _ => {
                store.raw(&["DEL", &name]);
                store.raw(&["RPUSH", &name, "x"])
            }
        };
    }
    let last = entries(&store.engine).await.last().unwrap().id.to_string();
    let meta = k("meta");
    store.raw(&["HSET", &meta, "projection", "x", "projected", &last]);
    store.clock.advance_ms(2 * HOUR_MS);
    let mut gone = 0;
    for _ in 0..3 {
        let purged = store.engine.purge(S, hour, hour, 1 << 30, soon());
        gone += purged.await.unwrap().records;
    }
    assert_eq!(gone, 21, "what is sound, and the outcome of the count");
    assert_eq!(store.status_of("r-299").await, None);
}

#[tokio::test]
async fn an_index_of_another_type_refuses_before_anything_is_written() {
    for name in ["deadlines", "closed", "journal", "limits"] {
        let store = two_stocks().await;
        store.reserve("held", &[("good", 1)]).await.unwrap();
        store.raw(&["DEL", &k(name)]);
        store.raw(&["SET", &k(name), "text"]);
        let before = store.dump();
        let command = reserve("r", &[("good", 1)]);
        let answer = store.engine.reserve(S, &command, soon()).await;
        assert!(is_corrupt(&answer), "{name} {answer:?}");
        if name != "limits" {
            let answer = store.engine.confirm(S, &confirm("held"), soon()).await;
            assert!(is_corrupt(&answer), "{name} {answer:?}");
        }
        assert_eq!(store.dump(), before, "{name}");
    }
    for name in ["skus", "places"] {
        let store = two_stocks().await;
        store.raw(&["DEL", &k(name)]);
        store.raw(&["SET", &k(name), "text"]);
        let before = store.dump();
        let answer = store.engine.count(S, &count("n", "new", 1), soon()).await;
        assert!(is_corrupt(&answer), "{name} {answer:?}");
        assert_eq!(store.dump(), before, "{name}");
    }
}

#[tokio::test]
async fn a_record_that_holds_more_than_its_stock_reserves_makes_no_units() {
    let store = store().await;
    store.put("sku-1", 100).await;
    store.reserve("r", &[("sku-1", 1)]).await.unwrap();
    for items in ["sku-1=2", "sku-1=99999999999", "sku-1=0"] {
        let mut record = vec![0; 17];
        record.extend_from_slice(b"R\0\0\0\x01");
        record.extend_from_slice(items.as_bytes());
        store.raw(&[b"SET".as_slice(), k("rsv:r").as_bytes(), &record]);
        let engine = &store.engine;
        let due = engine.extend(S, &extend("r", 1), soon()).await;
        assert!(is_corrupt(&due), "{due:?}");
        let due = engine.release(S, &release("r"), soon()).await;
        assert!(is_corrupt(&due), "{due:?}");
        record[18..22].copy_from_slice(&u32::MAX.to_be_bytes());
        // Created late enough to be open.
        record[11..17].copy_from_slice(&T0.0.to_be_bytes()[2..]);
        store.raw(&[b"SET".as_slice(), k("rsv:r").as_bytes(), &record]);
        let open = engine.confirm(S, &confirm("r"), soon()).await;
        assert!(is_corrupt(&open), "{open:?}");
        let open = engine.release(S, &release("r"), soon()).await;
        assert!(is_corrupt(&open), "{open:?}");
        assert_eq!(store.figures("sku-1").await, (99, 1, 0));
    }
}

#[tokio::test]
async fn a_count_of_places_that_is_none_refuses_before_anything_is_written() {
    let store = store().await;
    store.raw(&["HSET", &k("places"), "sku-1", "many"]);
    let answer = store.engine.count(S, &count("c", "sku-1", 5), soon()).await;
    assert!(is_corrupt(&answer), "{answer:?}");
    assert_eq!(store.stock("sku-1").await, None);
}
