use crate::support::{Server, json};

#[test]
fn alive_and_ready() {
    let server = Server::start();
    assert_eq!(server.get("/healthz").expect(200), json!({"status": "ok"}));
    let ready = server.get("/readyz").expect(200);
    assert_eq!(
        (&ready["status"], &ready["draining"]),
        (&json!("ready"), &json!(false))
    );
    assert_eq!(ready["dependencies"]["redis"]["status"], "up");
    assert_eq!(ready["dependencies"]["gate"]["status"], "open");
    assert!(ready["dependencies"]["gate"]["epoch"].as_u64() > Some(1_700_000_000_000));
}

#[test]
fn metrics_are_open_metrics_and_say_what_was_done() {
    let server = Server::start();
    server.stock("a", 1);
    server.hold("r", "a", 1);
    server
        .post(
            "/api/reservations",
            &json!({"reservationId": "r", "items": [{"skuId": "a", "quantity": 1}]}),
        )
        .expect(200);
    server
        .post(
            "/api/reservations",
            &json!({"items": [{"skuId": "a", "quantity": 1}]}),
        )
        .refused(409, "INSUFFICIENT_STOCK");
    let answer = server.get("/metrics");
    assert!(answer.text.ends_with("# EOF\n"));
    for line in [
        r#"inventory_http_requests_total{route="POST /api/reservations",status="201"} 1"#,
        r#"inventory_http_requests_total{route="POST /api/reservations",status="200"} 1"#,
        r#"inventory_operations_total{operation="reserve",outcome="OK"} 1"#,
        r#"inventory_operations_total{operation="reserve",outcome="REPLAYED"} 1"#,
        r#"inventory_operations_total{operation="reserve",outcome="INSUFFICIENT_STOCK"} 1"#,
        r#"inventory_engine_call_duration_seconds_count{operation="count"} 1"#,
        "inventory_batch_reservations_count 3",
        "inventory_fenced 0",
        "inventory_journal_full 0",
        r#"inventory_build_info{version="0.1.0"} 1"#,
    ] {
        assert!(
            answer.text.contains(&format!("{line}\n")),
            "{line} in\n{}",
            answer.text
        );
    }
    for name in [
        "epoch",
        "open_holds",
        "journal_bytes",
        "journal_entries",
        "lost_entries",
        "fences",
        "sweeper_lag_seconds",
    ] {
        assert!(
            answer.text.contains(&format!("\ninventory_{name} ")),
            "{name}"
        );
    }
    assert!(!answer.text.contains("\"a\""), "no SKU is a label");
}

#[test]
fn the_documents_are_served() {
    let server = Server::start();
    let document = server.get("/openapi.json");
    assert_eq!(document.text, include_str!("../../openapi.json"));
    let page = server.get("/docs");
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(page.text.starts_with("<!doctype html>"));
    let problem = server.get("/problems/insufficient-stock");
    assert!(problem.text.starts_with("# INSUFFICIENT_STOCK\n"));
    server
        .get("/problems/nothing-of-ours")
        .refused(404, "NOT_FOUND");
}

#[test]
fn the_type_of_a_problem_leads_to_its_page() {
    let server = Server::start();
    let problem = server
        .get("/api/inventories/nothing")
        .refused(404, "UNKNOWN_SKU");
    let page = server.get(problem["type"].as_str().expect("a path"));
    assert!(page.text.starts_with("# UNKNOWN_SKU\n"));
}
