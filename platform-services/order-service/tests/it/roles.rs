use access_token::Role;

use crate::support::{DOCUMENT, SERVICE, operations, text, unique};

fn role(name: &str) -> Role {
    [Role::Customer, Role::Service, Role::Admin]
        .into_iter()
        .find(|role| role.as_str() == name)
        .unwrap()
}

/// A body that is fine, where the operation has one.
fn body(operation: &serde_json::Value) -> Option<String> {
    let example = &operation["requestBody"]["content"]["application/json"]["example"];
    (!example.is_null()).then(|| example.to_string())
}

#[test]
fn every_operation_wants_one_of_its_roles() {
    for (method, template, operation) in operations() {
        let roles: Vec<&str> = operation["x-roles"]
            .as_array()
            .unwrap()
            .iter()
            .map(|role| role.as_str().unwrap())
            .collect();
        let path = template
            .replace("{orderId}", "o-1")
            .replace("{skuId}", "s-1");
        let method = method.to_uppercase();
        let body = body(operation);
        let send =
            |client: &crate::support::Client| client.send(&method, &path, &[], body.as_deref());
        if roles.is_empty() {
            assert_eq!(send(&SERVICE.anybody()).status, 200, "{path}");
            continue;
        }
        let answer = send(&SERVICE.anybody());
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{path}");
        answer.refused(401, "UNAUTHENTICATED");
        for name in ["CUSTOMER", "SERVICE", "ADMIN"] {
            let client = SERVICE.with_roles(&unique("user"), &[role(name)]);
            let answer = send(&client);
            if roles.contains(&name) {
                assert!(![401, 403].contains(&answer.status), "{name} {path}");
            } else {
                answer.refused(403, "FORBIDDEN");
            }
        }
        send(&SERVICE.with_roles("nobody", &[])).refused(403, "FORBIDDEN");
    }
}

#[test]
fn orders_of_others_are_not_there() {
    let owner = SERVICE.customer();
    let id = text(&owner.place(&[("a", 1)]), "orderId").to_owned();
    let path = format!("/api/orders/{id}");
    let other = SERVICE.customer();
    for (client, order) in [
        (&other, id.as_str()),
        (&owner, "o-1"),
        (&owner, "%20"),
        (&owner, "ä"),
    ] {
        let order = if order.is_ascii() { order } else { "%C3%A4" };
        client
            .get(&format!("/api/orders/{order}"))
            .refused(404, "ORDER_NOT_FOUND");
        for verb in ["cancel", "refund"] {
            client
                .post_empty(&format!("/api/orders/{order}/{verb}"))
                .refused(404, "ORDER_NOT_FOUND");
        }
    }
    assert_eq!(owner.order(&id)["status"], "PLACED");
    SERVICE.admin().get(&path).expect(200);
    let service = SERVICE.with_roles("payment-service", &[Role::Service]);
    service.get(&path).expect(200);
    let cancelled = SERVICE
        .admin()
        .post_empty(&format!("{path}/cancel"))
        .expect(202);
    assert_eq!(cancelled["cancelReason"], "USER_REQUEST");
}

#[test]
fn the_document_is_served_and_names_codes_that_have_pages() {
    let served = SERVICE.anybody().get("/openapi.json");
    assert_eq!(served.text, order_service::http::OPENAPI);
    let pages = format!("{}/../../docs/problems", env!("CARGO_MANIFEST_DIR"));
    for (_, path, operation) in operations() {
        for (_, response) in operation["responses"].as_object().unwrap() {
            for code in response["x-codes"].as_array().into_iter().flatten() {
                let slug = code.as_str().unwrap().to_lowercase().replace('_', "-");
                let page = std::fs::read_to_string(format!("{pages}/{slug}.md"));
                assert!(page.is_ok(), "no page for {code} of {path}");
            }
        }
    }
    assert_eq!(DOCUMENT["openapi"], "3.1.0");
}
