//! Cases that random steps do not reach, or reached once.

use devstack::redis::RedisServer;
use inventory_core::{limits::REAP_MAX, *};

use crate::lockstep::{Pair, a_count, an_adjustment, context, lines_of, stock_key};

fn hold(id: usize, stock: u8, quantity: u32) -> Reserve {
    Reserve {
        id: ReservationId::parse(&format!("h{id}")).unwrap(),
        lines: lines_of(&[(stock, quantity)]),
        ttl_ms: 1_000,
        order: None,
        customer: None,
        metadata: None,
        context: context(),
    }
}

/// Stocks 0 and 1 are all held, by more holds than one call may expire, and all are due.
async fn crowded(redis: &RedisServer) -> Pair {
    let mut pair = Pair::new(redis).await.unwrap();
    let crowd = 2 * REAP_MAX + 50;
    pair.count(&a_count("c0", stock_key(0), crowd as u64))
        .await
        .unwrap();
    pair.count(&a_count("c1", stock_key(1), 1)).await.unwrap();
    let holds: Vec<_> = (0..crowd).map(|id| hold(id, 0, 1)).collect();
    for batch in holds.chunks(100) {
        pair.reserve(batch).await.unwrap();
    }
    pair.wait_ms(1);
    pair.reserve(&[hold(9_999, 1, 1)]).await.unwrap();
    pair.wait_ms(1_000);
    pair
}

fn wanting(stock: u8, quantity: u32) -> Reserve {
    Reserve {
        id: ReservationId::parse("new").unwrap(),
        ..hold(0, stock, quantity)
    }
}

#[tokio::test]
async fn a_reserve_goes_on_reaping_until_it_is_decided() {
    let redis = RedisServer::builder().start().unwrap();
    for wanted in [wanting(1, 1), wanting(1, 2)] {
        let mut pair = crowded(&redis).await;
        pair.reserve(&[wanted]).await.unwrap();
        pair.compare_state().await.unwrap();
    }
    let mut pair = crowded(&redis).await;
    let other = |id: usize, quantity| hold(20_000 + id, 1, quantity);
    pair.reserve(&[other(0, 2), other(1, 1), other(2, 1), hold(20_003, 0, 9)])
        .await
        .unwrap();
    pair.compare_state().await.unwrap();
}

#[tokio::test]
async fn an_adjustment_goes_on_reaping_too() {
    let redis = RedisServer::builder().start().unwrap();
    for delta in [-1, -2] {
        let mut pair = crowded(&redis).await;
        pair.adjust(&an_adjustment("adj", 1, delta)).await.unwrap();
        pair.compare_state().await.unwrap();
    }
}

/// Reaping bumps the version, and the repeated call compares it again.
#[tokio::test]
async fn a_count_goes_on_reaping_too() {
    let redis = RedisServer::builder().start().unwrap();
    for expected_version in [None, Some(2)] {
        let mut pair = crowded(&redis).await;
        let count = Count {
            expected_version,
            ..a_count("low", stock_key(1), 0)
        };
        pair.count(&count).await.unwrap();
        pair.compare_state().await.unwrap();
    }
}

#[tokio::test]
async fn a_retirement_goes_on_reaping_too() {
    let redis = RedisServer::builder().start().unwrap();
    let mut pair = crowded(&redis).await;
    pair.retire(&retire(1)).await.unwrap();
    pair.compare_state().await.unwrap();
}

#[tokio::test]
async fn a_reacquire_goes_on_reaping_too() {
    let redis = RedisServer::builder().start().unwrap();
    let mut pair = crowded(&redis).await;
    pair.confirm(&confirm(id("h9999"), None)).await.unwrap();
    pair.compare_state().await.unwrap();
}

#[tokio::test]
async fn the_sweeper_takes_bites() {
    let redis = RedisServer::builder().start().unwrap();
    let mut pair = crowded(&redis).await;
    for _ in 0..5 {
        pair.expire(Expire { max: REAP_MAX }).await.unwrap();
        pair.compare_state().await.unwrap();
    }
}

#[tokio::test]
async fn the_largest_batch_is_split_and_decided_in_order() {
    let redis = RedisServer::builder().start().unwrap();
    let mut pair = Pair::new(&redis).await.unwrap();
    pair.count(&a_count("c0", stock_key(0), 250)).await.unwrap();
    let batch: Vec<_> = (0..300).map(|id| hold(id, 0, 1)).collect();
    pair.reserve(&batch).await.unwrap();
    pair.reserve(&batch).await.unwrap();
}

fn id(text: &str) -> ReservationId {
    ReservationId::parse(text).unwrap()
}

fn confirm(id: ReservationId, lines: Option<Lines>) -> Confirm {
    Confirm {
        id,
        lines,
        reacquire: true,
        context: context(),
    }
}

fn retire(stock: u8) -> Retire {
    Retire {
        key: stock_key(stock),
        context: context(),
    }
}

#[tokio::test]
async fn goods_come_back_to_a_stock_that_was_created_again() {
    let redis = RedisServer::builder().start().unwrap();
    let mut pair = Pair::new(&redis).await.unwrap();
    pair.count(&a_count("c0", stock_key(0), 5)).await.unwrap();
    pair.reserve(&[hold(0, 0, 5)]).await.unwrap();
    pair.confirm(&confirm(id("h0"), None)).await.unwrap();
    pair.retire(&retire(0)).await.unwrap();
    pair.count(&a_count("c1", stock_key(0), 2)).await.unwrap();
    pair.reserve(&[hold(1, 0, 1)]).await.unwrap();
    pair.confirm(&confirm(id("h1"), None)).await.unwrap();
    pair.compare_state().await.unwrap();
    for (return_id, of) in [("r0", "h0"), ("r1", "h1")] {
        let command = Return {
            id: id(of),
            return_id: OperationId::parse(return_id).unwrap(),
            lines: None,
            context: context(),
        };
        pair.return_goods(&command).await.unwrap();
        pair.compare_state().await.unwrap();
    }
}

#[tokio::test]
async fn a_reacquire_looks_at_what_is_sold_in_the_order_asked() {
    let redis = RedisServer::builder().start().unwrap();
    let mut pair = Pair::new(&redis).await.unwrap();
    for stock in 0..3 {
        pair.count(&a_count(&format!("c{stock}"), stock_key(stock), 1))
            .await
            .unwrap();
    }
    let three = Reserve {
        lines: lines_of(&[(0, 1), (1, 1), (2, 1)]),
        ..hold(0, 0, 1)
    };
    pair.reserve(&[three]).await.unwrap();
    pair.wait_ms(1_000);
    pair.expire(Expire { max: 1 }).await.unwrap();
    for stock in 0..3 {
        let gone = an_adjustment(&format!("a{stock}"), stock, -1);
        pair.adjust(&gone).await.unwrap();
    }
    let part = |lines| confirm(id("h0"), Some(lines_of(lines)));
    pair.confirm(&part(&[(2, 1), (0, 1)])).await.unwrap();
    pair.retire(&retire(0)).await.unwrap();
    pair.confirm(&part(&[(2, 1), (0, 1)])).await.unwrap();
    pair.retire(&retire(1)).await.unwrap();
    pair.confirm(&part(&[(1, 1), (0, 1)])).await.unwrap();
    pair.adjust(&an_adjustment("back", 2, 1)).await.unwrap();
    pair.confirm(&part(&[(2, 1)])).await.unwrap();
    pair.compare_state().await.unwrap();
}

#[tokio::test]
async fn a_record_that_changed_after_it_was_closed_is_purged_in_its_turn() {
    let redis = RedisServer::builder().start().unwrap();
    let mut pair = Pair::new(&redis).await.unwrap();
    pair.count(&a_count("c0", stock_key(0), 9)).await.unwrap();
    pair.reserve(&[hold(0, 0, 1), hold(1, 0, 1), hold(2, 0, 1)])
        .await
        .unwrap();
    pair.confirm(&confirm(id("h0"), None)).await.unwrap();
    pair.wait_ms(500);
    pair.confirm(&confirm(id("h1"), None)).await.unwrap();
    let command = Return {
        id: id("h0"),
        return_id: OperationId::parse("ret").unwrap(),
        lines: None,
        context: context(),
    };
    pair.return_goods(&command).await.unwrap();
    for _ in 0..6 {
        pair.wait_ms(250);
        pair.purge(1_000).await.unwrap();
        pair.compare_state().await.unwrap();
    }
    assert_eq!(
        pair.model.reservations().count(),
        1,
        "the hold that nobody closed"
    );
}

#[tokio::test]
async fn a_rolling_window_lets_go_at_the_same_millisecond() {
    let redis = RedisServer::builder().start().unwrap();
    for (window_seconds, slice_ms) in [(10, 10), (1, 1)] {
        let mut pair = Pair::new(&redis).await.unwrap();
        let limit = LimitChange::Set(PurchaseLimit::new(1, Some(window_seconds)).unwrap());
        pair.count(&Count {
            limit,
            ..a_count("c0", stock_key(0), 99)
        })
        .await
        .unwrap();
        let customer = Some(CustomerId::parse("c0").unwrap());
        let hold = |id| Reserve {
            customer: customer.clone(),
            ttl_ms: 60_000,
            ..hold(id, 0, 1)
        };
        pair.wait_ms(slice_ms - 1);
        pair.reserve(&[hold(0)]).await.unwrap();
        pair.wait_ms(u64::from(window_seconds) * 1_000 - slice_ms);
        for attempt in 1..=2 * usize::try_from(slice_ms).unwrap() + 2 {
            pair.wait_ms(1);
            pair.reserve(&[hold(attempt)]).await.unwrap();
            pair.compare_state().await.unwrap();
        }
        assert_eq!(pair.model.reservations().count(), 2, "it let go once");
    }
}
