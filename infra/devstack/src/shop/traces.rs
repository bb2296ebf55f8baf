//! What an order leaves in MariaDB and on Kafka.

use std::time::Duration;

use devstack::wait;

use crate::{
    addresses::Addresses,
    broker, database,
    events::{Event, Watch},
    failure::Failure,
    output,
    service::{KAFKA, SYNC_WORKER},
    workspace::Workspace,
};

/// How long the worker may take to carry the sale over; usually it has done so before anybody asks.
const CARRIED_TIMEOUT: Duration = Duration::from_secs(30);

/// How long an event may take to Kafka and through the console consumer; usually it is there already.
const EVENT_TIMEOUT: Duration = Duration::from_secs(45);

const TOPICS: &str = "(order|payment|inventory)[.].*";

/// Of every order that is sold, in the order in which they follow from each other.
const KINDS: [&str; 6] = [
    "order.placed",
    "inventory.reserved",
    "payment.created",
    "payment.completed",
    "order.confirmed",
    "inventory.confirmed",
];

/// Waits until the engine's sale is there, too, and shows it beside the order and its payment.
pub(super) fn show_rows(workspace: &Workspace, order_id: &str) -> Result<(), Failure> {
    let order_id = quoted(order_id);
    let sold = format!(
        "SELECT status FROM inventory.reservation WHERE order_id = {order_id} AND status NOT IN ('RESERVED')"
    );
    let carried = wait::until(CARRIED_TIMEOUT, "the sale is in MariaDB", || {
        database::shop_rows(workspace, &sold).is_ok_and(|rows| !rows.is_empty())
    });
    if carried.is_err() {
        let message = format!("MariaDB does not have the sale within {CARRIED_TIMEOUT:?}");
        let next = format!("cargo dev status, cargo dev logs {}", SYNC_WORKER.name);
        return Err(Failure::new(message, next));
    }
    output::line("In MariaDB:");
    for shown in [
        format!(
            "SELECT order_id, order_no, status, total_amount FROM shop_order.orders WHERE order_id = {order_id}"
        ),
        format!(
            "SELECT payment_id, state, amount, payment_key FROM shop_payment.payment WHERE order_id = {order_id}"
        ),
        format!(
            "SELECT reservation_id, status, sku_id, quantity FROM inventory.reservation \
             JOIN inventory.reservation_item USING (reservation_id) \
             WHERE order_id = {order_id} ORDER BY sku_id"
        ),
    ] {
        output::line(database::shop_table(workspace, &shown)?.trim_end());
    }
    Ok(())
}

/// Ids of ours hold neither.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace(['\'', '\\'], ""))
}

pub(super) fn show_events(
    workspace: &Workspace,
    addresses: &Addresses,
    order_id: &str,
) -> Result<(), Failure> {
    let tools = broker::tools(workspace)?;
    let mut watch = Watch::start(&tools, &addresses.address(&KAFKA), TOPICS, order_id)?;
    output::line("On Kafka (type, key, id):");
    for kind in KINDS {
        let Event { kind, key, id } = watch.wait_for(order_id, kind, EVENT_TIMEOUT)?;
        output::line(format!("  {kind:<19}  {key}  {id}"));
    }
    Ok(())
}
