//! The order's side of the saga: what happened is decided under the row's lock, and what follows is
//! written to the outbox in the same transaction.

mod apply;
mod consume;
mod deadlines;
mod emit;

pub use self::deadlines::Deadlines;
pub(crate) use self::{
    apply::{Happened, Saga, shortages_json},
    consume::{CONSUMED, OrderEvents},
    emit::Cause,
};
