//! Holds every answer against `openapi.json`.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::Answer;

pub(crate) static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(order_service::http::OPENAPI).unwrap());

const METHODS: [&str; 4] = ["get", "post", "patch", "delete"];

/// Every operation: method, path as the document has it, and the operation.
pub(crate) fn operations() -> impl Iterator<Item = (&'static str, &'static str, &'static Value)> {
    DOCUMENT["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            METHODS
                .into_iter()
                .filter_map(move |method| Some((method, path.as_str(), item.get(method)?)))
        })
}

fn fits(template: &str, path: &str) -> bool {
    let (mut template, mut path) = (template.split('/'), path.split('/'));
    loop {
        match (template.next(), path.next()) {
            (None, None) => return true,
            (Some(part), Some(real)) if part == real || part.starts_with('{') => {}
            _ => return false,
        }
    }
}

#[track_caller]
pub(super) fn check(method: &str, path: &str, answer: &Answer) {
    let what = format!("{method} {path} -> {} {}", answer.status, answer.text);
    assert!(answer.header("x-request-id").is_some(), "{what}");
    let path = path.split('?').next().unwrap();
    let method = method.to_ascii_lowercase();
    let operation = operations()
        .filter(|(known, template, _)| *known == method && fits(template, path))
        // A path without parameters wins.
        .min_by_key(|(_, template, _)| template.contains('{'));
    let Some((_, _, operation)) = operation else {
        let code = answer.body["code"].as_str().unwrap_or_default();
        assert!(
            ["NOT_FOUND", "METHOD_NOT_ALLOWED"].contains(&code),
            "{what}"
        );
        return;
    };
    let response = &operation["responses"][answer.status.to_string()];
    assert!(response.is_object(), "an undocumented status: {what}");
    if let Some(codes) = response["x-codes"].as_array() {
        assert!(
            codes.contains(&answer.body["code"]),
            "an undocumented code: {what}"
        );
    }
    let replayed = answer.header("idempotent-replayed").is_some();
    assert!(
        !replayed || response["headers"]["Idempotent-Replayed"].is_object(),
        "{what}"
    );
    let Some(content) = response["content"].as_object() else {
        assert_eq!(answer.text, "", "{what}");
        return;
    };
    let kind = answer.header("content-type").unwrap_or_default();
    let (media, described) = content.iter().next().unwrap();
    assert!(kind.starts_with(media.as_str()), "{kind}: {what}");
    if media.ends_with("json") {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "allOf": [described["schema"]],
            "components": DOCUMENT["components"],
        });
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        if let Err(error) = validator.validate(&answer.body) {
            panic!("{error} at {}: {what}", error.instance_path());
        }
    }
}
