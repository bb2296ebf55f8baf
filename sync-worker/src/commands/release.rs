//! `order.cancelled`: give the order's units back.

use inventory_core::{Code, Lines, OrderId, Refusal, Release, Status};
use service_kit::consumer::HandlerError;

use super::{
    Engines,
    bond::{Bond, is_about},
    command::Verdict,
    fault,
};

/// Nothing was there to release.
pub(super) const NOTHING: Verdict = Verdict::Done {
    note: Some(Code::ReservationNotFound.as_str()),
};

/// It is not this order's to release.
const NOT_OURS: Verdict = Verdict::Done {
    note: Some(Code::IdempotencyMismatch.as_str()),
};

impl Engines<'_> {
    /// A hold that no order has yet is released too, if it is what the order is about: its customer
    /// named it, and cancelled before the order got it.
    pub(super) async fn release(
        &self,
        order: &OrderId,
        command: &Release,
        lines: Option<&Lines>,
    ) -> Result<Verdict, HandlerError> {
        match self.bond(&command.id, order).await.map_err(fault)? {
            Bond::Unknown => {
                if let Some(over) = self.over(order, command).await? {
                    return Ok(over);
                }
            }
            Bond::Others => return Ok(NOT_OURS),
            Bond::Free(hold) if hold.status != Status::Reserved || !is_about(&hold, lines) => {
                return Ok(NOT_OURS);
            }
            Bond::Ours(_) | Bond::Free(_) => {}
        }
        let released = self
            .engine
            .release(self.shard, command, self.deadline)
            .await;
        Ok(match released.map_err(fault)? {
            Ok(_) => Verdict::DONE,
            Err(Refusal::ReservationNotFound) => NOTHING,
            Err(refusal) => refusal.into(),
        })
    }

    /// What became of a reservation that was purged from Redis. A tombstone would take the place of
    /// its history.
    async fn over(
        &self,
        order: &OrderId,
        command: &Release,
    ) -> Result<Option<Verdict>, HandlerError> {
        let Some((kept, _)) = self.kept(&command.id).await? else {
            return Ok(None);
        };
        let status = kept.status;
        if matches!(Bond::of(kept, order), Bond::Others | Bond::Free(_)) {
            return Ok(Some(NOT_OURS));
        }
        Ok(match status {
            // Redis would have it.
            Status::Reserved => None,
            Status::Released | Status::Expired => Some(Verdict::DONE),
            Status::Confirmed | Status::PartiallyReturned | Status::Returned => {
                Some(Refusal::ReservationConfirmed(status).into())
            }
        })
    }
}
