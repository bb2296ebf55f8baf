//! A new password.

use crate::support::{Answer, Site, at_once, json, site};

fn change(token: &str, old: &str, new: &str) -> Answer {
    let body = json!({"oldPassword": old, "newPassword": new});
    site().auth.post("/api/auth/password", Some(token), &body)
}

#[test]
fn a_new_password_ends_every_session() {
    let site = site();
    let user = site.somebody();
    let before = site.session(&user);
    let token = site.login(&user.email, "password123").text("accessToken");
    change(&token, "password124", "another password").is(401, "INVALID_CREDENTIALS");
    let short = change(&token, "password123", "short");
    short.is(400, "INVALID_REQUEST");
    assert_eq!(short.faults(), ["newPassword"]);
    let nothing = site
        .auth
        .post("/api/auth/password", Some(&token), &json!({}));
    assert_eq!(nothing.faults(), ["oldPassword", "newPassword"]);
    assert_eq!(
        change(&token, "password123", "another password").status,
        204
    );
    site.refresh(&before).is(401, "INVALID_REFRESH_TOKEN");
    site.login(&user.email, "password123")
        .is(401, "INVALID_CREDENTIALS");
    let answer = site.login(&user.email, "another password");
    assert_eq!(site.refresh(&answer.text("refreshToken")).status, 200);
}

#[test]
fn a_stolen_access_token_does_not_find_the_password_out() {
    let site = site();
    let user = site.somebody();
    let token = site.login(&user.email, "password123").text("accessToken");
    for _ in 0..10 {
        change(&token, "a guess", "another password").is(401, "INVALID_CREDENTIALS");
    }
    let refused = change(&token, "password123", "another password");
    refused.is(429, "TOO_MANY_ATTEMPTS");
    assert!(refused.headers.contains_key("retry-after"));
}

#[test]
fn of_many_guesses_at_once_ten_are_looked_at() {
    let site = Site::start(&[]);
    let user = site.somebody();
    let token = site.login(&user.email, "password123").text("accessToken");
    let change = |old: &str, new: &str| {
        let body = json!({"oldPassword": old, "newPassword": new});
        site.auth.post("/api/auth/password", Some(&token), &body)
    };
    // What is no wrong guess does not count.
    for _ in 0..12 {
        change("password123", "short").is(400, "INVALID_REQUEST");
    }
    let before = site.user.verified();
    let answers = at_once(40, |_| change("a guess", "another password"));
    let of = |status| answers.iter().filter(move |it| it.status == status).count();
    assert_eq!((of(401), of(429)), (10, 30), "{answers:?}");
    // Those over the limit do not even reach it: one of them could have been right.
    assert_eq!(site.user.verified() - before, 10);
    change("password123", "another password").is(429, "TOO_MANY_ATTEMPTS");
    assert_eq!(site.login(&user.email, "password123").status, 200);
}

#[test]
fn what_nobody_looked_at_does_not_count() {
    let site = Site::start(&["--attempts-account", "1"]);
    let user = site.somebody();
    let token = site.login(&user.email, "password123").text("accessToken");
    let change = |old: &str, new: &str| {
        let body = json!({"oldPassword": old, "newPassword": new});
        site.auth.post("/api/auth/password", Some(&token), &body)
    };
    assert_eq!(change("password123", "another password").status, 204);
    assert_eq!(change("another password", "password123").status, 204);
    site.stop_users();
    for _ in 0..3 {
        change("a guess", "another password").is(503, "NEIGHBOUR_UNAVAILABLE");
    }
}

#[test]
fn who_is_locked_keeps_the_old_one() {
    let site = site();
    let user = site.somebody();
    let token = site.login(&user.email, "password123").text("accessToken");
    site.admin(&user, "lock");
    change(&token, "password123", "another password").is(403, "ACCOUNT_LOCKED");
}
