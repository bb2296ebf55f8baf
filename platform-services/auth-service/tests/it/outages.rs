//! Neighbours that are away.

use crate::support::{NOWHERE, Site, json};

#[test]
fn without_user_service_a_refresh_token_is_not_used_up() {
    let site = Site::start(&[]);
    let user = site.somebody();
    let token = site.session(&user);
    site.stop_users();
    for _ in 0..2 {
        let answer = site.refresh(&token);
        answer.is(503, "NEIGHBOUR_UNAVAILABLE");
        assert_eq!(answer.body["neighbour"], "user");
        assert!(answer.headers.contains_key("retry-after"));
    }
    site.login(&user.email, "password123")
        .is(503, "NEIGHBOUR_UNAVAILABLE");
    let sql = "SELECT session_id FROM session WHERE user_id = ? AND revoked_at_ms IS NULL";
    assert_eq!(site.texts(sql, &user.id).len(), 1);
    // What needs no user-service goes on.
    let body = json!({"grantType": "client_credentials", "clientId": "order-service",
        "clientSecret": "the secret of order-service"});
    assert_eq!(site.auth.post("/api/auth/token", None, &body).status, 200);
    assert_eq!(site.auth.get("/.well-known/jwks.json", None).status, 200);
}

#[test]
fn without_redis_people_log_in_and_attempts_are_not_counted() {
    let redis = format!("redis://{NOWHERE}");
    let site = Site::start(&["--redis-url", &redis, "--attempts-account", "1"]);
    let user = site.somebody();
    for _ in 0..3 {
        site.login(&user.email, "a guess")
            .is(401, "INVALID_CREDENTIALS");
    }
    assert_eq!(site.login(&user.email, "password123").status, 200);
    let metrics = site.auth.get("/metrics", None).text;
    assert!(
        metrics.contains("auth_attempts_uncounted_total 8"),
        "{metrics}"
    );
}
