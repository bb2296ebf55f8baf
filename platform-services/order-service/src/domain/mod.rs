//! The rules of an order, without I/O: what each event makes of each state, what a refund costs, and
//! what an order may ask for.

mod decide;
mod event;
mod lines;
mod number;
mod refund;
mod state;
mod status;

pub use self::{
    decide::{Command, Decision, Ignored, Transition, decide},
    event::Event,
    lines::{Line, LinesError, summed, total},
    number::{ORDER_NO_LEN, order_no},
    refund::{Refund, RefundLine, Refundable, RefusedRefund, refund},
    state::State,
    status::{CancelReason, Status},
};

#[cfg(test)]
mod saga_model;
#[cfg(test)]
mod table;
