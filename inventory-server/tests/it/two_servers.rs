//! Any number of servers may share one Redis.

use std::{sync::Arc, thread};

use devstack::redis::RedisServer;

use crate::support::Server;

fn pair() -> (Server, Server) {
    let redis = Arc::new(RedisServer::builder().start().expect("a Redis"));
    (Server::on(&redis, &[]), Server::on(&redis, &[]))
}

#[test]
fn what_one_did_the_other_knows() {
    let (one, other) = pair();
    one.stock("a", 10);
    let held = one.reserve_one("r").expect(201);
    let again = other.reserve_one("r");
    assert!(again.is_replayed());
    assert_eq!(again.expect(200), held);
    other.post_empty("/api/reservations/r/confirm").expect(200);
    one.post_empty("/api/reservations/r/release")
        .refused(409, "RESERVATION_CONFIRMED");
    assert_eq!(
        (one.figures("a"), other.figures("a")),
        ("9/0/1".to_owned(), "9/0/1".to_owned())
    );
}

#[test]
fn together_they_sell_exactly_what_there_is() {
    const STOCK: usize = 100;
    let (one, other) = pair();
    one.stock("a", STOCK as u64);
    let held: usize = thread::scope(|scope| {
        let buyers: Vec<_> = (0..8)
            .map(|buyer| {
                let server = if buyer % 2 == 0 { &one } else { &other };
                scope.spawn(move || {
                    // Every id is asked for by two buyers, one at each server.
                    let answers =
                        (0..40).map(|n| server.reserve_one(&format!("{}-{n}", buyer / 2)));
                    answers.filter(|answer| answer.status == 201).count()
                })
            })
            .collect();
        buyers
            .into_iter()
            .map(|buyer| buyer.join().expect("no panic"))
            .sum()
    });
    assert_eq!(held, STOCK);
    assert_eq!(one.figures("a"), "0/100/0");
}
