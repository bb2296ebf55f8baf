//! What the shard holds, read at one place of the journal, and the walk over its keys.

use std::collections::BTreeSet;

use inventory_core::{
    engine::{KeptLimit, KeptUse, StoreKey, parse_reservation},
    *,
};

use crate::support::*;

fn limited(operation: &str, stock: &str, window_seconds: Option<u32>) -> Count {
    Count {
        limit: LimitChange::Set(PurchaseLimit::new(5, window_seconds).unwrap()),
        ..count(operation, stock, 100)
    }
}

/// Something of every kind that a shard may hold.
async fn one_of_each() -> Store {
    let store = store().await;
    store.put("sku-1", 100).await;
    store.put("west|a:b", 7).await;
    store.count(&limited("n:1", "limited", None)).await.unwrap();
    let held = reserve_for("r:1", "c-1", &[("limited", 2), ("west|a:b", 3)]);
    store.hold(&held).await.unwrap();
    store.reserve("sold", &[("sku-1", 4)]).await.unwrap();
    store.confirm(&confirm("sold")).await.unwrap();
    store.put("gone", 0).await;
    let retire = Retire {
        key: key("gone"),
        context: Context::default(),
    };
    let retired = store.engine.retire(S, &retire, soon()).await.unwrap();
    retired.unwrap();
    store
}

impl Store {
    async fn last(&self) -> JournalId {
        self.engine.survey(S).await.unwrap().last.unwrap()
    }
}

#[tokio::test]
async fn a_cut_reads_what_there_is_at_the_journals_last_entry() {
    let store = one_of_each().await;
    let stocks = [key("sku-1"), key("west|a:b"), key("nowhere"), key("bad")];
    let ids = [rid("r:1"), rid("sold"), rid("nobody"), rid("bad")];
    store.raw(&["SET", &k("stock:default:bad"), "x"]);
    store.raw(&["SET", &k("rsv:bad"), "x"]);
    let cut = store.engine.cut(S, &stocks, &ids).await.unwrap();
    assert_eq!((cut.at, cut.now), (store.last().await, T0));
    assert_eq!(
        cut.stocks,
        [
            Kept::Is([96, 0, 4, 3]),
            Kept::Is([4, 3, 0, 2]),
            Kept::Absent,
            Kept::Corrupt
        ]
    );
    assert_eq!(cut.reservations[2..], [Kept::Absent, Kept::Corrupt]);
    for (id, kept) in ids.iter().zip(cut.reservations).take(2) {
        let stored = kept.value().unwrap();
        assert_eq!(
            bulk(store.raw(&["GET", &k(&format!("rsv:{id}"))])),
            Some(stored.clone())
        );
        let record = store.record(id.as_str()).await;
        assert_eq!(parse_reservation(id, &stored), record);
    }
    let operations = [oid("n:1"), oid("nobody")];
    let cut = store.engine.cut_operations(S, &operations).await.unwrap();
    let stored = bulk(store.raw(&["GET", &k("op:n:1")])).unwrap();
    assert_eq!(cut.values, [Kept::Is(stored), Kept::Absent]);
    assert_eq!(cut.at, store.last().await);
}

#[tokio::test]
async fn a_cut_is_of_one_moment_while_others_write() {
    let store = live_store().await;
    store.put("a", 1_000).await;
    store.put("b", 1_000).await;
    let (first, mut cuts) = (store.last().await, 0);
    let engine = store.engine.clone();
    let writer = tokio::spawn(async move {
        for i in 0..500 {
            let hold = reserve(&format!("r-{i}"), &[("a", 1), ("b", 1)]);
            engine.reserve(S, &hold, soon()).await.unwrap().unwrap();
        }
    });
    while !writer.is_finished() {
        let cut = store.engine.cut(S, &[key("a"), key("b")], &[]).await;
        let cut = cut.unwrap();
        // Each entry after the first takes one unit of both.
        let taken = cut.at.n - first.n;
        let expected = Kept::Is([1_000 - taken, taken, 0, 1 + taken]);
        assert_eq!(cut.stocks, [expected.clone(), expected]);
        cuts += 1;
    }
    writer.await.unwrap();
    assert!(cuts > 0);
}

#[tokio::test]
async fn limits_and_what_was_used_of_them_are_read_with_the_place_of_the_journal() {
    let store = one_of_each().await;
    store
        .count(&limited("n:2", "rolling", Some(60)))
        .await
        .unwrap();
    let at = store.last().await;
    let cut = store.engine.cut_limits(S).await.unwrap();
    assert_eq!((cut.at, cut.next, cut.corrupt.len()), (at, None, 0));
    let mut limits = cut.values;
    limits.sort_by_key(|limit| limit.sku.clone());
    let [life, window] = &limits[..] else {
        panic!("{limits:?}");
    };
    let place = |n| JournalId {
        epoch: store.epoch(),
        n,
    };
    let expected = KeptLimit {
        sku: sku("limited"),
        quantity: 5,
        window_ms: 0,
        generation: place(3),
    };
    assert_eq!(*life, expected);
    assert_eq!((window.window_ms, window.generation), (60_000, at));

    let used = store.engine.cut_used(S, place(3), &sku("limited"), 0).await;
    let one = KeptUse {
        customer: "c-1".to_owned(),
        counter: "2".to_owned(),
    };
    assert_eq!(used.unwrap().values, [one]);
    // Many of them come in pages.
    let name = k(&format!("used:{at}:rolling"));
    for i in 0..3_000 {
        store.raw(&["HSET", &name, &format!("c-{i}"), "1:1"]);
    }
    let (mut cursor, mut customers, mut pages) = (Some(0), BTreeSet::new(), 0);
    while let Some(page) = cursor {
        let used = store.engine.cut_used(S, at, &sku("rolling"), page).await;
        let used = used.unwrap();
        customers.extend(used.values.into_iter().map(|one| one.customer));
        cursor = used.next;
        pages += 1;
    }
    assert_eq!(customers.len(), 3_000);
    assert!(pages > 2);
    let none = store.engine.cut_used(S, at, &sku("sku-1"), 0).await;
    assert_eq!(none.unwrap().values, []);

    let retired = store.engine.retired(S).await.unwrap();
    assert_eq!(retired.values.len(), 1);
    let gone = &retired.values[0];
    assert_eq!((&gone.key, gone.sold, gone.version), (&key("gone"), 0, 2));
    store.raw(&["HSET", &k("retired"), "nonsense", "1"]);
    let retired = store.engine.retired(S).await.unwrap();
    assert_eq!(retired.corrupt, ["nonsense"]);
    store.raw(&["SET", &k("limits"), "x"]);
    let limits = store.engine.cut_limits(S).await;
    assert_eq!(limits, Err(Fault::Corrupt { key: k("limits") }));
}

#[tokio::test]
async fn a_shard_that_is_being_restored_has_no_cut() {
    let store = one_of_each().await;
    store.raw(&["HSET", &k("meta"), "state", "RECOVERING"]);
    let is_fenced = |fault| matches!(fault, Some(Fault::Fenced(_)));
    let cut = store.engine.cut(S, &[key("sku-1")], &[]).await;
    assert!(is_fenced(cut.err()));
    assert!(is_fenced(store.engine.cut_limits(S).await.err()));
    assert!(is_fenced(store.engine.retired(S).await.err()));
    store.raw(&["FLUSHALL"]);
    let cut = store.engine.cut(S, &[key("sku-1")], &[]).await;
    assert!(is_fenced(cut.err()));
}

#[tokio::test]
async fn the_walk_over_the_keys_meets_every_kind_and_names_what_is_strange() {
    let store = one_of_each().await;
    for i in 0..300 {
        store.reserve(&format!("h-{i}"), &[("sku-1", 1)]).await.ok();
    }
    for strange in ["used:x:sku", "stock:nowhere", "what", "op:a b"] {
        store.raw(&["SET", &k(strange), "x"]);
    }
    store.raw(&["SET", "not-ours", "x"]);
    let (mut cursor, mut keys, mut strange) = (Some(0), Vec::new(), BTreeSet::new());
    while let Some(page) = cursor {
        let page = store.engine.store_keys(S, page, 50).await.unwrap();
        keys.extend(page.keys);
        strange.extend(page.strange);
        cursor = page.next;
    }
    let expected = ["used:x:sku", "stock:nowhere", "what", "op:a b"];
    assert_eq!(strange, expected.iter().map(|name| k(name)).collect());
    let used = StoreKey::Used {
        generation: JournalId {
            epoch: store.epoch(),
            n: 3,
        },
        sku: sku("limited"),
    };
    for one in [
        StoreKey::Stock(key("west|a:b")),
        StoreKey::Reservation(rid("r:1")),
        StoreKey::Operation(oid("n:1")),
        used,
    ] {
        assert!(keys.contains(&one), "{one:?}");
    }
    let single = 8;
    let all = names(&store.redis).len() - single - strange.len() - 1;
    let keys: std::collections::HashSet<_> = keys.into_iter().collect();
    assert_eq!(keys.len(), all);
}
