use crate::support::{Server, json};

#[test]
fn a_release_gives_back_and_keeps_the_reason() {
    let server = Server::start();
    server.stock("a", 10);
    server.hold("r", "a", 3);
    let released = server
        .act("r", "release", &json!({"reason": "say \"no\" \\ 안녕"}))
        .expect(200);
    assert_eq!(
        (&released["status"], &released["releaseReason"]),
        (&json!("RELEASED"), &json!("say \"no\" \\ 안녕"))
    );
    assert!(released["releasedAt"].is_string());
    assert_eq!(server.figures("a"), "10/0/0");
    let again = server.act("r", "release", &json!({"reason": "another"}));
    assert!(again.is_replayed());
    assert_eq!(again.expect(200), released);
}

#[test]
fn a_release_of_an_expired_hold_says_that_it_expired() {
    let server = Server::start();
    server.stock("a", 10);
    server.expired_hold("r", "a", 3);
    let released = server.post_empty("/api/reservations/r/release").expect(200);
    assert_eq!(released["status"], "EXPIRED");
    assert_eq!(server.figures("a"), "10/0/0");
}

#[test]
fn what_was_sold_is_not_released() {
    let server = Server::start();
    server.stock("a", 10);
    server.hold("r", "a", 3);
    server.post_empty("/api/reservations/r/confirm").expect(200);
    let refused = server
        .post_empty("/api/reservations/r/release")
        .refused(409, "RESERVATION_CONFIRMED");
    assert_eq!(refused["reservationStatus"], "CONFIRMED");
    server
        .post_empty("/api/reservations/nobody/release")
        .refused(404, "RESERVATION_NOT_FOUND");
}
