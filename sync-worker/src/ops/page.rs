//! One page of an answer, and the query that fills it.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use service_kit::http::Problem;
use sqlx::{MySql, QueryBuilder, mysql::MySqlRow};

use super::Ops;
use crate::{
    database::is_transient,
    limits::{OPS_QUERY_TIMEOUT_SECONDS, OPS_QUERY_WAIT},
};

/// A query that MariaDB gives up after a while, rather than the projection waiting for its disks.
pub(super) fn bounded(select: &str) -> QueryBuilder<MySql> {
    QueryBuilder::new(format!(
        "SET STATEMENT max_statement_time = {OPS_QUERY_TIMEOUT_SECONDS} FOR {select}"
    ))
}

/// Runs a query when it is its turn.
pub(super) async fn rows(
    ops: &Ops,
    mut query: QueryBuilder<MySql>,
) -> Result<Vec<MySqlRow>, Problem> {
    let turn = tokio::time::timeout(OPS_QUERY_WAIT, ops.queries.acquire()).await;
    let Ok(Ok(_turn)) = turn else {
        return Err(Problem::overloaded("too many queries at once"));
    };
    query.build().fetch_all(&ops.pool).await.map_err(database)
}

/// MariaDB refused, or did not answer in time. The error goes to the log, not to the caller.
pub(super) fn database(error: sqlx::Error) -> Problem {
    if is_transient(&error) {
        tracing::warn!(%error, "query failed");
        return Problem::store_unavailable("MariaDB did not answer; ask again, or ask for less");
    }
    error.into()
}

/// JSON with status 200, or the problem.
pub(super) fn answer<T: serde::Serialize>(page: Result<T, Problem>) -> Response {
    match page {
        Ok(page) => Json(page).into_response(),
        Err(problem) => problem.into_response(),
    }
}
