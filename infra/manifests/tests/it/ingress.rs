//! Each operation that the world may call is routed to the service that answers it, and nothing else is.

use std::{fs, path::Path};

use manifests::root;
use serde_json::Value;

use crate::support::{DEV, PROD, PROD_DEBEZIUM, list, name, of_kind, text};

const DOCUMENTS: [(&str, &str); 6] = [
    ("inventory-server", "inventory-server/openapi.json"),
    (
        "auth-service",
        "platform-services/auth-service/openapi.json",
    ),
    (
        "user-service",
        "platform-services/user-service/openapi.json",
    ),
    (
        "catalog-service",
        "platform-services/catalog-service/openapi.json",
    ),
    (
        "order-service",
        "platform-services/order-service/openapi.json",
    ),
    (
        "payment-service",
        "platform-services/payment-service/openapi.json",
    ),
];

/// What sync-worker answers for the world.
const WORKER: [&str; 2] = ["/api/inventories/logs", "/api/reservations"];

const HOST: &str = "shop.example.com";

/// For the cluster only: operations, documents, and what services say to each other.
fn is_internal(path: &str) -> bool {
    let exact = [
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/docs",
        "/api/auth/token",
    ];
    path.starts_with("/internal/") || exact.contains(&path)
}

#[test]
fn every_public_operation_reaches_its_service() {
    let mut seen = 0;
    for (service, document) in DOCUMENTS {
        for (method, path) in operations(&root().join(document)) {
            let route = routed(&PROD, HOST, &method, &path);
            let expected = (!is_internal(&path)).then_some(service);
            assert_eq!(route, expected, "{method} {path}");
            seen += 1;
        }
    }
    assert!(seen > 60, "{seen}");
    for path in WORKER {
        assert_eq!(routed(&PROD, HOST, "GET", path), Some("sync-worker"));
        let versioned = path.replace("/api/", "/api/v1/");
        assert_eq!(routed(&PROD, HOST, "GET", &versioned), Some("sync-worker"));
    }
    let inventory = Some("inventory-server");
    for path in [
        "/api/v1/reservations",
        "/api/v1/reservations/r-1/confirm",
        "/api/reservations",
    ] {
        assert_eq!(routed(&PROD, HOST, "POST", path), inventory, "{path}");
    }
    assert_eq!(
        routed(&PROD, HOST, "GET", "/api/v1/inventories/sku-1/stream"),
        inventory
    );
}

#[test]
fn the_host_is_that_of_the_overlay() {
    assert_eq!(
        routed(&PROD, "other.example.com", "GET", "/api/products"),
        None
    );
    assert_eq!(
        routed(&DEV, "shop.localhost", "GET", "/api/products"),
        Some("catalog-service")
    );
    assert_eq!(routed(&DEV, HOST, "GET", "/api/products"), None);
}

#[test]
fn every_route_is_limited_and_its_middlewares_and_services_are_there() {
    let middlewares: Vec<&str> = of_kind(&PROD, "Middleware").map(name).collect();
    let limited = |middleware: &&Value| {
        let wanted = text(middleware, "/name");
        let found = of_kind(&PROD, "Middleware").find(|one| name(one) == wanted);
        found.unwrap()["spec"]["rateLimit"].is_object()
    };
    for route in routes(&PROD) {
        let named = list(route, "/middlewares");
        assert!(
            named
                .iter()
                .all(|one| middlewares.contains(&text(one, "/name"))),
            "{route}"
        );
        assert_eq!(named.iter().filter(limited).count(), 1, "{route}");
        for service in list(route, "/services") {
            let found = of_kind(&PROD, "Service").find(|one| name(one) == text(service, "/name"));
            let ports = list(found.unwrap(), "/spec/ports");
            assert!(
                ports.iter().any(|port| port["port"] == service["port"]),
                "{route}"
            );
        }
    }
    let route = of_kind(&PROD, "IngressRoute").next().unwrap();
    assert!(route["spec"]["tls"]["secretName"].is_string());
    assert_eq!(
        route["spec"]["entryPoints"],
        serde_json::json!(["websecure"])
    );
}

/// The alert `CertificateExpiry`, and what is seen from outside, come from this.
#[test]
fn what_customers_see_is_probed() {
    for resources in [&*PROD, &*PROD_DEBEZIUM] {
        let probes: Vec<&Value> = of_kind(resources, "Probe").collect();
        let [probe] = probes.as_slice() else {
            panic!("{probes:?}");
        };
        let targets = list(probe, "/spec/targets/staticConfig/static");
        assert_eq!(targets.len(), 1);
        let place = targets[0]
            .as_str()
            .unwrap()
            .strip_prefix("https://")
            .unwrap();
        let (host, _) = place.split_once('/').unwrap();
        let path = &place[host.len()..];
        assert_eq!(host, HOST);
        assert_eq!(routed(resources, host, "GET", path), Some("auth-service"));
    }
}

fn operations(document: &Path) -> Vec<(String, String)> {
    let document: Value = serde_json::from_str(&fs::read_to_string(document).unwrap()).unwrap();
    let methods = ["get", "put", "post", "delete", "patch"];
    let paths = document["paths"].as_object().unwrap().iter();
    let of_path = |(path, operations): (&String, &Value)| {
        // Any word stands for a parameter.
        let parts: Vec<&str> = path
            .split('/')
            .map(|part| if part.starts_with('{') { "x-1" } else { part })
            .collect();
        let path = parts.join("/");
        let methods = methods
            .iter()
            .filter(|method| operations[**method].is_object());
        methods
            .map(|method| (method.to_uppercase(), path.clone()))
            .collect::<Vec<_>>()
    };
    paths.flat_map(of_path).collect()
}

fn routes(resources: &[Value]) -> impl Iterator<Item = &Value> {
    of_kind(resources, "IngressRoute").flat_map(|route| list(route, "/spec/routes"))
}

/// The service of the matching rule with the highest priority, as Traefik finds it.
fn routed<'a>(resources: &'a [Value], host: &str, method: &str, path: &str) -> Option<&'a str> {
    let request = Request { host, method, path };
    let matching = routes(resources).filter(|route| Rule(text(route, "/match")).takes(&request));
    let best = matching.max_by_key(|route| route["priority"].as_u64().unwrap())?;
    Some(text(best, "/services/0/name"))
}

struct Request<'a> {
    host: &'a str,
    method: &'a str,
    path: &'a str,
}

/// The part of Traefik's language that ours are written in: `&&`, `||`, `!`, brackets and four matchers.
#[derive(Clone, Copy)]
struct Rule<'a>(&'a str);

impl<'a> Rule<'a> {
    fn takes(self, request: &Request<'_>) -> bool {
        let rule = self.0.trim();
        let alternatives = parts(rule, "||");
        if alternatives.len() > 1 {
            return alternatives
                .into_iter()
                .any(|part| Rule(part).takes(request));
        }
        let conditions = parts(rule, "&&");
        if conditions.len() > 1 {
            return conditions.into_iter().all(|part| Rule(part).takes(request));
        }
        if let Some(rest) = rule.strip_prefix('!') {
            return !Rule(rest).takes(request);
        }
        if let Some(inner) = rule
            .strip_prefix('(')
            .and_then(|rest| rest.strip_suffix(')'))
        {
            return Rule(inner).takes(request);
        }
        let (matcher, argument) = rule.split_once("(`").unwrap();
        let argument = argument.strip_suffix("`)").unwrap();
        match matcher {
            "Host" => request.host == argument,
            "Method" => request.method == argument,
            "Path" => request.path == argument,
            "PathPrefix" => request.path.starts_with(argument),
            other => panic!("what is {other}"),
        }
    }
}

/// Split where no bracket is open.
fn parts<'a>(rule: &'a str, separator: &str) -> Vec<&'a str> {
    let mut parts = Vec::new();
    let (mut depth, mut begin) = (0, 0);
    for (at, one) in rule.char_indices() {
        match one {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 && at >= begin && rule[at..].starts_with(separator) {
            parts.push(rule[begin..at].trim());
            begin = at + separator.len();
        }
    }
    parts.push(rule[begin..].trim());
    parts
}

/// Not said, Traefik counts requests in flight for the whole host.
#[test]
fn requests_in_flight_are_counted_for_each_client() {
    let counted = of_kind(&PROD, "Middleware").filter(|one| one["spec"]["inFlightReq"].is_object());
    let all: Vec<&Value> = counted.collect();
    assert_eq!(all.len(), 1);
    assert!(
        all[0]
            .pointer("/spec/inFlightReq/sourceCriterion/ipStrategy")
            .is_some()
    );
}
