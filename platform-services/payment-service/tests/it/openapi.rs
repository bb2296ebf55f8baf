//! The document about itself; answers are held against it by every other test.

use serde_json::Value;

use crate::support::{
    WORLD,
    contract::{DOCUMENT, errors},
};

fn operations() -> Vec<(String, &'static Value)> {
    let mut all = Vec::new();
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            all.push((format!("{method} {path}"), operation));
        }
    }
    all
}

#[test]
fn examples_are_what_they_are_examples_of() {
    let check = |name: &str, content: &Value| {
        for (kind, content) in content.as_object().into_iter().flatten() {
            let named = content["examples"].as_object().into_iter().flatten();
            let named = named.map(|(_, example)| &example["value"]);
            for example in content.get("example").into_iter().chain(named) {
                let found = errors(&content["schema"], example);
                assert!(found.is_empty(), "{name} {kind}: {found:?}");
            }
        }
    };
    for (name, operation) in operations() {
        check(&name, &operation["requestBody"]["content"]);
        for (status, response) in operation["responses"].as_object().unwrap() {
            check(&format!("{name} {status}"), &response["content"]);
        }
    }
}

#[test]
fn every_operation_has_its_roles_and_every_code_its_page() {
    let pages = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/problems");
    for (name, operation) in operations() {
        assert!(operation["x-roles"].is_array(), "{name}");
        for response in operation["responses"].as_object().unwrap().values() {
            for code in response["x-codes"].as_array().into_iter().flatten() {
                let slug = code
                    .as_str()
                    .unwrap()
                    .to_ascii_lowercase()
                    .replace('_', "-");
                let page = format!("{pages}/{slug}.md");
                assert!(std::path::Path::new(&page).exists(), "{name}: {page}");
            }
        }
    }
}

#[test]
fn the_document_is_served() {
    let answer = WORLD.http.get("/openapi.json", "");
    assert_eq!(answer.json, *DOCUMENT);
    assert_eq!(WORLD.http.get("/docs", "").status, 200);
    WORLD
        .get("/api/payments/a/b/c", "")
        .refused(404, "NOT_FOUND");
}
