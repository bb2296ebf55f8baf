//! `demo`: an order in the shop; with the engine alone one purchase and one change of mind, over HTTP.
//!
//! The ids of the latter are fixed, so a repeat changes nothing: the engine answers it with the current status.

use serde_json::{Value, json};
use ureq::http::Method;

use crate::{
    addresses::Addresses,
    demo_stock,
    failure::Failure,
    http::{Answer, Api},
    output,
    service::INVENTORY_SERVER,
    shop::{self, Which},
    state::State,
    workspace::Workspace,
};

struct Call {
    method: Method,
    path: &'static str,
    body: Option<Value>,
    /// Fields of the answer worth showing.
    shown: &'static [&'static str],
    /// A conflict that a repeat long after an interrupted demo may meet.
    accepted_code: Option<&'static str>,
}

pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    let state = State::load(workspace)?;
    if state.alive(INVENTORY_SERVER.name).is_none() {
        let next = "start it: cargo dev up";
        return Err(Failure::new("inventory-server does not run", next));
    }
    let addresses = Addresses::of(&state);
    if state.stack.is_full() {
        return shop::play(workspace, &addresses, Which::New);
    }
    let api = Api::new(&addresses, &INVENTORY_SERVER);
    demo_stock::load(&api)?;
    play(&api)
}

/// Prints every call with its answer.
pub(crate) fn play(api: &Api) -> Result<(), Failure> {
    output::line("Demo: demo-1 is reserved and confirmed, demo-2 reserved and released");
    for call in calls() {
        let answer = api.call(&call.method, call.path, call.body.as_ref())?;
        output::line(shown(&call.method, call.path, call.shown, &answer));
        if !is_expected(&call, &answer) {
            let message = format!("the demo did not expect this: {}", answer.body);
            return Err(Failure::new(message, "cargo dev logs inventory-server"));
        }
    }
    Ok(())
}

fn calls() -> [Call; 5] {
    const RESERVATION: &[&str] = &["reservationId", "status", "expiresAt"];
    const STOCK: &[&str] = &[
        "skuId",
        "availableQuantity",
        "reservedQuantity",
        "soldQuantity",
        "version",
    ];
    let post = |path, body: Value, accepted_code| Call {
        method: Method::POST,
        path,
        body: Some(body),
        shown: RESERVATION,
        accepted_code,
    };
    let reserve = |id: &str, items: Value| {
        let body = json!({
            "reservationId": id,
            "orderId": format!("{id}-order"),
            "customerId": "demo-customer",
            "items": items,
        });
        post("/api/reservations", body, None)
    };
    [
        reserve("demo-1", json!([{"skuId": "1", "quantity": 2}])),
        post(
            "/api/reservations/demo-1/confirm",
            json!({}),
            Some("RESERVATION_EXPIRED"),
        ),
        reserve(
            "demo-2",
            json!([{"skuId": "1", "quantity": 1}, {"skuId": "mug-celadon", "quantity": 4}]),
        ),
        post(
            "/api/reservations/demo-2/release",
            json!({"reason": "changed my mind"}),
            None,
        ),
        Call {
            method: Method::GET,
            path: "/api/inventories/1",
            body: None,
            shown: STOCK,
            accepted_code: None,
        },
    ]
}

fn is_expected(call: &Call, answer: &Answer) -> bool {
    let code = answer.body.get("code").and_then(Value::as_str);
    (200..300).contains(&answer.status) || (code.is_some() && code == call.accepted_code)
}

/// `  POST /api/reservations  201  {"reservationId":"demo-1","status":"RESERVED",…}`.
fn shown(method: &Method, path: &str, fields: &[&str], answer: &Answer) -> String {
    let field = |name: &&str| {
        Some(format!(
            "{}:{}",
            Value::from(*name),
            answer.body.get(*name)?
        ))
    };
    let problem = &["code", "detail"][..];
    let names = if answer.status < 400 { fields } else { problem };
    let fields = names.iter().filter_map(field).collect::<Vec<_>>().join(",");
    let note = if answer.replayed {
        "  (repeat: nothing changed)"
    } else {
        ""
    };
    let method = method.as_str();
    format!(
        "  {method:<4} {path:<34} {}  {{{fields}}}{note}",
        answer.status
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown_call(call: &Call, answer: &Answer) -> String {
        shown(&call.method, call.path, call.shown, answer)
    }

    fn answer(status: u16, body: Value) -> Answer {
        Answer {
            status,
            body,
            replayed: status == 200,
        }
    }

    #[test]
    fn a_line_shows_the_call_and_the_telling_fields() {
        let [reserve, ..] = calls();
        let body = json!({"status": "RESERVED", "reservationId": "demo-1", "items": []});
        let line = shown_call(&reserve, &answer(201, body));
        assert!(line.contains("POST /api/reservations "), "{line}");
        assert!(
            line.ends_with(r#"201  {"reservationId":"demo-1","status":"RESERVED"}"#),
            "{line}"
        );
    }

    #[test]
    fn a_repeat_is_marked_and_a_problem_shows_its_code() {
        let [reserve, ..] = calls();
        let line = shown_call(&reserve, &answer(200, json!({"status": "CONFIRMED"})));
        assert!(
            line.ends_with(r#"{"status":"CONFIRMED"}  (repeat: nothing changed)"#),
            "{line}"
        );
        let line = shown_call(
            &reserve,
            &answer(404, json!({"code": "UNKNOWN_SKU", "status": 404})),
        );
        assert!(line.ends_with(r#"404  {"code":"UNKNOWN_SKU"}"#), "{line}");
    }

    #[test]
    fn only_the_conflict_of_an_interrupted_demo_is_accepted() {
        let [reserve, confirm, ..] = calls();
        let expired = answer(409, json!({"code": "RESERVATION_EXPIRED"}));
        assert!(is_expected(&confirm, &expired));
        assert!(!is_expected(&reserve, &expired));
        assert!(!is_expected(&reserve, &answer(500, Value::Null)));
    }
}
