//! purge: what was closed a retention window ago is forgotten.
//!
//! Closed reservations go by the time of their last change, outcomes of adjustments and counts by
//! their own. Open holds stay, due or not. What was counted against a purchase limit stays. No
//! stock changes, so nothing is journaled.
//!
//! When the purger gets to a record is its own affair: it walks a queue in bites, and a record that
//! changed after it was closed waits for its turn at the end of the queue. So the model says what
//! may go, and is told what went.

use super::Model;
use crate::domain::*;

impl Model {
    /// Closed reservations and outcomes that are at least `retention_ms` old.
    #[must_use]
    pub fn purgeable(
        &self,
        now: TimestampMs,
        retention_ms: u64,
    ) -> (Vec<ReservationId>, Vec<OperationId>) {
        let is_old = |at: TimestampMs| at.plus_ms(retention_ms) <= now;
        let reservations = self
            .reservations()
            .filter(|r| closed_at(r).is_some_and(is_old));
        let operations = self
            .operations
            .iter()
            .filter(|(_, operation)| is_old(operation.at));
        (
            reservations.map(|r| r.id.clone()).collect(),
            operations.map(|(id, _)| id.clone()).collect(),
        )
    }

    /// Forgets all that is purgeable; says how many records went.
    pub fn purge(&mut self, now: TimestampMs, retention_ms: u64) -> usize {
        let (reservations, operations) = self.purgeable(now, retention_ms);
        reservations
            .iter()
            .for_each(|id| self.forget_reservation(id));
        operations.iter().for_each(|id| self.forget_operation(id));
        reservations.len() + operations.len()
    }

    /// Its id may be used anew.
    pub fn forget_reservation(&mut self, id: &ReservationId) {
        self.reservations.remove(id);
    }

    /// Its id may be used anew.
    pub fn forget_operation(&mut self, id: &OperationId) {
        self.operations.remove(id);
    }
}

/// When a closed reservation last changed; `None` for an open one.
fn closed_at(reservation: &Reservation) -> Option<TimestampMs> {
    let confirmed = reservation.confirmed.iter().map(|c| c.at);
    let released = reservation.released.iter().map(|r| r.at);
    let returned = reservation.returns.iter().map(|r| r.at);
    confirmed
        .chain(released)
        .chain(reservation.expired_at)
        .chain(returned)
        .max()
}
