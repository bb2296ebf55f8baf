//! Many at once.

use crate::support::{at_once, json, site, unique_email};

#[test]
fn of_many_who_register_an_email_one_gets_it() {
    let site = site();
    for _ in 0..3 {
        let email = unique_email();
        let answers = at_once(12, |n| {
            let email = if n % 2 == 0 {
                email.clone()
            } else {
                email.to_uppercase()
            };
            let body = json!({"email": email, "password": "password123", "name": "n"});
            site.api.post("/api/users/register", None, &body)
        });
        let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|it| it.status == 201);
        assert_eq!(won.len(), 1, "{answers:?}");
        lost.iter().for_each(|answer| answer.is(409, "EMAIL_TAKEN"));
        let id = won[0].text("userId");
        let sql = "SELECT COUNT(*) FROM user_outbox WHERE aggregate_id = ?";
        assert_eq!(site.number(sql, &id), 1);
    }
}

#[test]
fn of_many_addresses_ten_are_added_and_one_is_the_default() {
    let site = site();
    let users = [site.somebody(), site.somebody(), site.somebody()];
    let answers = at_once(39, |n| {
        let body = json!({"recipient": "r", "phone": "010-1234-5678", "zipCode": "06236",
            "address": "a", "isDefault": n % 2 == 0});
        let token = &users[n % 3].token;
        (
            n % 3,
            site.api.post("/api/users/me/addresses", Some(token), &body),
        )
    });
    for (which, user) in users.iter().enumerate() {
        let of_user: Vec<_> = answers.iter().filter(|(user, _)| *user == which).collect();
        let mut ids: Vec<u32> = of_user
            .iter()
            .filter(|(_, answer)| answer.status == 201)
            .map(|(_, answer)| answer.text("addressId").parse().expect("a number"))
            .collect();
        ids.sort_unstable();
        assert_eq!(ids, (1..=10).collect::<Vec<_>>(), "{of_user:?}");
        for (_, answer) in of_user.iter().filter(|(_, answer)| answer.status != 201) {
            answer.is(409, "TOO_MANY_ADDRESSES");
        }
        let list = site.api.get("/api/users/me/addresses", Some(&user.token));
        let list = list.body["addresses"].as_array().expect("a list");
        assert_eq!(list.iter().filter(|it| it["isDefault"] == true).count(), 1);
    }
}

#[test]
fn of_two_new_passwords_one_counts() {
    let site = site();
    let user = site.somebody();
    let answers = at_once(6, |n| {
        let body = json!({"userId": user.id, "oldPassword": "password123",
            "newPassword": format!("new password {n}")});
        let path = "/internal/credentials/password";
        site.api.post(path, Some(&site.service()), &body)
    });
    let changed = answers.iter().filter(|it| it.body["changed"] == true);
    assert_eq!(changed.count(), 1, "{answers:?}");
}
