//! Whether an answer is one that the OpenAPI document describes.

use std::sync::LazyLock;

use serde_json::{Value, json};
use user_service::http::OPENAPI;

use super::Answer;

pub(crate) static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(OPENAPI).unwrap());

/// Panics when the operation does not know such an answer.
pub(super) fn check(method: &str, path: &str, answer: &Answer) {
    let path = path.split('?').next().unwrap();
    let Some(operation) = operation(method, path) else {
        assert!(
            matches!(path, "/readyz" | "/healthz" | "/metrics" | "/openapi.json"),
            "{path}"
        );
        return;
    };
    let response = &operation["responses"][answer.status.to_string()];
    assert!(
        response.is_object(),
        "{method} {path} does not know {answer:?}"
    );
    let Some(content) = response["content"].as_object() else {
        assert_eq!(answer.body, "", "{method} {path} {}", answer.status);
        return;
    };
    let kind = answer.headers["content-type"].to_str().unwrap();
    let schema = &content
        .get(kind)
        .unwrap_or_else(|| panic!("{method} {path}: {kind}"))["schema"];
    let mut whole = schema.as_object().unwrap().clone();
    whole.insert("components".to_owned(), DOCUMENT["components"].clone());
    let validator = jsonschema::validator_for(&json!(whole)).unwrap();
    if let Err(error) = validator.validate(&answer.body) {
        panic!("{method} {path}: {error} in {answer:?}");
    }
    if let Some(codes) = response["x-codes"].as_array() {
        assert!(
            codes.contains(&json!(answer.code())),
            "{method} {path}: {answer:?}"
        );
    }
}

fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let known = paths.get(path).or_else(|| {
        let parts: Vec<&str> = path.split('/').collect();
        let fits = |template: &&String| {
            let template: Vec<&str> = template.split('/').collect();
            template.len() == parts.len()
                && template
                    .iter()
                    .zip(&parts)
                    .all(|(known, part)| known.starts_with('{') || known == part)
        };
        paths.keys().find(fits).map(|template| &paths[template])
    })?;
    known.get(method.to_ascii_lowercase())
}
