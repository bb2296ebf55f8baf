//! Refresh tokens: used once, and stolen ones found out.

use auth_service::limits::REFRESHES_MAX;

use crate::support::{Site, at_once, json, site};

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
fn a_session_is_refreshed_so_often_and_then_again_in_the_next_window() {
    let site = site();
    let user = site.somebody();
    let token = site.refresh(&site.session(&user)).text("refreshToken");
    let other = site.session(&user);
    // As if it had been refreshed as often as it may but for once.
    let almost = "UPDATE session SET refreshes = ? - 1 WHERE user_id = ? AND refreshes = 1";
    site.change(almost, REFRESHES_MAX, &user.id);
    let token = site.refresh(&token).text("refreshToken");
    let refused = site.refresh(&token);
    refused.is(429, "TOO_MANY_REFRESHES");
    let seconds = refused.headers["retry-after"].to_str().expect("a text");
    let seconds: u32 = seconds.parse().expect("a number");
    assert!((3500..=3600).contains(&seconds), "{seconds}");
    // Only this session; and nothing is lost: in the next window the token still counts.
    assert_eq!(site.refresh(&other).status, 200);
    let hour = "UPDATE session SET refreshes_since_ms = refreshes_since_ms - ? WHERE user_id = ?";
    site.change(hour, 3_600_000, &user.id);
    let token = site.refresh(&token).text("refreshToken");
    assert_eq!(site.refresh(&token).status, 200);
}

#[test]
fn tokens_are_deleted_some_days_after_their_time_and_a_reuse_before_it_is_seen() {
    let site = Site::start(&[]);
    let user = site.somebody();
    let first = site.session(&user);
    let second = site.refresh(&first).text("refreshToken");
    let third = site.refresh(&second).text("refreshToken");
    let stored = "SELECT HEX(t.token_hash) FROM refresh_token t JOIN session s USING (session_id)
        WHERE s.user_id = ?";
    site.clean();
    assert_eq!(site.texts(stored, &user.id).len(), 3);
    // Weeks go by, for the first: its time was over 8 days ago.
    let old = "UPDATE refresh_token SET expires_at_ms = used_at_ms - ? WHERE token_hash = UNHEX(?)";
    let of = |token: &str| -> String {
        let hash = auth_service::secret::hash(token);
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    };
    site.change(old, 8 * 86_400_000, &of(&first));
    site.clean();
    assert_eq!(site.texts(stored, &user.id).len(), 2);
    site.refresh(&first).is(401, "INVALID_REFRESH_TOKEN");
    let fourth = site.refresh(&third).text("refreshToken");
    site.refresh(&second).is(401, "INVALID_REFRESH_TOKEN");
    site.refresh(&fourth).is(401, "INVALID_REFRESH_TOKEN");
    let sql = "SELECT revoked_for FROM session WHERE user_id = ? AND revoked_for IS NOT NULL";
    assert_eq!(site.texts(sql, &user.id), ["REUSE"]);
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
