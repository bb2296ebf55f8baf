//! Holds every answer against `openapi.json`.

use std::sync::LazyLock;

use reqwest::Method;
use serde_json::{Value, json};

use super::Answer;

pub(crate) static DOC: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../openapi.json")).unwrap());

/// Whether a value is what a schema of the document says.
#[track_caller]
pub(crate) fn valid(schema: &Value, value: &Value, what: &str) {
    let whole = json!({"components": DOC["components"], "allOf": [schema]});
    let validator = jsonschema::draft202012::new(&whole).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{what}: {errors:#?}\n{value}");
}

/// Fails the test when the document does not promise this answer.
#[track_caller]
pub(crate) fn check(method: &Method, path: &str, answer: &Answer) {
    let what = format!("{method} {path} -> {}", answer.status);
    assert!(answer.headers.contains_key("x-request-id"), "{what}");
    let Some(operation) = operation(method, path) else {
        return;
    };
    let response = &operation["responses"][answer.status.to_string()];
    assert!(response.is_object(), "undocumented: {what} {}", answer.text);
    if answer.status == 201 {
        assert!(answer.headers.contains_key("location"), "{what}");
    }
    if let Some(codes) = response["x-codes"].as_array() {
        assert!(
            codes.contains(&answer.body["code"]),
            "undocumented: {what} {}",
            answer.text
        );
    }
    let Some(content) = response["content"].as_object() else {
        assert_eq!(answer.text, "", "{what}");
        return;
    };
    let (kind, media) = content.iter().next().unwrap();
    assert_eq!(answer.headers["content-type"], kind.as_str(), "{what}");
    valid(&media["schema"], &answer.body, &what);
}

/// The operation that a method and a path name; health and the like have none.
fn operation(method: &Method, path: &str) -> Option<&'static Value> {
    let path = path.split('?').next().unwrap();
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let template: Vec<&str> = template.split('/').collect();
        template.len() == parts.len()
            && template
                .iter()
                .zip(&parts)
                .all(|(t, p)| t == p || t.starts_with('{'))
    };
    let method = method.as_str().to_ascii_lowercase();
    let paths = DOC["paths"].as_object().unwrap();
    let mut found: Vec<_> = paths
        .iter()
        .filter(|(template, _)| fits(template))
        .collect();
    found.sort_by_key(|(template, _)| template.matches('{').count());
    let operation = &found.first()?.1[&method];
    operation.is_object().then_some(operation)
}

#[test]
fn examples_are_valid_and_every_code_has_a_page() {
    let pages = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/problems");
    for (path, operations) in DOC["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let what = format!("{method} {path}");
            let body = &operation["requestBody"]["content"]["application/json"];
            if body.is_object() {
                valid(&body["schema"], &body["example"], &what);
            }
            for response in operation["responses"].as_object().unwrap().values() {
                let media = &response["content"]["application/json"];
                if media.is_object() {
                    valid(&media["schema"], &media["example"], &what);
                }
                for code in response["x-codes"].as_array().into_iter().flatten() {
                    let slug = code
                        .as_str()
                        .unwrap()
                        .to_ascii_lowercase()
                        .replace('_', "-");
                    let page = format!("{pages}/{slug}.md");
                    assert!(std::fs::exists(&page).unwrap(), "no page {page}");
                }
            }
        }
    }
}
