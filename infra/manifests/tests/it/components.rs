//! What an overlay may add to production: stores that others run, and traces.

use std::fs;

use manifests::root;
use serde_json::Value;
use service_kit::telemetry::otlp::ENDPOINT_VARIABLE;

use crate::{
    programs::environment,
    support::{
        PROD, RENDER_TIMEOUT, list, name, of_kind,
        optional::{EXTERNAL_MARIADB, EXTERNAL_REDIS, Overlay, TRACING, variant},
        output,
        pods::{selects, workloads},
        text, yaml,
    },
};

/// The values of variables that end like this, with their workloads.
fn variables(resources: &[Value], ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for workload in workloads(resources) {
        for container in workload.containers() {
            for (variable, value) in environment(container, resources) {
                if variable.ends_with(ending) {
                    found.push((workload.name().to_owned(), value));
                }
            }
        }
    }
    found
}

fn policy<'a>(resources: &'a [Value], wanted: &str) -> &'a Value {
    let found = of_kind(resources, "NetworkPolicy").find(|policy| name(policy) == wanted);
    found.unwrap_or_else(|| panic!("no policy {wanted}"))
}

/// All that a component needs to know is said by the overlay; one that forgets it is told so.
#[test]
fn an_overlay_that_does_not_say_where_is_not_rendered() {
    for component in [EXTERNAL_REDIS, EXTERNAL_MARIADB, TRACING] {
        for (forgotten, _) in component.settings {
            // The pods' own, which Kubernetes misses.
            if *forgotten == "traces-share" {
                continue;
            }
            let overlay = Overlay::new("prod", &[component], |key| key != *forgotten);
            let render = devstack::command::finish(&mut overlay.render(), RENDER_TIMEOUT).unwrap();
            let is_named = render.stderr.contains(&format!("data.{forgotten}"));
            assert!(!render.status.success() && is_named, "{}", render.stderr);
        }
    }
}

/// The overlay that docs/kubernetes.md shows.
#[test]
fn the_overlay_that_people_are_told_to_write_is_rendered() {
    let document = fs::read_to_string(root().join("docs/kubernetes.md")).unwrap();
    let block = document
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .find(|block| block.starts_with("# k8s/overlays/mine/kustomization.yaml"));
    let resources = yaml(&output(&mut Overlay::of(block.unwrap()).render()));
    for policy_name in ["external-redis", "external-mariadb", "traces"] {
        policy(&resources, policy_name);
    }
    for component in [EXTERNAL_REDIS, EXTERNAL_MARIADB, TRACING] {
        for (key, _) in component.settings {
            assert!(block.unwrap().contains(&format!("- {key}=")), "{key}");
        }
    }
}

#[test]
fn of_a_store_that_others_run_nothing_is_left() {
    for (component, store) in [(EXTERNAL_REDIS, "redis"), (EXTERNAL_MARIADB, "mariadb")] {
        let resources = variant(&format!("prod+{}", component.name));
        let own = |resources: &[Value]| {
            let is_own = |resource: &&Value| {
                let name = name(resource);
                name == store || name.starts_with(&format!("{store}-"))
            };
            let own = resources.iter().filter(is_own);
            own.map(|resource| text(resource, "/kind").to_owned())
                .collect::<Vec<_>>()
        };
        assert!(own(&PROD).len() > 6, "{store}");
        // The password of Debezium.
        let expected: &[&str] = if store == "mariadb" {
            &["ExternalSecret"]
        } else {
            &[]
        };
        assert_eq!(own(resources), expected, "{store}");
    }
}

#[test]
fn whoever_used_redis_is_told_the_address_of_the_other_and_speaks_tls_with_it() {
    let before = variables(&PROD, "REDIS_URL");
    assert!(before.len() > 3, "{before:?}");
    let changed = before.into_iter().map(|(workload, url)| {
        let secret = url.strip_prefix("redis://").unwrap();
        let secret = secret.strip_suffix("@redis:6379").unwrap();
        (
            workload,
            format!("rediss://{secret}@redis.example.com:6380"),
        )
    });
    let after = variables(variant("prod+external-redis"), "REDIS_URL");
    assert_eq!(after, changed.collect::<Vec<_>>());
}

#[test]
fn whoever_used_mariadb_has_the_same_account_and_database_in_the_other() {
    let before = variables(&PROD, "DATABASE_URL");
    assert!(before.len() > 6, "{before:?}");
    let changed = before.into_iter().map(|(workload, url)| {
        let (account, database) = url.split_once("@mariadb:3306/").unwrap();
        let place = format!("mariadb.example.com:3307/{database}?ssl-mode=VERIFY_IDENTITY");
        (workload, format!("{account}@{place}"))
    });
    let after = variables(variant("prod+external-mariadb"), "DATABASE_URL");
    assert_eq!(after, changed.collect::<Vec<_>>());
}

#[test]
fn the_way_to_a_store_of_others_is_open_to_its_network_only() {
    let resources = variant("prod-debezium+all");
    for (wanted, network, port) in [
        ("external-redis", "10.20.0.0/24", 6380),
        ("external-mariadb", "10.20.1.0/24", 3307),
        ("external-mariadb-for-connect", "10.20.1.0/24", 3307),
    ] {
        assert_eq!(
            policy(resources, wanted)["spec"]["egress"],
            serde_json::json!([{"to": [{"ipBlock": {"cidr": network}}], "ports": [{"port": port}]}]),
        );
    }
    // The job that is applied by hand.
    let job = serde_json::json!({"app.kubernetes.io/name": "create-admin"});
    let open = policy(resources, "external-mariadb");
    assert!(selects(&open["spec"]["podSelector"], &job));

    let connect = of_kind(resources, "KafkaConnect").next().unwrap();
    let env = list(connect, "/spec/template/connectContainer/env");
    for (variable, value) in [
        ("DEBEZIUM_DATABASE_HOST", "mariadb.example.com"),
        ("DEBEZIUM_DATABASE_PORT", "3307"),
        ("DEBEZIUM_DATABASE_SSL_MODE", "verify-full"),
        ("DEBEZIUM_KAFKA_BROKERS", "shop-kafka-bootstrap:9092"),
    ] {
        let found = env.iter().find(|one| one["name"] == variable).unwrap();
        assert_eq!(found["value"], value);
    }
}

#[test]
fn every_service_sends_its_spans_to_the_collector() {
    assert_eq!(variables(&PROD, ENDPOINT_VARIABLE), []);
    for overlay in ["prod+tracing", "prod-debezium+all"] {
        let resources = variant(overlay);
        let told = variables(resources, ENDPOINT_VARIABLE);
        let told: Vec<(&str, &str)> = told
            .iter()
            .map(|(workload, url)| (workload.as_str(), url.as_str()))
            .collect();
        let expected: Vec<(&str, &str)> = of_kind(resources, "Deployment")
            .map(|deployment| (name(deployment), "http://collector.telemetry.svc:4319"))
            .collect();
        assert_eq!(told.len(), 7);
        assert_eq!(told, expected, "{overlay}");
        let shares = variables(resources, "OTEL_TRACES_SAMPLER_ARG");
        assert_eq!(shares.len(), 7);
        assert!(
            shares.iter().all(|(_, share)| share == "0.01"),
            "{shares:?}"
        );
    }
}
