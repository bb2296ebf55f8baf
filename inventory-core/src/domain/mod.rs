//! The rules, without I/O: ids, quantities, reservations, commands and what may be refused.

mod code;
mod command;
mod fault;
mod id;
mod journal;
mod line;
mod refusal;
mod repair;
mod reservation;
mod stock;
mod text;
mod time;

pub use code::Code;
pub use command::{
    Adjust, Confirm, Context, Count, Expire, Extend, LimitChange, Release, Reserve, Retire, Return,
};
pub use fault::Fault;
pub use id::{
    CustomerId, IdError, Location, OperationId, OrderId, ReservationId, ShardId, Sku, StockKey,
};
pub use journal::{Change, ChangeKind, Entry, EntryBody, Epoch, JournalId, StockAfter};
pub use line::{Line, LineError, Lines};
pub use refusal::{LimitExceeded, Outcome, Refusal, Shortage, Success};
pub use repair::{AttestStock, Kept, RepairReservation, RepairStock, SetStock};
pub use reservation::{Confirmed, Released, Reservation, Returned, Status};
pub use stock::{PurchaseLimit, PurchaseLimitError, Stock};
pub use text::{Metadata, Text, TextError};
pub use time::TimestampMs;
