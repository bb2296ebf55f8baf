//! Write-behind: carries the journal of the engine into MariaDB exactly once, opens a shard again
//! after Redis was lost, and proves that both sides agree (`reconcile`).

pub mod commands;
pub mod config;
pub mod cursor;
pub mod database;
pub mod identity;
pub mod limits;
pub mod log;
pub mod ops;
pub mod project;
pub mod reconcile;
pub mod recover;
pub mod run;
pub mod status;
pub mod time;
pub mod worker;
