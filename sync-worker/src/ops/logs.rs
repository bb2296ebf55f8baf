//! `GET /api/inventories/logs`: the audit log, newest first.

use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use inventory_core::{JournalId, OrderId, Sku, TimestampMs};
use serde::Serialize;
use service_kit::http::Problem;
use sqlx::{MySql, QueryBuilder, Row, mysql::MySqlRow};

use super::{
    Ops, instants,
    page::{answer, bounded, database, rows},
    query::Query,
};
use crate::{cursor::shard_number, time::sql};

const NAMES: [&str; 6] = ["skuId", "orderId", "from", "to", "cursor", "limit"];

/// The columns that [`LogJson`] shows.
pub(crate) const COLUMNS: &str = "epoch, n, item, line, kind, CAST(at AS CHAR) AS at_text, sku_id,
    location_id, available_before, reserved_before, sold_before, available_after, reserved_after,
    sold_after, version, ledger_delta, reservation_id, order_id, customer_id, operation_id, reason,
    actor, request_id, traceparent";

/// What was asked.
struct Asked {
    sku: Option<Sku>,
    order: Option<OrderId>,
    from: Option<TimestampMs>,
    to: Option<TimestampMs>,
    before: Option<Place>,
    limit: u32,
}

/// A row's place in the log: its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    id: JournalId,
    item: u32,
    line: u16,
}

/// Figures of a stock.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FiguresJson {
    available_quantity: i64,
    reserved_quantity: i64,
    sold_quantity: i64,
}

/// One row of the audit log.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LogJson {
    /// The journal entry.
    pub(crate) journal_id: String,
    /// The change within it.
    pub(crate) item: u32,
    /// The stock within the change.
    pub(crate) line: u16,
    /// What happened.
    pub(crate) kind: String,
    /// When, RFC 3339.
    pub(crate) at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sku_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<FiguresJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<FiguresJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i64>,
    ledger_delta: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reservation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    logs: Vec<LogJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

pub(super) async fn handle(State(ops): State<Ops>, RawQuery(raw): RawQuery) -> Response {
    answer(page(&ops, raw.as_deref()).await)
}

async fn page(ops: &Ops, raw: Option<&str>) -> Result<Page, Problem> {
    let asked = read(raw)?;
    let mut found: Vec<(Place, LogJson)> = Vec::new();
    for query in selects(ops, &asked).await? {
        for row in rows(ops, query).await? {
            found.push((
                place(&row).map_err(database)?,
                LogJson::read(&row).map_err(database)?,
            ));
        }
    }
    // Newest first; several selects were made where a SKU lies at several locations.
    found.sort_by_key(|(place, _)| std::cmp::Reverse(*place));
    let limit = usize::try_from(asked.limit).unwrap_or(usize::MAX);
    let more = found.len() > limit;
    found.truncate(limit);
    Ok(Page {
        next_cursor: found.last().filter(|_| more).map(|(place, _)| place.text()),
        logs: found.into_iter().map(|(_, log)| log).collect(),
    })
}

fn read(raw: Option<&str>) -> Result<Asked, Problem> {
    let mut query = Query::new(raw, &NAMES);
    let asked = Asked {
        sku: query.read("skuId", Sku::parse),
        order: query.read("orderId", OrderId::parse),
        from: query.read("from", instants::parse),
        to: query.read("to", instants::parse),
        before: query.read("cursor", Place::parse),
        limit: query.limit(),
    };
    if let (Some(from), Some(to)) = (asked.from, asked.to)
        && from >= to
    {
        query.fault("to", "must be later than from");
    }
    query.finish()?;
    Ok(asked)
}

/// One select, or one for each location of a SKU, in the order of its versions: sorting all that
/// ever happened to a hot SKU would take minutes.
async fn selects(ops: &Ops, asked: &Asked) -> Result<Vec<QueryBuilder<MySql>>, Problem> {
    let Some(sku) = asked.sku.as_ref().filter(|_| asked.order.is_none()) else {
        return Ok(vec![select(ops, asked, None)]);
    };
    let mut query = bounded("SELECT location_id FROM stock_item WHERE sku_id = ");
    query.push_bind(sku.to_string());
    let mut selects = Vec::new();
    for row in rows(ops, query).await? {
        let location: String = row.try_get("location_id").map_err(database)?;
        selects.push(select(ops, asked, Some(location)));
    }
    Ok(selects)
}

fn select(ops: &Ops, asked: &Asked, location: Option<String>) -> QueryBuilder<MySql> {
    let by_version = location.is_some();
    let index = if by_version {
        "FORCE INDEX (by_sku)"
    } else {
        ""
    };
    let mut query = bounded(&format!(
        "SELECT {COLUMNS} FROM stock_journal {index} WHERE "
    ));
    query.push("shard = ").push_bind(shard_number(ops.shard));
    if let Some(sku) = &asked.sku {
        query.push(" AND sku_id = ").push_bind(sku.to_string());
    }
    if let Some(location) = location {
        query.push(" AND location_id = ").push_bind(location);
    }
    if let Some(order) = &asked.order {
        query.push(" AND order_id = ").push_bind(order.to_string());
    }
    if let Some(from) = asked.from {
        query.push(" AND at >= ").push_bind(sql(from));
    }
    if let Some(to) = asked.to {
        query.push(" AND at < ").push_bind(sql(to));
    }
    if let Some(place) = asked.before {
        before(&mut query, place);
    }
    query.push(match by_version {
        true => " ORDER BY version DESC, epoch DESC, n DESC, item DESC, line DESC",
        false => " ORDER BY epoch DESC, n DESC, item DESC, line DESC",
    });
    query
        .push(" LIMIT ")
        .push_bind(asked.limit.saturating_add(1));
    query
}

/// Written out, because MariaDB makes no range of a comparison of tuples.
fn before(query: &mut QueryBuilder<MySql>, place: Place) {
    let (epoch, n) = (place.id.epoch.0, place.id.n);
    query.push(" AND (epoch < ").push_bind(epoch);
    query.push(" OR epoch = ").push_bind(epoch);
    query.push(" AND n < ").push_bind(n);
    query.push(" OR epoch = ").push_bind(epoch);
    query.push(" AND n = ").push_bind(n);
    query.push(" AND item < ").push_bind(place.item);
    query.push(" OR epoch = ").push_bind(epoch);
    query.push(" AND n = ").push_bind(n);
    query.push(" AND item = ").push_bind(place.item);
    query.push(" AND line < ").push_bind(place.line).push(")");
}

impl Place {
    /// `<epoch>-<n>-<item>-<line>`
    fn parse(text: &str) -> Result<Self, &'static str> {
        let mut parts = text.rsplitn(3, '-');
        let mut next = || parts.next().ok_or("is no cursor of this query");
        let (line, item, id) = (next()?, next()?, next()?);
        let none = "is no cursor of this query";
        Ok(Self {
            id: id.parse().map_err(|_| none)?,
            item: item.parse().map_err(|_| none)?,
            line: line.parse().map_err(|_| none)?,
        })
    }

    fn text(self) -> String {
        format!("{}-{}-{}", self.id, self.item, self.line)
    }
}

fn place(row: &MySqlRow) -> Result<Place, sqlx::Error> {
    Ok(Place {
        id: JournalId {
            epoch: inventory_core::Epoch(row.try_get("epoch")?),
            n: row.try_get("n")?,
        },
        item: row.try_get("item")?,
        line: row.try_get("line")?,
    })
}

impl LogJson {
    /// Reads a row with [`COLUMNS`].
    pub(crate) fn read(row: &MySqlRow) -> Result<Self, sqlx::Error> {
        let at: String = row.try_get("at_text")?;
        let place = place(row)?;
        Ok(Self {
            journal_id: place.id.to_string(),
            item: place.item,
            line: place.line,
            kind: row.try_get("kind")?,
            at: at.replacen(' ', "T", 1) + "Z",
            sku_id: row.try_get("sku_id")?,
            location_id: row.try_get("location_id")?,
            before: figures(row, "available_before", "reserved_before", "sold_before")?,
            after: figures(row, "available_after", "reserved_after", "sold_after")?,
            version: row.try_get("version")?,
            ledger_delta: row.try_get("ledger_delta")?,
            reservation_id: row.try_get("reservation_id")?,
            order_id: row.try_get("order_id")?,
            customer_id: row.try_get("customer_id")?,
            operation_id: row.try_get("operation_id")?,
            reason: row.try_get("reason")?,
            actor: row.try_get("actor")?,
            request_id: row.try_get("request_id")?,
            traceparent: row.try_get("traceparent")?,
        })
    }
}

fn figures(
    row: &MySqlRow,
    available: &str,
    reserved: &str,
    sold: &str,
) -> Result<Option<FiguresJson>, sqlx::Error> {
    let available: Option<i64> = row.try_get(available)?;
    let (reserved, sold): (Option<i64>, Option<i64>) = (row.try_get(reserved)?, row.try_get(sold)?);
    Ok(available.zip(reserved).zip(sold).map(
        |((available_quantity, reserved_quantity), sold_quantity)| FiguresJson {
            available_quantity,
            reserved_quantity,
            sold_quantity,
        },
    ))
}
