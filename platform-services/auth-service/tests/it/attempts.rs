//! Failures are limited, by account and by address, one after the other and all at once.

use crate::support::{Answer, Site, at_once, json, site, unique_email};

fn statuses(answers: &[Answer], status: u16) -> usize {
    answers
        .iter()
        .filter(|answer| answer.status == status)
        .count()
}

#[test]
fn after_ten_failures_even_the_right_password_waits() {
    let site = site();
    let user = site.somebody();
    let typed = user.email.to_uppercase();
    for n in 0..10 {
        let email = if n % 2 == 0 { &user.email } else { &typed };
        site.login(email, "a guess").is(401, "INVALID_CREDENTIALS");
    }
    for password in ["a guess", "password123"] {
        let refused = site.login(&user.email, password);
        refused.is(429, "TOO_MANY_ATTEMPTS");
        let seconds = refused.headers["retry-after"].to_str().expect("a text");
        let seconds: u32 = seconds.parse().expect("a number");
        assert!((1..=900).contains(&seconds), "{seconds}");
    }
    // An account that is not there is limited like one that is.
    let nobody = unique_email();
    for _ in 0..10 {
        site.login(&nobody, "a guess")
            .is(401, "INVALID_CREDENTIALS");
    }
    site.login(&nobody, "a guess").is(429, "TOO_MANY_ATTEMPTS");
    // Others are not concerned.
    assert_eq!(
        site.login(&site.somebody().email, "password123").status,
        200
    );
}

#[test]
fn only_failures_count_and_a_success_forgets_them() {
    let site = site();
    let user = site.somebody();
    for _ in 0..3 {
        for _ in 0..9 {
            site.login(&user.email, "a guess")
                .is(401, "INVALID_CREDENTIALS");
        }
        assert_eq!(site.login(&user.email, "password123").status, 200);
    }
    let answers = at_once(40, |_| site.login(&user.email, "password123"));
    assert_eq!(statuses(&answers, 200), 40, "{answers:?}");
}

#[test]
fn guesses_at_once_get_no_more_answers() {
    let site = site();
    let user = site.somebody();
    let answers = at_once(40, |_| site.login(&user.email, "a guess"));
    assert_eq!(statuses(&answers, 401), 10, "{answers:?}");
    assert_eq!(statuses(&answers, 429), 30, "{answers:?}");
}

#[test]
fn nobody_keeps_an_owner_out_from_one_address_and_many_addresses_have_a_ceiling() {
    let site = Site::start(&[
        "--attempts-account-total",
        "14",
        "--trusted-proxies",
        "127.0.0.0/8",
    ]);
    let user = site.somebody();
    let from = |address: &str, password: &str| {
        let body = json!({"email": user.email, "password": password}).to_string();
        let headers = [("x-forwarded-for", address)];
        site.auth
            .send("POST", "/api/auth/login", &headers, Some(body))
    };
    let guesses = |address: &str| at_once(20, |_| from(address, "a guess"));
    assert_eq!(statuses(&guesses("203.0.113.1"), 401), 10);
    from("203.0.113.1", "password123").is(429, "TOO_MANY_ATTEMPTS");
    // The owner is somewhere else.
    assert_eq!(from("198.51.100.1", "password123").status, 200);
    assert_eq!(from("198.51.100.1", "password123").status, 200);
    // Neither did their login give new guesses to anybody.
    from("203.0.113.1", "a guess").is(429, "TOO_MANY_ATTEMPTS");
    assert_eq!(statuses(&guesses("203.0.113.2"), 401), 4);
    assert_eq!(statuses(&guesses("203.0.113.3"), 401), 0);
    from("198.51.100.1", "password123").is(429, "TOO_MANY_ATTEMPTS");
}

#[test]
fn an_address_is_limited_whatever_accounts_it_tries() {
    let site = Site::start(&[
        "--attempts-address",
        "5",
        "--trusted-proxies",
        "127.0.0.0/8",
    ]);
    let from = |address: &str, email: &str, password: &str| {
        let body = json!({"email": email, "password": password}).to_string();
        let headers = [("x-forwarded-for", address)];
        site.auth
            .send("POST", "/api/auth/login", &headers, Some(body))
    };
    let user = site.somebody();
    let answers = at_once(12, |_| from("203.0.113.7", &unique_email(), "a guess"));
    assert_eq!(statuses(&answers, 401), 5, "{answers:?}");
    assert_eq!(statuses(&answers, 429), 7, "{answers:?}");
    from("203.0.113.7", &user.email, "password123").is(429, "TOO_MANY_ATTEMPTS");
    // What the client writes in front of it changes nothing.
    from("9.9.9.9, 203.0.113.7", &user.email, "password123").is(429, "TOO_MANY_ATTEMPTS");
    assert_eq!(from("203.0.113.8", &user.email, "password123").status, 200);
}

#[test]
fn a_window_ends() {
    let site = Site::start(&["--attempts-account", "1", "--attempts-window-seconds", "1"]);
    let user = site.somebody();
    site.login(&user.email, "a guess")
        .is(401, "INVALID_CREDENTIALS");
    crate::support::eventually("the window ends", || {
        let answer = site.login(&user.email, "password123");
        assert!(matches!(answer.status, 200 | 429), "{answer:?}");
        answer.status == 200
    });
}
