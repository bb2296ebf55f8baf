//! Refresh tokens: used once, and stolen ones found out.

use crate::support::{at_once, json, site};

#[test]
fn a_refresh_token_is_exchanged_for_a_new_one() {
    let site = site();
    let user = site.somebody();
    let mut token = site.session(&user);
    for _ in 0..3 {
        let answer = site.refresh(&token);
        assert_eq!(answer.status, 200, "{answer:?}");
        let claims = site
            .verify(&answer.text("accessToken"))
            .expect("a good token");
        assert_eq!(claims.sub, user.id);
        assert_ne!(answer.text("refreshToken"), token);
        token = answer.text("refreshToken");
    }
}

#[test]
fn a_token_that_comes_twice_ends_its_session_and_no_other() {
    let site = site();
    let user = site.somebody();
    let (stolen, other) = (site.session(&user), site.session(&user));
    let new = site.refresh(&stolen).text("refreshToken");
    site.refresh(&stolen).is(401, "INVALID_REFRESH_TOKEN");
    // Whoever has the new one: out.
    site.refresh(&new).is(401, "INVALID_REFRESH_TOKEN");
    assert_eq!(site.refresh(&other).status, 200);
    let sql = "SELECT revoked_for FROM session WHERE user_id = ? AND revoked_for IS NOT NULL";
    assert_eq!(site.texts(sql, &user.id), ["REUSE"]);
}

#[test]
fn of_many_at_once_one_gets_through_and_the_session_ends() {
    let site = site();
    for _ in 0..3 {
        let user = site.somebody();
        let token = site.session(&user);
        let answers = at_once(8, |_| site.refresh(&token));
        let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|it| it.status == 200);
        assert_eq!(won.len(), 1, "{answers:?}");
        lost.iter()
            .for_each(|answer| answer.is(401, "INVALID_REFRESH_TOKEN"));
        site.refresh(&won[0].text("refreshToken"))
            .is(401, "INVALID_REFRESH_TOKEN");
    }
}

#[test]
fn what_is_no_refresh_token_is_refused() {
    let site = site();
    let user = site.somebody();
    let access = site.login(&user.email, "password123").text("accessToken");
    for token in [access.as_str(), "x", &"0".repeat(64), &"x".repeat(10_000)] {
        site.refresh(token).is(401, "INVALID_REFRESH_TOKEN");
    }
    for body in [
        json!({}),
        json!({"refreshToken": 1}),
        json!({"refreshToken": ""}),
    ] {
        let answer = site.auth.post("/api/auth/refresh", None, &body);
        assert_eq!(answer.faults(), ["refreshToken"]);
    }
    // And a refresh token is no access token.
    assert_eq!(site.user.get("/api/users/me", &site.session(&user)), 401);
}

#[test]
fn only_hashes_are_stored() {
    let site = site();
    let user = site.somebody();
    let token = site.session(&user);
    let sql = "SELECT HEX(t.token_hash) FROM refresh_token t JOIN session s USING (session_id)
        WHERE s.user_id = ?";
    let stored = site.texts(sql, &user.id);
    assert_eq!(stored.len(), 1);
    assert_ne!(stored[0].to_lowercase(), token);
}

#[test]
fn logout_ends_the_session_of_the_token() {
    let site = site();
    let user = site.somebody();
    let (one, two) = (site.session(&user), site.session(&user));
    let logout = |token: &str| {
        let body = json!({"refreshToken": token});
        site.auth.post("/api/auth/logout", None, &body).status
    };
    assert_eq!(
        (logout(&one), logout(&one), logout("unknown")),
        (204, 204, 204)
    );
    site.refresh(&one).is(401, "INVALID_REFRESH_TOKEN");
    assert_eq!(site.refresh(&two).status, 200);
}

#[test]
fn logout_with_an_access_token_ends_all_of_its_users_sessions() {
    let site = site();
    let (user, other) = (site.somebody(), site.somebody());
    let (one, others) = (site.session(&user), site.session(&other));
    let login = site.login(&user.email, "password123");
    let logout = |token| site.auth.call("POST", "/api/auth/logout", token, None);
    logout(None).is(401, "UNAUTHENTICATED");
    logout(Some("rubbish")).is(401, "UNAUTHENTICATED");
    assert_eq!(logout(Some(&login.text("accessToken"))).status, 204);
    site.refresh(&one).is(401, "INVALID_REFRESH_TOKEN");
    site.refresh(&login.text("refreshToken"))
        .is(401, "INVALID_REFRESH_TOKEN");
    assert_eq!(site.refresh(&others).status, 200);
}
