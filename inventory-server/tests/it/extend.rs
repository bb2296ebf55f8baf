use crate::support::{Server, json};

#[test]
fn the_deadline_moves_to_now_plus_the_time_asked_within_the_longest_life() {
    let server = Server::with(&["--max-hold-seconds=1000"]);
    server.stock("a", 10);
    let held = server.hold("r", "a", 1);
    let later = server
        .act("r", "extend", &json!({"ttlSeconds": 950}))
        .expect(200);
    assert!(later["expiresAt"].as_str() > held["expiresAt"].as_str());
    let latest = server
        .act("r", "extend", &json!({"ttlSeconds": 86_400}))
        .expect(200);
    let again = server
        .act("r", "extend", &json!({"ttlSeconds": 86_400}))
        .expect(200);
    assert_eq!(
        latest["expiresAt"], again["expiresAt"],
        "1,000 s from the creation"
    );
    let earlier = server
        .act("r", "extend", &json!({"ttlSeconds": 1}))
        .expect(200);
    assert!(earlier["expiresAt"].as_str() < held["expiresAt"].as_str());
    server.wait_for_status("r", "EXPIRED");
    server
        .act("r", "extend", &json!({"ttlSeconds": 10}))
        .refused(409, "RESERVATION_EXPIRED");
}

#[test]
fn an_extend_needs_its_time() {
    let server = Server::start();
    server.stock("a", 10);
    server.hold("r", "a", 1);
    assert_eq!(
        server
            .post_empty("/api/reservations/r/extend")
            .faulty_fields(),
        ["ttlSeconds"]
    );
    assert_eq!(
        server.act("r", "extend", &json!({})).faulty_fields(),
        ["ttlSeconds"]
    );
    assert_eq!(
        server
            .act("r", "extend", &json!({"ttlSeconds": 0}))
            .faulty_fields(),
        ["ttlSeconds"]
    );
    assert_eq!(
        server
            .act("r", "extend", &json!({"ttlSeconds": 1.5}))
            .faulty_fields(),
        ["ttlSeconds"]
    );
}
