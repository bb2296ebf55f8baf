use std::{
    thread,
    time::{Duration, Instant},
};

use devstack::wait;

use crate::support::{
    Server, TIMEOUT,
    raw::{self, Connection},
};

/// Waits until so many requests wait in the queue.
fn wait_for_depth(server: &Server, queue: &str, depth: u32) {
    let line = format!("inventory_queue_depth{{queue=\"{queue}\"}} {depth}\n");
    wait::until(TIMEOUT, &line, || {
        server.get("/metrics").text.contains(&line)
    })
    .expect("queued");
}

#[test]
fn a_full_queue_refuses_at_once_and_the_others_are_served() {
    let server = Server::with(&["--queue-max=2", "--batches-in-flight=1"]);
    server.stock("a", 10);
    server.redis.pause().expect("paused");
    thread::scope(|scope| {
        let mut waiting = vec![scope.spawn(|| server.reserve_one("in-flight"))];
        // The first is on its way to Redis, the next two fill the queue.
        wait::until(TIMEOUT, "a call is under way", || {
            wait_for_depth(&server, "reserve", 0);
            server
                .get("/metrics")
                .text
                .contains("inventory_batch_reservations_count 1\n")
        })
        .expect("sent");
        for (n, id) in ["queued-1", "queued-2"].into_iter().enumerate() {
            let server = &server;
            waiting.push(scope.spawn(move || server.reserve_one(id)));
            wait_for_depth(server, "reserve", 1 + u32::try_from(n).expect("small"));
        }
        let asked = Instant::now();
        let refused = server.reserve_one("refused");
        // Waiting for its turn would take as long as Redis stands still, up to the 20 s of a request.
        assert!(
            asked.elapsed() < Duration::from_secs(10),
            "{:?}",
            asked.elapsed()
        );
        assert_eq!(refused.header("retry-after"), Some("1"));
        refused.refused(503, "OVERLOADED");
        server.redis.resume().expect("resumed");
        for answer in waiting {
            let answer = answer.join().expect("no panic");
            assert!([200, 201].contains(&answer.status), "{}", answer.text);
        }
    });
    assert_eq!(server.figures("a"), "7/3/0");
    server.reserve_one("refused").expect(201);
}

#[test]
fn bodies_have_a_budget_and_what_is_over_it_is_refused() {
    let server = Server::with(&["--body-budget-bytes=1048576"]);
    server.stock("a", 10);
    let path = "/api/inventories/bulk";
    let held = |bytes: usize| {
        let line = format!("inventory_http_body_bytes {bytes}\n");
        wait::until(TIMEOUT, &line, || {
            server.get("/metrics").text.contains(&line)
        })
        .expect("counted");
    };
    let (part, whole) = (1_048_576 - 10, 1_048_576 - 5);
    let mut first = Connection::open(&server);
    first.send(raw::head("POST", path, whole));
    first.send(" ".repeat(part));
    held(part);
    let refused = server.reserve_one("r");
    assert_eq!(refused.header("retry-after"), Some("1"));
    refused.refused(503, "OVERLOADED");
    // What needs no body goes on, and so does who came first.
    assert_eq!(server.figures("a"), "10/0/0");
    first.send(" ".repeat(whole - part));
    assert_eq!(first.answer().faulty_fields(), ["body"]);
    held(0);
    server.reserve_one("r").expect(201);
    // A client that leaves gives back, too.
    let mut second = Connection::open(&server);
    second.send(raw::head("POST", path, whole));
    second.send(" ".repeat(part));
    held(part);
    drop(second);
    held(0);
}

#[test]
fn reads_have_a_queue_of_their_own() {
    let server = Server::with(&["--queue-max=1", "--batches-in-flight=1"]);
    server.stock("a", 10);
    server.redis.pause().expect("paused");
    thread::scope(|scope| {
        let readers: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| server.get("/api/inventories/a")))
            .collect();
        // One waits, a few may be on their way together; there is no room for eight.
        let refused = "inventory_operations_total{operation=\"stock\",outcome=\"OVERLOADED\"} ";
        wait::until(TIMEOUT, "one is refused", || {
            server.get("/metrics").text.contains(refused)
        })
        .expect("refused");
        server.redis.resume().expect("resumed");
        let answers: Vec<_> = readers
            .into_iter()
            .map(|reader| reader.join().expect("no panic"))
            .collect();
        let with_status = |status: u16| answers.iter().filter(|a| a.status == status).count();
        assert!(with_status(200) >= 1);
        assert_eq!(with_status(200) + with_status(503), 8);
    });
}

#[test]
fn what_waits_too_long_is_not_sent_and_what_was_sent_is_unknown() {
    let server = Server::with(&["--request-timeout-ms=3000", "--batches-in-flight=1"]);
    server.stock("a", 10);
    server.redis.pause().expect("paused");
    thread::scope(|scope| {
        let sent = scope.spawn(|| server.reserve_one("sent"));
        wait::until(TIMEOUT, "a call is under way", || {
            server
                .get("/metrics")
                .text
                .contains("inventory_batch_reservations_count 1\n")
        })
        .expect("sent");
        let queued = scope.spawn(|| server.reserve_one("queued"));
        let sent = sent
            .join()
            .expect("no panic")
            .refused(504, "OUTCOME_UNKNOWN");
        assert_eq!(sent["reservationId"], "sent");
        let queued = queued.join().expect("no panic");
        assert!(
            ["OVERLOADED", "STORE_UNAVAILABLE"]
                .contains(&queued.body["code"].as_str().expect("a code")),
            "{}",
            queued.text
        );
    });
    server.redis.resume().expect("resumed");
    // Repeats with the same id settle both, whatever had become of the first.
    for id in ["sent", "queued"] {
        wait::until(TIMEOUT, format!("{id} is settled"), || {
            [200, 201].contains(&server.reserve_one(id).status)
        })
        .expect("settled");
    }
    assert_eq!(server.figures("a"), "8/2/0");
}
