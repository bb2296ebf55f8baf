//! Reservations and their items.

use inventory_core::{
    CustomerId, JournalId, Line, OrderId, Reservation, ReservationId, engine::parse_reservation,
};
use sqlx::MySqlConnection;

use super::Mode;
use crate::{
    project::{
        before,
        plan::{Items, Plan, ReservationWrite},
        sql::{Statement, Values},
    },
    time,
};

pub(in crate::project) static RESERVATIONS: Statement = Statement::rows(
    "INSERT INTO reservation
       (reservation_id, status, order_id, customer_id, created_at, expires_at, changed_at,
        changed_epoch, changed_n, stored)
     VALUES",
    "(?,?,?,?,?,?,?,?,?,?)",
    "ON DUPLICATE KEY UPDATE
       status = VALUES(status),
       order_id = VALUES(order_id),
       customer_id = VALUES(customer_id),
       created_at = VALUES(created_at),
       expires_at = VALUES(expires_at),
       changed_at = VALUES(changed_at),
       changed_epoch = VALUES(changed_epoch),
       changed_n = VALUES(changed_n),
       stored = VALUES(stored)",
);

static FORGET_RESERVATIONS: Statement =
    Statement::among("DELETE FROM reservation WHERE reservation_id IN (");

pub(in crate::project) static FORGET_ITEMS: Statement =
    Statement::among("DELETE FROM reservation_item WHERE reservation_id IN (");

static ITEMS: Statement = Statement::rows(
    "INSERT INTO reservation_item
       (reservation_id, sku_id, location_id, quantity, confirmed_quantity, returned_quantity)
     VALUES",
    "(?,?,?,?,?,?)",
    "ON DUPLICATE KEY UPDATE
       quantity = VALUES(quantity),
       confirmed_quantity = VALUES(confirmed_quantity),
       returned_quantity = VALUES(returned_quantity)",
);

/// Writes the reservations that a plan leaves.
///
/// # Errors
/// Those of the database.
pub(super) async fn reservations(
    connection: &mut MySqlConnection,
    plan: &Plan<'_>,
    mode: Mode,
) -> Result<(), sqlx::Error> {
    let mut writes: Vec<&ReservationWrite<'_>> = plan.reservations.iter().collect();
    if mode != Mode::Following {
        let ids: Vec<_> = writes.iter().map(|write| write.id).collect();
        let newest = before::reservations(connection, &ids).await?;
        let (older, newer): (Vec<_>, Vec<_>) = writes
            .into_iter()
            .zip(newest)
            .partition(|(write, newest)| *newest < Some(write.last.id));
        writes = older.into_iter().map(|(write, _)| write).collect();
        if mode == Mode::Late {
            for (write, _) in newer {
                complete_items(connection, write.id).await?;
            }
        }
    }
    let (new, known): (Vec<_>, Vec<_>) = writes
        .into_iter()
        .partition(|write| write.items == Items::Begin);
    let (stays, gone): (Vec<_>, Vec<_>) = known
        .into_iter()
        .partition(|write| write.last.reservation().is_some());
    let inserted = write_reservations(connection, &new).await?;
    // An id that was purged may be used again: the items of its former life go.
    if u64::try_from(new.len()).is_ok_and(|expected| inserted != expected) {
        forget_items(connection, &new).await?;
    }
    let restated = of_items(&stays, |items| {
        items == Items::Replace || mode != Mode::Following
    });
    forget_items(connection, &restated).await?;
    forget_items(connection, &gone).await?;
    write_reservations(connection, &stays).await?;
    if !gone.is_empty() {
        FORGET_RESERVATIONS
            .run(connection, &gone, |write, values| {
                values.push(write.id.as_str());
            })
            .await?;
    }
    let changed = of_items(&stays, |items| {
        items != Items::Keep || mode != Mode::Following
    });
    write_items(connection, new.iter().chain(&changed)).await
}

/// Writes the items of a reservation as its row says them: the change that would have done it may be
/// the one that was left out.
async fn complete_items(
    connection: &mut MySqlConnection,
    id: &ReservationId,
) -> Result<(), sqlx::Error> {
    let stored: Option<Vec<u8>> =
        sqlx::query_scalar("SELECT stored FROM reservation WHERE reservation_id = ?")
            .bind(id.as_str())
            .fetch_optional(&mut *connection)
            .await?;
    match stored.and_then(|stored| parse_reservation(id, &stored)) {
        Some(reservation) => {
            let rows: Vec<_> = items_of(&reservation).collect();
            insert_items(connection, &rows).await
        }
        None => Ok(()),
    }
}

fn of_items<'w, 'a>(
    writes: &[&'w ReservationWrite<'a>],
    wanted: impl Fn(Items) -> bool,
) -> Vec<&'w ReservationWrite<'a>> {
    let writes = writes.iter().copied();
    writes.filter(|write| wanted(write.items)).collect()
}

async fn write_reservations(
    connection: &mut MySqlConnection,
    writes: &[&ReservationWrite<'_>],
) -> Result<u64, sqlx::Error> {
    let bind = |write: &&ReservationWrite<'_>, values: &mut Values| {
        if let Some(reservation) = write.last.reservation() {
            let stored = write.last.stored.as_deref().unwrap_or_default();
            let changed = (write.last.id, time::sql(write.last.at));
            bind_reservation(reservation, &changed.1, changed.0, stored, values);
        }
    };
    RESERVATIONS.run(connection, writes, bind).await
}

/// The values of a row of `reservation`.
pub(crate) fn bind_reservation(
    reservation: &Reservation,
    changed_at: &str,
    changed: JournalId,
    stored: &[u8],
    values: &mut Values,
) {
    values
        .push(reservation.id.as_str())
        .push(reservation.status.as_str())
        .push(reservation.order.as_ref().map(OrderId::as_str))
        .push(reservation.customer.as_ref().map(CustomerId::as_str))
        .push(time::sql(reservation.created))
        .push(time::sql(reservation.deadline))
        .push(changed_at)
        .push(changed.epoch.0)
        .push(changed.n)
        .push(stored);
}

async fn forget_items(
    connection: &mut MySqlConnection,
    writes: &[&ReservationWrite<'_>],
) -> Result<(), sqlx::Error> {
    FORGET_ITEMS
        .run(connection, writes, |write, values| {
            values.push(write.id.as_str());
        })
        .await?;
    Ok(())
}

async fn write_items<'w, 'a: 'w>(
    connection: &mut MySqlConnection,
    writes: impl Iterator<Item = &'w &'w ReservationWrite<'a>>,
) -> Result<(), sqlx::Error> {
    let reservations = writes.filter_map(|write| write.last.reservation());
    let rows: Vec<_> = reservations.flat_map(items_of).collect();
    insert_items(connection, &rows).await
}

/// The rows of `reservation_item` of a reservation.
pub(crate) fn items_of(reservation: &Reservation) -> impl Iterator<Item = (&Reservation, &Line)> {
    reservation
        .lines
        .iter()
        .map(move |line| (reservation, line))
}

/// Writes rows of `reservation_item`, or their quantities where they are there.
///
/// # Errors
/// Those of the database.
pub(crate) async fn insert_items(
    connection: &mut MySqlConnection,
    rows: &[(&Reservation, &Line)],
) -> Result<(), sqlx::Error> {
    ITEMS
        .run(connection, rows, |(reservation, line), values| {
            let confirmed = reservation.confirmed.as_ref();
            let confirmed = confirmed.map_or(0, |confirmed| confirmed.lines.quantity_of(line));
            let returned = reservation.returns.iter();
            let returned = returned.fold(0_u32, |sum, returned| {
                sum.saturating_add(returned.lines.quantity_of(line))
            });
            values
                .push(reservation.id.as_str())
                .push(line.sku.as_str())
                .push(line.location.as_str())
                .push(line.quantity)
                .push(confirmed)
                .push(returned);
        })
        .await?;
    Ok(())
}
