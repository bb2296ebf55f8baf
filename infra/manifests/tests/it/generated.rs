//! What is generated is what it is generated from.

use std::fs;

use contracts::EventType;
use manifests::{generate, root};

use crate::support::{PROD, PROD_DEBEZIUM, name, of_kind};

#[test]
fn the_checked_in_files_are_up_to_date() {
    for generated in generate::all(&root()).unwrap() {
        let there = fs::read_to_string(root().join(&generated.path)).unwrap();
        assert!(
            there == generated.text,
            "{} is old: cargo run -p manifests -- generate",
            generated.path.display()
        );
    }
}

#[test]
fn every_event_has_a_topic_and_one_for_its_dead_letters() {
    let mut topics: Vec<&str> = of_kind(&PROD, "KafkaTopic").map(name).collect();
    topics.sort_unstable();
    let mut expected: Vec<&str> = EventType::ALL
        .iter()
        .flat_map(|event_type| [event_type.topic(), event_type.dlq_topic()])
        .collect();
    expected.sort_unstable();
    assert_eq!(topics, expected);
}

/// Services make topics too, and leave those alone that exist: both have to say the same.
#[test]
fn topics_are_as_services_would_make_them() {
    let source = fs::read_to_string(root().join("platform-services/service-kit/src/topics/mod.rs"));
    let source = source.unwrap();
    for topic in of_kind(&PROD, "KafkaTopic") {
        let bytes = topic["spec"]["config"]["max.message.bytes"].to_string();
        assert!(
            source.contains(&format!("_BYTES_MAX: &str = \"{bytes}\"")),
            "{topic}"
        );
        for setting in [
            "cleanup.policy",
            "retention.ms",
            "segment.ms",
            "max.message.bytes",
        ] {
            assert!(source.contains(&format!(".set(\"{setting}\"")), "{setting}");
        }
    }
}

#[test]
fn connectors_say_what_the_files_for_connect_say() {
    let mut seen = 0;
    for connector in of_kind(&PROD_DEBEZIUM, "KafkaConnector") {
        let path = format!("infra/debezium/{}.json", name(connector));
        let text = fs::read_to_string(root().join(path)).unwrap();
        let mut file: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&text).unwrap();
        let spec = &connector["spec"];
        assert_eq!(
            Some(&spec["class"]),
            file.remove("connector.class").as_ref()
        );
        assert_eq!(
            spec["tasksMax"].to_string(),
            file.remove("tasks.max").unwrap().as_str().unwrap()
        );
        assert_eq!(spec["config"].as_object(), Some(&file));
        seen += 1;
    }
    let files = fs::read_dir(root().join("infra/debezium")).unwrap();
    let files = files
        .flatten()
        .filter(|file| file.file_name().to_string_lossy().ends_with("-outbox.json"));
    assert_eq!(seen, files.count());
}
