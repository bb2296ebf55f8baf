//! The projection: journal entries become rows, exactly once.
//!
//! [`Batch::gather`] takes entries that follow the cursor without a gap and works out what each of
//! their changes does to the tables; [`apply`] writes that, and moves the cursor, in one transaction.
//! What the database refuses for good goes to `dead_letter` alone ([`dead_letter`]); what is copied
//! from Redis as a whole goes through [`state`].
//!
//! A change is written as what it leaves (stock figures, the stored record), never as what it does:
//! a change that is left out spoils no later one. Only three things are sums: `ledger_quantity`, what
//! customers used of a purchase limit, and the audit log itself.
//!
//! What the shop is told of a change ([`events`]) is written by the same transaction, so it is said
//! exactly when the change is in the tables.

mod allowance;
mod apply;
mod batch;
mod before;
pub mod dead_letter;
pub mod events;
mod isolate;
mod parts;
mod plan;
mod rows;
pub(crate) mod sql;
pub mod state;
mod write;

pub use apply::{Applied, apply};
pub(crate) use batch::Gathered;
pub use batch::{Batch, Gap};
pub use events::Events;
pub use rows::kind_name;
