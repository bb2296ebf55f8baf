use std::{
    net::TcpStream,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use devstack::wait;

use crate::support::{
    Server, TIMEOUT, json,
    raw::{self, Connection},
};

#[test]
fn requests_in_flight_are_finished() {
    let server = Server::with(&["--batches-in-flight=1"]);
    server.stock("a", 10);
    let mut idle = Connection::open(&server);
    idle.send(raw::request("GET", "/healthz", ""));
    idle.answer().expect(200);
    server.redis.pause().expect("paused");
    thread::scope(|scope| {
        let first = scope.spawn(|| server.reserve_one("1"));
        wait::until(TIMEOUT, "a call is under way", || {
            server
                .get("/metrics")
                .text
                .contains("inventory_batch_reservations_count 1\n")
        })
        .expect("sent");
        let second = scope.spawn(|| server.reserve_one("2"));
        wait::until(TIMEOUT, "a request waits", || {
            server
                .get("/metrics")
                .text
                .contains("inventory_queue_depth{queue=\"reserve\"} 1\n")
        })
        .expect("queued");
        let ended = scope.spawn(|| server.process.terminate());
        server
            .process
            .wait_for_line(|line| line.contains("draining"), TIMEOUT)
            .expect("it drains");
        assert!(idle.rest().is_empty(), "an idle connection is closed");
        TcpStream::connect(&server.address).expect_err("nobody is let in");
        server.redis.resume().expect("resumed");
        for answer in [first, second] {
            answer.join().expect("no panic").expect(201);
        }
        let status = ended.join().expect("no panic").expect("it ends");
        assert_eq!(status.code(), Some(0));
    });
}

#[test]
fn the_drain_has_a_limit() {
    let server = Server::with(&["--drain-timeout-seconds=1"]);
    server.stock("a", 10);
    server.redis.pause().expect("paused");
    let mut connection = Connection::open(&server);
    let body = json!({"reservationId": "r", "items": [{"skuId": "a", "quantity": 1}]}).to_string();
    connection.send(raw::request("POST", "/api/reservations", &body));
    wait::until(TIMEOUT, "a call is under way", || {
        server
            .get("/metrics")
            .text
            .contains("inventory_batch_reservations_count 1\n")
    })
    .expect("sent");
    let asked = Instant::now();
    let status = server.process.terminate().expect("it ends");
    assert_eq!(status.code(), Some(0));
    let took = asked.elapsed();
    // The request that is under way may take 20 s.
    assert!(
        (Duration::from_millis(900)..Duration::from_secs(15)).contains(&took),
        "{took:?}"
    );
    assert!(connection.rest().is_empty());
}

#[test]
fn a_second_signal_does_not_wait() {
    let server = Server::with(&["--drain-timeout-seconds=60", "--request-timeout-ms=60000"]);
    server.stock("a", 10);
    server.redis.pause().expect("paused");
    let mut connection = Connection::open(&server);
    let body = json!({"reservationId": "r", "items": [{"skuId": "a", "quantity": 1}]}).to_string();
    connection.send(raw::request("POST", "/api/reservations", &body));
    wait::until(TIMEOUT, "a call is under way", || {
        server
            .get("/metrics")
            .text
            .contains("inventory_batch_reservations_count 1\n")
    })
    .expect("sent");
    let pid = server.process.pid().expect("it runs").to_string();
    let signal = || {
        let sent = Command::new("kill").args(["-INT", &pid]).status();
        assert!(sent.expect("kill").success());
    };
    signal();
    server
        .process
        .wait_for_line(|line| line.contains("draining"), TIMEOUT)
        .expect("it drains");
    let asked = Instant::now();
    signal();
    let status = server.process.wait_for_exit(TIMEOUT).expect("it ends");
    assert_eq!(status.code(), Some(0));
    // The drain would take a minute.
    assert!(
        asked.elapsed() < Duration::from_secs(25),
        "{:?}",
        asked.elapsed()
    );
}

#[test]
fn streams_end_with_the_server() {
    let server = Server::start();
    server.stock("a", 10);
    let mut stream = Connection::open(&server);
    stream.send(raw::request("GET", "/api/inventories/a/stream", ""));
    stream.read_until("\n\n");
    let status = server.process.terminate().expect("it ends");
    assert_eq!(status.code(), Some(0));
    let rest = String::from_utf8(stream.rest()).expect("UTF-8");
    assert!(rest.ends_with("0\r\n\r\n"), "a proper end: {rest:?}");
}
