//! Every operation of the document: who may not is told so, before anything else is looked at.

use access_token::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Catalog, contract::DOC, token};

#[tokio::test]
async fn every_operation_is_for_its_roles_only() {
    let catalog = Catalog::start().await;
    let mut guarded = 0;
    for (template, operations) in DOC["paths"].as_object().unwrap() {
        let path = template
            .replace("{productId}", "1")
            .replace("{categoryId}", "1")
            .replace("{brandId}", "1")
            .replace("{skuId}", "1");
        for (method, operation) in operations.as_object().unwrap() {
            let method: Method = method.to_ascii_uppercase().parse().unwrap();
            let roles: Vec<&str> = operation["x-roles"]
                .as_array()
                .unwrap()
                .iter()
                .map(|role| role.as_str().unwrap())
                .collect();
            let has_body = operation["requestBody"].is_object();
            // Nobody learns what is wrong with it, but who may ask.
            let body = json!({"nonsense": 1});
            let send = |token: Option<String>| {
                let (catalog, method, path) = (&catalog, method.clone(), path.clone());
                let body: Option<&Value> = has_body.then_some(&body);
                async move { catalog.send(method, &path, token.as_deref(), body).await }
            };
            if roles.is_empty() {
                let answer = send(None).await;
                assert!([200, 404].contains(&answer.status), "{method} {path}");
                continue;
            }
            guarded += 1;
            let answer = send(None).await;
            assert_eq!(answer.refused(401), "UNAUTHENTICATED");
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
            assert_eq!(
                send(Some("nonsense".to_owned())).await.refused(401),
                "UNAUTHENTICATED"
            );
            for role in Role::ALL {
                let answer = send(Some(token(&[role]))).await;
                if roles.contains(&role.as_str()) {
                    assert!(
                        ![401, 403].contains(&answer.status),
                        "{method} {path} {role}"
                    );
                } else {
                    assert_eq!(answer.refused(403), "FORBIDDEN", "{method} {path} {role}");
                }
            }
        }
    }
    assert_eq!(guarded, 13);
}
