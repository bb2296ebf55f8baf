//! Registration, profile and withdrawal.

use crate::support::{json, site, unique_email};

#[test]
fn somebody_registers_and_sees_their_profile() {
    let site = site();
    let email = unique_email();
    let body = json!({"email": format!(" {} ", email.to_uppercase()), "password": "password123",
        "name": " 테스트 ", "phone": "010-1234-5678", "role": "ADMIN", "roles": ["ADMIN"]});
    let answer = site.api.post("/api/users/register", None, &body);
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.headers["location"], "/api/users/me");
    assert_eq!(
        (answer.text("email"), answer.text("name")),
        (email.clone(), "테스트".to_owned())
    );
    let token = site.token(&answer.text("userId"), access_token::Role::Customer);
    let me = site.api.get("/api/users/me", Some(&token));
    assert_eq!(me.body["email"], email);
    assert_eq!(me.body["phone"], "010-1234-5678");
    assert_eq!(me.body["roles"], json!(["CUSTOMER"]));
    assert_eq!(me.body["status"], "ACTIVE");
    assert!(!me.body.to_string().contains("argon2"), "{me:?}");
}

#[test]
fn every_fault_of_a_registration_is_named() {
    let site = site();
    let register = |body| site.api.post("/api/users/register", None, &body);
    let answer = register(json!({}));
    answer.is(400, "INVALID_REQUEST");
    assert_eq!(answer.faults(), ["email", "password", "name"]);
    let answer =
        register(json!({"email": "nobody", "password": "short", "name": "", "phone": "x"}));
    assert_eq!(answer.faults(), ["email", "password", "name", "phone"]);
    let answer = register(json!({"email": 1, "password": null, "name": [], "phone": {}}));
    assert_eq!(answer.faults(), ["email", "password", "name", "phone"]);
    let long = "x".repeat(129);
    let answer = register(json!({"email": unique_email(), "password": long, "name": "n"}));
    assert_eq!(answer.faults(), ["password"]);
    register(json!([])).is(400, "INVALID_REQUEST");
    let plain = [("content-type", "text/plain")];
    let send = |headers: &[(&str, &str)], body: &str| {
        let path = "/api/users/register";
        site.api.send("POST", path, headers, Some(body.to_owned()))
    };
    send(&plain, "{}").is(415, "UNSUPPORTED_MEDIA_TYPE");
    send(&[], "{").is(400, "INVALID_REQUEST");
    send(&[], &" ".repeat(70_000)).is(413, "BODY_TOO_LARGE");
}

#[test]
fn a_profile_changes_by_what_is_sent() {
    let site = site();
    let user = site.somebody();
    let patch = |body| {
        site.api
            .call("PATCH", "/api/users/me", Some(&user.token), Some(&body))
    };
    let answer = patch(json!({"phone": "02-123-4567"}));
    assert_eq!(
        (&answer.body["name"], &answer.body["phone"]),
        (&json!("테스트"), &json!("02-123-4567"))
    );
    let answer = patch(json!({"name": "Kim", "email": "other@example.com"}));
    assert_eq!(
        (answer.text("name"), answer.text("email")),
        ("Kim".to_owned(), user.email.clone())
    );
    let answer = patch(json!({"phone": null}));
    assert!(answer.body.get("phone").is_none(), "{answer:?}");
    assert_eq!(patch(json!({})).text("name"), "Kim");
    let answer = patch(json!({"name": null, "phone": "x"}));
    answer.is(400, "INVALID_REQUEST");
    assert_eq!(answer.faults(), ["name", "phone"]);
    assert_eq!(
        site.api
            .get("/api/users/me", Some(&user.token))
            .text("name"),
        "Kim"
    );
}

#[test]
fn who_withdraws_is_forgotten_and_their_email_is_free() {
    let site = site();
    let user = site.somebody();
    let address =
        json!({"recipient": "r", "phone": "010-1234-5678", "zipCode": "06236", "address": "a"});
    let path = "/api/users/me/addresses";
    assert_eq!(site.api.post(path, Some(&user.token), &address).status, 201);
    let gone = site
        .api
        .call("DELETE", "/api/users/me", Some(&user.token), None);
    assert_eq!(gone.status, 204);
    // The token is still good; the account is not.
    let token = Some(user.token.as_str());
    site.api
        .get("/api/users/me", token)
        .is(409, "ACCOUNT_WITHDRAWN");
    site.api.get(path, token).is(409, "ACCOUNT_WITHDRAWN");
    site.api
        .post(path, token, &address)
        .is(409, "ACCOUNT_WITHDRAWN");
    site.api
        .call("DELETE", "/api/users/me", token, None)
        .is(409, "ACCOUNT_WITHDRAWN");
    let left = site.number("SELECT COUNT(*) FROM address WHERE user_id = ?", &user.id);
    assert_eq!(left, 0);
    let seen = site
        .api
        .get(&format!("/api/users/{}", user.id), Some(&site.admin()));
    assert_eq!(seen.text("status"), "WITHDRAWN");
    assert!(
        seen.body.get("email").is_none() && seen.text("name").is_empty(),
        "{seen:?}"
    );
    let again = json!({"email": user.email, "password": "password123", "name": "again"});
    let again = site.api.post("/api/users/register", None, &again);
    assert_eq!(again.status, 201, "{again:?}");
    assert_ne!(again.text("userId"), user.id);
}

#[test]
fn an_account_that_is_not_there_is_404() {
    let site = site();
    let token = site.token("nobody", access_token::Role::Customer);
    site.api
        .get("/api/users/me", Some(&token))
        .is(404, "UNKNOWN_USER");
}
