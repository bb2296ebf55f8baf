//! Addresses: numbered, ten, one default.

use crate::support::{Answer, Site, User, Value, json, site};

const PATH: &str = "/api/users/me/addresses";

fn fields(label: &str, is_default: bool) -> Value {
    json!({"label": label, "recipient": "테스트", "phone": "010-1234-5678", "zipCode": "06236",
        "address": "서울 강남구 테헤란로 1", "addressDetail": "101호", "isDefault": is_default})
}

fn add(site: &Site, user: &User, label: &str, is_default: bool) -> Answer {
    site.api
        .post(PATH, Some(&user.token), &fields(label, is_default))
}

/// Numbers of all addresses, and the default's.
fn listed(site: &Site, user: &User) -> (Vec<String>, Vec<String>) {
    let answer = site.api.get(PATH, Some(&user.token));
    let all = answer.body["addresses"].as_array().expect("a list").clone();
    let id = |address: &Value| address["addressId"].as_str().expect("a text").to_owned();
    let chosen = all.iter().filter(|it| it["isDefault"] == true).map(id);
    (all.iter().map(id).collect(), chosen.collect())
}

#[test]
fn addresses_are_counted_for_each_user_from_1() {
    let site = site();
    for user in [site.somebody(), site.somebody()] {
        let first = add(site, &user, "집", false);
        assert_eq!(first.status, 201);
        assert_eq!(first.text("addressId"), "1");
        assert_eq!(first.headers["location"], "/api/users/me/addresses/1");
        assert_eq!(first.body["isDefault"], true, "the first is the default");
        assert_eq!(add(site, &user, "회사", false).text("addressId"), "2");
        let path = format!("{PATH}/2");
        let deleted = site.api.call("DELETE", &path, Some(&user.token), None);
        assert_eq!(deleted.status, 204);
        // A number is never given again: an order may name it.
        assert_eq!(add(site, &user, "회사", false).text("addressId"), "3");
    }
}

#[test]
fn there_is_one_default() {
    let site = site();
    let user = site.somebody();
    let token = Some(user.token.as_str());
    add(site, &user, "1", false);
    add(site, &user, "2", false);
    add(site, &user, "3", true);
    let all = || ["1", "2", "3"].map(ToOwned::to_owned).to_vec();
    let one = |id: &str| vec![id.to_owned()];
    assert_eq!(listed(site, &user), (all(), one("3")));
    let put = |id: &str, is_default| {
        let body = fields("x", is_default);
        site.api
            .call("PUT", &format!("{PATH}/{id}"), token, Some(&body))
    };
    assert_eq!(put("2", true).body["isDefault"], true);
    assert_eq!(listed(site, &user), (all(), one("2")));
    // There is always one: another must take its place.
    assert_eq!(put("2", false).body["isDefault"], true);
    assert_eq!(put("3", false).body["isDefault"], false);
    assert_eq!(listed(site, &user), (all(), one("2")));
    let delete = |id: &str| {
        site.api
            .call("DELETE", &format!("{PATH}/{id}"), token, None)
            .status
    };
    assert_eq!(delete("2"), 204);
    assert_eq!(
        listed(site, &user),
        (vec!["1".into(), "3".into()], one("1"))
    );
    assert_eq!((delete("1"), delete("3")), (204, 204));
    assert_eq!(listed(site, &user), (vec![], vec![]));
    assert_eq!(add(site, &user, "4", false).body["isDefault"], true);
}

#[test]
fn the_eleventh_is_refused() {
    let site = site();
    let user = site.somebody();
    for n in 1..=10 {
        assert_eq!(add(site, &user, &n.to_string(), false).status, 201);
    }
    add(site, &user, "11", true).is(409, "TOO_MANY_ADDRESSES");
    assert_eq!(listed(site, &user).1, ["1"]);
}

#[test]
fn every_fault_of_an_address_is_named() {
    let site = site();
    let user = site.somebody();
    let post = |body| site.api.post(PATH, Some(&user.token), &body);
    let answer = post(json!({}));
    answer.is(400, "INVALID_REQUEST");
    assert_eq!(
        answer.faults(),
        ["recipient", "phone", "zipCode", "address"]
    );
    let answer = post(
        json!({"label": "x".repeat(31), "recipient": "", "phone": "1", "zipCode": "!",
        "address": " ", "addressDetail": "\u{0}", "isDefault": "yes"}),
    );
    let all = [
        "label",
        "recipient",
        "phone",
        "zipCode",
        "address",
        "addressDetail",
        "isDefault",
    ];
    assert_eq!(answer.faults(), all);
    let least =
        json!({"recipient": "r", "phone": "010-1234-5678", "zipCode": "06236", "address": "a"});
    assert_eq!(post(least).body["addressDetail"], "");
}

#[test]
fn others_addresses_are_not_there() {
    let site = site();
    let (owner, other) = (site.somebody(), site.somebody());
    add(site, &owner, "집", true);
    let path = format!("{PATH}/1");
    let token = Some(other.token.as_str());
    site.api
        .call("PUT", &path, token, Some(&fields("x", true)))
        .is(404, "UNKNOWN_ADDRESS");
    site.api
        .call("DELETE", &path, token, None)
        .is(404, "UNKNOWN_ADDRESS");
    for id in ["0", "01", "2", "x", "4294967296", "%00"] {
        let path = format!("{PATH}/{id}");
        let token = Some(owner.token.as_str());
        site.api
            .call("DELETE", &path, token, None)
            .is(404, "UNKNOWN_ADDRESS");
    }
    let internal = |user: &User, id: &str| {
        let path = format!("/internal/users/{}/addresses/{id}", user.id);
        site.api.get(&path, Some(&site.service()))
    };
    let found = internal(&owner, "1");
    assert_eq!((found.status, found.text("label")), (200, "집".to_owned()));
    internal(&other, "1").is(404, "UNKNOWN_ADDRESS");
    internal(&owner, "2").is(404, "UNKNOWN_ADDRESS");
    let path = "/internal/users/%ED%95%9C/addresses/1";
    site.api
        .get(path, Some(&site.service()))
        .is(404, "UNKNOWN_ADDRESS");
}
