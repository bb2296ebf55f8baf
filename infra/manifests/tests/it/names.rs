//! What is named is there: ports, hosts, secrets, configuration, accounts, volumes.

use serde_json::Value;

use crate::{
    programs::environment,
    support::{
        PORTS, PROD, list, name, of_kind, overlays,
        pods::{selects, workloads},
        secrets::{BY_HAND, DRAWN},
        text,
    },
};

#[test]
fn ports_are_the_same_from_the_service_to_the_listener() {
    for (overlay, resources) in overlays() {
        for service in of_kind(resources, "Service") {
            let selector = serde_json::json!({"matchLabels": service["spec"]["selector"]});
            let pods: Vec<_> = workloads(resources)
                .into_iter()
                .filter(|workload| selects(&selector, workload.labels()))
                .collect();
            assert_eq!(pods.len(), 1, "{overlay}: {service}");
            for port in list(service, "/spec/ports") {
                let target = text(port, "/targetPort");
                let mut ports = pods
                    .iter()
                    .flat_map(|pod| pod.containers())
                    .flat_map(|one| list(one, "/ports"));
                let found = ports.find(|port| port["name"] == target);
                assert_eq!(
                    found.unwrap()["containerPort"],
                    port["port"],
                    "{overlay}: {service}"
                );
            }
        }
        for workload in workloads(resources) {
            for container in workload.containers() {
                let known = PORTS
                    .iter()
                    .find(|(program, _)| container["name"] == *program);
                let Some((program, port)) = known else {
                    continue;
                };
                let env = environment(container, resources);
                let listen = env
                    .iter()
                    .find(|(name, _)| name.ends_with("LISTEN"))
                    .unwrap();
                assert!(
                    listen.1.ends_with(&format!(":{port}")),
                    "{overlay}: {program}: {listen:?}"
                );
                let ports = list(container, "/ports");
                if listen.1.starts_with("0.0.0.0:") {
                    assert_eq!(
                        ports[0]["containerPort"].as_u64(),
                        Some(*port),
                        "{overlay}: {program}"
                    );
                } else {
                    // On loopback, for the pod's other container.
                    assert!(
                        listen.1.starts_with("127.0.0.1:") && ports.is_empty(),
                        "{overlay}: {program}"
                    );
                }
            }
        }
    }
}

/// Hosts and ports in URLs and lists of brokers.
pub(crate) fn addresses(value: &str) -> Vec<(String, u64)> {
    let schemes = ["http://", "redis://", "rediss://", "mysql://"];
    let rest = schemes.iter().find_map(|scheme| value.strip_prefix(scheme));
    let place = match rest {
        Some(rest) => {
            let place = rest.split('/').next().unwrap_or_default();
            place.rsplit('@').next().unwrap_or_default()
        }
        None => value,
    };
    let Some((host, port)) = place.rsplit_once(':') else {
        return Vec::new();
    };
    // What is no URL is an address to listen on, a time, or the list of brokers.
    let is_meant = rest.is_some() || host.ends_with("-kafka-bootstrap");
    let is_host = host
        .chars()
        .all(|one| one.is_ascii_alphanumeric() || "-.".contains(one));
    let port = port
        .parse()
        .ok()
        .filter(|_| is_meant && is_host && !host.is_empty());
    port.map(|port| (host.to_owned(), port))
        .into_iter()
        .collect()
}

#[test]
fn every_host_that_is_named_is_a_service_with_that_port() {
    assert_eq!(
        addresses("mysql://a:b@mariadb:3306/x"),
        [("mariadb".to_owned(), 3306)]
    );
    assert_eq!(
        addresses("rediss://:a@redis.example.com:6380"),
        [("redis.example.com".to_owned(), 6380)]
    );
    assert_eq!(addresses("0.0.0.0:8083"), []);
    let mut seen = 0;
    for (overlay, resources) in overlays()
        .into_iter()
        .filter(|(overlay, _)| !overlay.starts_with("jobs"))
    {
        for workload in workloads(resources) {
            for container in workload.containers() {
                for (variable, value) in environment(container, resources) {
                    for (host, port) in addresses(&value) {
                        // Of others, or in another namespace.
                        if host != "127.0.0.1" && host.contains('.') {
                            continue;
                        }
                        let is_there = is_served(resources, &host, port)
                            // Kafka Connect is only asked with `publish=debezium`.
                            || (host == "shop-connect-api" && !overlay.starts_with("prod-debezium"));
                        assert!(is_there, "{overlay}: {variable}: nobody is {host}:{port}");
                        seen += 1;
                    }
                }
            }
        }
    }
    assert!(seen > 100, "{seen}");
}

fn is_served(resources: &[Value], host: &str, port: u64) -> bool {
    let has = |resource: &Value, pointer: &str| {
        list(resource, pointer)
            .iter()
            .any(|one| one["port"].as_u64() == Some(port))
    };
    let by_service = of_kind(resources, "Service")
        .any(|service| name(service) == host && has(service, "/spec/ports"));
    let by_kafka = of_kind(resources, "Kafka").any(|kafka| {
        format!("{}-kafka-bootstrap", name(kafka)) == host && has(kafka, "/spec/kafka/listeners")
    });
    let by_connect = port == 8083
        && of_kind(resources, "KafkaConnect")
            .any(|connect| format!("{}-connect-api", name(connect)) == host);
    // In the same pod.
    let by_neighbour = host == "127.0.0.1"
        && workloads(resources).iter().any(|workload| {
            let names: Vec<&Value> = workload
                .containers()
                .iter()
                .map(|one| &one["name"])
                .collect();
            names.len() > 1
                && PORTS
                    .iter()
                    .any(|(program, own)| *own == port && names.iter().any(|name| *name == program))
        });
    by_service || by_kafka || by_connect || by_neighbour
}

#[test]
fn what_pods_refer_to_is_there() {
    for (overlay, resources) in overlays() {
        // What is applied by hand finds what is there already.
        let around: &[Value] = if overlay.starts_with("jobs") {
            &PROD
        } else {
            resources
        };
        let has = |kind: &str, wanted: &str| of_kind(around, kind).any(|one| name(one) == wanted);
        for workload in workloads(resources) {
            let pod = workload.spec();
            let account = text(pod, "/serviceAccountName");
            assert!(has("ServiceAccount", account), "{overlay}: {account}");
            let claims = list(workload.resource, "/spec/volumeClaimTemplates");
            let mut volumes: Vec<&str> = claims.iter().map(name).collect();
            for volume in list(pod, "/volumes") {
                volumes.push(text(volume, "/name"));
                if let Some(map) = volume.pointer("/configMap/name").and_then(Value::as_str) {
                    assert!(has("ConfigMap", map), "{overlay}: {map}");
                }
                if let Some(claim) = volume.pointer("/persistentVolumeClaim/claimName") {
                    assert!(
                        has("PersistentVolumeClaim", claim.as_str().unwrap()),
                        "{overlay}: {claim}"
                    );
                }
                if let Some(secret) = volume.pointer("/secret/secretName").and_then(Value::as_str) {
                    for item in list(volume, "/secret/items") {
                        is_a_secret(secret, text(item, "/key"));
                    }
                }
            }
            for container in workload.containers() {
                let mounted = list(container, "/volumeMounts");
                assert!(
                    mounted
                        .iter()
                        .all(|mount| volumes.contains(&text(mount, "/name")))
                );
                for variable in list(container, "/env") {
                    let secret = &variable["valueFrom"]["secretKeyRef"];
                    if secret.is_object() {
                        is_a_secret(text(secret, "/name"), text(secret, "/key"));
                    }
                }
            }
        }
        for kind in ["HorizontalPodAutoscaler"] {
            for scaler in of_kind(resources, kind) {
                assert!(
                    has("Deployment", text(scaler, "/spec/scaleTargetRef/name")),
                    "{overlay}"
                );
            }
        }
    }
}

/// Drawn by make-secrets.sh, and made by the External Secrets of production.
fn is_a_secret(secret: &str, key: &str) {
    if BY_HAND.contains(&secret) {
        return;
    }
    assert!(
        DRAWN.contains_key(&(secret.to_owned(), key.to_owned())),
        "{secret}/{key}"
    );
    let external =
        of_kind(&PROD, "ExternalSecret").find(|one| text(one, "/spec/target/name") == secret);
    let external = external.unwrap_or_else(|| panic!("no ExternalSecret {secret}"));
    let template = &external["spec"]["target"]["template"]["data"];
    let is_made = match template.as_object() {
        Some(data) => data.contains_key(key),
        None => list(external, "/spec/data")
            .iter()
            .any(|one| one["secretKey"] == key),
    };
    assert!(is_made, "{secret}/{key}");
}

/// Both ways of making them make the same.
#[test]
fn the_external_secrets_are_those_that_are_drawn() {
    let mut external: Vec<&str> = of_kind(&PROD, "ExternalSecret").map(name).collect();
    external.sort_unstable();
    let mut drawn: Vec<&str> = DRAWN.keys().map(|(secret, _)| secret.as_str()).collect();
    drawn.dedup();
    assert_eq!(external, drawn);
    for external in of_kind(&PROD, "ExternalSecret") {
        let known: Vec<&str> = list(external, "/spec/data")
            .iter()
            .map(|one| text(one, "/secretKey"))
            .collect();
        let template = external["spec"]["target"]["template"]["data"].as_object();
        for value in template
            .into_iter()
            .flatten()
            .map(|(_, value)| value.as_str().unwrap())
        {
            for part in value.split("{{ .").skip(1) {
                let used = part.split_whitespace().next().unwrap();
                assert!(known.contains(&used), "{}: {used}", name(external));
            }
        }
    }
}

/// The accounts in the URLs are those that the database makes, each on the database that is its own.
#[test]
fn accounts_and_databases_are_those_of_the_init_script() {
    let script =
        std::fs::read_to_string(manifests::root().join("k8s/base/mariadb/accounts.sh")).unwrap();
    for ((secret, key), url) in DRAWN.iter().filter(|((_, key), _)| key == "database-url") {
        let account = url
            .strip_prefix("mysql://")
            .unwrap()
            .split(':')
            .next()
            .unwrap();
        let database = url.rsplit('/').next().unwrap();
        assert!(
            script.contains(&format!("\n{account} {database}\n")),
            "{secret}/{key}: {account} {database}"
        );
        let password = &DRAWN[&("mariadb".to_owned(), account.to_owned())];
        assert!(url.contains(password.as_str()));
    }
}

#[test]
fn service_monitors_find_every_service_of_ours_and_name_the_job_as_rules_do() {
    let ours = of_kind(&PROD, "Service").filter(|service| {
        text(service, "/metadata/labels/app.kubernetes.io~1component") != "store"
    });
    let mut found = 0;
    for service in ours {
        let labels = &service["metadata"]["labels"];
        let monitors: Vec<&Value> = of_kind(&PROD, "ServiceMonitor")
            .filter(|monitor| selects(&monitor["spec"]["selector"], labels))
            .collect();
        assert_eq!(monitors.len(), 1, "{}", name(service));
        let label = text(monitors[0], "/spec/jobLabel");
        assert_eq!(labels[label], name(service));
        let endpoint = &monitors[0]["spec"]["endpoints"][0];
        assert!(
            list(service, "/spec/ports")
                .iter()
                .any(|port| port["name"] == endpoint["port"])
        );
        found += 1;
    }
    assert_eq!(found, PORTS.len() - 1);
}

/// A path is of no use on a phone.
#[test]
fn alerts_lead_to_their_page_where_people_read_it() {
    let config = of_kind(&PROD, "ConfigMap").find_map(|map| map["data"]["documents"].as_str());
    let documents = config.unwrap();
    assert!(documents.starts_with("https://") && documents.ends_with('/'));
    let rules: Vec<&Value> = of_kind(&PROD, "PrometheusRule")
        .flat_map(|rule| list(rule, "/spec/groups"))
        .flat_map(|group| list(group, "/rules"))
        .filter(|rule| rule["alert"].is_string())
        .collect();
    assert!(rules.len() > 30, "{}", rules.len());
    for rule in rules {
        let url = text(rule, "/annotations/runbook_url");
        let page = url
            .strip_prefix(documents)
            .unwrap_or_else(|| panic!("{url}"));
        assert!(page.starts_with("docs/runbooks/"), "{url}");
        assert!(manifests::root().join(page).is_file(), "{url}");
    }
}
