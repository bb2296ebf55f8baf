//! `reconcile journal tail`: what Redis has journaled, as it comes.

use std::time::Duration;

use clap::Args;
use inventory_core::{
    Change, ChangeKind, Entry, EntryBody, JournalId, Kept, Lines, OrderId, Reservation,
    ReservationId, ShardId, Sku, StockAfter, Text, engine::Engine,
};
use serde_json::{Map, Value, json};

use super::{
    exit::{Exit, Trouble},
    output::Output,
    stores::engine,
};
use crate::{
    config::Stores,
    limits::{READ_ENTRIES_MAX, READ_WAIT, TAIL_DEFAULT},
    ops::shape::ReservationJson,
    project::kind_name,
    time::rfc3339,
};

/// Lines for people, or JSON lines with `--json`: one a change, and one for a blessing.
#[derive(Debug, Clone, Args)]
pub(super) struct TailArgs {
    /// Go on with what comes.
    #[arg(long, short)]
    follow: bool,
    /// The entries after this one; without it the last that the journal has.
    #[arg(long, value_name = "ID")]
    after: Option<JournalId>,
    /// Only changes that touch this SKU.
    #[arg(long, value_parser = Sku::parse)]
    sku: Option<Sku>,
    /// Only changes of this reservation.
    #[arg(long, value_parser = ReservationId::derived)]
    reservation: Option<ReservationId>,
    /// Only changes for this order.
    #[arg(long, value_parser = OrderId::parse)]
    order: Option<OrderId>,
    /// Only changes of this kind, like RESERVED; BLESSED for blessings.
    #[arg(long, value_parser = kind)]
    kind: Option<String>,
    /// End after so many lines.
    #[arg(long, value_name = "N")]
    max: Option<u64>,
}

/// The kind of line that a blessing is.
const BLESSED: &str = "BLESSED";
/// The kind of line that an entry is that cannot be read.
const UNREADABLE: &str = "UNREADABLE";

fn kind(text: &str) -> Result<String, String> {
    let text = text.to_ascii_uppercase();
    let names = || {
        let kinds = ChangeKind::ALL.into_iter().map(kind_name);
        kinds.chain([BLESSED, UNREADABLE])
    };
    if names().any(|name| name == text) {
        return Ok(text);
    }
    let names: Vec<_> = names().collect();
    Err(format!("must be one of {}", names.join(", ")))
}

const SHARD: ShardId = ShardId::ZERO;

pub(super) async fn run(
    stores: &Stores,
    who: &Text,
    args: &TailArgs,
    out: Output,
) -> Result<Exit, Trouble> {
    let engine = engine(stores, who).await?;
    let mut after = match args.after {
        Some(after) => Some(after),
        None => recent(&engine, args.max.unwrap_or(TAIL_DEFAULT)).await?,
    };
    let wait = if args.follow {
        READ_WAIT
    } else {
        Duration::ZERO
    };
    let mut left = args.max.unwrap_or(u64::MAX);
    loop {
        let entries = engine.entries(SHARD, after, READ_ENTRIES_MAX, wait).await?;
        if entries.is_empty() && !args.follow {
            return Ok(Exit::Fine);
        }
        for raw in entries {
            after = Some(raw.id);
            let found = match raw.parse() {
                Ok(entry) => lines(&entry),
                Err(why) => vec![unreadable(raw.id, &why)],
            };
            for line in found.iter().filter(|line| args.takes(line)) {
                if left == 0 {
                    return Ok(Exit::Fine);
                }
                left -= 1;
                if out.json {
                    out.json(&line.json)?;
                } else {
                    out.line(&line.text)?;
                }
            }
        }
        if left == 0 {
            return Ok(Exit::Fine);
        }
    }
}

/// The entry after which about so many follow; of the last epoch, which may have fewer.
async fn recent(engine: &Engine, entries: u64) -> Result<Option<JournalId>, Trouble> {
    let survey = engine.survey(SHARD).await?;
    Ok(survey.last.and_then(|last| {
        let n = last.n.checked_sub(entries)?;
        Some(JournalId {
            epoch: last.epoch,
            n,
        })
    }))
}

/// One change, or one blessing.
struct Line {
    kind: &'static str,
    skus: Vec<Sku>,
    reservation: Option<ReservationId>,
    order: Option<OrderId>,
    text: String,
    json: Value,
}

impl TailArgs {
    fn takes(&self, line: &Line) -> bool {
        self.kind.as_ref().is_none_or(|kind| kind == line.kind)
            && self.sku.as_ref().is_none_or(|sku| line.skus.contains(sku))
            && (self.reservation.is_none() || self.reservation == line.reservation)
            && (self.order.is_none() || self.order == line.order)
    }
}

/// An entry that is none does not end the show.
fn unreadable(id: JournalId, why: &str) -> Line {
    Line {
        kind: UNREADABLE,
        skus: Vec::new(),
        reservation: None,
        order: None,
        text: format!("{id} {UNREADABLE} {why}"),
        json: json!({"journalId": id.to_string(), "kind": UNREADABLE, "reason": why}),
    }
}

fn lines(entry: &Entry) -> Vec<Line> {
    match &entry.body {
        EntryBody::Bless {
            lineage,
            run_id,
            previous,
            who,
            why,
        } => {
            let previous = previous.map(|id| id.to_string());
            vec![Line {
                kind: BLESSED,
                skus: Vec::new(),
                reservation: None,
                order: None,
                text: format!(
                    "{} {} {BLESSED} by {who}: {why}",
                    rfc3339(entry.at),
                    entry.id
                ),
                json: json!({
                    "journalId": entry.id.to_string(), "at": rfc3339(entry.at), "kind": BLESSED,
                    "lineage": lineage, "runId": run_id, "previous": previous, "who": who,
                    "why": why,
                }),
            }]
        }
        EntryBody::Changes { stocks, changes } => changes
            .iter()
            .enumerate()
            .map(|(item, change)| line(entry, stocks, item, change))
            .collect(),
    }
}

fn line(entry: &Entry, stocks: &[StockAfter], item: usize, change: &Change) -> Line {
    let kind = kind_name(change.kind());
    let mut json = Map::new();
    let mut put = |name: &str, value: Value| drop(json.insert(name.to_owned(), value));
    put("journalId", json!(entry.id.to_string()));
    put("item", json!(item));
    put("at", json!(rfc3339(entry.at)));
    put("kind", json!(kind));
    let (mut skus, mut reservation_id, mut order) = (Vec::new(), None, None);
    let told = match change {
        Change::Reservation { reservation, .. } => {
            skus = reservation.lines.iter().map(|l| l.sku.clone()).collect();
            reservation_id = Some(reservation.id.clone());
            order.clone_from(&reservation.order);
            put("reservation", reservation_json(reservation));
            told(reservation)
        }
        Change::Stock {
            key,
            operation,
            delta,
            ledger_delta,
            reason,
            ..
        } => {
            skus.push(key.sku.clone());
            put("skuId", json!(key.sku.as_str()));
            put("locationId", json!(key.location.as_str()));
            put("delta", json!(delta));
            put("ledgerDelta", json!(ledger_delta));
            put(
                "operationId",
                json!(operation.as_ref().map(|id| id.as_str())),
            );
            put("reason", json!(reason.as_ref().map(Text::as_str)));
            format!("{key} {delta:+}{}", because(reason.as_ref()))
        }
        Change::StockRepaired {
            key,
            found,
            ledger_delta,
            reason,
            ..
        } => {
            skus.push(key.sku.clone());
            put("skuId", json!(key.sku.as_str()));
            put("locationId", json!(key.location.as_str()));
            put("found", super::check::kept_stock(found));
            put("ledgerDelta", json!(ledger_delta));
            put("reason", json!(reason.as_ref().map(Text::as_str)));
            format!("{key}{}", because(reason.as_ref()))
        }
        Change::ReservationRepaired {
            id,
            found,
            set,
            reason,
            ..
        } => {
            reservation_id = Some(id.clone());
            let found = match found {
                Kept::Absent => Value::Null,
                Kept::Corrupt => json!("corrupt"),
                Kept::Is(found) => reservation_json(found),
            };
            put("reservationId", json!(id.as_str()));
            put("found", found);
            put("set", set.as_deref().map_or(Value::Null, reservation_json));
            put("reason", json!(reason.as_ref().map(Text::as_str)));
            format!("{id}{}", because(reason.as_ref()))
        }
    };
    let after: Vec<_> = stocks
        .iter()
        .filter(|stock| skus.contains(&stock.key.sku))
        .collect();
    put(
        "after",
        after.iter().map(|stock| stock_json(stock)).collect(),
    );
    let context = change.context();
    let text = |text: &Option<Text>| json!(text.as_ref().map(Text::as_str));
    put("actor", text(&context.actor));
    put("requestId", text(&context.request_id));
    put("traceparent", text(&context.traceparent));
    let after = after.iter().map(|s| {
        format!(
            " [{} {}/{}/{} v{}]",
            s.key.sku, s.available, s.reserved, s.sold, s.version
        )
    });
    let after: String = after.collect();
    Line {
        kind,
        skus,
        reservation: reservation_id,
        order,
        text: format!(
            "{} {}.{item} {kind} {told}{after}",
            rfc3339(entry.at),
            entry.id
        ),
        json: Value::Object(json),
    }
}

fn because(reason: Option<&Text>) -> String {
    reason.map_or_else(String::new, |reason| format!(" ({})", reason.as_str()))
}

fn told(reservation: &Reservation) -> String {
    let order = reservation
        .order
        .as_ref()
        .map_or_else(String::new, |order| format!(" order {order}"));
    format!("{} {}{order}", reservation.id, items(&reservation.lines))
}

fn items(lines: &Lines) -> String {
    let items = lines
        .iter()
        .map(|line| format!("{}x{}", line.quantity, line.sku));
    items.collect::<Vec<_>>().join("+")
}

fn reservation_json(reservation: &Reservation) -> Value {
    serde_json::to_value(ReservationJson::from(reservation)).unwrap_or_default()
}

fn stock_json(stock: &StockAfter) -> Value {
    json!({
        "skuId": stock.key.sku.as_str(),
        "locationId": stock.key.location.as_str(),
        "availableQuantity": stock.available,
        "reservedQuantity": stock.reserved,
        "soldQuantity": stock.sold,
        "version": stock.version,
    })
}
