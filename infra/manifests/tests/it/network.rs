//! Who may talk to whom is who does.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    names::addresses,
    programs::environment,
    support::{
        DEV, PROD, PROD_DEBEZIUM, list, name, of_kind,
        optional::VARIANTS,
        overlays,
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

fn may(rules: &[Rule<'_>], pod: &Value, port: u64, is_peer: impl Fn(&Value) -> bool) -> bool {
    rules.iter().any(|rule| {
        selects(rule.pods, pod) && rule.ports.contains(&port) && rule.peers.iter().any(&is_peer)
    })
}

/// Where a host is.
enum Place {
    /// In the same pod.
    Here,
    /// Pods of this namespace, by their labels.
    Pods(Value),
    Namespace(String),
    Outside,
}

impl Place {
    fn of(host: &str, resources: &[Value]) -> Self {
        let parts: Vec<&str> = host.split('.').collect();
        match (host, parts.as_slice()) {
            ("127.0.0.1", _) => Self::Here,
            ("shop-kafka-bootstrap", _) => Self::Pods(serde_json::json!({
                "strimzi.io/cluster": "shop", "strimzi.io/kind": "Kafka", "strimzi.io/name": "shop-kafka"
            })),
            ("shop-connect-api", _) => Self::Pods(serde_json::json!({
                "strimzi.io/cluster": "shop", "strimzi.io/kind": "KafkaConnect", "strimzi.io/name": "shop-connect"
            })),
            (_, [_, namespace, "svc"]) => Self::Namespace((*namespace).to_owned()),
            (_, [_]) => {
                let service = of_kind(resources, "Service").find(|service| name(service) == host);
                let service = service.unwrap_or_else(|| panic!("no {host}"));
                Self::Pods(service["spec"]["selector"].clone())
            }
            _ => Self::Outside,
        }
    }

    /// Whether a peer of a policy means it.
    fn is(&self, peer: &Value) -> bool {
        let namespace = peer.pointer("/namespaceSelector/matchLabels/kubernetes.io~1metadata.name");
        match self {
            Self::Here => false,
            Self::Pods(labels) => is_pod(peer, labels),
            Self::Namespace(name) => namespace.is_some_and(|one| one == name.as_str()),
            Self::Outside => peer["ipBlock"].is_object(),
        }
    }
}

/// Whether a peer of a policy means the pods of this namespace that have these labels.
fn is_pod(peer: &Value, labels: &Value) -> bool {
    peer["podSelector"].is_object() && selects(&peer["podSelector"], labels)
}

/// Host and port of all that a workload is told to talk to.
fn neighbours(workload: &Workload<'_>, resources: &[Value]) -> BTreeSet<(String, u64)> {
    let mut neighbours = BTreeSet::new();
    for container in workload.containers() {
        for (_, value) in environment(container, resources) {
            neighbours.extend(addresses(&value));
        }
    }
    if of_kind(resources, "KafkaConnect").next().is_none() {
        neighbours.retain(|(host, _)| host != "shop-connect-api");
    }
    neighbours
}

#[test]
fn whoever_is_told_to_talk_to_somebody_may_on_both_ends() {
    let mut seen = 0;
    for (overlay, resources) in overlays()
        .into_iter()
        .filter(|(overlay, _)| !overlay.starts_with("jobs"))
    {
        let egress = rules(resources, "egress", "to");
        let ingress = rules(resources, "ingress", "from");
        for workload in workloads(resources) {
            for (host, port) in neighbours(&workload, resources) {
                let place = Place::of(&host, resources);
                if matches!(place, Place::Here) {
                    continue;
                }
                let (from, labels) = (workload.name(), workload.labels());
                assert!(
                    may(&egress, labels, port, |peer| place.is(peer)),
                    "{overlay}: {from} may not leave for {host}:{port}"
                );
                let is_let_in = match &place {
                    _ if host == "shop-kafka-bootstrap" => kafka_lets_in(resources, labels),
                    Place::Pods(pods) => may(&ingress, pods, port, |peer| is_pod(peer, labels)),
                    // Whoever runs it sees to that.
                    Place::Here | Place::Namespace(_) | Place::Outside => true,
                };
                assert!(is_let_in, "{overlay}: {host}:{port} does not let {from} in");
                seen += 1;
            }
        }
    }
    assert!(seen > 200, "{seen}");
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

/// `kubectl exec shop-brokers-0 -- bin/kafka-consumer-groups.sh --bootstrap-server shop-kafka-bootstrap:9092`: the address
/// leads to any broker, and each has some of the groups.
#[test]
fn tools_that_run_in_a_pod_of_kafka_reach_every_broker() {
    for resources in [&*DEV, &*PROD, &*PROD_DEBEZIUM] {
        let Place::Pods(kafka) = Place::of("shop-kafka-bootstrap", resources) else {
            panic!("Kafka has no pods");
        };
        assert!(kafka_lets_in(resources, &kafka));
        let goes_out = of_kind(resources, "NetworkPolicy").any(|policy| {
            selects(&policy["spec"]["podSelector"], &kafka)
                && list(policy, "/spec/egress").iter().any(|rule| {
                    let is_any_port = rule["ports"].is_null();
                    let peers = list(rule, "/to");
                    is_any_port
                        && peers
                            .iter()
                            .any(|peer| selects(&peer["podSelector"], &kafka))
                })
        });
        assert!(goes_out);
        let stranger = serde_json::json!({"app.kubernetes.io/name": "inventory-server"});
        assert!(!kafka_lets_in(resources, &stranger));
    }
}

/// And nobody else: what is open between two of ours is used.
#[test]
fn nothing_is_open_that_nobody_needs() {
    let resources: &[Value] = &PROD;
    let egress = rules(resources, "egress", "to");
    let all = workloads(resources);
    for from in all.iter() {
        let needed = neighbours(from, resources);
        for service in of_kind(resources, "Service") {
            let host = name(service);
            let port = service["spec"]["ports"][0]["port"].as_u64().unwrap();
            let behind = &service["spec"]["selector"];
            if may(&egress, from.labels(), port, |peer| is_pod(peer, behind)) {
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

/// As above, for the stores of others and the collector.
#[test]
fn what_others_run_is_open_to_those_that_are_told_of_it() {
    for variant in VARIANTS.iter() {
        let resources: &[Value] = &variant.resources;
        let egress = rules(resources, "egress", "to");
        for from in workloads(resources) {
            let mut needed = BTreeSet::new();
            for (host, port) in neighbours(&from, resources) {
                if matches!(
                    Place::of(&host, resources),
                    Place::Outside | Place::Namespace(_)
                ) {
                    needed.insert(port);
                }
            }
            let is_theirs = |peer: &Value| {
                Place::Outside.is(peer) || Place::Namespace("telemetry".to_owned()).is(peer)
            };
            let mut open: BTreeSet<u64> = egress
                .iter()
                .filter(|rule| selects(rule.pods, from.labels()))
                .filter(|rule| rule.peers.iter().any(is_theirs))
                .flat_map(|rule| rule.ports.iter().copied())
                .collect();
            // The gateway's.
            open.remove(&443);
            assert_eq!(open, needed, "{}: {}", variant.name, from.name());
        }
    }
}

#[test]
fn everything_else_is_closed_and_names_can_be_asked_for() {
    for (overlay, resources) in overlays()
        .into_iter()
        .filter(|(overlay, _)| !overlay.starts_with("jobs"))
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
