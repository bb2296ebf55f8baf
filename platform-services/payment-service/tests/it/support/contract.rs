//! Holds every answer against `openapi.json`.

use std::sync::LazyLock;

use jsonschema::Draft;
use serde_json::{Value, json};

use super::http::Answer;

pub(crate) static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../openapi.json")).unwrap());

/// Everything that is wrong with `value` by a schema of the document.
pub(crate) fn errors(schema: &Value, value: &Value) -> Vec<String> {
    let mut whole = schema.clone();
    whole["components"] = json!({"schemas": DOCUMENT["components"]["schemas"]});
    let validator = jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .build(&whole)
        .unwrap();
    validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// The operation of a request.
fn operation(method: &str, path: &str) -> Option<(String, &'static Value)> {
    let path = path.split('?').next().unwrap();
    let parts: Vec<&str> = path.split('/').collect();
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let fits = |template: &str| {
        let wanted: Vec<&str> = template.split('/').collect();
        wanted.len() == parts.len()
            && wanted
                .iter()
                .zip(&parts)
                .all(|(wanted, part)| wanted.starts_with('{') || wanted == part)
    };
    let exact = paths.get_key_value(path);
    let (template, item) = exact.or_else(|| paths.iter().find(|(template, _)| fits(template)))?;
    Some((format!("{method} {template}"), item.get(method)?))
}

/// Fails the test when the document does not promise this answer.
#[track_caller]
pub(crate) fn check(method: &str, path: &str, answer: &Answer) {
    let Some((name, operation)) = operation(method, path) else {
        assert!(matches!(answer.status, 404 | 405), "{method} {path}");
        return;
    };
    assert!(answer.header("x-request-id").is_some(), "{name}");
    let promised = &operation["responses"][answer.status.to_string()];
    assert!(
        promised.is_object(),
        "{name} promises no {}: {}",
        answer.status,
        answer.text
    );
    if let Some(codes) = promised["x-codes"].as_array() {
        assert!(
            codes.contains(&answer.json["code"]),
            "{name}: {}",
            answer.text
        );
    }
    let Some(content) = promised["content"].as_object() else {
        assert_eq!(answer.text, "", "{name}");
        return;
    };
    let kind = answer
        .header("content-type")
        .unwrap()
        .split(';')
        .next()
        .unwrap();
    let content = content
        .get(kind)
        .unwrap_or_else(|| panic!("{name} promises no {kind}"));
    if kind.ends_with("json") {
        let found = errors(&content["schema"], &answer.json);
        assert!(found.is_empty(), "{name}: {found:?} in {}", answer.text);
    }
}
