//! `GET /api/reservations`: support's first question, answered from MariaDB. A status is the one
//! that was projected: a hold that is due shows `RESERVED` until its expiry is in the journal.

use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use inventory_core::{
    CustomerId, OrderId, ReservationId, Sku, Status, TimestampMs, engine::parse_reservation,
};
use serde::Serialize;
use service_kit::http::Problem;
use sqlx::{MySql, QueryBuilder, Row, mysql::MySqlRow};

use super::{
    Ops,
    page::{answer, bounded, database, rows},
    query::Query,
    shape::ReservationJson,
};
use crate::time::sql;

const NAMES: [&str; 6] = [
    "orderId",
    "customerId",
    "skuId",
    "status",
    "cursor",
    "limit",
];

/// What was asked.
struct Asked {
    order: Option<OrderId>,
    customer: Option<CustomerId>,
    sku: Option<Sku>,
    status: Option<Status>,
    after: Option<Place>,
    limit: u32,
}

/// The last reservation of a page: by creation, or by location where a SKU alone was asked for.
struct Place {
    by: String,
    id: ReservationId,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    reservations: Vec<ReservationJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

pub(super) async fn handle(State(ops): State<Ops>, RawQuery(raw): RawQuery) -> Response {
    answer(page(&ops, raw.as_deref()).await)
}

async fn page(ops: &Ops, raw: Option<&str>) -> Result<Page, Problem> {
    let asked = read(raw)?;
    let found = rows(ops, select(&asked)).await?;
    let limit = usize::try_from(asked.limit).unwrap_or(usize::MAX);
    let decode = |row: &MySqlRow| place(row).map_err(database);
    let next_cursor = match found.get(limit) {
        None => None,
        Some(_) => found.get(limit - 1).map(decode).transpose()?,
    };
    let reservations = found
        .iter()
        .take(limit)
        .map(|row| shape(row).map_err(database))
        .collect::<Result<_, _>>()?;
    Ok(Page {
        reservations,
        next_cursor,
    })
}

fn read(raw: Option<&str>) -> Result<Asked, Problem> {
    let mut query = Query::new(raw, &NAMES);
    let mut asked = Asked {
        order: query.read("orderId", OrderId::parse),
        customer: query.read("customerId", CustomerId::parse),
        sku: query.read("skuId", Sku::parse),
        status: query.read("status", status),
        after: None,
        limit: query.limit(),
    };
    let by_creation = asked.is_by_creation();
    asked.after = query.read("cursor", |text| cursor(text, by_creation));
    let named = raw.unwrap_or_default().split('&').any(|pair| {
        let name = pair.split_once('=').map_or(pair, |(name, _)| name);
        NAMES[..3].contains(&name)
    });
    if !named {
        for name in &NAMES[..3] {
            query.fault(*name, "one of orderId, customerId and skuId is required");
        }
    }
    query.finish()?;
    Ok(asked)
}

fn status(text: &str) -> Result<Status, String> {
    let found = Status::ALL.into_iter().find(|s| s.as_str() == text);
    found.ok_or_else(|| {
        format!(
            "must be one of {}",
            Status::ALL.map(Status::as_str).join(", ")
        )
    })
}

/// `<created in ms>:<reservation>` or `<location>:<reservation>`; a location has no colon.
fn cursor(text: &str, by_creation: bool) -> Result<Place, &'static str> {
    let none = "is no cursor of this query";
    let (by, id) = text.split_once(':').ok_or(none)?;
    let id = ReservationId::derived(id).map_err(|_| none)?;
    if !by_creation {
        inventory_core::Location::parse(by).map_err(|_| none)?;
        let by = by.to_owned();
        return Ok(Place { by, id });
    }
    let ms = by.parse().map_err(|_| none)?;
    let by = sql(TimestampMs(ms));
    Ok(Place { by, id })
}

impl Asked {
    const fn is_by_creation(&self) -> bool {
        self.order.is_some() || self.customer.is_some()
    }
}

/// One row more than the page has: there is a next page then.
fn select(asked: &Asked) -> QueryBuilder<MySql> {
    let mut query = if asked.is_by_creation() {
        by_creation(asked)
    } else {
        by_stock(asked)
    };
    query
        .push(" LIMIT ")
        .push_bind(asked.limit.saturating_add(1));
    query
}

fn by_creation(asked: &Asked) -> QueryBuilder<MySql> {
    let mut query = bounded(
        "SELECT r.reservation_id, r.stored, NULL AS location_id FROM reservation r WHERE 1",
    );
    if let Some(order) = &asked.order {
        query
            .push(" AND r.order_id = ")
            .push_bind(order.to_string());
    }
    if let Some(customer) = &asked.customer {
        query.push(" AND r.customer_id = ");
        query.push_bind(customer.to_string());
    }
    if let Some(sku) = &asked.sku {
        query.push(
            " AND EXISTS (SELECT 1 FROM reservation_item i
               WHERE i.reservation_id = r.reservation_id AND i.sku_id = ",
        );
        query.push_bind(sku.to_string()).push(")");
    }
    with_status(&mut query, asked);
    if let Some(Place { by, id }) = &asked.after {
        query.push(" AND (r.created_at < ").push_bind(by.clone());
        query.push(" OR r.created_at = ").push_bind(by.clone());
        query.push(" AND r.reservation_id < ");
        query.push_bind(id.to_string()).push(")");
    }
    query.push(" ORDER BY r.created_at DESC, r.reservation_id DESC");
    query
}

/// In the order of the index by SKU: the reservations of a hot SKU are too many to sort. One that
/// has the SKU at several locations comes with the first of them.
fn by_stock(asked: &Asked) -> QueryBuilder<MySql> {
    let mut query = bounded(
        "SELECT r.reservation_id, r.stored, i.location_id
         FROM reservation_item i FORCE INDEX (by_sku)
         JOIN reservation r ON r.reservation_id = i.reservation_id WHERE i.sku_id = ",
    );
    query.push_bind(asked.sku.as_ref().map(ToString::to_string));
    query.push(
        " AND NOT EXISTS (SELECT 1 FROM reservation_item j
           WHERE j.reservation_id = i.reservation_id AND j.sku_id = i.sku_id
             AND j.location_id < i.location_id)",
    );
    with_status(&mut query, asked);
    if let Some(Place { by, id }) = &asked.after {
        query.push(" AND (i.location_id > ").push_bind(by.clone());
        query.push(" OR i.location_id = ").push_bind(by.clone());
        query.push(" AND i.reservation_id > ");
        query.push_bind(id.to_string()).push(")");
    }
    query.push(" ORDER BY i.location_id, i.reservation_id");
    query
}

fn with_status(query: &mut QueryBuilder<MySql>, asked: &Asked) {
    if let Some(status) = asked.status {
        query.push(" AND r.status = ").push_bind(status.as_str());
    }
}

fn decoded(row: &MySqlRow) -> Result<inventory_core::Reservation, sqlx::Error> {
    let id: String = row.try_get("reservation_id")?;
    let stored: Vec<u8> = row.try_get("stored")?;
    ReservationId::derived(&id)
        .ok()
        .and_then(|id| parse_reservation(&id, &stored))
        .ok_or_else(|| sqlx::Error::Decode(format!("reservation {id} cannot be read").into()))
}

fn shape(row: &MySqlRow) -> Result<ReservationJson, sqlx::Error> {
    decoded(row).map(|reservation| ReservationJson::from(&reservation))
}

fn place(row: &MySqlRow) -> Result<String, sqlx::Error> {
    let reservation = decoded(row)?;
    let location: Option<String> = row.try_get("location_id")?;
    let by = location.unwrap_or_else(|| reservation.created.to_string());
    Ok(format!("{by}:{}", reservation.id))
}
