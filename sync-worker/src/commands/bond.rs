//! Whose a reservation is. An order names the hold it wants; it gets no other order's.

use inventory_core::{
    Fault, Lines, OrderId, Reservation, ReservationId, engine::parse_reservation,
};
use service_kit::consumer::HandlerError;

use super::Engines;

/// A reservation, seen from an order.
#[derive(Debug)]
pub(super) enum Bond {
    /// There is none, at least not in Redis.
    Unknown,
    /// It is the order's, or made for it.
    Ours(Reservation),
    /// It has no order yet.
    Free(Reservation),
    /// Another order has it.
    Others,
}

impl Bond {
    pub(super) fn of(reservation: Reservation, order: &OrderId) -> Self {
        match &reservation.order {
            Some(of) if of == order => Self::Ours(reservation),
            Some(_) => Self::Others,
            None if is_derived(&reservation.id, order) => Self::Ours(reservation),
            None => Self::Free(reservation),
        }
    }
}

/// Whether the reservation has the name of those that are made for an order.
pub(super) fn is_derived(id: &ReservationId, order: &OrderId) -> bool {
    id.as_str().strip_prefix("order-") == Some(order.as_str())
}

/// Whether a free hold can be what the order is about.
pub(super) fn is_about(reservation: &Reservation, lines: Option<&Lines>) -> bool {
    lines.is_some_and(|lines| reservation.lines.same_content(lines))
}

impl Engines<'_> {
    /// What Redis has, as it is seen now: a hold that is due is expired.
    pub(super) async fn bond(&self, id: &ReservationId, order: &OrderId) -> Result<Bond, Fault> {
        let read = self
            .engine
            .reservation(self.shard, id, self.deadline)
            .await?;
        Ok(read.map_or(Bond::Unknown, |read| {
            let status = read.reservation.status_at(read.now);
            Bond::of(
                Reservation {
                    status,
                    ..read.reservation
                },
                order,
            )
        }))
    }

    /// What MariaDB has: also of what was purged from Redis, with the bytes as Redis had them.
    pub(super) async fn kept(
        &self,
        id: &ReservationId,
    ) -> Result<Option<(Reservation, Vec<u8>)>, HandlerError> {
        let stored: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT stored FROM reservation WHERE reservation_id = ?")
                .bind(id.as_str())
                .fetch_optional(self.pool)
                .await?;
        Ok(stored.and_then(|stored| Some((parse_reservation(id, &stored)?, stored))))
    }
}
