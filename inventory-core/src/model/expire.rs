//! expire: an open hold whose deadline has come gives its units and purchase allowance back.
//!
//! A deadline is a predicate, not a timer: a hold is *due* from the very millisecond of its
//! deadline, and whichever call meets it first expires it: the sweeper's, one that names it, or
//! one that finds too little without it (*reaping*, at most [`REAP_MAX`] per call).

use super::{Call, Model};
use crate::{domain::*, engine::Swept, limits::REAP_MAX};

impl Model {
    /// The sweeper's bite: due holds, oldest deadline first.
    pub fn expire(&mut self, now: TimestampMs, command: Expire) -> Swept {
        let due = self.due(now);
        let lag_ms = due
            .first()
            .map_or(0, |(deadline, _)| now.since_ms(*deadline));
        let mut call = self.begin(now);
        let expired = self.expire_oldest(&mut call, command.max.min(REAP_MAX));
        self.end(call);
        Swept {
            expired,
            remaining: self.due(now).len() as u64,
            lag_ms,
            corrupt: 0,
        }
    }

    /// Open holds at or past their deadline, oldest first.
    pub(super) fn due(&self, now: TimestampMs) -> Vec<(TimestampMs, ReservationId)> {
        let mut open = self.open_deadlines();
        open.retain(|(deadline, _)| *deadline <= now);
        open
    }

    /// Expires what is due, up to the bound; the second time in a call does nothing.
    pub(super) fn reap(&mut self, call: &mut Call) {
        if !call.reaped {
            call.reaped = true;
            self.expire_oldest(call, REAP_MAX);
        }
    }

    /// Expires the hold that the call names, if it is due. Says whether it was.
    pub(super) fn expire_if_due(&mut self, call: &mut Call, id: &ReservationId) -> bool {
        let is_due = self.due(call.now).iter().any(|(_, due)| due == id);
        if is_due {
            self.expire_hold(call, id);
        }
        is_due
    }

    /// Takes an open hold's units and allowance off the books.
    pub(super) fn free_hold(&mut self, call: &mut Call, hold: &Reservation) {
        for line in &hold.lines {
            self.change_stock(call, line.stock_key(), |stock| {
                stock.available += u64::from(line.quantity);
                stock.reserved -= u64::from(line.quantity);
            });
        }
        self.settle_hold(hold, &Lines::stored(Vec::new()));
    }

    fn expire_oldest(&mut self, call: &mut Call, max: usize) -> usize {
        let bite: Vec<_> = self.due(call.now).into_iter().take(max).collect();
        for (_, id) in &bite {
            self.expire_hold(call, id);
        }
        bite.len()
    }

    fn expire_hold(&mut self, call: &mut Call, id: &ReservationId) {
        let Some(hold) = self.reservation(id).cloned() else {
            return;
        };
        self.free_hold(call, &hold);
        let expired = Reservation {
            status: Status::Expired,
            expired_at: Some(call.now),
            ..hold
        };
        self.change_reservation(call, ChangeKind::Expired, &Context::default(), expired);
    }
}
