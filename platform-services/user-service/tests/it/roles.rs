//! Every operation against every role.

use access_token::Role;

use crate::support::{api::document, json, site};

#[test]
fn every_operation_asks_for_its_role() {
    let site = site();
    let paths = document()["paths"].as_object().expect("paths");
    let mut asked = 0;
    for (template, operations) in paths {
        let path = template
            .replace("{userId}", "nobody")
            .replace("{addressId}", "1");
        for (method, operation) in operations.as_object().expect("operations") {
            let method = method.to_uppercase();
            let roles = operation["x-roles"].as_array().expect("roles");
            let body = operation.get("requestBody").map(|_| json!({}));
            let call = |token: Option<&str>| site.api.call(&method, &path, token, body.as_ref());
            if roles.is_empty() {
                assert_ne!(call(None).status, 401, "{method} {path}");
                continue;
            }
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
            call(Some(&site.issuer.token("nobody", &[]))).is(403, "FORBIDDEN");
        }
    }
    assert_eq!(asked, 16 * 3);
}
