use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::route::RouteName;

fn openapi() -> Value {
    serde_json::from_str(OPENAPI).expect("openapi.json is JSON")
}

/// What a reference names, or the value itself.
fn resolved<'a>(doc: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        None => value,
        Some(path) => {
            let target = path
                .strip_prefix('#')
                .and_then(|pointer| doc.pointer(pointer));
            resolved(
                doc,
                target.unwrap_or_else(|| panic!("{path} leads nowhere")),
            )
        }
    }
}

/// Visits every value below `value`.
fn visit(value: &Value, see: &mut impl FnMut(&Value)) {
    see(value);
    match value {
        Value::Array(elements) => elements.iter().for_each(|element| visit(element, see)),
        Value::Object(members) => members.values().for_each(|member| visit(member, see)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_route_is_in_the_document_and_nothing_else() {
    let doc = openapi();
    let mut described = BTreeSet::new();
    for (path, methods) in doc["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys() {
            described.insert(format!("{} {path}", method.to_ascii_uppercase()));
        }
    }
    let routes = RouteName::ALL
        .iter()
        .filter(|name| **name != RouteName::None);
    let routes: BTreeSet<String> = routes.map(|name| name.template().to_owned()).collect();
    assert_eq!(described, routes);
}

#[test]
fn every_reference_leads_somewhere() {
    let doc = openapi();
    visit(&doc, &mut |value| {
        resolved(&doc, value);
    });
}

#[test]
fn every_code_is_in_the_document_with_its_status_and_an_example() {
    let doc = openapi();
    let listed = doc["components"]["schemas"]["Problem"]["properties"]["code"]["enum"].clone();
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(listed, Value::from(codes));
    for code in Code::ALL {
        let example = &doc["components"]["examples"][code.as_str()]["value"];
        let problem = Problem::new(*code, "");
        assert_eq!(example["code"], code.as_str());
        assert_eq!(
            example["type"],
            format!("/problems/{}", problem::slug(*code))
        );
        assert_eq!(example["status"], problem.into_response().status().as_u16());
    }
}

#[test]
fn every_answer_has_an_example_and_every_error_its_codes() {
    let doc = openapi();
    for methods in doc["paths"].as_object().expect("paths").values() {
        for operation in methods.as_object().expect("methods").values() {
            for (status, response) in operation["responses"].as_object().expect("responses") {
                let response = resolved(&doc, response);
                let name = format!("{} {status}", operation["operationId"]);
                assert!(response["headers"]["X-Request-Id"].is_object(), "{name}");
                let Some(content) = response["content"].as_object() else {
                    assert_eq!(status, "204", "{name}");
                    continue;
                };
                for (media, body) in content {
                    assert!(
                        body["example"] != Value::Null || body["examples"].is_object(),
                        "{name}"
                    );
                    if media == "application/problem+json" {
                        for (code, example) in body["examples"].as_object().expect("examples") {
                            let example = &resolved(&doc, example)["value"];
                            assert_eq!(example["code"], code.as_str(), "{name}");
                            assert_eq!(example["status"].to_string(), *status, "{name}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn every_code_has_a_page() {
    for code in Code::ALL {
        let page = explanation(*code);
        assert!(page.starts_with(&format!("# {code}\n")), "{code}");
        let lines = page.lines().count();
        assert!((15..=30).contains(&lines), "{code} has {lines} lines");
    }
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    for word in ["http://", "https://", "src=\"", "@import"] {
        assert!(!PAGE.contains(word), "{word}");
    }
}
