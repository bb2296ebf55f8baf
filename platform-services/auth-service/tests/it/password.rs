//! A new password.

use crate::support::{Answer, json, site};

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
fn who_is_locked_keeps_the_old_one() {
    let site = site();
    let user = site.somebody();
    let token = site.login(&user.email, "password123").text("accessToken");
    site.admin(&user, "lock");
    change(&token, "password123", "another password").is(403, "ACCOUNT_LOCKED");
}
