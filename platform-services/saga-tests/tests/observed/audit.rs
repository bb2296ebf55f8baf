//! Whatever administrators do, and who is not let, is in the audit.

use std::{fs, sync::LazyLock};

use serde_json::{Value, json};

use crate::{
    shop::observed,
    support::{Service, Shop, stack::ADMIN, text, unique, until},
};

/// The documents, whose operations say who may ask (`x-roles`).
static DOCUMENTS: LazyLock<[(&str, Value); 6]> = LazyLock::new(|| {
    let read = |name, text| (name, serde_json::from_str(text).unwrap());
    [
        read(
            "auth-service",
            include_str!("../../../auth-service/openapi.json"),
        ),
        read(
            "user-service",
            include_str!("../../../user-service/openapi.json"),
        ),
        read(
            "catalog-service",
            include_str!("../../../catalog-service/openapi.json"),
        ),
        read(
            "order-service",
            include_str!("../../../order-service/openapi.json"),
        ),
        read(
            "payment-service",
            include_str!("../../../payment-service/openapi.json"),
        ),
        read(
            "inventory-server",
            include_str!("../../../../inventory-server/openapi.json"),
        ),
    ]
});

struct Operation {
    service: &'static str,
    method: String,
    path: &'static str,
    for_customers: bool,
}

/// Everything that needs the role ADMIN, or allows it.
fn operations() -> Vec<Operation> {
    let mut all = Vec::new();
    for (service, document) in DOCUMENTS.iter() {
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let roles = operation["x-roles"]
                    .as_array()
                    .map(Vec::as_slice)
                    .unwrap_or_default();
                if roles.iter().any(|role| role == "ADMIN") {
                    all.push(Operation {
                        service,
                        method: method.to_ascii_uppercase(),
                        path,
                        for_customers: roles.iter().any(|role| role == "CUSTOMER"),
                    });
                }
            }
        }
    }
    all
}

impl Operation {
    fn action(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Asks for something that is not there.
    fn ask(&self, shop: &'static Shop, token: &str) -> (String, u16) {
        let service = shop
            .services()
            .into_iter()
            .find(|it| it.name == self.service);
        let segments = self.path.split('/').map(|part| {
            if part.starts_with('{') {
                "987654321"
            } else {
                part
            }
        });
        let path = segments.collect::<Vec<_>>().join("/");
        let request_id = unique("audit");
        let headers = [("x-request-id", request_id.as_str())];
        let body = (!matches!(self.method.as_str(), "GET" | "DELETE")).then_some("{}");
        let http = &service.unwrap().http;
        let answer = http
            .send(&self.method, &path, token, body, &headers)
            .unwrap();
        (request_id, answer.status)
    }

    fn service(&self, shop: &'static Shop) -> &'static Service {
        shop.services()
            .into_iter()
            .find(|it| it.name == self.service)
            .unwrap()
    }
}

/// The router and the document may name a parameter differently.
fn nameless(action: &str) -> Vec<&str> {
    let part = |part| {
        if str::starts_with(part, '{') {
            "{}"
        } else {
            part
        }
    };
    action.split('/').map(part).collect()
}

/// The audit's line about a request.
fn line(service: &Service, request_id: &str) -> Option<Value> {
    let log = fs::read_to_string(service.process.log_path()).unwrap();
    let lines = log.lines().filter(|line| line.contains(request_id));
    let mut audit = lines
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["target"] == "audit" && line["request_id"] == request_id);
    let found = audit.next();
    assert!(audit.next().is_none(), "two lines about {request_id}");
    found
}

#[track_caller]
fn until_line(service: &Service, request_id: &str, what: &str) -> Value {
    let mut found = None;
    until(format!("the audit has {what}"), || {
        found = line(service, request_id);
        found.is_some()
    });
    found.unwrap()
}

fn admin_id(shop: &'static Shop) -> String {
    let body = json!({"email": ADMIN.0, "password": ADMIN.1});
    let login = shop
        .auth
        .http
        .post("/api/auth/login", "", &body)
        .expect(200);
    let me = shop
        .user
        .http
        .get("/api/users/me", &text(&login["accessToken"]));
    text(&me.expect(200)["userId"])
}

#[test]
fn whatever_an_administrator_asks_is_in_the_audit_and_who_is_refused_too() {
    let (shop, _) = observed();
    let admin = format!("admin:{}", admin_id(shop));
    let customer = shop.customer();
    let who = format!("customer:{}", customer.user_id());
    let mut operations = operations();
    assert!(operations.len() > 40, "{}", operations.len());
    // An account that is deleted answers no more.
    operations.sort_by_key(|it| it.action() == "DELETE /api/users/me");
    for operation in operations {
        let action = operation.action();
        let (request_id, status) = operation.ask(shop, &shop.admin);
        assert!(status != 401 && status != 403, "{action}: {status}");
        let line = until_line(operation.service(shop), &request_id, &action);
        assert_eq!(line["who"], admin.as_str(), "{line:#}");
        assert_eq!(
            nameless(&text(&line["action"])),
            nameless(&action),
            "{line:#}"
        );
        assert_eq!(line["status"], status, "{line:#}");
        assert!(
            line["on"].is_string() && line["timestamp"].is_string(),
            "{line:#}"
        );
        let outcome = match status {
            0..400 => "done",
            400..500 => "refused",
            _ => "failed",
        };
        assert_eq!(line["outcome"], outcome, "{line:#}");
        if operation.for_customers {
            continue;
        }
        let (request_id, status) = operation.ask(shop, customer.token());
        assert_eq!(status, 403, "{action}");
        let line = until_line(operation.service(shop), &request_id, &action);
        assert_eq!(
            (&line["who"], &line["outcome"]),
            (&json!(who), &json!("refused")),
            "{line:#}"
        );
    }
}

/// The rows of a service's table, newest first, as `actor action subject request_id`.
fn rows(shop: &'static Shop, database: &str) -> String {
    let select = format!(
        "SELECT CONCAT_WS(' ', actor, action, subject, request_id) FROM {database}.admin_audit ORDER BY id DESC"
    );
    shop.mariadb.sql(&select).unwrap()
}

#[test]
fn a_change_by_an_administrator_has_a_row_and_one_by_a_customer_has_none() {
    let (shop, _) = observed();
    let admin = format!("admin:{}", admin_id(shop));
    let customer = shop.customer();
    let cup = shop.goods("cup", 7_000, 10);
    let order = customer.order(&[(&cup, 1)]);
    let own = customer.order(&[(&cup, 1)]);
    let paid = customer.bought(&[(&cup, 2)], "key-");
    let payment = text(&paid.payment()["paymentId"]);
    let ask = |service: &Service, method, path: &str, body: Value| {
        let request_id = unique("change");
        let headers = [("x-request-id", request_id.as_str())];
        let body = (!body.is_null()).then(|| body.to_string());
        let answer = service
            .http
            .send(method, path, &shop.admin, body.as_deref(), &headers);
        (request_id, answer.unwrap())
    };
    own.cancel().expect(202);
    let named = |name: &str| json!({"name": unique(name)});
    let user = format!("/api/users/{}", customer.user_id());
    let changes = [
        (
            &shop.user,
            "shop_user",
            "PATCH",
            user.clone(),
            json!({"name": "Other"}),
        ),
        (
            &shop.user,
            "shop_user",
            "POST",
            format!("{user}/lock"),
            Value::Null,
        ),
        (
            &shop.user,
            "shop_user",
            "POST",
            format!("{user}/unlock"),
            Value::Null,
        ),
        (
            &shop.catalog,
            "shop_catalog",
            "POST",
            "/api/categories".to_owned(),
            named("c"),
        ),
        (
            &shop.catalog,
            "shop_catalog",
            "POST",
            "/api/brands".to_owned(),
            named("b"),
        ),
        (
            &shop.catalog,
            "shop_catalog",
            "POST",
            "/api/products".to_owned(),
            json!({"name": "saucer", "price": 10, "skus": [{"initialQuantity": 1}]}),
        ),
        (
            &shop.order,
            "shop_order",
            "POST",
            format!("/api/orders/{}/cancel", order.id),
            Value::Null,
        ),
        (
            &shop.payment,
            "shop_payment",
            "POST",
            format!("/api/payments/{payment}/cancel"),
            json!({"reason": "a test"}),
        ),
    ];
    for (service, database, method, path, body) in changes {
        let (request_id, answer) = ask(service, method, &path, body);
        assert!(
            answer.status < 300,
            "{path}: {} {}",
            answer.status,
            answer.text
        );
        let rows = rows(shop, database);
        let row = rows.lines().find(|row| row.ends_with(&request_id));
        let row = row.unwrap_or_else(|| panic!("{path}: no row in {rows}"));
        assert!(row.starts_with(&admin), "{row}");
    }
    let orders = rows(shop, "shop_order");
    assert!(
        orders.contains(&order.id) && !orders.contains(&own.id),
        "{orders}"
    );
}

#[test]
fn what_customers_do_themselves_is_not() {
    let (shop, _) = observed();
    let customer = shop.customer();
    let request_id = unique("own");
    let headers = [("x-request-id", request_id.as_str())];
    let own = shop
        .user
        .http
        .send("GET", "/api/users/me", customer.token(), None, &headers);
    own.unwrap().expect(200);
    let answered = || {
        let log = fs::read_to_string(shop.user.process.log_path()).unwrap();
        log.contains(&request_id)
    };
    until("it is in the log", answered);
    assert!(line(&shop.user, &request_id).is_none());
}
