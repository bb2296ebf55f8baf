//! Who may talk to whom is who does.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    names::addresses,
    programs::environment,
    support::{
        PROD, PROD_DEBEZIUM, list, name, of_kind, overlays,
        pods::{Workload, selects, workloads},
        text,
    },
};

/// Whoever is let in, or let out to, with the ports.
struct Rule<'a> {
    pods: &'a Value,
    peers: &'a [Value],
    ports: Vec<u64>,
}

fn rules<'a>(resources: &'a [Value], direction: &str, peers: &str) -> Vec<Rule<'a>> {
    let mut rules = Vec::new();
    for policy in of_kind(resources, "NetworkPolicy") {
        for rule in list(policy, &format!("/spec/{direction}")) {
            let ports = list(rule, "/ports")
                .iter()
                .filter_map(|port| port["port"].as_u64());
            rules.push(Rule {
                pods: &policy["spec"]["podSelector"],
                peers: list(rule, &format!("/{peers}")),
                ports: ports.collect(),
            });
        }
    }
    rules
}

fn may(rules: &[Rule<'_>], pod: &Value, peer: &Value, port: u64) -> bool {
    rules.iter().any(|rule| {
        selects(rule.pods, pod)
            && rule.ports.contains(&port)
            && rule
                .peers
                .iter()
                .any(|one| one["podSelector"].is_object() && selects(&one["podSelector"], peer))
    })
}

/// The labels of the pods behind a host.
fn behind(resources: &[Value], host: &str) -> Option<Value> {
    match host {
        "shop-kafka-bootstrap" => Some(serde_json::json!({
            "strimzi.io/cluster": "shop", "strimzi.io/kind": "Kafka", "strimzi.io/name": "shop-kafka"
        })),
        "shop-connect-api" => Some(serde_json::json!({
            "strimzi.io/cluster": "shop", "strimzi.io/kind": "KafkaConnect", "strimzi.io/name": "shop-connect"
        })),
        "127.0.0.1" => None,
        host => {
            let service = of_kind(resources, "Service").find(|service| name(service) == host);
            Some(service.unwrap_or_else(|| panic!("no {host}"))["spec"]["selector"].clone())
        }
    }
}

/// Host and port of all that a workload is told to talk to.
fn neighbours(
    workload: &Workload<'_>,
    resources: &[Value],
    is_debezium: bool,
) -> BTreeSet<(String, u64)> {
    let mut neighbours = BTreeSet::new();
    for container in workload.containers() {
        for (_, value) in environment(container, resources) {
            neighbours.extend(addresses(&value));
        }
    }
    if !is_debezium {
        neighbours.retain(|(host, _)| host != "shop-connect-api");
    }
    neighbours
}

#[test]
fn whoever_is_told_to_talk_to_somebody_may_on_both_ends() {
    let mut seen = 0;
    for (overlay, resources) in overlays()
        .into_iter()
        .filter(|(overlay, _)| *overlay != "jobs")
    {
        let egress = rules(resources, "egress", "to");
        let ingress = rules(resources, "ingress", "from");
        for workload in workloads(resources) {
            for (host, port) in neighbours(&workload, resources, overlay == "prod-debezium") {
                let Some(peer) = behind(resources, &host) else {
                    continue;
                };
                let from = workload.name();
                assert!(
                    may(&egress, workload.labels(), &peer, port),
                    "{overlay}: {from} may not leave for {host}:{port}"
                );
                let is_let_in = if host == "shop-kafka-bootstrap" {
                    kafka_lets_in(resources, workload.labels())
                } else {
                    may(&ingress, &peer, workload.labels(), port)
                };
                assert!(is_let_in, "{overlay}: {host}:{port} does not let {from} in");
                seen += 1;
            }
        }
    }
    assert!(seen > 60, "{seen}");
}

/// Strimzi makes the policy of its brokers from this.
fn kafka_lets_in(resources: &[Value], labels: &Value) -> bool {
    let kafka = of_kind(resources, "Kafka").next().unwrap();
    list(
        &kafka["spec"]["kafka"]["listeners"][0],
        "/networkPolicyPeers",
    )
    .iter()
    .any(|peer| selects(&peer["podSelector"], labels))
}

/// And nobody else: what is open between two of ours is used.
#[test]
fn nothing_is_open_that_nobody_needs() {
    let resources: &[Value] = &PROD;
    let egress = rules(resources, "egress", "to");
    let all = workloads(resources);
    for from in all.iter() {
        let needed = neighbours(from, resources, false);
        for service in of_kind(resources, "Service") {
            let host = name(service);
            let port = service["spec"]["ports"][0]["port"].as_u64().unwrap();
            if may(&egress, from.labels(), &service["spec"]["selector"], port) {
                let is_needed = needed.contains(&(host.to_owned(), port));
                assert!(
                    is_needed,
                    "{} may talk to {host}, and has no reason to",
                    from.name()
                );
            }
        }
    }
}

#[test]
fn everything_else_is_closed_and_names_can_be_asked_for() {
    for (overlay, resources) in overlays()
        .into_iter()
        .filter(|(overlay, _)| *overlay != "jobs")
    {
        let closed =
            of_kind(resources, "NetworkPolicy").find(|policy| name(policy) == "default-deny");
        let spec = &closed.unwrap()["spec"];
        assert_eq!(spec["podSelector"], serde_json::json!({}), "{overlay}");
        assert_eq!(
            spec["policyTypes"],
            serde_json::json!(["Ingress", "Egress"]),
            "{overlay}"
        );
        assert!(
            spec["ingress"].is_null() && spec["egress"].is_null(),
            "{overlay}"
        );
        let names = rules(resources, "egress", "to");
        assert!(
            names
                .iter()
                .any(|rule| rule.pods == &serde_json::json!({}) && rule.ports == [53, 53]),
            "{overlay}"
        );
    }
}

/// Each policy is about pods that there are, and its peers are.
#[test]
fn policies_name_only_what_runs() {
    for resources in [&*PROD, &*PROD_DEBEZIUM] {
        let mut known: BTreeSet<&str> = workloads(resources).iter().map(Workload::app).collect();
        // Applied by hand: k8s/jobs.
        known.insert("create-admin");
        let check = |selector: &Value| {
            let label = "app.kubernetes.io/name";
            if let Some(app) = selector["matchLabels"][label].as_str() {
                assert!(known.contains(app), "{app}");
            }
            for expression in list(selector, "/matchExpressions") {
                assert_eq!(text(expression, "/key"), label);
                for app in list(expression, "/values") {
                    assert!(known.contains(app.as_str().unwrap()), "{app}");
                }
            }
        };
        for policy in of_kind(resources, "NetworkPolicy") {
            check(&policy["spec"]["podSelector"]);
            for rule in list(policy, "/spec/ingress")
                .iter()
                .chain(list(policy, "/spec/egress"))
            {
                for peer in list(rule, "/from").iter().chain(list(rule, "/to")) {
                    check(&peer["podSelector"]);
                }
            }
        }
    }
}

/// Money leaves by one pod only, and not into this network.
#[test]
fn only_payments_reach_the_outside() {
    let open: Vec<&str> = of_kind(&PROD, "NetworkPolicy")
        .filter(|policy| {
            list(policy, "/spec/egress").iter().any(|rule| {
                list(rule, "/to").is_empty()
                    || list(rule, "/to")
                        .iter()
                        .any(|peer| peer["ipBlock"].is_object())
            })
        })
        .map(name)
        .collect();
    // Strimzi's operator of topics asks the API of Kubernetes.
    assert_eq!(open, ["kafka-entity-operator", "payment-service"]);
}
