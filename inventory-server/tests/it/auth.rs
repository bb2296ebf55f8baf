//! `--auth jwt`: who may do what, by route and by whose hold it is.

use std::fs;

use access_token::{Role, testing::Issuer};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Answer, Server};

const CUSTOMER: &[Role] = &[Role::Customer];

/// A server that knows one issuer.
struct Guarded {
    server: Server,
    issuer: Issuer,
    _keys: TempDir,
}

/// Somebody with a token, or without.
struct As<'a> {
    server: &'a Server,
    authorization: Option<String>,
}

impl Guarded {
    fn start() -> Self {
        let issuer = Issuer::new();
        let keys = tempfile::tempdir().expect("a folder");
        let file = keys.path().join("jwks.json");
        fs::write(&file, issuer.jwks_json()).expect("written");
        let server = Server::with(&["--auth=jwt", &format!("--jwks-file={}", file.display())]);
        let guarded = Self {
            server,
            issuer,
            _keys: keys,
        };
        let stock = json!({"onHandQuantity": 100});
        let admin = guarded.of("admin", &[Role::Admin]);
        admin.put("/api/inventories/a", &stock).expect(201);
        guarded
    }

    fn of(&self, sub: &str, roles: &[Role]) -> As<'_> {
        self.with(&format!("Bearer {}", self.issuer.token(sub, roles)))
    }

    fn with(&self, authorization: &str) -> As<'_> {
        As {
            server: &self.server,
            authorization: Some(authorization.to_owned()),
        }
    }

    fn nobody(&self) -> As<'_> {
        As {
            server: &self.server,
            authorization: None,
        }
    }
}

impl As<'_> {
    #[track_caller]
    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let mut all = vec![("content-type", "application/json")];
        all.extend(
            self.authorization
                .iter()
                .map(|value| ("authorization", value.as_str())),
        );
        all.extend(headers);
        let text = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let body = (method != "GET" && method != "DELETE").then_some(text.as_bytes());
        self.server.send(method, path, &all, body)
    }

    #[track_caller]
    fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], &Value::Null)
    }

    #[track_caller]
    fn put(&self, path: &str, body: &Value) -> Answer {
        self.send("PUT", path, &[], body)
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[], body)
    }

    #[track_caller]
    fn reserve(&self, id: &str) -> Answer {
        self.post("/api/reservations", &reservation(id))
    }

    #[track_caller]
    fn act(&self, id: &str, verb: &str, body: &Value) -> Answer {
        self.post(&format!("/api/reservations/{id}/{verb}"), body)
    }
}

fn reservation(id: &str) -> Value {
    json!({"reservationId": id, "items": [{"skuId": "a", "quantity": 1}]})
}

/// Every operation that needs somebody, with whether a customer may ask for it.
fn operations() -> Vec<(&'static str, &'static str, Value, bool)> {
    let ids = json!({"reservationIds": ["none"]});
    vec![
        ("POST", "/api/reservations", reservation("own"), true),
        (
            "POST",
            "/api/reservations/batch",
            json!({"reservations": [reservation("own-2")]}),
            true,
        ),
        ("POST", "/api/reservations/batch/release", ids.clone(), true),
        ("POST", "/api/reservations/batch/confirm", ids, false),
        ("GET", "/api/reservations/none", Value::Null, true),
        ("POST", "/api/reservations/none/release", Value::Null, true),
        (
            "POST",
            "/api/reservations/none/extend",
            json!({"ttlSeconds": 9}),
            true,
        ),
        ("POST", "/api/reservations/none/confirm", Value::Null, false),
        (
            "POST",
            "/api/reservations/none/return",
            json!({"returnId": "x"}),
            false,
        ),
        (
            "PUT",
            "/api/inventories/b",
            json!({"onHandQuantity": 1}),
            false,
        ),
        (
            "POST",
            "/api/inventories/a/adjustments",
            json!({"delta": 1, "reason": "restock"}),
            false,
        ),
        (
            "POST",
            "/api/inventories/adjustments",
            json!({"adjustments": [{"skuId": "a", "delta": 1, "reason": "restock"}]}),
            false,
        ),
        ("DELETE", "/api/inventories/none", Value::Null, false),
    ]
}

#[test]
fn every_operation_wants_its_role() {
    let guarded = Guarded::start();
    let customer = guarded.of("c-1", CUSTOMER);
    let roleless = guarded.of("c-1", &[]);
    for (method, path, body, customers_may) in operations() {
        let answer = guarded.nobody().send(method, path, &[], &body);
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{path}");
        answer.refused(401, "UNAUTHENTICATED");
        roleless
            .send(method, path, &[], &body)
            .refused(403, "FORBIDDEN");
        let answer = customer.send(method, path, &[], &body);
        match customers_may {
            true => assert!(![401, 403].contains(&answer.status), "{path}"),
            false => drop(answer.refused(403, "FORBIDDEN")),
        }
    }
    for role in [Role::Service, Role::Admin] {
        let staff = guarded.of("s-1", &[role]);
        for (method, path, body, _) in operations() {
            let answer = staff.send(method, path, &[], &body);
            assert!(![401, 403].contains(&answer.status), "{role} {path}");
        }
    }
}

#[test]
fn reading_stock_needs_nobody_and_looks_at_no_token() {
    let guarded = Guarded::start();
    for somebody in [guarded.nobody(), guarded.with("Bearer nonsense")] {
        somebody.get("/api/inventories/a").expect(200);
        somebody.get("/api/inventories").expect(200);
        let bulk = json!({"skuIds": ["a"]});
        somebody.post("/api/inventories/bulk", &bulk).expect(200);
        somebody.get("/readyz").expect(200);
    }
}

#[test]
fn a_token_that_is_no_good_is_refused() {
    let guarded = Guarded::start();
    let issuer = &guarded.issuer;
    let sound = issuer.claims("c-1", CUSTOMER);
    let mut old = sound.clone();
    (old.iat, old.exp) = (1, 2);
    let mut other = sound.clone();
    other.aud = vec!["elsewhere".to_owned()];
    let mut foreign = sound.clone();
    foreign.iss = "elsewhere".to_owned();
    for token in [
        issuer.sign(&old),
        issuer.sign(&other),
        issuer.sign(&foreign),
        Issuer::new().sign(&sound),
        "a.b.c".to_owned(),
    ] {
        guarded
            .with(&format!("Bearer {token}"))
            .reserve("r")
            .refused(401, "UNAUTHENTICATED");
    }
    for header in ["Basic YTpi", "Bearer", "nonsense"] {
        guarded
            .with(header)
            .reserve("r")
            .refused(401, "UNAUTHENTICATED");
    }
    let available = guarded.nobody().get("/api/inventories/a").expect(200);
    assert_eq!(available["availableQuantity"], 100);
}

#[test]
fn a_customer_has_only_their_own_holds() {
    let guarded = Guarded::start();
    let (one, two) = (guarded.of("c-1", CUSTOMER), guarded.of("c-2", CUSTOMER));
    let held = one.reserve("r").expect(201);
    assert_eq!(held["customerId"], "c-1");
    assert!(one.reserve("r").is_replayed());

    two.get("/api/reservations/r")
        .refused(404, "RESERVATION_NOT_FOUND");
    two.act("r", "release", &Value::Null)
        .refused(404, "RESERVATION_NOT_FOUND");
    two.act("r", "extend", &json!({"ttlSeconds": 60}))
        .refused(404, "RESERVATION_NOT_FOUND");
    two.reserve("r").refused(422, "IDEMPOTENCY_MISMATCH");
    let many = two.post(
        "/api/reservations/batch/release",
        &json!({"reservationIds": ["r"]}),
    );
    let problem = &many.expect(200)["results"][0]["problem"];
    assert_eq!(problem["code"], "RESERVATION_NOT_FOUND");
    let mut theirs = reservation("r-2");
    theirs["customerId"] = json!("c-1");
    two.post("/api/reservations", &theirs)
        .refused(403, "FORBIDDEN");
    let many = two.post(
        "/api/reservations/batch",
        &json!({"reservations": [theirs]}),
    );
    let problem = &many.expect(200)["results"][0]["problem"];
    assert_eq!(problem["code"], "FORBIDDEN");

    // A service sees all.
    let service = guarded.of("order-service", &[Role::Service]);
    service.get("/api/reservations/r").expect(200);
    one.get("/api/reservations/r").expect(200);
    one.act("r", "extend", &json!({"ttlSeconds": 60}))
        .expect(200);
    one.act("r", "release", &Value::Null).expect(200);
}

#[test]
fn what_an_order_has_is_the_services() {
    let guarded = Guarded::start();
    let (customer, service) = (
        guarded.of("c-1", CUSTOMER),
        guarded.of("order-service", &[Role::Service]),
    );
    customer.reserve("order-1").refused(403, "FORBIDDEN");
    customer.reserve("r").expect(201);
    let mut bind = reservation("r");
    bind["customerId"] = json!("c-1");
    bind["orderId"] = json!("o-1");
    service.post("/api/reservations", &bind).expect(200);
    for (verb, body) in [
        ("release", Value::Null),
        ("extend", json!({"ttlSeconds": 60})),
    ] {
        customer.act("r", verb, &body).refused(403, "FORBIDDEN");
        customer
            .act("order-1", verb, &body)
            .refused(403, "FORBIDDEN");
    }
    customer.get("/api/reservations/r").expect(200);
    service.act("r", "confirm", &Value::Null).expect(200);
}

#[test]
fn the_same_key_of_two_customers_is_two_holds() {
    let guarded = Guarded::start();
    let (one, two) = (guarded.of("c-1", CUSTOMER), guarded.of("c-2", CUSTOMER));
    let body = json!({"items": [{"skuId": "a", "quantity": 1}]});
    let key = [("idempotency-key", "checkout-1")];
    let reserve = |who: &As<'_>| who.send("POST", "/api/reservations", &key, &body);
    let first = reserve(&one).expect(201);
    let again = reserve(&one);
    assert!(again.is_replayed());
    assert_eq!(
        again.expect(200)["reservationId"],
        first["reservationId"],
        "a repeat finds its hold"
    );
    let second = reserve(&two).expect(201);
    assert_ne!(first["reservationId"], second["reservationId"]);
    let service = guarded.of("s", &[Role::Service]);
    assert_eq!(reserve(&service).expect(201)["reservationId"], "checkout-1");
}

#[test]
fn without_keys_it_says_so_and_stock_can_be_read() {
    let server = Server::with(&["--auth=jwt", "--jwks-url=http://127.0.0.1:1/jwks.json"]);
    let somebody = As {
        server: &server,
        authorization: Some(format!("Bearer {}", Issuer::new().token("c", CUSTOMER))),
    };
    let answer = somebody.reserve("r");
    assert_eq!(answer.header("retry-after"), Some("1"));
    answer.refused(503, "AUTH_UNAVAILABLE");
    somebody.get("/api/inventories").expect(200);
}
