//! One page of an answer, and the query that fills it.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use sqlx::{MySql, QueryBuilder, mysql::MySqlRow};

use super::{Ops, problem::Problem};
use crate::limits::{OPS_QUERY_TIMEOUT_SECONDS, OPS_QUERY_WAIT};

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
        return Err(Problem::overloaded());
    };
    query
        .build()
        .fetch_all(&ops.pool)
        .await
        .map_err(|error| Problem::database(&error))
}

/// JSON with status 200, or the problem.
pub(super) fn answer<T: serde::Serialize>(page: Result<T, Problem>) -> Response {
    match page {
        Ok(page) => Json(page).into_response(),
        Err(problem) => problem.into_response(),
    }
}
