//! release: give back what is held.
//!
//! An **open** hold's units and purchase allowance come back. A hold that is due expires instead,
//! and that is a success too: the units are back, which is what was wanted. Repeats succeed, also
//! on an expired hold. What was **confirmed** is refused: goods come back by a return.
//!
//! An **unknown** id is refused, unless a *tombstone* is wanted: then a released record without
//! lines is left behind, which refuses a reserve that arrives late.

use super::{Call, Decision, Model, ModelReply, Stop, done, replay};
use crate::domain::*;

impl Model {
    /// Gives a hold back.
    pub fn release(&mut self, now: TimestampMs, command: &Release) -> ModelReply<Reservation> {
        self.call(now, |model, call| model.release_in(call, command))
    }

    fn release_in(&mut self, call: &mut Call, command: &Release) -> Decision<Reservation> {
        if command.tombstone && self.reservation(&command.id).is_none() {
            return self.leave_tombstone(call, command);
        }
        if self.expire_if_due(call, &command.id) {
            return done(self.known(&command.id)?);
        }
        let reservation = self.known(&command.id)?;
        match reservation.status {
            Status::Reserved => self.give_back(call, command, reservation),
            Status::Released | Status::Expired => replay(reservation),
            Status::Confirmed | Status::PartiallyReturned | Status::Returned => Err(Stop::Refuse(
                Refusal::ReservationConfirmed(reservation.status),
            )),
        }
    }

    fn give_back(
        &mut self,
        call: &mut Call,
        command: &Release,
        hold: Reservation,
    ) -> Decision<Reservation> {
        self.free_hold(call, &hold);
        let reservation = Reservation {
            status: Status::Released,
            released: Some(Released {
                at: call.now,
                reason: command.reason.clone(),
            }),
            ..hold
        };
        done(self.change_reservation(call, ChangeKind::Released, &command.context, reservation))
    }

    fn leave_tombstone(&mut self, call: &mut Call, command: &Release) -> Decision<Reservation> {
        let tombstone = Reservation {
            id: command.id.clone(),
            status: Status::Released,
            lines: Lines::stored(Vec::new()),
            order: None,
            customer: None,
            metadata: None,
            created: call.now,
            deadline: call.now,
            confirmed: None,
            released: Some(Released {
                at: call.now,
                reason: command.reason.clone(),
            }),
            expired_at: None,
            returns: Vec::new(),
            last_change: call.id,
        };
        done(self.change_reservation(call, ChangeKind::Tombstoned, &command.context, tombstone))
    }
}
