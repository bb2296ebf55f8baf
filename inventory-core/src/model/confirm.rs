//! confirm: sell what is held, or a part of it.
//!
//! From an **open** hold the sold part leaves the shop; the rest goes back to available, with its
//! purchase allowance. A hold that is due expires first, in the same call. An **expired** hold is
//! refused, unless the caller wants its stock *reacquired*: then the sale is taken from available,
//! if that suffices; the purchase limit counts it anew and does not forbid it. A **confirmed**
//! reservation, goods returned or not, answers a repeat of the same lines, or of none.
//!
//! Lines may name less than was reserved, never more nor anything else.

use super::{Call, Decision, Model, ModelReply, Stop, done, none_or, replay, shortages};
use crate::domain::*;

impl Model {
    /// Sells from a hold.
    pub fn confirm(&mut self, now: TimestampMs, command: &Confirm) -> ModelReply<Reservation> {
        self.call(now, |model, call| model.confirm_in(call, command))
    }

    fn confirm_in(&mut self, call: &mut Call, command: &Confirm) -> Decision<Reservation> {
        self.expire_if_due(call, &command.id);
        let reservation = self.known(&command.id)?;
        match reservation.status {
            Status::Reserved => self.sell_held(call, command, reservation),
            Status::Expired if command.reacquire => self.sell_anew(call, command, reservation),
            Status::Expired => Err(Stop::Refuse(Refusal::ReservationExpired)),
            Status::Released => Err(Stop::Refuse(Refusal::ReservationReleased)),
            Status::Confirmed | Status::PartiallyReturned | Status::Returned => {
                let sold = reservation.confirmed.as_ref().map(|c| &c.lines);
                match (&command.lines, sold) {
                    (Some(asked), Some(sold)) if !asked.same_content(sold) => {
                        Err(Stop::Refuse(Refusal::IdempotencyMismatch))
                    }
                    _ => replay(reservation),
                }
            }
        }
    }

    fn sell_held(
        &mut self,
        call: &mut Call,
        command: &Confirm,
        hold: Reservation,
    ) -> Decision<Reservation> {
        let sold = lines_to_sell(command, &hold)?;
        for line in &hold.lines {
            let held = u64::from(line.quantity);
            let sold = u64::from(sold.quantity_of(line));
            self.change_stock(call, line.stock_key(), |stock| {
                stock.reserved -= held;
                stock.sold += sold;
                stock.available += held - sold;
            });
        }
        self.settle_hold(&hold, &sold);
        let reservation = Reservation {
            status: Status::Confirmed,
            confirmed: Some(Confirmed {
                at: call.now,
                lines: remembered(sold, &hold),
                reacquired: false,
            }),
            ..hold
        };
        done(self.change_reservation(call, ChangeKind::Confirmed, &command.context, reservation))
    }

    fn sell_anew(
        &mut self,
        call: &mut Call,
        command: &Confirm,
        expired: Reservation,
    ) -> Decision<Reservation> {
        let sold = lines_to_sell(command, &expired)?;
        self.all_known(&sold)?;
        self.reaping_if_refused(call, |model| model.all_available(&sold))?;
        for line in &sold {
            self.change_stock(call, line.stock_key(), |stock| {
                stock.available -= u64::from(line.quantity);
                stock.sold += u64::from(line.quantity);
            });
        }
        self.count_sale(call.now, expired.customer.as_ref(), &sold);
        let reservation = Reservation {
            status: Status::Confirmed,
            confirmed: Some(Confirmed {
                at: call.now,
                lines: remembered(sold, &expired),
                reacquired: true,
            }),
            ..expired
        };
        done(self.change_reservation(call, ChangeKind::Reacquired, &command.context, reservation))
    }
}

/// The lines asked for, or all; refused where they are not within what was reserved.
fn lines_to_sell(command: &Confirm, reservation: &Reservation) -> Result<Lines, Refusal> {
    let sold = command.lines.as_ref().unwrap_or(&reservation.lines);
    let over = shortages(sold, |line| u64::from(reservation.lines.quantity_of(line)));
    none_or(over, Refusal::ConfirmExceedsReservation)?;
    Ok(sold.clone())
}

/// How a sale is remembered: all in another order is all.
fn remembered(sold: Lines, reservation: &Reservation) -> Lines {
    match sold.same_content(&reservation.lines) {
        true => reservation.lines.clone(),
        false => sold,
    }
}
