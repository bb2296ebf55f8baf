//! extend: a new deadline for an open hold, counted from now, within the longest life of a hold.
//!
//! Every call counts from its own now, so there are no repeats; one that leaves the deadline where
//! it was changes nothing. The deadline may come nearer too. A hold that has outlived the longest
//! life (which was longer when it was taken) keeps the deadline it has. No stock is touched.

use super::{Call, Decision, Model, ModelReply, Stop, done};
use crate::domain::*;

impl Model {
    /// Moves a deadline.
    pub fn extend(&mut self, now: TimestampMs, command: &Extend) -> ModelReply<Reservation> {
        self.call(now, |model, call| model.extend_in(call, command))
    }

    fn extend_in(&mut self, call: &mut Call, command: &Extend) -> Decision<Reservation> {
        self.expire_if_due(call, &command.id);
        let hold = self.known(&command.id)?;
        match hold.status {
            Status::Reserved => {}
            Status::Released => return Err(Stop::Refuse(Refusal::ReservationReleased)),
            Status::Expired => return Err(Stop::Refuse(Refusal::ReservationExpired)),
            Status::Confirmed | Status::PartiallyReturned | Status::Returned => {
                return Err(Stop::Refuse(Refusal::ReservationConfirmed(hold.status)));
            }
        }
        let wanted = call.now.plus_ms(u64::from(command.ttl_ms));
        let latest = hold.created.plus_ms(u64::from(command.max_hold_ms));
        let deadline = wanted.min(latest);
        if deadline == hold.deadline || deadline <= call.now {
            return done(hold);
        }
        let hold = Reservation { deadline, ..hold };
        done(self.change_reservation(call, ChangeKind::Extended, &command.context, hold))
    }
}
