//! Holds every answer against `openapi.json`.

use std::sync::LazyLock;

use serde_json::Value;

use super::{Answer, schema};

static DOC: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../openapi.json")).expect("openapi.json is JSON")
});

/// Fails the test when the document does not promise this answer.
#[track_caller]
pub(crate) fn check(method: &str, path: &str, answer: &Answer) {
    let what = format!("{method} {path} -> {} {}", answer.status, answer.text);
    assert!(
        answer.header("x-request-id").is_some(),
        "no X-Request-Id: {what}"
    );
    if answer.status >= 400 && answer.body["status"].is_u64() {
        assert_eq!(answer.body["status"], answer.status, "{what}");
    }
    let Some(operation) = operation(method, path) else {
        let code = answer.body["code"].as_str().unwrap_or_default();
        assert!(
            ["NOT_FOUND", "METHOD_NOT_ALLOWED"].contains(&code),
            "undocumented: {what}"
        );
        return;
    };
    let response = &operation["responses"][answer.status.to_string()];
    assert!(response.is_object(), "an undocumented status: {what}");
    let response = schema::resolve(&DOC, response);
    for (name, header) in response["headers"].as_object().into_iter().flatten() {
        let sent = answer.header(&name.to_ascii_lowercase());
        if schema::resolve(&DOC, header)["required"] == true {
            assert!(sent.is_some(), "no {name}: {what}");
        }
    }
    for name in [
        "idempotent-replayed",
        "x-inventory-stale",
        "location",
        "retry-after",
    ] {
        if answer.header(name).is_some() {
            let mut names = response["headers"].as_object().into_iter().flatten();
            assert!(
                names.any(|(known, _)| known.eq_ignore_ascii_case(name)),
                "an undocumented {name}: {what}"
            );
        }
    }
    let Some(content) = response["content"].as_object() else {
        assert_eq!(answer.text, "", "{what}");
        return;
    };
    let kind = answer.header("content-type").unwrap_or_default();
    let media = content
        .get(kind)
        .unwrap_or_else(|| panic!("an undocumented type {kind}: {what}"));
    if method != "HEAD"
        && kind.ends_with("json")
        && let Err(why) = schema::check(&DOC, &media["schema"], &answer.body)
    {
        panic!("{why}: {what}");
    }
    if method != "HEAD" && answer.status != 204 && kind != "text/event-stream" {
        assert_eq!(
            answer.header("content-length"),
            Some(answer.text.len().to_string().as_str()),
            "{what}"
        );
    }
}

/// The operation that a method and a path name.
fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let path = path
        .split('?')
        .next()
        .unwrap_or_default()
        .replacen("/api/v1/", "/api/", 1);
    let method = if method == "HEAD" {
        "get".to_owned()
    } else {
        method.to_ascii_lowercase()
    };
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let template: Vec<&str> = template.split('/').collect();
        template.len() == parts.len()
            && template
                .iter()
                .zip(&parts)
                .all(|(t, p)| t == p || (t.starts_with('{') && !p.is_empty()))
    };
    let paths = DOC["paths"].as_object().expect("paths");
    let mut found: Vec<(&String, &Value)> = paths
        .iter()
        .filter(|(template, methods)| fits(template) && methods[&method].is_object())
        .collect();
    // A path without a placeholder comes before one with.
    found.sort_by_key(|(template, _)| template.matches('{').count());
    found.first().map(|(_, methods)| &methods[&method])
}
