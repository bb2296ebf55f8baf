use crate::support::{Server, TIMEOUT, json};

#[test]
fn the_sweeper_brings_stock_back_by_itself() {
    let server = Server::start();
    server.stock("a", 1);
    let body =
        json!({"reservationId": "r", "ttlSeconds": 1, "items": [{"skuId": "a", "quantity": 1}]});
    server.post("/api/reservations", &body).expect(201);
    devstack::wait::until(TIMEOUT, "the stock is back", || {
        server.figures("a") == "1/0/0"
    })
    .expect("swept");
    let expired = server.get("/api/reservations/r").expect(200);
    assert_eq!(expired["status"], "EXPIRED");
    assert!(expired["expiredAt"].as_str() >= expired["expiresAt"].as_str());
    // Counted when the sweeper has its answer, which may come after ours.
    devstack::wait::until(TIMEOUT, "the sweeper has counted it", || {
        let metrics = server.get("/metrics").text;
        metrics.contains("inventory_holds_expired_total 1\n")
    })
    .expect("counted");
}

#[test]
fn closed_records_go_after_their_retention() {
    let server = Server::with(&["--retention-seconds=1", "--journal-keep-seconds=1"]);
    server.stock("a", 1);
    server.hold("r", "a", 1);
    server.post_empty("/api/reservations/r/release").expect(200);
    let gone = || server.get("/api/reservations/r").status == 404;
    devstack::wait::until(TIMEOUT, "the record is purged", gone).expect("purged");
}
