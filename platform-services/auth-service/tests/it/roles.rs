//! Every operation against every role.

use access_token::Role;

use crate::support::{api::document, json, site};

#[test]
fn every_operation_asks_for_its_role() {
    let site = site();
    let mut asked = 0;
    for (path, operations) in document()["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let method = method.to_uppercase();
            let roles = operation["x-roles"].as_array().expect("roles");
            if roles.is_empty() {
                continue;
            }
            let body = operation.get("requestBody").map(|_| json!({}));
            let call = |token: Option<&str>| site.auth.call(&method, path, token, body.as_ref());
            let without = call(None);
            without.is(401, "UNAUTHENTICATED");
            assert_eq!(without.headers["www-authenticate"], "Bearer");
            call(Some("rubbish")).is(401, "UNAUTHENTICATED");
            for role in Role::ALL {
                let answer = call(Some(&site.token("nobody", role)));
                let allowed = roles.contains(&json!(role.as_str()));
                assert_eq!(
                    answer.status != 403,
                    allowed,
                    "{method} {path} {role}: {answer:?}"
                );
                asked += 1;
            }
        }
    }
    assert_eq!(asked, 2 * 3);
}
