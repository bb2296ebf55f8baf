//! The rows, and the statements that read and write them. Every moment is given by the caller.

pub(crate) mod carts;
pub(crate) mod idempotency;
pub(crate) mod items;
pub(crate) mod orders;
pub(crate) mod refunds;
pub(crate) mod timeline;

use sqlx::migrate::Migrator;

/// The tables.
pub static MIGRATIONS: Migrator = sqlx::migrate!();
