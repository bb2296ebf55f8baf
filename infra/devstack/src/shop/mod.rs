//! The demo shop: its people, what it sells, and an order from the login to the sale.

mod catalog;
mod order;
pub(crate) mod people;
mod stock;
mod traces;

use crate::{
    addresses::Addresses, compile::Binaries, demo_stock, failure::Failure, output, secrets,
    workspace::Workspace,
};

/// Makes what is missing of admin, customer, catalog and stock.
pub(crate) fn open(
    workspace: &Workspace,
    addresses: &Addresses,
    binaries: &Binaries,
) -> Result<(), Failure> {
    let admin = output::step("admin and demo customer", || {
        people::make_admin(workspace, addresses, binaries)?;
        people::make_customer(workspace, addresses)?;
        people::ADMIN.log_in(workspace, addresses)
    })?;
    let shown = output::step("demo catalog", || catalog::load(addresses, &admin))?;
    output::step("demo stock", || stock::load(addresses, &admin))?;
    output::line(format!("Demo shop: {shown}, {}", demo_stock::summary()));
    Ok(())
}

/// Which order is placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// One that nobody has seen.
    New,
    /// The last one, unless it was cancelled: a repeat changes nothing.
    LastOrNew,
}

/// An order of the demo customer, and what it left in MariaDB and on Kafka.
pub(crate) fn play(
    workspace: &Workspace,
    addresses: &Addresses,
    which: Which,
) -> Result<(), Failure> {
    let token = people::CUSTOMER.log_in(workspace, addresses)?;
    let order_id = order::play(workspace, addresses, &token, which)?;
    traces::show_rows(workspace, &order_id)?;
    traces::show_events(workspace, addresses, &order_id)
}

/// The name of an order, or of an attempt to pay, that nobody has drawn before.
fn draw_key() -> Result<String, Failure> {
    Ok(format!("demo-{}", secrets::draw()?))
}
