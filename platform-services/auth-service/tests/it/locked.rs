//! `user.locked`, over a real Kafka.

use devstack::kafka::KafkaServer;

use crate::support::{Site, eventually};

#[test]
fn a_lock_ends_sessions_at_once_and_unlocking_does_not_bring_them_back() {
    let kafka = KafkaServer::builder().start().expect("a broker");
    let brokers = kafka.bootstrap();
    let site = Site::start(&["--kafka-brokers", &brokers]);
    let (user, other) = (site.somebody(), site.somebody());
    let (one, two, others) = (
        site.session(&user),
        site.session(&user),
        site.session(&other),
    );
    site.admin(&user, "lock");
    let sql = "SELECT revoked_for FROM session WHERE user_id = ? AND revoked_for IS NOT NULL";
    eventually("the event ends both sessions", || {
        site.texts(sql, &user.id) == ["LOCKED", "LOCKED"]
    });
    site.refresh(&one).is(401, "INVALID_REFRESH_TOKEN");
    site.admin(&user, "unlock");
    site.refresh(&two).is(401, "INVALID_REFRESH_TOKEN");
    assert_eq!(site.refresh(&others).status, 200);
    let again = site.session(&user);
    assert_eq!(site.refresh(&again).status, 200);
    let sql = "SELECT event_id FROM auth_inbox WHERE handler = ?";
    assert_eq!(site.texts(sql, "locked-users").len(), 1);
}

#[test]
fn a_lock_ends_sessions_also_without_its_event() {
    let site = crate::support::site();
    let user = site.somebody();
    let (one, two) = (site.session(&user), site.session(&user));
    site.admin(&user, "lock");
    site.refresh(&one).is(401, "INVALID_REFRESH_TOKEN");
    site.admin(&user, "unlock");
    site.refresh(&two).is(401, "INVALID_REFRESH_TOKEN");
}
