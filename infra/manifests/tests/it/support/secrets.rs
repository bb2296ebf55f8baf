//! The Secrets that pods refer to: as make-secrets.sh draws them.

use std::{collections::BTreeMap, process::Command, sync::LazyLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use manifests::root;
use serde_json::Value;

use super::{name, of_kind, output, text, yaml};

/// Documents as they are printed.
pub(crate) static DOCUMENTS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let mut draw = Command::new("bash");
    draw.arg("k8s/make-secrets.sh").current_dir(root());
    yaml(&output(&mut draw))
});

/// Values by the name of the Secret and the key in it.
pub(crate) static DRAWN: LazyLock<BTreeMap<(String, String), String>> = LazyLock::new(|| {
    let mut values = BTreeMap::new();
    for document in DOCUMENTS.iter() {
        for (key, value) in document["data"].as_object().unwrap() {
            let bytes = STANDARD.decode(value.as_str().unwrap()).unwrap();
            let value = String::from_utf8(bytes).unwrap();
            values.insert((name(document).to_owned(), key.clone()), value);
        }
    }
    values
});

/// Made by hand when they are wanted: the first administrator, the certificate, the login to a registry.
pub(crate) const BY_HAND: [&str; 3] = ["first-admin", "shop-tls", "registry"];

/// What a pod gets: as the overlay's `ExternalSecret` makes it, else as it is drawn.
pub(crate) fn value(resources: &[Value], secret: &str, key: &str) -> String {
    let external = of_kind(resources, "ExternalSecret")
        .find(|external| text(external, "/spec/target/name") == secret);
    if let Some(external) = external {
        let template = &external["spec"]["target"]["template"]["data"][key];
        return filled(template.as_str().unwrap_or("{{ .value }}"));
    }
    let drawn = DRAWN.get(&(secret.to_owned(), key.to_owned()));
    match drawn {
        Some(value) => value.clone(),
        None if secret == "first-admin" => "somebody@example.com".to_owned(),
        None => panic!("make-secrets.sh draws no {secret}/{key}"),
    }
}

/// A template of ours: `{{ "text" }}`, `{{ .name }}`, `{{ .name | toJson }}`.
fn filled(template: &str) -> String {
    const STORED: &str = "0123456789abcdef0123456789abcdef";
    let mut parts = template.split("{{");
    let mut value = parts.next().unwrap().to_owned();
    for part in parts {
        let (inside, after) = part.split_once("}}").unwrap();
        let inside = inside.trim();
        match inside
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
        {
            Some(text) => value.push_str(text),
            None if inside.ends_with("| toJson") => value.push_str(&format!("\"{STORED}\"")),
            None => {
                assert!(inside.starts_with('.'), "{inside}");
                value.push_str(STORED);
            }
        }
        value.push_str(after);
    }
    value
}

#[test]
fn templates_are_filled_as_the_operator_fills_them() {
    let stored = filled("{{ .x }}");
    for (template, expected) in [
        (
            r#"a:{{ .x | urlquery }}@{{ "b:1" }}/c"#,
            format!("a:{stored}@b:1/c"),
        ),
        (
            r#"{"d":{{ .x | toJson }}}"#,
            format!(r#"{{"d":"{stored}"}}"#),
        ),
        ("plain", "plain".to_owned()),
    ] {
        assert_eq!(filled(template), expected);
    }
}
