//! What each store says of the run.

pub mod journal;
pub mod kafka;
pub(crate) mod mariadb;
pub(crate) mod reconcile;
pub(crate) mod redis;
pub(crate) mod stock;
