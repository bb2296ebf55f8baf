//! What admins see and do.

use crate::support::{Answer, User, json, site, unique_email};

fn lock(user: &User, what: &str) -> Answer {
    let path = format!("/api/users/{}/{what}", user.id);
    site().api.call("POST", &path, Some(&site().admin()), None)
}

#[test]
fn an_admin_locks_and_unlocks() {
    let site = site();
    let user = site.somebody();
    let version = || {
        let sql = "SELECT CAST(credential_version AS SIGNED) FROM account WHERE user_id = ?";
        site.number(sql, &user.id)
    };
    assert_eq!(version(), 1);
    for _ in 0..2 {
        assert_eq!(lock(&user, "lock").text("status"), "LOCKED");
        assert_eq!(version(), 2, "a repeat changes nothing");
    }
    let token = Some(user.token.as_str());
    site.api
        .get("/api/users/me", token)
        .is(403, "ACCOUNT_LOCKED");
    let name = json!({"name": "x"});
    site.api
        .call("PATCH", "/api/users/me", token, Some(&name))
        .is(403, "ACCOUNT_LOCKED");
    site.api
        .call("DELETE", "/api/users/me", token, None)
        .is(403, "ACCOUNT_LOCKED");
    site.api
        .get("/api/users/me/addresses", token)
        .is(403, "ACCOUNT_LOCKED");
    let path = format!("/api/users/{}", user.id);
    let changed = site
        .api
        .call("PATCH", &path, Some(&site.admin()), Some(&name));
    assert_eq!(changed.text("name"), "x");
    for _ in 0..2 {
        assert_eq!(lock(&user, "unlock").text("status"), "ACTIVE");
        assert_eq!(version(), 2, "sessions from before stay over");
    }
    assert_eq!(site.api.get("/api/users/me", token).status, 200);
}

#[test]
fn who_withdrew_stays_so() {
    let site = site();
    let user = site.somebody();
    site.api
        .call("DELETE", "/api/users/me", Some(&user.token), None);
    lock(&user, "lock").is(409, "ACCOUNT_WITHDRAWN");
    lock(&user, "unlock").is(409, "ACCOUNT_WITHDRAWN");
    let path = format!("/api/users/{}", user.id);
    let body = json!({"name": "x"});
    let changed = site
        .api
        .call("PATCH", &path, Some(&site.admin()), Some(&body));
    changed.is(409, "ACCOUNT_WITHDRAWN");
}

#[test]
fn an_unknown_user_is_404() {
    let site = site();
    for id in [
        "nobody",
        "%ED%95%9C",
        "0192f0c1-2f3a-7b4c-8d5e-6f708192a3b4",
    ] {
        let admin = site.admin();
        let path = format!("/api/users/{id}");
        site.api.get(&path, Some(&admin)).is(404, "UNKNOWN_USER");
        let body = json!({"name": "x"});
        site.api
            .call("PATCH", &path, Some(&admin), Some(&body))
            .is(404, "UNKNOWN_USER");
        for what in ["lock", "unlock"] {
            let path = format!("{path}/{what}");
            site.api
                .call("POST", &path, Some(&admin), None)
                .is(404, "UNKNOWN_USER");
        }
    }
}

#[test]
fn users_are_listed_page_by_page() {
    let site = site();
    let users: Vec<User> = (0..5).map(|_| site.somebody()).collect();
    let admin = site.admin();
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = site
            .api
            .get(&format!("/api/users?limit=2{cursor}"), Some(&admin));
        let ids = page.body["users"].as_array().expect("a list");
        assert!(ids.len() <= 2);
        seen.extend(
            ids.iter()
                .map(|it| it["userId"].as_str().expect("an id").to_owned()),
        );
        match page.body["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let mut sorted = seen.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(seen, sorted, "each once, in order");
    assert!(users.iter().all(|user| seen.contains(&user.id)));
    let path = format!("/api/users?email={}", users[0].email.to_uppercase());
    let found = site.api.get(&path, Some(&admin));
    assert_eq!(found.body["users"].as_array().expect("a list").len(), 1);
    let none = site.api.get(
        &format!("/api/users?email={}", unique_email()),
        Some(&admin),
    );
    assert_eq!(none.body["users"], json!([]));
    lock(&users[1], "lock");
    let path = format!("/api/users?status=LOCKED&email={}", users[1].email);
    let found = site.api.get(&path, Some(&admin));
    assert_eq!(found.body["users"][0]["userId"], users[1].id);
    for bad in [
        "limit=0",
        "limit=101",
        "limit=x",
        "status=GONE",
        "email=x",
        "cursor=%ED%95%9C",
    ] {
        let answer = site.api.get(&format!("/api/users?{bad}"), Some(&admin));
        answer.is(400, "INVALID_REQUEST");
        assert_eq!(answer.faults(), [bad.split('=').next().expect("a name")]);
    }
}
