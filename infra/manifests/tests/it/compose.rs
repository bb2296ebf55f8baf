//! The compose file, as Docker Compose's own library reads it.

use std::{collections::BTreeSet, path::Path};

use manifests::root;
use serde_json::Value;

use crate::{
    names::addresses,
    policy::is_pinned,
    support::{COMPOSE_FILE, PORTS, list, text},
};

fn services() -> impl Iterator<Item = (&'static str, &'static Value)> {
    let services = COMPOSE_FILE["services"].as_object().unwrap();
    services
        .iter()
        .map(|(name, service)| (name.as_str(), service))
}

fn in_profile(profile: &str) -> BTreeSet<&'static str> {
    let named = services()
        .filter(|(_, service)| list(service, "/profiles").iter().any(|one| one == profile));
    named.map(|(name, _)| name).collect()
}

#[test]
fn each_profile_is_whole() {
    let profiles = ["core", "kafka", "cdc", "monitoring", "full"];
    for profile in profiles {
        let members = in_profile(profile);
        assert!(!members.is_empty(), "{profile}");
        for (name, service) in services().filter(|(name, _)| members.contains(name)) {
            let needs = service["depends_on"].as_object();
            for needed in needs.into_iter().flat_map(|needs| needs.keys()) {
                assert!(
                    members.contains(needed.as_str()),
                    "{profile}: {name} needs {needed}"
                );
            }
        }
    }
    let known = services().all(|(_, service)| {
        let own = list(service, "/profiles");
        !own.is_empty()
            && own
                .iter()
                .all(|one| profiles.iter().any(|profile| one == profile))
    });
    assert!(known);
    assert_eq!(in_profile("core"), BTreeSet::from(["redis", "mariadb"]));
    let full = in_profile("full");
    assert!(
        PORTS.iter().all(|(program, _)| full.contains(program)),
        "{full:?}"
    );
}

#[test]
fn versions_are_pinned_and_those_of_the_dev_stack() {
    for (name, service) in services() {
        assert!(is_pinned(text(service, "/image")), "{name}");
    }
    let image = |name: &str| text(&COMPOSE_FILE["services"][name], "/image");
    assert_eq!(
        image("kafka"),
        format!("apache/kafka:{}", devstack::kafka::KAFKA_VERSION)
    );
    let connect = format!(
        "quay.io/debezium/connect:{}",
        devstack::connect::DEBEZIUM_VERSION
    );
    assert_eq!(image("connect"), connect);
    assert_eq!(image("connectors"), connect);
}

#[test]
fn nothing_is_reached_from_elsewhere() {
    for (name, service) in services() {
        for port in list(service, "/ports") {
            assert_eq!(port["host_ip"], "127.0.0.1", "{name}: {port}");
        }
        assert_ne!(service["network_mode"], "host", "{name}");
        assert_ne!(service["privileged"], true, "{name}");
    }
    for (program, port) in PORTS
        .iter()
        .filter(|(program, _)| *program != "toss-sandbox")
    {
        let published = &COMPOSE_FILE["services"][program]["ports"][0];
        assert_eq!(published["target"].as_u64(), Some(*port), "{program}");
        assert_eq!(published["published"], port.to_string(), "{program}");
    }
}

#[test]
fn what_serves_is_asked_for_its_health() {
    for (name, service) in services().filter(|(name, _)| *name != "connectors") {
        let test = list(service, "/healthcheck/test");
        assert_eq!(test.first().and_then(Value::as_str), Some("CMD"), "{name}");
        if let Some((_, port)) = PORTS.iter().find(|(program, _)| *program == name) {
            assert_eq!(
                (&test[1], &test[2]),
                (&"healthy".into(), &port.to_string().into()),
                "{name}"
            );
        }
    }
}

#[test]
fn ours_cannot_write_to_their_images_or_gain_rights() {
    for (program, _) in PORTS {
        let service = &COMPOSE_FILE["services"][program];
        assert_eq!(service["read_only"], true, "{program}");
        assert_eq!(service["cap_drop"], serde_json::json!(["ALL"]), "{program}");
        assert_eq!(
            service["security_opt"],
            serde_json::json!(["no-new-privileges:true"]),
            "{program}"
        );
        assert_eq!(service["stop_grace_period"], "30s", "{program}");
        let dockerfile = root().join(text(service, "/build/dockerfile"));
        assert!(dockerfile.is_file(), "{program}");
        assert_eq!(
            Path::new(text(service, "/build/context")),
            root(),
            "{program}"
        );
    }
}

#[test]
fn files_and_volumes_that_are_mounted_are_there() {
    let volumes = COMPOSE_FILE["volumes"].as_object().unwrap();
    for (name, service) in services() {
        for mount in list(service, "/volumes") {
            let source = text(mount, "/source");
            match text(mount, "/type") {
                "volume" => assert!(volumes.contains_key(source), "{name}: {source}"),
                "bind" => {
                    assert!(Path::new(source).exists(), "{name}: {source}");
                    assert_eq!(mount["read_only"], true, "{name}: {source}");
                }
                other => panic!("{name}: {other}"),
            }
        }
    }
}

#[test]
fn every_host_that_is_named_is_a_service() {
    let mut seen = 0;
    for (name, service) in services() {
        let variables = service["environment"].as_object();
        for (variable, value) in variables.into_iter().flatten() {
            for (host, port) in addresses(value.as_str().unwrap_or_default()) {
                let is_known = match host.as_str() {
                    "127.0.0.1" => name == "payment-service" || name == "toss-sandbox",
                    "redis" => port == 6379,
                    "mariadb" => port == 3306,
                    "connect" => port == 8083,
                    "prometheus" => port == 9090,
                    host => PORTS
                        .iter()
                        .any(|(program, own)| *program == host && *own == port),
                };
                assert!(is_known, "{name}: {variable}: {host}:{port}");
                seen += 1;
            }
            if variable.ends_with("KAFKA_BROKERS") {
                assert_eq!(value, "kafka:19092", "{name}");
            }
        }
    }
    assert!(seen > 30, "{seen}");
}

/// The engine asks Redis for these; a weaker one is fenced.
#[test]
fn redis_is_set_as_in_kubernetes() {
    let command: Vec<&str> = list(&COMPOSE_FILE["services"]["redis"], "/command")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let file = std::fs::read_to_string(root().join("k8s/base/redis/redis.conf")).unwrap();
    for (key, value) in [
        ("appendonly", "yes"),
        ("appendfsync", "everysec"),
        ("maxmemory-policy", "noeviction"),
    ] {
        let flag = format!("--{key}");
        assert!(
            command
                .windows(2)
                .any(|pair| pair == [flag.as_str(), value]),
            "{key}"
        );
        assert!(
            file.lines().any(|line| line == format!("{key} {value}")),
            "{key}"
        );
    }
}
