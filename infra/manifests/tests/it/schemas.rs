//! Every resource is what its kind's schema says, without a field that nobody knows.

use std::{collections::BTreeMap, fs, sync::LazyLock};

use jsonschema::Validator;
use manifests::root;
use serde_json::{Map, Value, json};

use crate::support::{JOBS, PROD, name, of_kind, overlays, secrets, text};

const FILES: [&str; 3] = ["kubernetes.json", "strimzi.json", "operators.json"];

/// By apiVersion and kind.
static SCHEMAS: LazyLock<BTreeMap<(String, String), Validator>> = LazyLock::new(|| {
    let mut definitions = Map::new();
    for file in FILES {
        let path = root().join("infra/manifests/schemas").join(file);
        let schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        definitions.extend(schema["$defs"].as_object().unwrap().clone());
    }
    let mut schemas = BTreeMap::new();
    for (name, definition) in &definitions {
        let only = |field: &str| {
            let field = &definition["properties"][field];
            let word = field.get("const").or_else(|| field.pointer("/enum/0"));
            word.and_then(Value::as_str).map(str::to_owned)
        };
        let (Some(version), Some(kind)) = (only("apiVersion"), only("kind")) else {
            continue;
        };
        let schema = json!({"$ref": format!("#/$defs/{name}"), "$defs": definitions});
        schemas.insert((version, kind), jsonschema::validator_for(&schema).unwrap());
    }
    schemas
});

fn faults(resource: &Value) -> Vec<String> {
    let key = (
        text(resource, "/apiVersion").to_owned(),
        text(resource, "/kind").to_owned(),
    );
    let Some(schema) = SCHEMAS.get(&key) else {
        return vec![format!("there is no schema of {key:?}")];
    };
    let errors = schema.iter_errors(resource);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

#[test]
fn every_resource_is_valid() {
    for (overlay, resources) in overlays() {
        assert!(!resources.is_empty());
        for resource in resources {
            let faults = faults(resource);
            let (kind, name) = (&resource["kind"], name(resource));
            assert!(faults.is_empty(), "{overlay}: {kind} {name}: {faults:#?}");
        }
    }
    for secret in secrets::DOCUMENTS.iter() {
        assert_eq!(faults(secret), Vec::<String>::new());
    }
}

/// Of each kind one, with a field too many at its root and in its spec, is refused: the schemas are strict.
#[test]
fn an_unknown_field_is_refused_in_every_kind() {
    let mut kinds = BTreeMap::new();
    for resource in PROD.iter().chain(JOBS.iter()) {
        kinds.entry(text(resource, "/kind")).or_insert(resource);
    }
    assert!(kinds.len() > 15, "{:?}", kinds.keys());
    for (kind, resource) in kinds {
        let mut changed = resource.clone();
        changed["replica"] = json!(3);
        assert!(!faults(&changed).is_empty(), "{kind}");
        if resource["spec"].is_object() {
            let mut changed = resource.clone();
            changed["spec"]["replica"] = json!(3);
            assert!(!faults(&changed).is_empty(), "{kind}");
        }
    }
}

#[test]
fn a_value_of_another_type_is_refused_deep_inside() {
    let deployment = of_kind(&PROD, "Deployment").next().unwrap();
    assert_eq!(faults(deployment), Vec::<String>::new());
    for (pointer, value) in [
        (
            "/spec/template/spec/containers/0/resources/limits",
            json!("1 GiB"),
        ),
        (
            "/spec/template/spec/containers/0/ports/0/containerPort",
            json!("8080"),
        ),
        (
            "/spec/template/spec/containers/0/readinessProbe/periodSeconds",
            json!("5"),
        ),
        ("/spec/revisionHistoryLimit", Value::Null),
    ] {
        let mut changed = deployment.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        assert!(!faults(&changed).is_empty(), "{pointer}");
    }
}
