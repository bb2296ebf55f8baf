//! What became of the demo in MariaDB, and whether both sides agree.

use std::{path::Path, process::Command, time::Duration};

use devstack::{command, wait};
use serde_json::Value;
use ureq::http::Method;

use crate::{
    addresses::Addresses,
    database, demo, environment,
    failure::Failure,
    http::Api,
    launch, output,
    service::{INVENTORY_SERVER, SYNC_WORKER},
    workspace::Workspace,
};

/// How long the worker may take to carry the demo over; usually it has done so before anybody asks.
const CARRIED_TIMEOUT: Duration = Duration::from_secs(30);

const RECONCILE_TIMEOUT: Duration = Duration::from_secs(60);

/// Waits until MariaDB has the demo's reservations as Redis has them, and shows them.
pub(crate) fn show_demo(workspace: &Workspace, addresses: &Addresses) -> Result<(), Failure> {
    let api = Api::new(&addresses.url(&INVENTORY_SERVER));
    let expected = demo::RESERVATIONS
        .iter()
        .map(|id| {
            let path = format!("/api/reservations/{id}");
            let answer = api.call(&Method::GET, &path, None)?;
            let status = answer.body.get("status").and_then(Value::as_str);
            Ok(format!("{id}\t{}", status.unwrap_or_default()))
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let ids = demo::RESERVATIONS.map(|id| format!("'{id}'")).join(", ");
    let statuses =
        format!("SELECT reservation_id, status FROM reservation WHERE reservation_id IN ({ids})");
    let mut last = String::new();
    let carried = wait::until(CARRIED_TIMEOUT, "the demo is in MariaDB", || {
        last = match database::rows(workspace, &statuses) {
            Ok(rows) => rows,
            Err(failure) => failure.message,
        };
        expected
            .iter()
            .all(|row| last.lines().any(|line| line == row))
    });
    if carried.is_err() {
        let message = format!(
            "MariaDB does not have the demo within {CARRIED_TIMEOUT:?}: expected {expected:?}, found {last:?}"
        );
        let next = format!("cargo dev status, cargo dev logs {}", SYNC_WORKER.name);
        return Err(Failure::new(message, next));
    }
    let shown = format!(
        "SELECT reservation_id, status, order_id, sku_id, quantity \
         FROM reservation JOIN reservation_item USING (reservation_id) \
         WHERE reservation_id IN ({ids}) ORDER BY reservation_id, sku_id"
    );
    output::line("In MariaDB:");
    output::line(database::table(workspace, &shown)?.trim_end());
    Ok(())
}

/// Shows how far the projection is, and that both sides agree.
pub(crate) fn reconcile(
    workspace: &Workspace,
    addresses: &Addresses,
    program: &Path,
) -> Result<(), Failure> {
    for what in ["status", "check"] {
        output::line(format!("reconcile {what}:"));
        let mut command = Command::new(program);
        environment::without_server_settings(&mut command);
        command
            .arg(what)
            .envs(launch::stores(workspace, addresses)?);
        let finished = command::finish(&mut command, RECONCILE_TIMEOUT)?;
        let cells = |line: &str| line.split('\t').map(str::to_owned).collect();
        output::table(&finished.stdout.lines().map(cells).collect::<Vec<_>>());
        if !finished.status.success() {
            let message = format!(
                "reconcile {what} ended with {}: {}",
                finished.status,
                finished.stderr.trim_end()
            );
            let next = format!("its answer is above; cargo dev logs {}", SYNC_WORKER.name);
            return Err(Failure::new(message, next));
        }
    }
    Ok(())
}
