//! Filling a fenced shard from what is known elsewhere.

use std::sync::Arc;

use devstack::redis::{Appendonly, RedisServer};
use inventory_core::{
    engine::{Engine, EngineConfig, ProjectionMode, RestoreStep, Restored, StoreKey},
    *,
};

use crate::{ledger::check_books, support::*};

fn begin(expected: Option<Epoch>) -> RestoreStep {
    RestoreStep::Begin {
        lineage: "0123456789abcdef".to_owned(),
        expected,
        even_open: false,
    }
}

fn finish(epoch: Epoch, after: Option<JournalId>) -> RestoreStep {
    RestoreStep::Finish {
        epoch,
        after,
        projection: None,
        who: "a test".to_owned(),
        why: "to see it".to_owned(),
    }
}

/// An epoch that is above the clock.
const LATE: Epoch = Epoch(4_000_000_000_000);

fn stock(name: &str, figures: [u64; 4]) -> Restored {
    Restored::Stock {
        key: key(name),
        figures,
    }
}

async fn conflicts(engine: &Engine, token: &str, step: &RestoreStep, code: &str) {
    let answer = engine.restore(S, token, step).await;
    assert_eq!(answer, Err(Fault::Fenced(format!("restore: {code}"))));
}

fn state(redis: &RedisServer) -> Option<String> {
    raw(redis, &["HGET", &k("meta"), "state"]).text()
}

/// All that a store holds, as a projection would know it.
fn everything(redis: &RedisServer) -> Vec<Restored> {
    let get = |name: &str| bulk(raw(redis, &["GET", name])).unwrap();
    let pairs = |name: &str| -> Vec<(String, String)> {
        let all = raw(redis, &["HGETALL", name]);
        let all = all.items().unwrap();
        let pair =
            |pair: &[devstack::redis::Reply]| (pair[0].text().unwrap(), pair[1].text().unwrap());
        all.chunks(2).map(pair).collect()
    };
    let mut all = Vec::new();
    for name in names(redis) {
        let short = name.strip_prefix("inv:{s0}:").unwrap();
        match short.split_once(':').unwrap_or((short, "")) {
            ("stock", place) => {
                let (location, name_of) = place.split_once(':').unwrap();
                let fields = pairs(&name);
                let figure = |field: &str| {
                    let found = fields.iter().find(|(name, _)| name == field);
                    found.unwrap().1.parse().unwrap()
                };
                let names = [
                    "availableQuantity",
                    "reservedQuantity",
                    "soldQuantity",
                    "version",
                ];
                all.push(stock(&format!("{location}|{name_of}"), names.map(figure)));
            }
            ("rsv", id) => all.push(Restored::Reservation {
                id: rid(id),
                stored: get(&name),
            }),
            ("op", id) => all.push(Restored::Operation {
                id: oid(id),
                stored: get(&name),
            }),
            ("limits", _) => {
                for (name, limit) in pairs(&name) {
                    let parts: Vec<_> = limit.split(' ').collect();
                    all.push(Restored::Limit {
                        sku: sku(&name),
                        quantity: parts[0].parse().unwrap(),
                        window_ms: parts[1].parse().unwrap(),
                        generation: parts[2].parse().unwrap(),
                    });
                }
            }
            ("used", rest) => {
                let (generation, name_of) = rest.split_once(':').unwrap();
                for (customer, counter) in pairs(&name) {
                    all.push(Restored::Used {
                        sku: sku(name_of),
                        generation: generation.parse().unwrap(),
                        customer,
                        counter,
                    });
                }
            }
            ("meta" | "journal" | "deadlines" | "closed" | "skus" | "places", _) => {}
            (kind, _) => panic!("what is {kind}?"),
        }
    }
    all
}

/// A store with something of every kind in it.
async fn rich_store() -> Store {
    let store = store().await;
    for name in ["sku-1", "a:b", "west|sku-1"] {
        let limit = PurchaseLimit::new(50, (name == "a:b").then_some(600)).ok();
        let first = Count {
            limit: LimitChange::Set(limit.unwrap()),
            ..count(&format!("n-{}", name.replace('|', ":")), name, 100)
        };
        store.count(&first).await.unwrap();
    }
    for i in 0..300 {
        let items: &[(&str, u32)] = &[("sku-1", 1), ("a:b", 1), ("west|sku-1", 1)];
        let customer = format!("c-{}", i % 7);
        let id = format!("r:{i}");
        let command = reserve_for(&id, &customer, &items[i % 3..]);
        let _held_or_over_the_limit = store.hold(&command).await;
        match i % 4 {
            0 => drop(store.confirm(&confirm(&id)).await),
            1 => drop(store.release(&release(&id)).await),
            _ => {}
        }
        store.clock.advance_ms(10);
    }
    let back = give_back("r:0", "t", &[("sku-1", 1)]);
    store.give_back(&back).await.unwrap();
    store
}

#[tokio::test]
async fn a_store_can_be_filled_again_to_what_it_was() {
    let old = rich_store().await;
    let all = everything(&old.redis);
    assert!(all.len() > 150, "{}", all.len());
    let redis = plain_redis();
    let engine = waiting(&redis).await;
    engine.restore(S, "t", &begin(None)).await.unwrap();
    let put = RestoreStep::Put(all);
    engine.restore(S, "t", &put).await.unwrap();
    // A step whose answer was lost is simply taken again.
    engine.restore(S, "t", &put).await.unwrap();
    assert!(engine.gate(S).is_err());
    let after = JournalId {
        epoch: old.epoch(),
        n: 77,
    };
    let last = finish(LATE, Some(after));
    engine.restore(S, "t", &last).await.unwrap();
    assert_eq!(engine.opened(S, soon()).await, Ok(LATE));

    let (mut was, mut is) = (old.dump(), dump(&redis));
    for name in ["meta", "journal", "closed"] {
        was.remove(&k(name));
        is.remove(&k(name));
    }
    assert_eq!(
        was.keys().collect::<Vec<_>>(),
        is.keys().collect::<Vec<_>>()
    );
    let closed = |redis: &RedisServer| {
        let closed = raw(redis, &["SORT", &k("closed"), "ALPHA"]);
        closed.items().unwrap().to_vec()
    };
    assert_eq!(closed(&old.redis), closed(&redis));
    for name in was.keys() {
        let [was, is] = [&old.redis, &redis].map(|redis| contents(redis, name));
        assert_eq!(was, is, "{name}");
    }
    let first = engine.journal(S, None, 10, soon()).await.unwrap();
    assert_eq!(first.len(), 1);
    let EntryBody::Bless {
        previous, lineage, ..
    } = &first[0].body
    else {
        panic!("{first:?}")
    };
    assert_eq!(
        (*previous, lineage.as_str()),
        (Some(after), "0123456789abcdef")
    );
    // It goes on as if nothing had been.
    let again = confirm("r:4");
    let again = engine.confirm(S, &again, soon()).await.unwrap().unwrap();
    assert!(again.replayed);
    let release = release("r:2");
    engine.release(S, &release, soon()).await.unwrap().unwrap();
}

/// What a key holds, whatever its encoding.
fn contents(redis: &RedisServer, name: &str) -> Vec<devstack::redis::Reply> {
    let kind = raw(redis, &["TYPE", name]).text().unwrap();
    let command: Vec<&str> = match kind.as_str() {
        "string" => return vec![raw(redis, &["GET", name])],
        "hash" => vec!["HGETALL", name],
        "zset" => vec!["ZRANGE", name, "0", "-1", "WITHSCORES"],
        kind => panic!("{name} is a {kind}"),
    };
    let mut items: Vec<_> = raw(redis, &command)
        .items()
        .unwrap()
        .chunks(2)
        .map(<[_]>::to_vec)
        .collect();
    items.sort_by_key(|pair| pair[0].text());
    items.concat()
}

#[tokio::test]
async fn an_open_shard_cannot_be_restored() {
    let store = rich_store().await;
    let before = store.dump();
    let epoch = store.epoch();
    conflicts(&store.engine, "t", &begin(Some(epoch)), "CONFLICT").await;
    conflicts(&store.engine, "t", &begin(None), "CONFLICT").await;
    let put = RestoreStep::Put(vec![stock("sku-1", [1, 0, 0, 1])]);
    conflicts(&store.engine, "t", &put, "CONFLICT").await;
    conflicts(&store.engine, "t", &finish(LATE, None), "CONFLICT").await;
    assert_eq!(store.dump(), before);
}

#[tokio::test]
async fn a_restore_killed_halfway_stays_closed_until_it_is_begun_again() {
    let redis = redis_with_aof(Appendonly::Always);
    let engine = waiting(&redis).await;
    engine.restore(S, "one", &begin(None)).await.unwrap();
    let put = RestoreStep::Put(vec![stock("sku-1", [5, 0, 0, 3])]);
    engine.restore(S, "one", &put).await.unwrap();
    redis.kill9().unwrap();
    redis.start_again().unwrap();
    for mode in [ProjectionMode::None, ProjectionMode::Auto] {
        let other = connect(EngineConfig {
            projection: mode,
            ..config(&redis)
        })
        .await;
        let why = other.gate(S).unwrap_err();
        assert!(why.contains("is being restored"), "{why}");
        let command = reserve("r", &[("sku-1", 1)]);
        let refused = other.reserve(S, &command, soon()).await;
        assert!(matches!(refused, Err(Fault::Fenced(_))));
    }
    // Anew, by another process and with other figures.
    let engine = waiting(&redis).await;
    engine
        .restore(S, "two", &begin(Some(Epoch(0))))
        .await
        .unwrap();
    conflicts(&engine, "one", &put, "CONFLICT").await;
    conflicts(&engine, "one", &finish(LATE, None), "CONFLICT").await;
    let put = RestoreStep::Put(vec![stock("sku-1", [7, 0, 0, 9])]);
    engine.restore(S, "two", &put).await.unwrap();
    engine.restore(S, "two", &finish(LATE, None)).await.unwrap();
    assert_eq!(engine.opened(S, soon()).await, Ok(LATE));
    let read = engine.stock(S, &[key("sku-1")], soon()).await.unwrap();
    let read = read.stocks[0].clone().unwrap();
    assert_eq!((read.available, read.version), (7, 9));
    conflicts(&engine, "two", &put, "CONFLICT").await;
    assert_eq!(state(&redis).as_deref(), Some("OPEN"));
}

#[tokio::test]
async fn an_epoch_that_was_there_before_is_refused() {
    let redis = redis_with_aof(Appendonly::Always);
    let first = connect(config(&redis)).await;
    let epoch = first.gate(S).unwrap();
    drop(first);
    redis.stop().unwrap();
    redis.start_again().unwrap();
    let engine = waiting(&redis).await;
    conflicts(&engine, "t", &begin(None), "CONFLICT").await;
    conflicts(&engine, "t", &begin(Some(Epoch(1))), "CONFLICT").await;
    engine.restore(S, "t", &begin(Some(epoch))).await.unwrap();
    for late in [Epoch(1), epoch] {
        conflicts(&engine, "t", &finish(late, None), "LATE").await;
    }
    assert_eq!(state(&redis).as_deref(), Some("RECOVERING"));
    engine.restore(S, "t", &finish(LATE, None)).await.unwrap();
    assert_eq!(engine.opened(S, soon()).await, Ok(LATE));
}

#[tokio::test]
async fn bytes_that_are_no_record_are_refused_before_anything_of_their_put_is_written() {
    let redis = plain_redis();
    let engine = waiting(&redis).await;
    engine.restore(S, "t", &begin(None)).await.unwrap();
    let before = dump(&redis);
    for garbage in [&b""[..], b"garbage", &[b'?'; 40]] {
        let put = RestoreStep::Put(vec![
            stock("sku-1", [1, 0, 0, 1]),
            Restored::Reservation {
                id: rid("r"),
                stored: garbage.to_vec(),
            },
        ]);
        let refused = engine.restore(S, "t", &put).await;
        assert_eq!(refused, Err(Fault::Corrupt { key: "r".into() }));
    }
    assert_eq!(dump(&redis), before);
}

#[tokio::test]
async fn holds_that_fell_due_meanwhile_are_expired_after_the_restore() {
    let old = rich_store().await;
    let all = everything(&old.redis);
    let redis: Arc<RedisServer> = plain_redis();
    let engine = waiting(&redis).await;
    engine.restore(S, "t", &begin(None)).await.unwrap();
    let put = RestoreStep::Put(all);
    engine.restore(S, "t", &put).await.unwrap();
    engine.restore(S, "t", &finish(LATE, None)).await.unwrap();
    engine.opened(S, soon()).await.unwrap();
    let (_, held, _) = old.figures("sku-1").await;
    assert!(held > 0);
    // On the clock of the old store, when all its holds are due.
    let clock = old.clock.clone();
    clock.advance_ms(10_000_000);
    let swept = connect(EngineConfig {
        clock,
        ..config(&redis)
    })
    .await;
    let bite = Expire { max: 256 };
    while swept.expire(S, bite, soon()).await.unwrap().expired > 0 {}
    let read = swept.stock(S, &[key("sku-1")], soon()).await.unwrap();
    assert_eq!(read.stocks[0].as_ref().unwrap().reserved, 0);
    check_books(&old).await;
}

#[tokio::test]
async fn a_wipe_leaves_only_meta_and_the_journal_begins_with_the_new_epoch() {
    let store = rich_store().await;
    let lineage = raw(&store.redis, &["HGET", &k("meta"), "lineage"]).text();
    store.raw(&["SET", &k("strange"), "x"]);
    store.raw(&["SET", "not-ours", "x"]);
    let begin = RestoreStep::Begin {
        lineage: lineage.unwrap(),
        expected: Some(store.epoch()),
        even_open: true,
    };
    conflicts(&store.engine, "t", &RestoreStep::Wipe, "CONFLICT").await;
    store.engine.restore(S, "t", &begin).await.unwrap();
    conflicts(&store.engine, "u", &RestoreStep::Wipe, "CONFLICT").await;
    for _ in 0..2 {
        let wipe = store.engine.restore(S, "t", &RestoreStep::Wipe);
        wipe.await.unwrap();
        assert_eq!(names(&store.redis), [k("meta"), "not-ours".to_owned()]);
    }
    // What the journal knew of epochs is not forgotten with it.
    let known = store.epoch_of_meta();
    conflicts(&store.engine, "t", &finish(known, None), "LATE").await;
    let after = JournalId {
        epoch: known,
        n: 400,
    };
    let last = RestoreStep::Finish {
        epoch: LATE,
        after: Some(after),
        projection: Some("mariadb".to_owned()),
        who: "a test".to_owned(),
        why: "to see it".to_owned(),
    };
    store.engine.restore(S, "t", &last).await.unwrap();
    let seen = store.engine.survey(S).await.unwrap();
    let first = JournalId { epoch: LATE, n: 0 };
    assert_eq!((seen.first, seen.last), (Some(first), Some(first)));
    assert!(seen.alive());
    let meta = seen.meta.unwrap();
    assert_eq!(meta.projection.as_deref(), Some("mariadb"));
    assert_eq!((meta.projected, meta.token), (Some(after), None));
    // Done once, it is over.
    conflicts(&store.engine, "t", &last, "CONFLICT").await;
}

impl Store {
    fn epoch_of_meta(&self) -> Epoch {
        let epoch = self.raw(&["HGET", &k("meta"), "epoch"]).text();
        Epoch(epoch.unwrap().parse().unwrap())
    }
}

#[tokio::test]
async fn a_restore_that_wipes_nothing_goes_on_after_what_is_there() {
    let store = rich_store().await;
    let before = store.engine.survey(S).await.unwrap();
    let begin = RestoreStep::Begin {
        lineage: before.meta.unwrap().lineage,
        expected: Some(store.epoch()),
        even_open: true,
    };
    store.engine.restore(S, "t", &begin).await.unwrap();
    let put = RestoreStep::Put(vec![stock("sku-1", [50, 0, 50, 999])]);
    store.engine.restore(S, "t", &put).await.unwrap();
    let last = finish(LATE, before.last);
    store.engine.restore(S, "t", &last).await.unwrap();
    let seen = store.engine.survey(S).await.unwrap();
    assert_eq!(
        (seen.first, seen.entries),
        (before.first, before.entries + 1)
    );
    assert_eq!(store.in_epoch_after(Epoch(LATE.0 - 1)).await, LATE);
    assert_eq!(store.stock("sku-1").await.unwrap().version, 999);
}

#[tokio::test]
async fn what_is_gone_elsewhere_can_be_taken_away() {
    let store = rich_store().await;
    let begin = RestoreStep::Begin {
        lineage: "0123456789abcdef".to_owned(),
        expected: Some(store.epoch()),
        even_open: true,
    };
    let limits = store.engine.cut_limits(S).await.unwrap().values;
    let generation = |name: &str| {
        let limit = limits.iter().find(|limit| limit.sku == sku(name));
        limit.unwrap().generation
    };
    let used = |name: &str, customer: &str, counter: &str| Restored::Used {
        sku: sku(name),
        generation: generation(name),
        customer: customer.to_owned(),
        counter: counter.to_owned(),
    };
    store.engine.restore(S, "t", &begin).await.unwrap();
    let put = RestoreStep::Put(vec![
        Restored::Retired {
            key: key("sku-1"),
            sold: 6,
            version: 70,
        },
        Restored::Gone(StoreKey::Stock(key("west|sku-1"))),
        Restored::Gone(StoreKey::Reservation(rid("r:2"))),
        Restored::Gone(StoreKey::Operation(oid("n-a:b"))),
        Restored::Unlimited { sku: sku("sku-1") },
        Restored::Gone(StoreKey::Used {
            generation: generation("sku-1"),
            sku: sku("sku-1"),
        }),
        used("a:b", "c-1", "7:1 8:2"),
        used("a:b", "c-2", ""),
    ]);
    // Twice, as after a lost answer.
    store.engine.restore(S, "t", &put).await.unwrap();
    store.engine.restore(S, "t", &put).await.unwrap();
    let last = finish(LATE, None);
    store.engine.restore(S, "t", &last).await.unwrap();
    assert_eq!(store.in_epoch_after(Epoch(LATE.0 - 1)).await, LATE);

    let page = store.engine.list_stock(S, None, 10, soon()).await.unwrap();
    let listed: Vec<_> = page.stocks.into_iter().map(|stock| stock.key).collect();
    assert_eq!(listed, [key("a:b")]);
    assert_eq!(store.stock("sku-1").await, None);
    assert_eq!(store.record("r:2").await, None);
    let score = store.raw(&["ZSCORE", &k("deadlines"), "r:2"]);
    assert_eq!(bulk(score), None);
    let places = store.raw(&["HGETALL", &k("places")]);
    assert_eq!(places.items().unwrap().len(), 2, "that of a:b");
    let limits = store.engine.cut_limits(S).await.unwrap().values;
    assert_eq!(limits.len(), 1);
    let (at, of) = (limits[0].generation, sku("a:b"));
    let kept = store.engine.cut_used(S, at, &of, 0).await.unwrap().values;
    let of = |customer: &str| kept.iter().find(|kept| kept.customer == customer);
    assert_eq!(of("c-1").unwrap().counter, "7:1 8:2");
    assert_eq!(of("c-2"), None);
    let used = names(&store.redis);
    let used = used.iter().filter(|name| name.contains(":used:")).count();
    assert_eq!(used, 1);
    // Created again they go on, or begin anew.
    for (name, sold, version) in [("sku-1", 6, 71), ("west|sku-1", 0, 1)] {
        let command = count(&format!("new-{}", name.len()), name, 5);
        let stock = store.count(&command).await.unwrap().value.stock;
        assert_eq!((stock.sold, stock.version), (sold, version), "{name}");
    }
    let again = store.count(&count("n-a:b", "a:b", 100)).await.unwrap();
    assert!(!again.replayed);
}

#[tokio::test]
async fn a_stock_that_was_retired_meanwhile_is_there_again_as_it_was() {
    let store = rich_store().await;
    let begin = RestoreStep::Begin {
        lineage: "0123456789abcdef".to_owned(),
        expected: Some(store.epoch()),
        even_open: true,
    };
    store.engine.restore(S, "t", &begin).await.unwrap();
    let retired = Restored::Retired {
        key: key("sku-1"),
        sold: 6,
        version: 70,
    };
    let put = RestoreStep::Put(vec![retired, stock("sku-1", [3, 0, 6, 71])]);
    store.engine.restore(S, "t", &put).await.unwrap();
    let last = finish(LATE, None);
    store.engine.restore(S, "t", &last).await.unwrap();
    assert_eq!(store.in_epoch_after(Epoch(LATE.0 - 1)).await, LATE);
    assert_eq!(store.figures("sku-1").await, (3, 0, 6));
    assert_eq!(store.engine.retired(S).await.unwrap().values, []);
}

#[tokio::test]
async fn values_that_are_none_are_refused_before_anything_of_their_put_is_written() {
    let redis = plain_redis();
    let engine = waiting(&redis).await;
    engine.restore(S, "t", &begin(None)).await.unwrap();
    let before = dump(&redis);
    let short = Restored::Operation {
        id: oid("o"),
        stored: b"short".to_vec(),
    };
    let put = RestoreStep::Put(vec![stock("sku-1", [1, 0, 0, 1]), short]);
    let refused = engine.restore(S, "t", &put).await;
    assert_eq!(refused, Err(Fault::Corrupt { key: "o".into() }));
    assert_eq!(dump(&redis), before);
}
