//! reserve: hold all lines, or nothing.
//!
//! A **new id** is refused for the first of these reasons, which names all its grounds in the order
//! asked: a SKU with a purchase limit and no customer; a stock that does not exist; a purchase limit
//! passed; a stock too short. Before one of the last two is said, due holds are reaped and both are
//! looked at again: neither somebody's forgotten hold nor the customer's own may stand in the way.
//!
//! A **known id** with the same content (lines, customer, order; not the ttl, not the metadata)
//! answers what the hold is now, whatever became of it; if it is due it expires first. An open hold
//! without an order takes the first order offered with its content, and the customer with it if it
//! had none (*binding*); from then on both the first command and the binding one are repeats.
//! A tombstone refuses every content as released. Anything else is a mismatch.
//!
//! A batch decides its commands one after the other in one call: earlier ones leave less for later
//! ones, and due holds are reaped once for all of them.

use super::{Call, Decision, Model, ModelReply, Record, Stop, done, replay, reply};
use crate::{domain::*, engine::Held};

impl Model {
    /// One reservation.
    pub fn reserve(&mut self, now: TimestampMs, command: &Reserve) -> ModelReply<Held> {
        self.call(now, |model, call| model.reserve_in(call, command))
    }

    /// Independent reservations with distinct ids, in one call. One reply for each, in order.
    pub fn reserve_batch(
        &mut self,
        now: TimestampMs,
        commands: &[Reserve],
    ) -> Vec<ModelReply<Held>> {
        let mut call = self.begin(now);
        let replies = commands
            .iter()
            .map(|c| reply(self.reserve_in(&mut call, c)))
            .collect();
        self.end(call);
        replies
    }

    fn reserve_in(&mut self, call: &mut Call, command: &Reserve) -> Decision<Held> {
        self.expire_if_due(call, &command.id);
        match self.reservations.get(&command.id).cloned() {
            None => self.reserve_new(call, command),
            Some(record) => self.reserve_again(call, command, record),
        }
    }

    fn reserve_new(&mut self, call: &mut Call, command: &Reserve) -> Decision<Held> {
        self.customer_given(command)?;
        self.all_known(&command.lines)?;
        let now = call.now;
        self.reaping_if_refused(call, |model| {
            model.limits_allow(now, command)?;
            model.all_available(&command.lines)
        })?;

        for line in &command.lines {
            self.change_stock(call, line.stock_key(), |stock| {
                stock.available -= u64::from(line.quantity);
                stock.reserved += u64::from(line.quantity);
            });
        }
        self.count_hold(now, command);
        let deadline = now.plus_ms(u64::from(command.ttl_ms));
        let reservation = Reservation {
            id: command.id.clone(),
            status: Status::Reserved,
            lines: command.lines.clone(),
            order: command.order.clone(),
            customer: command.customer.clone(),
            metadata: command.metadata.clone(),
            created: now,
            deadline,
            confirmed: None,
            released: None,
            expired_at: None,
            returns: Vec::new(),
            last_change: call.id,
        };
        self.change_reservation(call, ChangeKind::Reserved, &command.context, reservation);
        done(Held::New {
            created: now,
            deadline,
        })
    }

    fn reserve_again(
        &mut self,
        call: &mut Call,
        command: &Reserve,
        record: Record,
    ) -> Decision<Held> {
        if record.is_tombstone() {
            return Err(Stop::Refuse(Refusal::ReservationReleased));
        }
        if record.is_repeat(command) {
            return replay(Held::Existing(Box::new(record.reservation)));
        }
        if !record.can_bind(command) {
            return Err(Stop::Refuse(Refusal::IdempotencyMismatch));
        }
        let unbound = record.reservation;
        let before = unbound.customer.clone();
        let bound = Reservation {
            order: command.order.clone(),
            customer: command.customer.clone(),
            ..unbound
        };
        let bound = self.change_reservation(call, ChangeKind::Bound, &command.context, bound);
        self.reservations
            .entry(command.id.clone())
            .and_modify(|record| record.before_binding = Some(before));
        replay(Held::Existing(Box::new(bound)))
    }
}

impl Record {
    /// A released record for an id that was unknown.
    fn is_tombstone(&self) -> bool {
        self.reservation.lines.as_slice().is_empty()
    }

    /// Whether the command says what the hold says, or what it said before it was bound.
    fn is_repeat(&self, command: &Reserve) -> bool {
        let hold = &self.reservation;
        let as_it_is = command.order == hold.order && command.customer == hold.customer;
        let as_it_was = command.order.is_none()
            && self
                .before_binding
                .as_ref()
                .is_some_and(|customer| command.customer == *customer);
        command.lines.same_content(&hold.lines) && (as_it_is || as_it_was)
    }

    /// Whether the hold may take the command's order, and its customer if it has none.
    fn can_bind(&self, command: &Reserve) -> bool {
        let hold = &self.reservation;
        hold.status == Status::Reserved
            && hold.order.is_none()
            && command.order.is_some()
            && (hold.customer.is_none() || hold.customer == command.customer)
            && command.lines.same_content(&hold.lines)
    }
}
