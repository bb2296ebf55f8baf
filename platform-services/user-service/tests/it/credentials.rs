//! What auth-service asks.

use crate::support::{Answer, Site, Value, json, site, unique_email};

fn verify(email: &str, password: &str) -> Value {
    let body = json!({"email": email, "password": password});
    let path = "/internal/credentials/verify";
    let answer = site().api.post(path, Some(&site().service()), &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

fn change(user_id: &str, old: &str, new: &str) -> Answer {
    let body = json!({"userId": user_id, "oldPassword": old, "newPassword": new});
    let path = "/internal/credentials/password";
    site().api.post(path, Some(&site().service()), &body)
}

#[test]
fn the_right_password_is_told_from_any_other() {
    let user = site().somebody();
    let right = verify(&user.email.to_uppercase(), "password123");
    assert_eq!(
        right,
        json!({"valid": true, "userId": user.id, "roles": ["CUSTOMER"], "status": "ACTIVE",
            "credentialVersion": 1})
    );
    for wrong in [
        "password124",
        "Password123",
        " password123",
        "",
        &"x".repeat(10_000),
    ] {
        assert_eq!(
            verify(&user.email, wrong),
            json!({"valid": false, "userId": user.id})
        );
    }
    for nobody in [unique_email().as_str(), "not an email", ""] {
        assert_eq!(verify(nobody, "password123"), json!({"valid": false}));
    }
    let path = format!("/api/users/{}/lock", user.id);
    site().api.call("POST", &path, Some(&site().admin()), None);
    assert_eq!(verify(&user.email, "password123")["status"], "LOCKED");
    assert_eq!(
        verify(&user.email, "wrong"),
        json!({"valid": false, "userId": user.id})
    );
}

#[test]
fn whoever_it_is_one_hash_is_computed() {
    let site = Site::start(&[]);
    let user = site.somebody();
    let hashes = || {
        let metrics = site.api.get("/metrics", None).text;
        let wanted = r#"user_password_hashes_total{operation="verify"} "#;
        let line = metrics.lines().find_map(|line| line.strip_prefix(wanted));
        line.map_or(0, |number| number.parse::<u64>().expect("a number"))
    };
    let long = "x".repeat(10_000);
    for (email, password) in [
        (user.email.as_str(), "password123"),
        (user.email.as_str(), "wrong"),
        (user.email.as_str(), long.as_str()),
        ("nobody@example.com", "password123"),
        ("no email", "password123"),
    ] {
        let before = hashes();
        let body = json!({"email": email, "password": password});
        let path = "/internal/credentials/verify";
        let answer = site.api.post(path, Some(&site.service()), &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(hashes(), before + 1, "{email}");
    }
}

#[test]
fn a_password_is_changed_by_who_knows_the_old_one() {
    let user = site().somebody();
    let wrong = change(&user.id, "password124", "another password");
    assert_eq!(wrong.body, json!({"changed": false}));
    let short = change(&user.id, "password123", "short");
    short.is(400, "INVALID_REQUEST");
    assert_eq!(short.faults(), ["newPassword"]);
    let done = change(&user.id, "password123", "another password");
    assert_eq!(done.body, json!({"changed": true}));
    assert_eq!(verify(&user.email, "password123")["valid"], false);
    let right = verify(&user.email, "another password");
    assert_eq!(
        (&right["valid"], &right["credentialVersion"]),
        (&json!(true), &json!(2))
    );
    change("nobody", "password123", "another password").is(404, "UNKNOWN_USER");
    let path = format!("/api/users/{}/lock", user.id);
    site().api.call("POST", &path, Some(&site().admin()), None);
    change(&user.id, "another password", "a third password").is(403, "ACCOUNT_LOCKED");
}

#[test]
fn other_services_see_who_is_there() {
    let site = site();
    let user = site.somebody();
    let path = format!("/internal/users/{}", user.id);
    let seen = || site.api.get(&path, Some(&site.service()));
    assert_eq!(
        seen().body,
        json!({"userId": user.id, "email": user.email, "name": "테스트", "status": "ACTIVE",
            "roles": ["CUSTOMER"], "credentialVersion": 1})
    );
    site.api
        .call("DELETE", "/api/users/me", Some(&user.token), None);
    seen().is(404, "UNKNOWN_USER");
    assert_eq!(verify(&user.email, "password123"), json!({"valid": false}));
}
