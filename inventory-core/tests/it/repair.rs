//! A repair sets what should be, if it still is as it was found, and says so in the journal.

use inventory_core::{engine::Repair, *};

use crate::{
    ledger::{check_books, entries},
    support::*,
};

fn why() -> Text {
    Text::parse("it drifted").unwrap()
}

fn someone() -> Context {
    Context {
        actor: text("an operator"),
        ..Context::default()
    }
}

fn of_stock(stock: &str, expected: Kept<[u64; 4]>, set: SetStock) -> RepairStock {
    RepairStock {
        key: key(stock),
        expected,
        set,
        version_above: 0,
        ledger_delta: 0,
        reason: why(),
        context: someone(),
    }
}

fn of_reservation(id: &str, expected: Kept<Vec<u8>>, set: Option<&[u8]>) -> RepairReservation {
    RepairReservation {
        id: rid(id),
        expected,
        set: set.map(<[u8]>::to_vec),
        reason: why(),
        context: someone(),
    }
}

impl Store {
    async fn repair(&self, command: &RepairStock) -> Repair<[u64; 4]> {
        self.engine.repair_stock(S, command, soon()).await.unwrap()
    }

    async fn repair_record(&self, command: &RepairReservation) -> Repair<Vec<u8>> {
        let repair = self.engine.repair_reservation(S, command, soon());
        repair.await.unwrap()
    }

    async fn last_entry(&self) -> Entry {
        entries(&self.engine).await.pop().unwrap()
    }

    async fn last_change(&self) -> Change {
        match self.last_entry().await.body {
            EntryBody::Changes { mut changes, .. } => changes.pop().unwrap(),
            EntryBody::Bless { .. } => panic!("a blessing"),
        }
    }

    fn stored(&self, id: &str) -> Option<Vec<u8>> {
        bulk(self.raw(&["GET", &k(&format!("rsv:{id}"))]))
    }

    async fn listed(&self) -> Vec<String> {
        let page = self.engine.list_stock(S, None, 100, soon()).await.unwrap();
        let stocks = page.stocks.into_iter();
        stocks.map(|stock| stock.key.to_string()).collect()
    }

    /// Replaces the last digits of an available by hand.
    fn tamper(&self, stock: &str, available: &str) {
        let name = k(&format!("stock:default:{stock}"));
        self.raw(&["HSET", &name, "availableQuantity", available]);
    }
}

#[tokio::test]
async fn a_stock_is_set_back_under_a_new_version_and_the_journal_says_how() {
    let store = store().await;
    store.put("sku-1", 10).await;
    store.reserve("r", &[("sku-1", 2)]).await.unwrap();
    store.tamper("sku-1", "9");
    let found = Kept::Is([9, 2, 0, 2]);
    let repair = RepairStock {
        version_above: 7,
        ..of_stock("sku-1", found.clone(), SetStock::Figures([8, 2, 0]))
    };
    assert_eq!(store.repair(&repair).await, Repair::Done);
    let stock = store.stock("sku-1").await.unwrap();
    assert_eq!((stock.available, stock.version), (8, 8));
    let Entry { body, .. } = store.last_entry().await;
    let EntryBody::Changes { stocks, changes } = body else {
        panic!("{body:?}");
    };
    let after = StockAfter {
        key: key("sku-1"),
        available: 8,
        reserved: 2,
        sold: 0,
        version: 8,
    };
    assert_eq!(stocks, [after]);
    let change = Change::StockRepaired {
        context: someone(),
        key: key("sku-1"),
        found,
        set: SetStock::Figures([8, 2, 0]),
        ledger_delta: 0,
        reason: Some(why()),
    };
    assert_eq!(changes, [change]);
    // It goes on from there.
    store.confirm(&confirm("r")).await.unwrap();
    assert_eq!(store.figures("sku-1").await, (8, 0, 2));
    check_books(&store).await;
}

#[tokio::test]
async fn what_has_changed_since_it_was_found_is_left_alone() {
    let store = store().await;
    store.put("sku-1", 10).await;
    store.reserve("r", &[("sku-1", 2)]).await.unwrap();
    let before = store.dump();
    let set = SetStock::Figures([1, 0, 0]);
    let there = Kept::Is([8, 2, 0, 2]);
    for expected in [Kept::Absent, Kept::Corrupt, Kept::Is([8, 2, 0, 1])] {
        let repair = store.repair(&of_stock("sku-1", expected, set)).await;
        assert_eq!(repair, Repair::Changed(there.clone()));
    }
    let repair = of_stock("nowhere", there, set);
    assert_eq!(store.repair(&repair).await, Repair::Changed(Kept::Absent));
    let stored = store.stored("r").unwrap();
    for expected in [Kept::Absent, Kept::Corrupt, Kept::Is(vec![b'R'; 40])] {
        let repair = of_reservation("r", expected, None);
        let changed = Repair::Changed(Kept::Is(stored.clone()));
        assert_eq!(store.repair_record(&repair).await, changed);
    }
    let repair = of_reservation("nobody", Kept::Corrupt, Some(&stored));
    let absent = Repair::Changed(Kept::Absent);
    assert_eq!(store.repair_record(&repair).await, absent);
    assert_eq!(store.dump(), before);
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_it_is_written() {
    let store = store().await;
    store.put("sku-1", 10).await;
    store.reserve("r", &[("sku-1", 2)]).await.unwrap();
    let before = store.dump();
    let too_many = SetStock::Figures([limits::STOCK_MAX, 1, 0]);
    let repair = of_stock("sku-1", Kept::Is([8, 2, 0, 2]), too_many);
    let refused = store.engine.repair_stock(S, &repair, soon()).await;
    assert!(matches!(refused, Err(Fault::Corrupt { .. })));
    let found = Kept::Is(store.stored("r").unwrap());
    let repair = of_reservation("r", found, Some(b"no record at all, however long it is"));
    let refused = store.engine.repair_reservation(S, &repair, soon()).await;
    assert!(matches!(refused, Err(Fault::Corrupt { .. })));
    assert_eq!(store.dump(), before);
}

#[tokio::test]
async fn a_stock_that_is_gone_comes_back_with_its_place_in_the_listing() {
    let store = store().await;
    store.put("sku-1", 10).await;
    store.put("sku-2", 10).await;
    store.raw(&["DEL", &k("stock:default:sku-1")]);
    store.raw(&["ZREM", &k("skus"), "default|sku-1"]);
    store.raw(&["HDEL", &k("places"), "sku-1"]);
    let repair = RepairStock {
        version_above: 1,
        ..of_stock("sku-1", Kept::Absent, SetStock::Figures([10, 0, 0]))
    };
    assert_eq!(store.repair(&repair).await, Repair::Done);
    assert_eq!(store.stock("sku-1").await.unwrap().version, 2);
    assert_eq!(store.listed().await, ["default|sku-1", "default|sku-2"]);
    check_books(&store).await;
}

#[tokio::test]
async fn a_key_that_is_no_stock_becomes_one() {
    let store = store().await;
    for (stock, write) in [("text", "SET"), ("hash", "HSET")] {
        store.put(stock, 10).await;
        let name = k(&format!("stock:default:{stock}"));
        store.raw(&["DEL", &name]);
        match write {
            "SET" => store.raw(&[write, &name, "x"]),
            _ => store.raw(&[write, &name, "availableQuantity", "x", "other", "1"]),
        };
        let set = SetStock::Figures([10, 0, 0]);
        let repair = RepairStock {
            version_above: 1,
            ..of_stock(stock, Kept::Corrupt, set)
        };
        assert_eq!(store.repair(&repair).await, Repair::Done);
        assert_eq!(store.figures(stock).await, (10, 0, 0));
        assert_eq!(store.raw(&["HLEN", &name]).integer(), Some(4));
    }
    check_books(&store).await;
}

#[tokio::test]
async fn a_stock_that_should_not_be_goes_and_takes_the_limit_with_the_last_place() {
    let store = store().await;
    let limited = Count {
        limit: LimitChange::Set(PurchaseLimit::new(5, None).unwrap()),
        ..count("n", "sku-1", 10)
    };
    store.count(&limited).await.unwrap();
    store.put("west|sku-1", 5).await;
    let removed = SetStock::Removed { sold: 3 };
    for (stock, on_hand) in [("west|sku-1", 5), ("sku-1", 10)] {
        assert!(store.stock(stock).await.unwrap().purchase_limit.is_some());
        let found = Kept::Is([on_hand, 0, 0, 1]);
        assert_eq!(
            store.repair(&of_stock(stock, found, removed)).await,
            Repair::Done
        );
        assert_eq!(store.stock(stock).await, None);
    }
    assert_eq!(store.listed().await, Vec::<String>::new());
    for name in ["places", "limits"] {
        assert_eq!(
            store.raw(&["EXISTS", &k(name)]).integer(),
            Some(0),
            "{name}"
        );
    }
    check_books(&store).await;
    // Created again it goes on from what it had sold, and from its versions.
    let created = store.count(&count("m", "sku-1", 4)).await.unwrap().value;
    assert!(created.created);
    let stock = created.stock;
    assert_eq!((stock.available, stock.sold, stock.version), (4, 3, 3));
}

#[tokio::test]
async fn a_record_is_put_right_with_its_deadline_and_its_place_in_the_purgers_queue() {
    let store = store().await;
    store.put("sku-1", 10).await;
    store.reserve("r", &[("sku-1", 2)]).await.unwrap();
    let open = store.stored("r").unwrap();
    store.release(&release("r")).await.unwrap();
    let released = store.stored("r").unwrap();
    let deadlines = || store.raw(&["ZCARD", &k("deadlines")]).integer();

    // Open again, as if the release had never been; the figures are another repair.
    let repair = of_reservation("r", Kept::Is(released.clone()), Some(&open));
    assert_eq!(store.repair_record(&repair).await, Repair::Done);
    assert_eq!(store.status_of("r").await, Some(Status::Reserved));
    assert_eq!(deadlines(), Some(1));
    let entry = store.last_entry().await;
    assert_eq!(store.record("r").await.unwrap().last_change, entry.id);
    let Change::ReservationRepaired {
        found,
        set,
        reason,
        context,
        ..
    } = store.last_change().await
    else {
        panic!("{entry:?}");
    };
    assert_eq!(found.value().unwrap().status, Status::Released);
    assert_eq!(set.map(|set| *set), store.record("r").await);
    assert_eq!((reason, context), (Some(why()), someone()));
    let raw = store
        .engine
        .entries(S, None, 100, std::time::Duration::ZERO);
    let raw = raw.await.unwrap().pop().unwrap();
    assert_eq!(raw.stored(0), store.stored("r"));

    // And closed again.
    let now = Kept::Is(store.stored("r").unwrap());
    let repair = of_reservation("r", now, Some(&released));
    assert_eq!(store.repair_record(&repair).await, Repair::Done);
    assert_eq!(store.status_of("r").await, Some(Status::Released));
    assert_eq!(deadlines(), Some(0));
    check_books(&store).await;
}

#[tokio::test]
async fn a_record_that_is_missing_or_garbled_is_written_and_one_too_many_is_removed() {
    let store = store().await;
    store.put("sku-1", 10).await;
    for id in ["missing", "text", "hash"] {
        store.reserve(id, &[("sku-1", 2)]).await.unwrap();
    }
    let names = ["missing", "text", "hash"].map(|id| k(&format!("rsv:{id}")));
    let stored = ["missing", "text", "hash"].map(|id| store.stored(id).unwrap());
    for name in &names {
        store.raw(&["DEL", name]);
    }
    store.raw(&["ZREM", &k("deadlines"), "missing"]);
    store.raw(&["SET", &names[1], "garbage"]);
    store.raw(&["HSET", &names[2], "a", "b"]);
    let found = [Kept::Absent, Kept::Corrupt, Kept::Corrupt];
    for ((id, stored), found) in ["missing", "text", "hash"].iter().zip(&stored).zip(found) {
        let repair = of_reservation(id, found, Some(stored));
        assert_eq!(store.repair_record(&repair).await, Repair::Done);
    }
    check_books(&store).await;
    // One that no entry knows.
    store.raw(&[b"SET", k("rsv:extra").as_bytes(), &stored[0]]);
    store.raw(&["ZADD", &k("deadlines"), "1", "extra"]);
    let repair = of_reservation("extra", Kept::Is(stored[0].clone()), None);
    assert_eq!(store.repair_record(&repair).await, Repair::Done);
    assert_eq!(store.status_of("extra").await, None);
    check_books(&store).await;
}

#[tokio::test]
async fn a_repair_goes_through_the_gate() {
    let store = store().await;
    store.put("sku-1", 10).await;
    store.raw(&["HSET", &k("meta"), "state", "RECOVERING"]);
    let set = SetStock::Figures([1, 0, 0]);
    let repair = of_stock("sku-1", Kept::Is([10, 0, 0, 1]), set);
    let refused = store.engine.repair_stock(S, &repair, soon()).await;
    assert!(matches!(refused, Err(Fault::Fenced(_))), "{refused:?}");
}

#[tokio::test]
async fn an_attested_stock_takes_a_version_that_a_projection_takes_over() {
    let store = store().await;
    store.put("sku-1", 10).await;
    store.tamper("sku-1", "12");
    let attest = AttestStock {
        key: key("sku-1"),
        version_above: 41,
        ledger_delta: 2,
        reason: why(),
        context: someone(),
    };
    let attested = store.engine.attest_stock(S, &attest, soon()).await;
    attested.unwrap().unwrap();
    assert_eq!(store.stock("sku-1").await.unwrap().version, 42);
    assert_eq!(store.figures("sku-1").await, (12, 0, 0));
    let change = store.last_change().await;
    let Change::Stock {
        delta,
        ledger_delta,
        reason,
        ..
    } = change
    else {
        panic!("{change:?}");
    };
    assert_eq!((delta, ledger_delta, reason), (0, 2, Some(why())));
    let unknown = AttestStock {
        key: key("nowhere"),
        ..attest
    };
    let refused = store.engine.attest_stock(S, &unknown, soon()).await;
    assert_eq!(refused.unwrap().unwrap_err().code(), Code::UnknownSku);
}
