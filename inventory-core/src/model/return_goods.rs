//! return: sold goods come back to available.
//!
//! Each return has an id of its own within the reservation; the same id with the same lines, or
//! none, is a repeat. Without lines all that is still out comes back. Never more than was
//! confirmed, nor more often than [`RETURNS_MAX`] times. The purchase allowance stays used.

use super::{Call, Decision, Model, ModelReply, Stop, done, none_or, replay, shortages};
use crate::{domain::*, limits::RETURNS_MAX};

impl Model {
    /// Takes goods back.
    pub fn return_goods(&mut self, now: TimestampMs, command: &Return) -> ModelReply<Reservation> {
        self.call(now, |model, call| model.return_in(call, command))
    }

    fn return_in(&mut self, call: &mut Call, command: &Return) -> Decision<Reservation> {
        self.expire_if_due(call, &command.id);
        let sale = self.known(&command.id)?;
        let Some(confirmed) = &sale.confirmed else {
            return Err(Stop::Refuse(Refusal::ReservationNotConfirmed(sale.status)));
        };
        if let Some(before) = sale.returns.iter().find(|r| r.id == command.return_id) {
            return match &command.lines {
                Some(lines) if !lines.same_content(&before.lines) => {
                    Err(Stop::Refuse(Refusal::IdempotencyMismatch))
                }
                _ => replay(sale),
            };
        }
        if sale.returns.len() >= RETURNS_MAX {
            return Err(Stop::Refuse(Refusal::TooManyReturns));
        }
        let lines = command
            .lines
            .clone()
            .unwrap_or_else(|| all_that_is_out(&sale, confirmed));
        let over = shortages(&lines, |line| u64::from(sale.returnable(line)));
        none_or(over, Refusal::ReturnExceedsConfirmed)?;
        self.all_known(&lines)?;

        for line in &lines {
            self.change_stock(call, line.stock_key(), |stock| {
                stock.available += u64::from(line.quantity);
                stock.sold -= u64::from(line.quantity);
            });
        }
        let mut sale = sale.clone();
        sale.returns.push(Returned {
            id: command.return_id.clone(),
            at: call.now,
            lines,
        });
        sale.status = match is_all_back(&sale) {
            true => Status::Returned,
            false => Status::PartiallyReturned,
        };
        done(self.change_reservation(call, ChangeKind::Returned, &command.context, sale))
    }
}

/// What is still out. If that is nothing: all that was confirmed, which is then too much.
fn all_that_is_out(sale: &Reservation, confirmed: &Confirmed) -> Lines {
    let out = |line: &Line| Line {
        quantity: sale.returnable(line),
        ..line.clone()
    };
    let lines: Vec<_> = confirmed
        .lines
        .iter()
        .map(out)
        .filter(|l| l.quantity > 0)
        .collect();
    if lines.is_empty() {
        confirmed.lines.clone()
    } else {
        Lines::stored(lines)
    }
}

fn is_all_back(sale: &Reservation) -> bool {
    sale.confirmed
        .iter()
        .flat_map(|c| c.lines.iter())
        .all(|line| sale.returnable(line) == 0)
}
