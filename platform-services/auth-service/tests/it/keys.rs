//! The change of keys.

use std::time::Duration;

use access_token::TokenError;
use auth_service::keys::{OldKeys, rotate};

use crate::support::{Site, eventually};

fn kids(site: &Site) -> Vec<String> {
    let answer = site.auth.get("/.well-known/jwks.json", None);
    assert_eq!(answer.headers["cache-control"], "public, max-age=60");
    let keys = answer.body["keys"].as_array().expect("keys").clone();
    let kid = |key: &serde_json::Value| key["kid"].as_str().expect("an id").to_owned();
    keys.iter().map(kid).collect()
}

#[test]
fn a_new_key_is_published_then_signs_and_old_tokens_go_on() {
    let site = Site::start(&["--key-publication-seconds", "8"]);
    let publication = Duration::from_secs(8);
    let user = site.somebody();
    let access = || site.login(&user.email, "password123").text("accessToken");
    // The header names the key.
    let header = |token: &str| token.split('.').next().expect("a header").to_owned();
    let old = access();
    site.verify(&old).expect("good");
    assert_eq!(kids(&site).len(), 1);
    let rotated = rotate(&site.keys_dir, publication, OldKeys::Keep).expect("rotated");
    assert_eq!(rotated.removed, [""; 0]);
    eventually("the new key is published", || {
        kids(&site).contains(&rotated.kid)
    });
    assert_eq!(kids(&site).len(), 2, "both are valid during the change");
    eventually("the new key signs", || header(&access()) != header(&old));
    site.verify(&access())
        .expect("good: an unknown key makes others fetch");
    site.verify(&old).expect("still good");
    assert_eq!(site.user.get("/api/users/me", &old), 200);
    assert_eq!(kids(&site).len(), 2, "until its last token ends");
    // A stolen key: everything it signed is worth nothing.
    let stolen = access();
    let dropped = rotate(&site.keys_dir, publication, OldKeys::Drop).expect("rotated");
    assert_eq!(dropped.removed.len(), 2);
    eventually("only the new key is left", || {
        kids(&site) == [dropped.kid.clone()]
    });
    site.fetch_keys();
    assert_eq!(site.verify(&stolen), Err(TokenError::UnknownKey));
    assert_eq!(site.verify(&old), Err(TokenError::UnknownKey));
    site.verify(&access()).expect("good");
}
