//! Every change is one entry, written with it; the entries alone give back what Redis holds.

use std::time::Duration;

use devstack::redis::Appendonly;
use inventory_core::{engine::Held, *};

use crate::{
    ledger::{check_books, entries},
    support::*,
};

/// The entries that `call` writes.
async fn written<T>(store: &Store, call: impl Future<Output = T>) -> (T, Vec<Entry>) {
    let before = entries(&store.engine).await.last().unwrap().id;
    let answer = call.await;
    let after = store.engine.journal(S, Some(before), 1_000, soon()).await;
    (answer, after.unwrap())
}

fn kinds(entry: &Entry) -> Vec<ChangeKind> {
    let EntryBody::Changes { changes, .. } = &entry.body else {
        panic!("{entry:?}");
    };
    changes.iter().map(Change::kind).collect()
}

/// Expects that `call` writes one entry with just these changes.
async fn writes<T>(store: &Store, expected: &[ChangeKind], call: impl Future<Output = T>) -> T {
    let (answer, written) = written(store, call).await;
    assert_eq!(written.len(), 1, "{written:?}");
    assert_eq!(kinds(&written[0]), expected);
    answer
}

fn someone() -> Context {
    Context {
        actor: text("Zoë of the shop"),
        request_id: text("req-1"),
        traceparent: text("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    }
}

#[tokio::test]
async fn every_operation_writes_one_entry_that_says_who_asked() {
    use ChangeKind::*;
    let store = store().await;
    let context = someone();
    let started = entries(&store.engine).await;
    assert_eq!(started.len(), 1);
    assert_eq!(started[0].id.n, 0);

    let c = Count {
        context: context.clone(),
        reason: text("first delivery"),
        ..count("c-1", "sku-1", 100)
    };
    writes(&store, &[Counted], store.count(&c)).await.unwrap();
    let c = Adjust {
        context: context.clone(),
        ..adjust("a-1", "sku-1", -5)
    };
    writes(&store, &[Adjusted], store.adjust(&c)).await.unwrap();
    for id in ["r-1", "r-2", "r-3"] {
        let c = Reserve {
            context: context.clone(),
            ttl_ms: 10_000,
            ..reserve(id, &[("sku-1", 4)])
        };
        writes(&store, &[Reserved], store.hold(&c)).await.unwrap();
    }
    let c = Reserve {
        context: context.clone(),
        order: Some(OrderId::parse("o-1").unwrap()),
        customer: Some(CustomerId::parse("c-1").unwrap()),
        ..reserve("r-1", &[("sku-1", 4)])
    };
    writes(&store, &[Bound], store.hold(&c)).await.unwrap();
    let c = Extend {
        context: context.clone(),
        ..extend("r-1", 20_000)
    };
    writes(&store, &[Extended], store.extend(&c)).await.unwrap();
    let c = Confirm {
        context: context.clone(),
        ..confirm("r-1")
    };
    writes(&store, &[Confirmed], store.confirm(&c))
        .await
        .unwrap();
    let c = Return {
        context: context.clone(),
        ..give_back("r-1", "ret-1", &[("sku-1", 1)])
    };
    writes(&store, &[Returned], store.give_back(&c))
        .await
        .unwrap();
    let c = Release {
        context: context.clone(),
        reason: text("changed her mind"),
        ..release("r-2")
    };
    writes(&store, &[Released], store.release(&c))
        .await
        .unwrap();
    let c = Release {
        context: context.clone(),
        tombstone: true,
        ..release("r-never")
    };
    writes(&store, &[Tombstoned], store.release(&c))
        .await
        .unwrap();
    store.clock.advance_ms(10_000);
    let c = Confirm {
        context: context.clone(),
        reacquire: true,
        ..confirm("r-3")
    };
    writes(&store, &[Expired, Reacquired], store.confirm(&c))
        .await
        .unwrap();
    let why = Text::parse("check").unwrap();
    let attested = AttestStock {
        key: key("sku-1"),
        version_above: 0,
        ledger_delta: 0,
        reason: why.clone(),
        context: context.clone(),
    };
    let attest = store.engine.attest_stock(S, &attested, soon());
    writes(&store, &[Attested], attest).await.unwrap().unwrap();
    let id = rid("r-1");
    let attest = store
        .engine
        .attest_reservation(S, &id, &why, &context, soon());
    let attest = writes(&store, &[ReservationAttested], attest).await;
    attest.unwrap().unwrap();
    store.put("sku-2", 0).await;
    let c = Retire {
        key: key("sku-2"),
        context: context.clone(),
    };
    let retire = store.engine.retire(S, &c, soon());
    writes(&store, &[Retired], retire).await.unwrap().unwrap();

    let asked = |entry: &Entry| match &entry.body {
        EntryBody::Bless { .. } => Vec::new(),
        EntryBody::Changes { changes, .. } => changes.clone(),
    };
    for change in entries(&store.engine).await.iter().flat_map(asked) {
        let operation = match &change {
            Change::Stock { operation, .. } => operation.as_ref(),
            Change::Reservation { .. }
            | Change::StockRepaired { .. }
            | Change::ReservationRepaired { .. } => None,
        };
        let by_the_clock = matches!(&change, Change::Reservation { kind: Expired, .. });
        if !by_the_clock && operation != Some(&oid("put-sku-2")) {
            assert_eq!(*change.context(), context, "{change:?}");
        }
    }
    check_books(&store).await;
}

#[tokio::test]
async fn a_batch_and_a_bite_are_one_entry_each() {
    use ChangeKind::*;
    let store = store().await;
    store.put("sku-1", 40).await;
    let batch: Vec<_> = (0..30)
        .map(|i| Reserve {
            ttl_ms: 1_000,
            ..reserve(&format!("r-{i}"), &[("sku-1", 1)])
        })
        .collect();
    let answers = store.engine.reserve_batch(S, &batch, soon());
    let answers = writes(&store, &[Reserved; 30], answers).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap().is_ok()));
    store.clock.advance_ms(1_000);
    let bite = Expire { max: 10 };
    let swept = store.engine.expire(S, bite, soon());
    let swept = writes(&store, &[Expired; 10], swept).await.unwrap();
    assert_eq!((swept.expired, swept.remaining), (10, 20));
    // The last hold takes what the reaping in the same call gives back.
    let all = store.reserve("all", &[("sku-1", 40)]);
    let expected: Vec<_> = [Expired; 20].into_iter().chain([Reserved]).collect();
    writes(&store, &expected, all).await.unwrap();
    check_books(&store).await;
}

#[tokio::test]
async fn what_is_refused_or_repeated_changes_nothing_at_all() {
    let store = store().await;
    store.put("sku-1", 10).await;
    store.put("west|sku-1", 10).await;
    let limit = PurchaseLimit::new(3, None).unwrap();
    let limited = Count {
        limit: LimitChange::Set(limit),
        ..count("limited", "sku-2", 10)
    };
    store.count(&limited).await.unwrap();
    store.reserve("held", &[("sku-1", 2)]).await.unwrap();
    store.reserve("sold", &[("sku-1", 2)]).await.unwrap();
    store.confirm(&confirm("sold")).await.unwrap();
    let ret = give_back("sold", "ret", &[("sku-1", 1)]);
    store.give_back(&ret).await.unwrap();
    store.reserve("released", &[("sku-1", 2)]).await.unwrap();
    store.release(&release("released")).await.unwrap();
    let brief = Reserve {
        ttl_ms: 10,
        ..reserve("expired", &[("sku-1", 2)])
    };
    store.hold(&brief).await.unwrap();
    store.clock.advance_ms(10);
    store.sweep().await;
    let before = store.dump();

    let refused = |code: Code, refusal: Refusal| assert_eq!(refusal.code(), code, "{refusal:?}");
    let items: &[(&str, u32)] = &[("sku-1", 100)];
    let no = store.reserve("r", items).await.unwrap_err();
    refused(Code::InsufficientStock, no);
    let no = store.reserve("r", &[("sku-1", 1), ("gone", 1)]).await;
    refused(Code::UnknownSku, no.unwrap_err());
    let no = store.reserve("r", &[("sku-1", 1), ("sku-2", 1)]).await;
    refused(Code::InvalidRequest, no.unwrap_err());
    let no = store.hold(&reserve_for("r", "c", &[("sku-2", 4)])).await;
    refused(Code::PurchaseLimitExceeded, no.unwrap_err());
    let no = store.reserve("held", &[("sku-1", 1)]).await.unwrap_err();
    refused(Code::IdempotencyMismatch, no);
    for id in ["released", "expired", "sold", "held"] {
        let again = store.reserve(id, &[("sku-1", 2)]).await.unwrap();
        assert!(matches!(again.value, Held::Existing(_)) && again.replayed);
    }
    let no = store.confirm(&confirm("nobody")).await.unwrap_err();
    refused(Code::ReservationNotFound, no);
    let no = store.confirm(&confirm("released")).await.unwrap_err();
    refused(Code::ReservationReleased, no);
    let no = store.confirm(&confirm("expired")).await.unwrap_err();
    refused(Code::ReservationExpired, no);
    assert!(store.confirm(&confirm("sold")).await.unwrap().replayed);
    let part = Confirm {
        lines: Some(lines(&[("sku-1", 1)])),
        ..confirm("sold")
    };
    refused(
        Code::IdempotencyMismatch,
        store.confirm(&part).await.unwrap_err(),
    );
    let more = Confirm {
        lines: Some(lines(&[("sku-1", 3)])),
        ..confirm("held")
    };
    let no = store.confirm(&more).await.unwrap_err();
    refused(Code::ConfirmExceedsReservation, no);
    let no = store.release(&release("nobody")).await.unwrap_err();
    refused(Code::ReservationNotFound, no);
    let no = store.release(&release("sold")).await.unwrap_err();
    refused(Code::ReservationConfirmed, no);
    assert!(store.release(&release("released")).await.unwrap().replayed);
    assert!(store.release(&release("expired")).await.unwrap().replayed);
    for (id, code) in [
        ("nobody", Code::ReservationNotFound),
        ("released", Code::ReservationReleased),
        ("expired", Code::ReservationExpired),
        ("sold", Code::ReservationConfirmed),
    ] {
        refused(code, store.extend(&extend(id, 1_000)).await.unwrap_err());
    }
    assert!(store.give_back(&ret).await.unwrap().replayed);
    for (id, ret, quantity, code) in [
        ("nobody", "x", 1, Code::ReservationNotFound),
        ("held", "x", 1, Code::ReservationNotConfirmed),
        ("sold", "x", 2, Code::ReturnExceedsConfirmed),
        ("sold", "ret", 2, Code::IdempotencyMismatch),
    ] {
        let command = give_back(id, ret, &[("sku-1", quantity)]);
        refused(code, store.give_back(&command).await.unwrap_err());
    }
    assert!(store.count(&limited).await.unwrap().replayed);
    let below = store.count(&count("n", "sku-1", 1)).await.unwrap_err();
    refused(Code::BelowReserved, below);
    let conflict = Count {
        expected_version: Some(1),
        ..count("n", "sku-1", 9)
    };
    let conflict = store.count(&conflict).await.unwrap_err();
    refused(Code::VersionConflict, conflict);
    let no = store.count(&count("limited", "sku-2", 11)).await;
    refused(Code::IdempotencyMismatch, no.unwrap_err());
    let too_low = store.adjust(&adjust("n", "sku-1", -100)).await;
    refused(Code::InsufficientStock, too_low.unwrap_err());
    let unknown = store.adjust(&adjust("n", "gone", 1)).await;
    refused(Code::UnknownSku, unknown.unwrap_err());
    let retire = Retire {
        key: key("sku-1"),
        context: Context::default(),
    };
    let in_use = store.engine.retire(S, &retire, soon()).await.unwrap();
    refused(Code::SkuInUse, in_use.unwrap_err());
    assert_eq!(store.sweep().await.expired, 0);

    assert_eq!(store.dump(), before);
    check_books(&store).await;
}

#[tokio::test]
async fn a_batch_of_nothing_but_refusals_writes_nothing() {
    let store = store().await;
    store.put("sku-1", 1).await;
    let before = store.dump();
    let batch: Vec<_> = (0..50)
        .map(|i| reserve(&format!("r-{i}"), &[("sku-1", 2)]))
        .collect();
    let answers = store.engine.reserve_batch(S, &batch, soon()).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap().is_err()));
    assert_eq!(store.dump(), before);
}

#[tokio::test]
async fn an_entry_carries_all_that_a_record_has() {
    let store = store().await;
    store.put("a:b", 100).await;
    store.put("Öst".replace('Ö', "O").as_str(), 100).await;
    let command = Reserve {
        id: rid("r:1"),
        lines: lines(&[("a:b", 2), ("Ost", 3)]),
        ttl_ms: 5_000,
        order: Some(OrderId::parse("order:1").unwrap()),
        customer: Some(CustomerId::parse("c:1").unwrap()),
        metadata: Some(
            Metadata::from_compact_json(r#"{"gruß":"schön, \"=|\"\\t","n":[1,2]}"#).unwrap(),
        ),
        context: someone(),
    };
    store.hold(&command).await.unwrap();
    let record = store.record("r:1").await.unwrap();
    assert_eq!(record.metadata, command.metadata);
    assert_eq!(record.order, command.order);
    assert_eq!(record.customer, command.customer);
    let reason = text("zu spät; = | , \u{2028} ok");
    let command = Release {
        reason: reason.clone(),
        ..release("r:1")
    };
    let released = store.release(&command).await.unwrap().value.released;
    assert_eq!(released.unwrap().reason, reason);
    check_books(&store).await;
}

#[tokio::test]
async fn ids_stay_without_a_gap_over_trimming_and_epochs() {
    let redis = redis_with_aof(Appendonly::Everysec);
    let store = store_on(redis).await;
    store.put("sku-1", 1_000).await;
    let first_epoch = store.epoch();
    for i in 0..40 {
        let id = format!("r-{i}");
        store.reserve(&id, &[("sku-1", 1)]).await.unwrap();
        store.clock.advance_ms(100);
    }
    let keep = Duration::from_millis(1_000);
    let day = Duration::from_secs(86_400);
    let purged = store.engine.purge(S, day, keep, 1 << 30, soon()).await;
    assert_eq!(purged.unwrap().entries, 33);
    let left = entries(&store.engine).await;
    let places: Vec<_> = left.iter().map(|entry| entry.id.n).collect();
    assert_eq!(places, (33..=41).collect::<Vec<_>>());

    store.redis.stop().unwrap();
    store.redis.start_again().unwrap();
    let second_epoch = store.in_epoch_after(first_epoch).await;
    store.reserve("later", &[("sku-1", 1)]).await.unwrap();
    let ids: Vec<_> = entries(&store.engine)
        .await
        .into_iter()
        .skip_while(|entry| entry.id.epoch == first_epoch)
        .map(|entry| (entry.id.epoch, entry.id.n))
        .collect();
    assert_eq!(ids, [(second_epoch, 0), (second_epoch, 1)]);
    let left = entries(&store.engine).await;
    let blessing = left.iter().find(|entry| entry.id.epoch == second_epoch);
    let EntryBody::Bless { previous, .. } = &blessing.unwrap().body else {
        panic!("{blessing:?}");
    };
    let last = JournalId {
        epoch: first_epoch,
        n: 41,
    };
    assert_eq!(*previous, Some(last));
}

/// All kinds of calls, drawn by chance, some of them refused.
#[tokio::test]
async fn entries_applied_from_scratch_give_the_state_in_redis() {
    const SEED: u64 = 0x5EED_0003;
    println!("seed {SEED:#x}");
    let mut dice = Dice::new(SEED);
    let store = store_on(redis_with_aof(Appendonly::Everysec)).await;
    let stocks = ["sku-1", "sku-2", "a:b", "west|sku-1"];
    for stock in stocks {
        store.put(stock, 50).await;
    }
    for step in 0..800 {
        let id = format!("r-{}", dice.roll(120));
        let stock = stocks[usize::try_from(dice.roll(4)).unwrap()];
        let quantity = u32::try_from(1 + dice.roll(4)).unwrap();
        let operation = format!("op-{step}");
        let _refused_or_not = match dice.roll(12) {
            0..=3 => {
                let command = Reserve {
                    ttl_ms: u32::try_from(100 + dice.roll(2_000)).unwrap(),
                    ..reserve(&id, &[(stock, quantity), ("sku-1", 1)])
                };
                store.hold(&command).await.is_ok()
            }
            4 | 5 => {
                let command = Confirm {
                    lines: (dice.roll(2) == 0).then(|| lines(&[("sku-1", 1)])),
                    reacquire: dice.roll(2) == 0,
                    ..confirm(&id)
                };
                store.confirm(&command).await.is_ok()
            }
            6 => store.release(&release(&id)).await.is_ok(),
            7 => store.extend(&extend(&id, 3_000)).await.is_ok(),
            8 => {
                let items: &[(&str, u32)] = &[("sku-1", 1)];
                let items = &items[..usize::try_from(dice.roll(2)).unwrap()];
                store
                    .give_back(&give_back(&id, &operation, items))
                    .await
                    .is_ok()
            }
            9 => {
                let delta = i64::try_from(dice.roll(21)).unwrap() - 10;
                let delta = if delta == 0 { 1 } else { delta };
                store
                    .adjust(&adjust(&operation, stock, delta))
                    .await
                    .is_ok()
            }
            10 => {
                let on_hand = 20 + dice.roll(60);
                store
                    .count(&count(&operation, stock, on_hand))
                    .await
                    .is_ok()
            }
            _ => store.sweep().await.expired > 0,
        };
        store.clock.advance_ms(dice.roll(60));
        if step == 400 {
            let before = store.epoch();
            store.redis.stop().unwrap();
            store.redis.start_again().unwrap();
            store.in_epoch_after(before).await;
        }
    }
    let ledger = check_books(&store).await;
    let statuses: std::collections::HashSet<_> =
        ledger.reservations.values().map(|r| r.status).collect();
    assert_eq!(statuses.len(), Status::ALL.len(), "{statuses:?}");
}
