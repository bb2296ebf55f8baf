//! Tokens of services.

use access_token::Role;

use crate::support::{Value, json, site};

fn ask(body: &Value) -> crate::support::Answer {
    site().auth.post("/api/auth/token", None, body)
}

#[test]
fn a_service_gets_a_token_for_its_secret() {
    let site = site();
    let body = json!({"grantType": "client_credentials", "clientId": "order-service",
        "clientSecret": "the secret of order-service"});
    let answer = ask(&body);
    assert_eq!(answer.status, 200, "{answer:?}");
    let claims = site
        .verify(&answer.text("accessToken"))
        .expect("a good token");
    assert_eq!(
        (claims.sub.as_str(), claims.roles.as_slice()),
        ("order-service", &[Role::Service][..])
    );
    let form = "grant_type=client_credentials&client_id=order-service\
        &client_secret=the+secret+of+order-service";
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let answer = site
        .auth
        .send("POST", "/api/auth/token", &kind, Some(form.to_owned()));
    assert_eq!(answer.status, 200, "{answer:?}");
    let user = site.somebody();
    let path = format!("/internal/users/{}", user.id);
    assert_eq!(site.user.get(&path, &answer.text("accessToken")), 200);
}

#[test]
fn nobody_else_does() {
    let with = |field: &str, value: &str| {
        let mut body = json!({"grantType": "client_credentials", "clientId": "order-service",
            "clientSecret": "the secret of order-service"});
        body[field] = json!(value);
        ask(&body)
    };
    with("clientSecret", "the secret of order-servicf").is(401, "INVALID_CLIENT");
    with("clientId", "payment-service").is(401, "INVALID_CLIENT");
    let other = with("grantType", "password");
    other.is(400, "INVALID_REQUEST");
    assert_eq!(other.faults(), ["grantType"]);
    assert_eq!(
        ask(&json!({})).faults(),
        ["grantType", "clientId", "clientSecret"]
    );
}
