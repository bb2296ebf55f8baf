use std::{collections::BTreeSet, fs, path::Path};

use contracts::{ENVELOPE_SCHEMA, EventType};
use serde_json::Value;

use crate::support::{example, parse};

/// The names of the files of a folder, without `.json`.
fn files(folder: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    fs::read_dir(folder)
        .expect("the folder")
        .map(|entry| {
            let name = entry.expect("an entry").file_name();
            let name = name.to_str().expect("UTF-8");
            name.strip_suffix(".json").expect("a .json file").to_owned()
        })
        .collect()
}

#[test]
fn every_file_belongs_to_a_type() {
    let mut names: BTreeSet<_> = EventType::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(files("examples"), names);
    names.insert("envelope".to_owned());
    assert_eq!(files("schemas"), names);
}

#[test]
fn every_schema_is_one_and_bears_the_name_of_its_type() {
    let named = EventType::ALL
        .iter()
        .map(|known| (known.name(), known.schema()));
    for (name, schema) in named.chain([("envelope", ENVELOPE_SCHEMA)]) {
        let schema = parse(schema);
        assert!(jsonschema::draft202012::meta::is_valid(&schema), "{name}");
        assert_eq!(
            schema["$schema"],
            "https://json-schema.org/draft/2020-12/schema"
        );
        assert_eq!(schema["title"], name);
        assert!(schema["description"].is_string(), "{name}");
    }
}

/// Otherwise the tests that take fields from examples would overlook one.
fn assert_shows_all(schema: &Value, shown: &Value, name: &str) {
    match shown {
        Value::Object(fields) => {
            let properties = schema["properties"].as_object().expect("properties");
            let said: BTreeSet<_> = properties.keys().collect();
            assert_eq!(fields.keys().collect::<BTreeSet<_>>(), said, "{name}");
            for (field, inner) in fields {
                assert_shows_all(&properties[field], inner, name);
            }
        }
        Value::Array(items) => {
            assert!(!items.is_empty(), "{name}");
            for inner in items {
                assert_shows_all(&schema["items"], inner, name);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_example_shows_every_field() {
    for &event_type in EventType::ALL {
        let example = example(event_type);
        let schema = parse(event_type.schema());
        assert_shows_all(&schema, &example["data"], event_type.name());
        let envelope = parse(ENVELOPE_SCHEMA);
        let said = envelope["properties"].as_object().expect("properties");
        let shown = example.as_object().expect("an object");
        let said: BTreeSet<_> = said.keys().collect();
        assert_eq!(shown.keys().collect::<BTreeSet<_>>(), said, "{event_type}");
    }
}

#[test]
fn the_readme_has_a_row_for_every_type() {
    let readme = include_str!("../../README.md");
    for known in EventType::ALL {
        let row = format!("\n| `{known}` | ");
        assert_eq!(readme.matches(&row).count(), 1, "{known}");
    }
}
