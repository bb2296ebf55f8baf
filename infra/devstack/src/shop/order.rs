//! Login, browse, order, pay: the order is sold at the end.

use std::{fs, path::PathBuf, time::Duration};

use devstack::wait;
use serde_json::{Value, json};
use ureq::http::Method;

use super::{Which, draw_key, people::CUSTOMER};
use crate::{
    addresses::Addresses,
    failure::Failure,
    http::{Answer, Api},
    output,
    service::{AUTH_SERVICE, CATALOG_SERVICE, ORDER_SERVICE, PAYMENT_SERVICE},
    workspace::Workspace,
};

/// How long each of the two halves may take; usually a part of a second.
const STEP_TIMEOUT: Duration = Duration::from_secs(60);

/// The last one finds what is ordered.
const KEYWORDS: [&str; 3] = ["신발", "shoes", "티셔츠"];
const SKU: &str = "1";
const QUANTITY: u32 = 2;
/// Of the demo customer.
const ADDRESS: &str = "1";

const ORDERS: &str = "/api/orders";
const CONFIRM: &str = "/api/payments/confirm";

/// Gives the id of the order. A repeat prints the same, so only what does not change is printed.
pub(super) fn play(
    workspace: &Workspace,
    addresses: &Addresses,
    token: &str,
    which: Which,
) -> Result<String, Failure> {
    let email = CUSTOMER.email;
    output::line(format!("Demo: {email} buys {QUANTITY} of SKU {SKU}"));
    let login = addresses.url(&AUTH_SERVICE);
    show("login", &format!("POST {login}/api/auth/login"), email);
    browse(addresses)?;
    let orders = Api::new(addresses, &ORDER_SERVICE).with_token(token);
    let kept = match which {
        Which::New => None,
        Which::LastOrNew => fs::read_to_string(key_file(workspace)).ok(),
    };
    let mut last = String::new();
    let mut placed = match kept {
        Some(key) => place(&orders, key)?,
        None => place_new(workspace, &orders)?,
    };
    let mut order = wait_for(&orders, &placed.order_id, &PAYABLE, &mut last)?;
    if order.text("status") == CANCELLED && which == Which::LastOrNew {
        // Nobody paid it in time.
        placed = place_new(workspace, &orders)?;
        order = wait_for(&orders, &placed.order_id, &PAYABLE, &mut last)?;
    }
    let url = addresses.url(&ORDER_SERVICE);
    let amount = order.body.get("totalAmount").cloned().unwrap_or_default();
    let what = format!("{} {amount} won", order.text("orderNo"));
    show("order", &format!("POST {url}{ORDERS}"), &what);
    show(
        "wait",
        &format!("GET {url}{ORDERS}/{}", placed.order_id),
        PAYABLE[0],
    );
    let payment = pay(addresses, token, &placed, &amount)?;
    show(
        "pay",
        &format!("POST {}{CONFIRM}", addresses.url(&PAYMENT_SERVICE)),
        &payment,
    );
    let order = wait_for(&orders, &placed.order_id, &SOLD, &mut last)?;
    if order.text("status") == CANCELLED {
        return Err(orders.unexpected(&Method::GET, ORDERS, &order));
    }
    output::line("Timeline:");
    for line in timeline(&order.body) {
        output::line(line);
    }
    Ok(placed.order_id)
}

fn show(step: &str, call: &str, what: &str) {
    output::line(format!("  {step:<6}  {call}  {what}"));
}

fn browse(addresses: &Addresses) -> Result<(), Failure> {
    let api = Api::new(addresses, &CATALOG_SERVICE);
    let url = addresses.url(&CATALOG_SERVICE);
    for keyword in KEYWORDS {
        let path = format!("/api/products?keyword={}", escaped(keyword));
        let answer = api.call(&Method::GET, &path, None)?;
        let Some(products) = answer.body.get("products").and_then(Value::as_array) else {
            return Err(api.unexpected(&Method::GET, &path, &answer));
        };
        let names = products.iter().filter_map(|product| {
            let name = product.get("name").and_then(Value::as_str)?;
            // In the language that was asked in.
            name.split(" / ").nth(usize::from(keyword.is_ascii()))
        });
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        let call = format!("GET {url}/api/products?keyword={keyword}");
        show("browse", &call, &names.join(", "));
    }
    Ok(())
}

/// In a query, whatever is no letter, digit or one of `-._~`.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

struct Placed {
    /// Names the order to order-service, and the payment to the gateway.
    key: String,
    order_id: String,
}

fn place_new(workspace: &Workspace, orders: &Api) -> Result<Placed, Failure> {
    let key = draw_key()?;
    // Kept first: who is interrupted goes on with the same order.
    let path = key_file(workspace);
    fs::write(&path, &key).map_err(Failure::io(format!("writing {}", path.display())))?;
    place(orders, key)
}

fn key_file(workspace: &Workspace) -> PathBuf {
    workspace.devstack_dir().join("demo-order")
}

fn place(orders: &Api, key: String) -> Result<Placed, Failure> {
    let request = json!({
        "items": [{"skuId": SKU, "quantity": QUANTITY}],
        "shippingAddressId": ADDRESS,
    });
    let answer = orders.post_once(ORDERS, &request, &key)?;
    let order_id = answer.text("orderId").to_owned();
    if !matches!(answer.status, 200 | 202) || order_id.is_empty() {
        return Err(orders.unexpected(&Method::POST, ORDERS, &answer));
    }
    output::progress(format!("    order {order_id} is placed"));
    Ok(Placed { key, order_id })
}

const CANCELLED: &str = "CANCELLED";
const PAYABLE: [&str; 3] = ["PAYMENT_PENDING", "PAID", "CONFIRMED"];
const SOLD: [&str; 1] = ["CONFIRMED"];

/// The order, once its status is one of these; or it is cancelled. `last` is the one that was shown last.
fn wait_for(
    orders: &Api,
    order_id: &str,
    statuses: &[&str],
    last: &mut String,
) -> Result<Answer, Failure> {
    let path = format!("{ORDERS}/{order_id}");
    let order = wait::until_some(STEP_TIMEOUT, "the order", || {
        let answer = match orders.call(&Method::GET, &path, None) {
            Ok(answer) => answer,
            Err(failure) => return Some(Err(failure)),
        };
        if answer.status != 200 {
            return Some(Err(orders.unexpected(&Method::GET, &path, &answer)));
        }
        let status = answer.text("status");
        if *last != status {
            output::progress(format!("    order {order_id} is {status}"));
            status.clone_into(last);
        }
        let is_there = status == CANCELLED || after_the_sale(status) || statuses.contains(&status);
        is_there.then_some(Ok(answer))
    });
    order.map_err(|_| {
        let message = format!(
            "order {order_id} is {last}, not {} within {STEP_TIMEOUT:?}",
            statuses.join(" or ")
        );
        let next = "cargo dev status; then the logs of order-service, payment-service, sync-worker";
        Failure::new(message, next)
    })?
}

/// Somebody has refunded the order of the demo since.
fn after_the_sale(status: &str) -> bool {
    matches!(status, "PARTIALLY_REFUNDED" | "REFUNDED")
}

/// The gateway's key would come from the browser.
fn pay(
    addresses: &Addresses,
    token: &str,
    placed: &Placed,
    amount: &Value,
) -> Result<String, Failure> {
    let payments = Api::new(addresses, &PAYMENT_SERVICE).with_token(token);
    let request = json!({
        "orderId": placed.order_id,
        "paymentKey": placed.key,
        "amount": amount,
    });
    let answer = payments.call(&Method::POST, CONFIRM, Some(&request))?;
    if answer.status != 200 {
        return Err(payments.unexpected(&Method::POST, CONFIRM, &answer));
    }
    Ok(format!(
        "{} {}",
        answer.text("paymentId"),
        answer.text("status")
    ))
}

/// `  RESERVED         2026-01-01T00:00:00.100Z  +0.100 s`.
fn timeline(order: &Value) -> Vec<String> {
    let steps = order.get("timeline").and_then(Value::as_array);
    let steps = steps.into_iter().flatten().filter_map(|step| {
        let text = |field: &str| step.get(field).and_then(Value::as_str);
        Some((text("status")?, text("at")?))
    });
    let steps: Vec<(&str, &str)> = steps.collect();
    let first = steps.first().and_then(|(_, at)| day_ms(at));
    let line = |(status, at): &(&str, &str)| {
        let after = first.zip(day_ms(at)).map(|(first, at)| {
            // The day may have ended in between.
            let ms = (at + DAY_MS - first) % DAY_MS;
            format!("  +{}.{:03} s", ms / 1000, ms % 1000)
        });
        format!("  {status:<16}  {at}{}", after.unwrap_or_default())
    };
    steps.iter().map(line).collect()
}

const DAY_MS: u64 = 86_400_000;

/// Of `2026-01-01T12:34:56.789Z`, the ms since midnight.
fn day_ms(at: &str) -> Option<u64> {
    let (_, time) = at.strip_suffix('Z')?.split_once('T')?;
    let [hours, minutes, seconds] = time.split(':').collect::<Vec<_>>()[..] else {
        return None;
    };
    let (seconds, ms) = seconds.split_once('.')?;
    let minutes = hours.parse::<u64>().ok()? * 60 + minutes.parse::<u64>().ok()?;
    Some((minutes * 60 + seconds.parse::<u64>().ok()?) * 1000 + ms.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeline_says_when_and_how_long_after() {
        let order = json!({"timeline": [
            {"status": "PLACED", "at": "2026-01-01T23:59:59.900Z"},
            {"status": "RESERVED", "at": "2026-01-02T00:00:00.142Z"},
            {"status": "CANCELLED", "at": "later", "reason": "USER_REQUEST"},
        ]});
        let expected = [
            "  PLACED            2026-01-01T23:59:59.900Z  +0.000 s",
            "  RESERVED          2026-01-02T00:00:00.142Z  +0.242 s",
            "  CANCELLED         later",
        ];
        assert_eq!(timeline(&order), expected);
    }

    #[test]
    fn korean_fits_into_a_query() {
        assert_eq!(escaped("신발"), "%EC%8B%A0%EB%B0%9C");
        assert_eq!(escaped("shoes"), "shoes");
    }
}
