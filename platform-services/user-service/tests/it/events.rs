//! `user.registered` and `user.locked`.

use contracts::{
    Envelope,
    user::{Locked, Registered},
};

use crate::support::{Site, User, json, site};

fn payloads(site: &Site, user: &User) -> Vec<String> {
    let sql = "SELECT payload FROM user_outbox WHERE aggregate_id = ? ORDER BY id";
    site.texts(sql, &user.id)
}

#[test]
fn what_happens_is_said_once() {
    let site = site();
    let user = site.somebody();
    let admin = site.admin();
    let lock = format!("/api/users/{}/lock", user.id);
    let headers = [("authorization", format!("Bearer {admin}"))];
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .chain([("x-request-id", "lock-1")])
        .collect();
    for _ in 0..2 {
        assert_eq!(site.api.send("POST", &lock, &headers, None).status, 200);
    }
    site.api.call(
        "POST",
        &lock.replace("/lock", "/unlock"),
        Some(&admin),
        None,
    );
    site.api
        .call("DELETE", "/api/users/me", Some(&user.token), None);
    let payloads = payloads(site, &user);
    assert_eq!(payloads.len(), 3, "{payloads:#?}");
    let registered: Envelope<Registered> = Envelope::decode(payloads[0].as_bytes()).expect("one");
    assert_eq!(registered.data.user_id, user.id);
    assert_eq!(registered.data.email.as_ref(), Some(&user.email));
    assert_eq!(registered.source, "/services/user");
    let locked: Envelope<Locked> = Envelope::decode(payloads[1].as_bytes()).expect("one");
    assert_eq!(locked.data.email.as_ref(), Some(&user.email));
    assert_eq!(locked.causation_id.as_deref(), Some("lock-1"));
    let withdrawn: Envelope<Locked> = Envelope::decode(payloads[2].as_bytes()).expect("one");
    assert_eq!(
        (withdrawn.data.user_id, withdrawn.data.email),
        (user.id, None)
    );
}

#[test]
fn what_is_refused_is_not_said() {
    let site = site();
    let user = site.somebody();
    let body = json!({"email": user.email, "password": "password123", "name": "x"});
    site.api
        .post("/api/users/register", None, &body)
        .is(409, "EMAIL_TAKEN");
    assert_eq!(payloads(site, &user).len(), 1);
}
