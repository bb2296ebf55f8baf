//! `reconcile reservation ID`: both sides, and how it came to be so.

use clap::Args;
use inventory_core::{Kept, Reservation, ReservationId, engine::parse_reservation};
use serde_json::{Value, json};

use super::{
    check::{Checker, Scope, reservation_rows},
    exit::{Exit, Trouble},
    output::{Output, Table},
    stores::Both,
};
use crate::{
    cursor::shard_number,
    limits::PAGE_MAX,
    ops::{logs, shape::ReservationJson},
};

#[derive(Debug, Clone, Args)]
pub(super) struct ReservationArgs {
    /// Which.
    #[arg(value_parser = ReservationId::derived)]
    id: ReservationId,
}

/// Neither equal nor different.
const NOT_COMPARED: &str = "the sides cannot be compared now; `reconcile check` says why";

pub(super) async fn run(both: &Both, args: &ReservationArgs, out: Output) -> Result<Exit, Trouble> {
    let id = &args.id;
    both.open().await?;
    let cut = both
        .engine
        .cut(both.shard, &[], std::slice::from_ref(id))
        .await?;
    let position = both.cursor().await?.position;
    let mut snapshot = both.snapshot().await?;
    let row = reservation_rows(&mut snapshot, std::slice::from_ref(id))
        .await?
        .remove(id);
    let sql = format!(
        "SELECT {} FROM stock_journal WHERE shard = ? AND reservation_id = ?
         ORDER BY epoch, n, item, line LIMIT ?",
        logs::COLUMNS
    );
    let history = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(shard_number(both.shard))
        .bind(id.as_str())
        .bind(PAGE_MAX)
        .fetch_all(&mut *snapshot)
        .await?;
    snapshot.commit().await?;
    let history = history.iter().map(logs::LogJson::read);
    let history = history.collect::<Result<Vec<_>, _>>()?;
    let kept = cut.reservations.into_iter().next().unwrap_or(Kept::Absent);
    let in_redis = match &kept {
        Kept::Is(stored) => parse_reservation(id, stored),
        Kept::Absent | Kept::Corrupt => None,
    };
    let in_mariadb = row
        .as_ref()
        .and_then(|row| parse_reservation(id, &row.stored));
    if kept == Kept::Absent && row.is_none() {
        return Err(Trouble::Unclear(format!(
            "neither side has a reservation {id}"
        )));
    }
    let behind = position < cut.at;
    // Where the sides cannot be compared, they are shown all the same.
    let differs = match both.comparable().await {
        Ok(_) => match Checker::new(both, &Scope::default())
            .settled_reservations(vec![id.clone()])
            .await
        {
            Ok(drift) => drift.first().map(|drift| drift.what),
            Err(_) => Some(NOT_COMPARED),
        },
        Err(_) => Some(NOT_COMPARED),
    };
    if out.json {
        let side = |side: Option<&Reservation>| {
            side.map(|r| json!({"lastChange": r.last_change.to_string(), "reservation": shape(r)}))
        };
        out.report(&json!({
            "redis": side(in_redis.as_ref()),
            "corruptInRedis": kept == Kept::Corrupt,
            "mariadb": side(in_mariadb.as_ref()),
            "mariadbStatus": row.as_ref().map(|row| row.status.as_str()),
            "projectionBehind": behind,
            "differs": differs,
            "history": history,
        }))?;
    } else {
        show(&kept, in_redis.as_ref(), in_mariadb.as_ref(), &history, out)?;
        if behind {
            out.line(&format!(
                "the projection is at {position}, Redis at {}",
                cut.at
            ))?;
        }
        if let Some(differs) = differs {
            out.line(differs)?;
        }
    }
    Ok(match differs {
        None => Exit::Fine,
        Some(why) if why == NOT_COMPARED => Exit::Unclear,
        Some(_) => Exit::Found,
    })
}

fn shape(reservation: &Reservation) -> Value {
    serde_json::to_value(ReservationJson::from(reservation)).unwrap_or_default()
}

fn show(
    kept: &Kept<Vec<u8>>,
    in_redis: Option<&Reservation>,
    in_mariadb: Option<&Reservation>,
    history: &[logs::LogJson],
    out: Output,
) -> Result<(), Trouble> {
    let mut sides = Table::new(&["side", "status", "last change", "reservation"]);
    for (name, side) in [("redis", in_redis), ("mariadb", in_mariadb)] {
        let cells = match side {
            Some(r) => [
                r.status.as_str().to_owned(),
                r.last_change.to_string(),
                shape(r).to_string(),
            ],
            None if name == "redis" && *kept == Kept::Corrupt => {
                ["corrupt".to_owned(), "-".to_owned(), "-".to_owned()]
            }
            None => ["-", "-", "-"].map(str::to_owned),
        };
        sides.row([vec![name.to_owned()], cells.to_vec()].concat());
    }
    out.table(&sides)?;
    let mut table = Table::new(&["at", "entry", "kind", "sku", "change"]);
    for log in history {
        let json = serde_json::to_value(log).unwrap_or_default();
        let text = |name: &str| json[name].as_str().unwrap_or("-").to_owned();
        let figures = |name: &str| {
            let figure = |figure: &str| json[name][figure].to_string();
            let names = ["availableQuantity", "reservedQuantity", "soldQuantity"];
            names.map(figure).join("/")
        };
        let change = match json.get("before") {
            Some(_) => format!("{} -> {}", figures("before"), figures("after")),
            None => "-".to_owned(),
        };
        table.row(vec![
            log.at.clone(),
            format!("{}.{}", log.journal_id, log.item),
            log.kind.clone(),
            text("skuId"),
            change,
        ]);
    }
    if !table.is_empty() {
        out.line("")?;
        out.table(&table)?;
    }
    Ok(())
}
