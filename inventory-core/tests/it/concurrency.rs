//! Hundreds of callers at once, through several engines on one Redis.

use std::sync::atomic::{AtomicBool, Ordering};

use inventory_core::engine::{Engine, Held};

use crate::{ledger::check_books, support::*};

use inventory_core::*;

const ENGINES: usize = 3;

/// The store's own engine and more on the same Redis, as replicas of a server would be.
async fn engines(store: &Store) -> Vec<Engine> {
    let mut engines = vec![store.engine.clone()];
    while engines.len() < ENGINES {
        engines.push(connect(config(&store.redis)).await);
    }
    engines
}

/// What a caller was told last about its reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    Refused(u32),
    Held,
    Is(Box<Reservation>),
    Was(Refusal),
}

/// One caller: reserves, then does something with the hold, and repeats every call that was accepted.
async fn shop(engine: Engine, name: String, mut dice: Dice) -> (String, Told) {
    let quantity = u32::try_from(1 + dice.roll(3)).unwrap();
    let ttl_ms = [15, 40, 900_000][usize::try_from(dice.roll(3)).unwrap()];
    let command = Reserve {
        ttl_ms,
        ..reserve(&name, &[("sku-1", quantity)])
    };
    let held = engine.reserve(S, &command, within(30_000)).await.unwrap();
    if let Err(refusal) = held {
        assert!(matches!(refusal, Refusal::InsufficientStock(_)));
        return (name, Told::Refused(quantity));
    }
    let again = engine.reserve(S, &command, within(30_000)).await.unwrap();
    let again = again.unwrap();
    assert!(again.replayed);
    assert!(matches!(again.value, Held::Existing(record) if record.lines == command.lines));
    let id = rid(&name);
    let told = match dice.roll(6) {
        0 => Told::Held,
        1 => {
            let lines = lines(&[("sku-1", 1)]);
            let command = Confirm {
                lines: (dice.roll(2) == 0).then_some(lines),
                reacquire: dice.roll(2) == 0,
                ..confirm(&name)
            };
            let mut answers = Vec::new();
            for _ in 0..2 {
                let answer = engine.confirm(S, &command, within(30_000)).await.unwrap();
                answers.push(answer.map(|done| done.value));
            }
            // A refused reacquire may succeed later.
            if answers[0].is_ok() {
                assert_eq!(answers[0], answers[1]);
            }
            said(answers.pop().unwrap())
        }
        2 => {
            let command = release(&name);
            let first = engine.release(S, &command, within(30_000)).await.unwrap();
            let again = engine.release(S, &command, within(30_000)).await.unwrap();
            let (first, again) = (first.unwrap(), again.unwrap());
            assert!(again.replayed);
            assert_eq!(first.value, again.value);
            said(Ok(again.value))
        }
        3 | 4 => {
            let longer = extend(&name, 60_000);
            match engine.extend(S, &longer, within(30_000)).await.unwrap() {
                Err(refusal) => Told::Was(refusal),
                Ok(extended) => {
                    assert_eq!(extended.value.status, Status::Reserved);
                    let sold = engine.confirm(S, &confirm(&name), within(30_000)).await;
                    said(sold.unwrap().map(|done| done.value))
                }
            }
        }
        _ => {
            let answer = engine.confirm(S, &confirm(&name), within(30_000)).await;
            match answer.unwrap() {
                Err(refusal) => Told::Was(refusal),
                Ok(sold) => {
                    let command = Return {
                        id,
                        ..give_back(&name, &format!("ret-{name}"), &[])
                    };
                    let back = engine.return_goods(S, &command, within(30_000)).await;
                    let back = back.unwrap().unwrap();
                    assert_eq!(back.value.lines, sold.value.lines);
                    let again = engine.return_goods(S, &command, within(30_000)).await;
                    let again = again.unwrap().unwrap();
                    assert!(again.replayed);
                    said(Ok(again.value))
                }
            }
        }
    };
    (name, told)
}

fn said(answer: Result<Reservation, Refusal>) -> Told {
    match answer {
        Ok(record) => Told::Is(Box::new(record)),
        Err(refusal) => Told::Was(refusal),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_callers_of_one_sku_account_for_every_unit() {
    const SEED: u64 = 0x5EED_0001;
    println!("seed {SEED:#x}");
    let store = live_store().await;
    store.put("sku-1", 400).await;
    let engines = engines(&store).await;
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..500 {
        let engine = engines[caller % ENGINES].clone();
        let dice = Dice::new(SEED + u64::try_from(caller).unwrap());
        callers.spawn(shop(engine, format!("caller-{caller}"), dice));
    }
    let done = AtomicBool::new(false);
    let sweep = async {
        while !done.load(Ordering::Relaxed) {
            store.sweep().await;
            tokio::task::yield_now().await;
        }
    };
    let join = async {
        let told = callers.join_all().await;
        done.store(true, Ordering::Relaxed);
        told
    };
    let (told, ()) = tokio::join!(join, sweep);

    let ledger = check_books(&store).await;
    let mut sold = 0;
    for (name, told) in told {
        let record = ledger.reservations.get(&rid(&name));
        match told {
            Told::Refused(_) => assert_eq!(record, None),
            Told::Held => {
                let status = record.unwrap().status;
                assert!(matches!(status, Status::Reserved | Status::Expired));
            }
            Told::Is(last) => {
                assert_eq!(record, Some(&*last));
                sold += last.lines.iter().map(|l| last.returnable(l)).sum::<u32>();
            }
            Told::Was(refusal) => {
                assert_eq!(record.unwrap().status, Status::Expired, "{refusal:?}");
            }
        }
    }
    let statuses = ledger.reservations.values().map(|record| record.status);
    let statuses: std::collections::HashSet<_> = statuses.collect();
    assert!(statuses.len() >= 5, "too little happened: {statuses:?}");
    let stock = &ledger.stocks[&key("sku-1")];
    assert_eq!(stock.sold, u64::from(sold));
    assert_eq!(stock.available + stock.reserved + stock.sold, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_the_stock_is_sold_and_nobody_is_refused_what_is_left() {
    const STOCK: u64 = 300;
    let store = live_store().await;
    store.put("sku-1", STOCK).await;
    let engines = engines(&store).await;
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0_u32..500 {
        let engine = engines[caller as usize % ENGINES].clone();
        callers.spawn(async move {
            let name = format!("caller-{caller}");
            let quantity = 1 + caller % 3;
            let command = reserve(&name, &[("sku-1", quantity)]);
            match engine.reserve(S, &command, within(30_000)).await.unwrap() {
                Err(_) => Told::Refused(quantity),
                Ok(_) => {
                    let answer = engine.confirm(S, &confirm(&name), within(30_000)).await;
                    said(answer.unwrap().map(|done| done.value))
                }
            }
        });
    }
    let told = callers.join_all().await;
    let ledger = check_books(&store).await;
    let stock = &ledger.stocks[&key("sku-1")];
    assert_eq!((stock.reserved, stock.sold), (0, STOCK - stock.available));
    let refused = told.iter().filter_map(|told| match told {
        Told::Refused(quantity) => Some(*quantity),
        Told::Held | Told::Is(_) | Told::Was(_) => None,
    });
    let smallest_refused = refused.min().unwrap();
    assert!(u64::from(smallest_refused) > stock.available);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overlapping_reservations_of_many_skus_are_never_partly_applied() {
    const SEED: u64 = 0x5EED_0002;
    println!("seed {SEED:#x}");
    let names = ["a", "b", "c", "east|a", "east|b", "west|c"];
    let store = live_store().await;
    for name in names {
        store.put(name, 60).await;
    }
    let engines = engines(&store).await;
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..240_u64 {
        let engine = engines[usize::try_from(caller).unwrap() % ENGINES].clone();
        callers.spawn(async move {
            let mut dice = Dice::new(SEED + caller);
            let start = dice.roll(6);
            let items: Vec<(&str, u32)> = (0..1 + dice.roll(4))
                .map(|i| {
                    let name = names[usize::try_from((start + i) % 6).unwrap()];
                    (name, u32::try_from(1 + dice.roll(3)).unwrap())
                })
                .collect();
            let name = format!("caller-{caller}");
            let command = reserve(&name, &items);
            let held = engine.reserve(S, &command, within(30_000)).await.unwrap();
            if held.is_ok() && dice.roll(3) == 0 {
                let answer = engine.release(S, &release(&name), within(30_000)).await;
                assert_eq!(answer.unwrap().unwrap().value.status, Status::Released);
            }
            (command, held.is_ok())
        });
    }
    let told = callers.join_all().await;
    assert!(
        told.iter().any(|(_, held)| !held),
        "the stock never ran out"
    );
    let ledger = check_books(&store).await;
    for (command, held) in told {
        let record = ledger.reservations.get(&command.id);
        assert_eq!(record.map(|r| &r.lines), held.then_some(&command.lines));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_id_from_a_hundred_callers_is_one_hold() {
    let store = live_store().await;
    store.put("sku-1", 1_000).await;
    let engines = engines(&store).await;
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..100 {
        let engine = engines[caller % 2].clone();
        callers.spawn(async move {
            let command = reserve("same", &[("sku-1", 7)]);
            let held = engine.reserve(S, &command, within(30_000)).await;
            held.unwrap().unwrap()
        });
    }
    let held = callers.join_all().await;
    let (again, first): (Vec<_>, Vec<_>) = held.into_iter().partition(|held| held.replayed);
    assert_eq!((first.len(), again.len()), (1, 99));
    let Held::New { created, deadline } = first[0].value else {
        panic!("{first:?}")
    };
    let record = store.record("same").await.unwrap();
    assert_eq!((record.created, record.deadline), (created, deadline));
    for held in again {
        assert_eq!(held.value, Held::Existing(Box::new(record.clone())));
    }
    assert_eq!(store.figures("sku-1").await, (993, 7, 0));
    check_books(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_who_confirm_or_release_one_hold_one_side_wins() {
    let store = live_store().await;
    store.put("sku-1", 100).await;
    let engines = engines(&store).await;
    for round in 0..5 {
        let name = format!("r-{round}");
        store.reserve(&name, &[("sku-1", 2)]).await.unwrap();
        let mut callers = tokio::task::JoinSet::new();
        for caller in 0..100 {
            let engine = engines[caller % ENGINES].clone();
            let name = name.clone();
            callers.spawn(async move {
                if caller % 2 == 0 {
                    engine.confirm(S, &confirm(&name), within(30_000)).await
                } else {
                    engine.release(S, &release(&name), within(30_000)).await
                }
            });
        }
        let answers = callers.join_all().await.into_iter().map(Result::unwrap);
        let (won, lost): (Vec<_>, Vec<_>) = answers.partition(Result::is_ok);
        let won: Vec<_> = won.into_iter().map(Result::unwrap).collect();
        assert_eq!((won.len(), lost.len()), (50, 50));
        assert_eq!(won.iter().filter(|done| !done.replayed).count(), 1);
        let record = store.record(&name).await.unwrap();
        assert!(won.iter().all(|done| done.value == record));
        let refusal = if record.status == Status::Confirmed {
            Refusal::ReservationConfirmed(Status::Confirmed)
        } else {
            assert_eq!(record.status, Status::Released);
            Refusal::ReservationReleased
        };
        assert!(lost.iter().all(|answer| *answer == Err(refusal.clone())));
    }
    check_books(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_at_its_deadline_is_sold_or_expired_for_all_and_stays_so() {
    let store = live_store().await;
    store.put("sku-1", 100).await;
    let engines = engines(&store).await;
    let command = Reserve {
        ttl_ms: 25,
        ..reserve("brief", &[("sku-1", 1)])
    };
    store.hold(&command).await.unwrap();
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..20 {
        let engine = engines[caller % ENGINES].clone();
        callers.spawn(async move {
            let part = Confirm {
                lines: Some(lines(&[("sku-1", 2)])),
                ..confirm("brief")
            };
            // Refused as too much while it is open, as expired ever after.
            let mut expired = false;
            for _ in 0..200 {
                let answer = engine.confirm(S, &part, within(30_000)).await.unwrap();
                let refusal = answer.unwrap_err();
                if refusal == Refusal::ReservationExpired {
                    expired = true;
                } else {
                    assert!(matches!(refusal, Refusal::ConfirmExceedsReservation(_)));
                    assert!(!expired, "it came back");
                }
            }
        });
    }
    callers.join_all().await;
    eventually("the hold is expired", async || {
        store.confirm(&confirm("brief")).await == Err(Refusal::ReservationExpired)
    })
    .await;
    assert_eq!(store.status_of("brief").await, Some(Status::Expired));
    assert_eq!(store.figures("sku-1").await, (100, 0, 0));
    check_books(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_id_is_applied_once_however_often_it_comes() {
    let store = live_store().await;
    store.put("sku-1", 10).await;
    let engines = engines(&store).await;
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..100 {
        let engine = engines[caller % ENGINES].clone();
        callers.spawn(async move {
            let command = adjust("delivery-1", "sku-1", 5);
            let done = engine.adjust(S, &command, within(30_000)).await;
            done.unwrap().unwrap()
        });
    }
    let done = callers.join_all().await;
    assert_eq!(done.iter().filter(|done| !done.replayed).count(), 1);
    assert!(done.iter().all(|done| done.value.available == 15));
    check_books(&store).await;
}
