//! Login, and what is noted of it.

use access_token::Role;

use crate::support::{json, site, unique_email};

#[test]
fn a_login_works_as_soon_as_register_has_answered() {
    let site = site();
    for _ in 0..5 {
        let user = site.somebody();
        let answer = site.login(&user.email, "password123");
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(
            (&answer.body["tokenType"], &answer.body["expiresIn"]),
            (&json!("Bearer"), &json!(900))
        );
        let claims = site
            .verify(&answer.text("accessToken"))
            .expect("a good token");
        assert_eq!(claims.sub, user.id);
        assert_eq!(claims.roles, [Role::Customer]);
        assert_eq!(claims.exp - claims.iat, 900);
        assert_eq!(
            site.user.get("/api/users/me", &answer.text("accessToken")),
            200
        );
    }
}

#[test]
fn an_email_is_the_same_however_it_is_typed() {
    let site = site();
    let user = site.somebody();
    let typed = format!(" {} ", user.email.to_uppercase());
    assert_eq!(site.login(&typed, "password123").status, 200);
}

#[test]
fn nobody_and_a_wrong_password_get_the_same_answer() {
    let site = site();
    let user = site.somebody();
    let wrong = site.login(&user.email, "password124");
    let nobody = site.login(&unique_email(), "password123");
    let no_email = site.login("no email", &"x".repeat(2000));
    wrong.is(401, "INVALID_CREDENTIALS");
    assert_eq!(wrong.body, nobody.body);
    assert_eq!(wrong.body, no_email.body);
}

#[test]
fn a_locked_account_is_told_to_who_knows_the_password() {
    let site = site();
    let user = site.somebody();
    site.admin(&user, "lock");
    site.login(&user.email, "password124")
        .is(401, "INVALID_CREDENTIALS");
    site.login(&user.email, "password123")
        .is(403, "ACCOUNT_LOCKED");
    site.admin(&user, "unlock");
    assert_eq!(site.login(&user.email, "password123").status, 200);
}

#[test]
fn who_withdrew_is_nobody() {
    let site = site();
    let user = site.somebody();
    let answer = site.login(&user.email, "password123");
    assert_eq!(
        site.user
            .delete("/api/users/me", &answer.text("accessToken")),
        204
    );
    site.login(&user.email, "password123")
        .is(401, "INVALID_CREDENTIALS");
    site.refresh(&answer.text("refreshToken"))
        .is(401, "INVALID_REFRESH_TOKEN");
}

#[test]
fn every_fault_of_a_login_is_named() {
    let site = site();
    let login = |body| site.auth.post("/api/auth/login", None, &body);
    for body in [
        json!({}),
        json!({"email": "", "password": ""}),
        json!({"email": 1, "password": null}),
    ] {
        let answer = login(body);
        answer.is(400, "INVALID_REQUEST");
        assert_eq!(answer.faults(), ["email", "password"]);
    }
}

#[test]
fn logins_are_noted_for_admins() {
    let site = site();
    let user = site.somebody();
    let body = json!({"email": user.email, "password": "password124"}).to_string();
    let headers = [("user-agent", "a test")];
    site.auth
        .send("POST", "/api/auth/login", &headers, Some(body));
    site.login(&user.email, "password123");
    site.admin(&user, "lock");
    site.login(&user.email, "password123");
    let stranger = unique_email();
    site.login(&stranger, "password123");
    let admin = site.token("an-admin", Role::Admin);
    let logins = |query: &str| {
        let answer = site
            .auth
            .get(&format!("/api/auth/logins?{query}"), Some(&admin));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    };
    let found = logins(&format!("userId={}", user.id));
    let outcomes: Vec<_> = found["logins"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|login| login["outcome"].as_str().expect("a text"))
        .collect();
    assert_eq!(
        outcomes,
        ["ACCOUNT_LOCKED", "SUCCESS", "INVALID_CREDENTIALS"]
    );
    assert_eq!(found["logins"][2]["userAgent"], "a test");
    assert_eq!(found["logins"][2]["address"], "127.0.0.1");
    let found = logins(&format!("email={stranger}"));
    assert!(found["logins"][0].get("userId").is_none(), "{found}");
    // Page by page.
    let first = logins(&format!("userId={}&limit=2", user.id));
    let cursor = first["nextCursor"].as_str().expect("more");
    let second = logins(&format!("userId={}&limit=2&cursor={cursor}", user.id));
    assert_eq!(second["logins"].as_array().expect("a list").len(), 1);
    assert!(second.get("nextCursor").is_none());
    for bad in ["limit=0", "limit=x", "cursor=x", "userId=%ED%95%9C"] {
        let answer = site
            .auth
            .get(&format!("/api/auth/logins?{bad}"), Some(&admin));
        answer.is(400, "INVALID_REQUEST");
    }
}
