//! The floor: the multi-row statements that the projection issues, on its tables, from rows that
//! are in memory already; no journal, no parsing, no comparing.

use std::{sync::Arc, time::Instant};

use devstack::mariadb::MariaDbServer;
use sqlx::{AssertSqlSafe, MySql, MySqlConnection, mysql::MySqlArguments, query::Query};
use sync_worker::{database, limits::BATCH_CHANGES_MAX};

/// Rows in one statement, as the projection has it.
const ROWS: usize = 256;

type Bound<'q> = Query<'q, MySql, MySqlArguments>;

/// One kind of row.
struct Table {
    sql: Arc<str>,
    bind: for<'q> fn(Bound<'q>, &Row) -> Bound<'q>,
}

/// One reservation of one unit.
struct Row {
    id: String,
    sku: String,
    n: u64,
}

const AT: &str = "2026-01-01 00:00:00.000";

/// Reservations per second of `count` one-line reservations over `skus` SKUs.
///
/// # Errors
/// What the database said.
pub(crate) async fn per_second(
    mariadb: &MariaDbServer,
    count: usize,
    skus: usize,
) -> Result<f64, String> {
    run(mariadb, count, skus)
        .await
        .map_err(|error| error.to_string())
}

async fn run(
    mariadb: &MariaDbServer,
    count: usize,
    skus: usize,
) -> Result<f64, Box<dyn std::error::Error>> {
    let url = mariadb.create_database()?;
    let pool = database::pool(&url)?;
    database::migrate(&url, &pool).await?;
    let rows: Vec<Row> = (0..count)
        .map(|number| Row {
            id: format!("bare-{number}"),
            sku: format!("sku-{}", number % skus),
            n: u64::try_from(number).unwrap_or_default(),
        })
        .collect();
    let tables = [audit(), reservation(), item()];
    let stock = stock();
    let mut connection = pool.acquire().await?;
    let began = Instant::now();
    for batch in rows.chunks(BATCH_CHANGES_MAX) {
        begin(&mut connection).await?;
        for table in &tables {
            for chunk in batch.chunks(ROWS) {
                write(&mut connection, table, chunk.len(), chunk.iter()).await?;
            }
        }
        let touched = &batch[..batch.len().min(skus)];
        for chunk in touched.chunks(ROWS) {
            write(&mut connection, &stock, chunk.len(), chunk.iter()).await?;
        }
        sqlx::raw_sql("COMMIT").execute(&mut *connection).await?;
    }
    let seconds = began.elapsed().as_secs_f64();
    drop(connection);
    pool.close().await;
    Ok(f64::from(u32::try_from(count)?) / seconds)
}

async fn begin(connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql("START TRANSACTION")
        .execute(&mut *connection)
        .await?;
    sqlx::query("SELECT epoch FROM journal_cursor WHERE shard = 0 FOR UPDATE")
        .fetch_optional(connection)
        .await?;
    Ok(())
}

async fn write<'r>(
    connection: &mut MySqlConnection,
    table: &Table,
    count: usize,
    rows: impl Iterator<Item = &'r Row>,
) -> Result<(), sqlx::Error> {
    let (head, rest) = table.sql.split_once("VALUES ").unwrap_or((&table.sql, ""));
    let (group, tail) = rest.split_once(';').unwrap_or((rest, ""));
    let groups = vec![group; count].join(",");
    let sql = format!("{head} VALUES {groups} {tail}");
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for row in rows {
        query = (table.bind)(query, row);
    }
    query.execute(connection).await?;
    Ok(())
}

/// `INSERT … VALUES (group); tail`
fn table(sql: &str, bind: for<'q> fn(Bound<'q>, &Row) -> Bound<'q>) -> Table {
    Table {
        sql: sql.into(),
        bind,
    }
}

fn audit() -> Table {
    table(
        "INSERT INTO stock_journal (shard, epoch, n, item, line, kind, at, sku_id, location_id,
           available_before, reserved_before, sold_before, available_after, reserved_after,
           sold_after, version, ledger_delta, reservation_id, order_id, customer_id, operation_id,
           reason, actor, request_id, traceparent)
         VALUES (0,1,?,0,0,'reserved',?,?,'default',?,?,0,?,?,0,?,0,?,NULL,NULL,NULL,NULL,NULL,NULL,NULL);",
        |query, row| {
            query
                .bind(row.n)
                .bind(AT)
                .bind(row.sku.clone())
                .bind(1_000_000_u64)
                .bind(row.n)
                .bind(999_999_u64)
                .bind(row.n)
                .bind(row.n)
                .bind(row.id.clone())
        },
    )
}

fn reservation() -> Table {
    table(
        "INSERT INTO reservation (reservation_id, status, order_id, customer_id, created_at,
           expires_at, changed_at, changed_epoch, changed_n, stored)
         VALUES (?,'RESERVED',NULL,NULL,?,?,?,1,?,?);",
        |query, row| {
            query
                .bind(row.id.clone())
                .bind(AT)
                .bind(AT)
                .bind(AT)
                .bind(row.n)
                .bind(vec![b'x'; 32])
        },
    )
}

fn item() -> Table {
    table(
        "INSERT INTO reservation_item (reservation_id, sku_id, location_id, quantity,
           confirmed_quantity, returned_quantity)
         VALUES (?,?,'default',1,0,0);",
        |query, row| query.bind(row.id.clone()).bind(row.sku.clone()),
    )
}

fn stock() -> Table {
    table(
        "INSERT INTO stock_item (sku_id, location_id, available_quantity, reserved_quantity,
           sold_quantity, version, ledger_quantity, retired, changed_epoch, changed_n, updated_at)
         VALUES (?,'default',?,?,0,?,0,FALSE,1,?,?);
         ON DUPLICATE KEY UPDATE available_quantity = VALUES(available_quantity),
           reserved_quantity = VALUES(reserved_quantity), version = VALUES(version),
           changed_n = VALUES(changed_n), updated_at = VALUES(updated_at)",
        |query, row| {
            query
                .bind(row.sku.clone())
                .bind(1_000_000_u64)
                .bind(row.n)
                .bind(row.n)
                .bind(row.n)
                .bind(AT)
        },
    )
}
