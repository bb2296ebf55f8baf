//! `reconcile status`: how both sides stand, at a glance.

use std::time::Duration;

use inventory_core::{ShardId, Text, engine::Survey};
use serde_json::{Map, Value, json};
use sqlx::{MySqlPool, Row};

use super::{
    check::moment,
    exit::{Exit, Trouble},
    output::{Output, Table},
    stores::{engine, fenced},
};
use crate::{
    config::Stores,
    cursor::{self, Cursor, CursorState},
    database,
    time::rfc3339,
};

const SHARD: ShardId = ShardId::ZERO;

/// What each side said, or why it did not.
struct Sides {
    redis: Result<Survey, Trouble>,
    mariadb: Result<Projection, Trouble>,
    /// Age in ms of the oldest entry that is not applied.
    lag_ms: Option<u64>,
}

/// MariaDB's side.
struct Projection {
    cursor: Option<Cursor>,
    /// `entry_at` and `lease_until`, and whether the lease holds.
    entry_at: Option<String>,
    leased: bool,
    rows: Vec<(String, u64)>,
    dead_letters: i64,
    unbalanced: i64,
}

pub(super) async fn run(stores: &Stores, who: &Text, out: Output) -> Result<Exit, Trouble> {
    let sides = look(stores, who).await?;
    let exit = exit(&sides);
    let json = json(&sides);
    if out.json {
        out.report(&json)?;
        return Ok(exit);
    }
    let mut table = Table::new(&["side", "what", "value"]);
    for side in ["shard", "redis", "mariadb", "rows"] {
        let members = json[side].as_object().into_iter().flatten();
        for (name, value) in members.filter(|(_, value)| !value.is_null()) {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            table.row(vec![side.to_owned(), name.clone(), value]);
        }
    }
    out.table(&table)?;
    Ok(exit)
}

async fn look(stores: &Stores, who: &Text) -> Result<Sides, Trouble> {
    let pool = database::pool(&stores.database_url)?;
    let mariadb = projection(&pool).await.map_err(Trouble::Sql);
    let mut lag_ms = None;
    let redis = match engine(stores, who).await {
        Ok(engine) => match engine.survey(SHARD).await {
            Ok(survey) => {
                let cursor = mariadb.as_ref().ok().and_then(|p| p.cursor.as_ref());
                if let Some(cursor) = cursor {
                    let position = Some(cursor.position);
                    if let Ok(next) = engine.entries(SHARD, position, 1, Duration::ZERO).await {
                        let oldest = next.first().and_then(|raw| raw.parse().ok());
                        lag_ms = Some(oldest.map_or(0, |entry| survey.now.since_ms(entry.at)));
                    }
                }
                Ok(survey)
            }
            Err(fault) => Err(fault.into()),
        },
        Err(usage @ Trouble::Connect(inventory_core::engine::ConnectError::Url(_))) => {
            return Err(usage);
        }
        Err(trouble) => Err(trouble),
    };
    Ok(Sides {
        redis,
        mariadb,
        lag_ms,
    })
}

async fn projection(pool: &MySqlPool) -> Result<Projection, sqlx::Error> {
    let cursor = match cursor::read(pool, SHARD).await {
        // Unknown database, or unknown table.
        Err(error) if matches!(database::number(&error), Some(1049 | 1146)) => {
            return Ok(Projection {
                cursor: None,
                entry_at: None,
                leased: false,
                rows: Vec::new(),
                dead_letters: 0,
                unbalanced: 0,
            });
        }
        cursor => cursor?,
    };
    let row = sqlx::query(
        "SELECT CAST(entry_at AS CHAR) AS entry_text, COALESCE(lease_until > NOW(3), 0) AS leased
         FROM journal_cursor WHERE shard = ?",
    )
    .bind(cursor::shard_number(SHARD))
    .fetch_optional(pool)
    .await?;
    let (mut entry_at, mut leased) = (None, false);
    if let Some(row) = row {
        entry_at = row.try_get("entry_text")?;
        leased = row.try_get::<i32, _>("leased")? != 0;
    }
    let tables = sqlx::query(
        "SELECT TABLE_NAME AS name, CAST(COALESCE(TABLE_ROWS, 0) AS UNSIGNED) AS about
         FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()
           AND TABLE_NAME IN ('stock_item', 'reservation', 'reservation_item', 'stock_operation',
             'purchase_limit', 'purchase_used', 'stock_journal')
         ORDER BY TABLE_NAME",
    )
    .fetch_all(pool)
    .await?;
    let rows = tables
        .iter()
        .map(|row| Ok((row.try_get("name")?, row.try_get("about")?)))
        .collect::<Result<_, sqlx::Error>>()?;
    let count = |sql: &'static str| sqlx::query_scalar::<_, i64>(sql).fetch_one(pool);
    Ok(Projection {
        cursor,
        entry_at,
        leased,
        rows,
        dead_letters: count("SELECT COUNT(*) FROM dead_letter WHERE status = 'OPEN'").await?,
        unbalanced: count(
            "SELECT COUNT(*) FROM stock_item
             WHERE available_quantity + reserved_quantity + sold_quantity <> ledger_quantity",
        )
        .await?,
    })
}

fn exit(sides: &Sides) -> Exit {
    let (Ok(survey), Ok(projection)) = (&sides.redis, &sides.mariadb) else {
        return Exit::Unclear;
    };
    if !survey.alive() || projection.cursor.is_none() {
        return Exit::Unclear;
    }
    Exit::found(projection.dead_letters > 0 || projection.unbalanced > 0)
}

/// What the shard is doing, as far as can be told from outside of its worker.
fn phase(sides: &Sides) -> String {
    match (&sides.redis, &sides.mariadb) {
        (Err(_), _) => "unknown: Redis is away".to_owned(),
        (Ok(survey), _) if !survey.alive() => format!("fenced: {}", fenced(survey)),
        (_, Err(_)) => "unknown: MariaDB is away".to_owned(),
        (Ok(_), Ok(projection)) => match &projection.cursor {
            None => "not projected".to_owned(),
            Some(_) if !projection.leased => "no worker owns it".to_owned(),
            Some(cursor) => match cursor.state {
                CursorState::Following => "following".to_owned(),
                CursorState::Resync => "resync".to_owned(),
                CursorState::Stale => "stale".to_owned(),
            },
        },
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a lag of 285,000 years would lose a millisecond"
)]
fn json(sides: &Sides) -> Value {
    let cursor = sides.mariadb.as_ref().ok().and_then(|p| p.cursor.as_ref());
    let lag = sides.lag_ms.map(|ms| ms as f64 / 1000.0);
    json!({
        "shard": {
            "phase": phase(sides),
            "lagSeconds": lag,
            "owner": cursor.and_then(|cursor| cursor.owner.as_deref()),
        },
        "redis": redis(&sides.redis),
        "mariadb": mariadb(&sides.mariadb),
        "rows": match &sides.mariadb {
            Ok(projection) => projection.rows.iter().cloned().map(|(n, c)| (n, json!(c))).collect(),
            Err(_) => Map::new(),
        },
    })
}

fn redis(side: &Result<Survey, Trouble>) -> Value {
    let survey = match side {
        Ok(survey) => survey,
        Err(trouble) => return json!({"status": "down", "detail": trouble.to_string()}),
    };
    let id = |id: Option<inventory_core::JournalId>| id.map(|id| id.to_string());
    let meta = survey.meta.as_ref();
    json!({
        "status": if survey.alive() { "open" } else { "fenced" },
        "now": rfc3339(survey.now),
        "lineage": meta.map(|meta| meta.lineage.as_str()),
        "epoch": meta.map(|meta| meta.epoch.0),
        "projection": meta.and_then(|meta| meta.projection.as_deref()),
        "projected": meta.and_then(|meta| id(meta.projected)),
        "journalFirst": id(survey.first),
        "journalLast": id(survey.last),
        "journalEntries": survey.entries,
    })
}

fn mariadb(side: &Result<Projection, Trouble>) -> Value {
    let projection = match side {
        Ok(projection) => projection,
        Err(trouble) => return json!({"status": "down", "detail": trouble.to_string()}),
    };
    let Some(cursor) = &projection.cursor else {
        return json!({"status": "no projection"});
    };
    json!({
        "status": cursor.state.as_str(),
        "lineage": cursor.lineage,
        "position": cursor.position.to_string(),
        "entryAt": projection.entry_at.as_deref().map(moment),
        "issuedEpoch": cursor.issued.0,
        "leased": projection.leased,
        "openDeadLetters": projection.dead_letters,
        "stocksOffLedger": projection.unbalanced,
    })
}
