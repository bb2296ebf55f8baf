//! `order.placed`: hold the order's units.

use inventory_core::{Refusal, Release, Reservation, Reserve, Status, Text, engine::Held};
use service_kit::consumer::HandlerError;

use super::{
    Engines,
    bond::{Bond, is_about, is_derived},
    command::Verdict,
    fault,
};

impl Engines<'_> {
    pub(super) async fn reserve(&self, command: &Reserve) -> Result<Verdict, HandlerError> {
        let held = self
            .engine
            .reserve(self.shard, command, self.deadline)
            .await;
        match held.map_err(fault)? {
            Ok(success) => match success.value {
                Held::New { .. } => Ok(Verdict::DONE),
                Held::Existing(hold) => self.held_before(command, &hold).await,
            },
            Err(Refusal::IdempotencyMismatch) => self.mismatch(command).await,
            Err(refusal) => Ok(refusal.into()),
        }
    }

    /// The hold is the order's already. What was made for it was made by this command, and the
    /// journal has told so, whatever has become of it since.
    async fn held_before(
        &self,
        command: &Reserve,
        hold: &Reservation,
    ) -> Result<Verdict, HandlerError> {
        let derived = command
            .order
            .as_ref()
            .is_some_and(|order| is_derived(&hold.id, order));
        match closed(hold.status) {
            Some(code) if !derived && !self.did(&command.id, &command.context).await? => {
                Ok(Verdict::refused(code))
            }
            Some(_) | None => Ok(Verdict::DONE),
        }
    }

    /// The order cannot have the hold that it names. Where that is only because the hold is over,
    /// that is the reason.
    async fn mismatch(&self, command: &Reserve) -> Result<Verdict, HandlerError> {
        let refused = Verdict::from(Refusal::IdempotencyMismatch);
        let Some(order) = &command.order else {
            return Ok(refused);
        };
        let Bond::Free(hold) = self.bond(&command.id, order).await.map_err(fault)? else {
            return Ok(refused);
        };
        let same_customer = hold.customer.is_none() || hold.customer == command.customer;
        if !same_customer || !is_about(&hold, Some(&command.lines)) {
            return Ok(refused);
        }
        Ok(closed(hold.status).map_or(refused, Verdict::refused))
    }

    /// Gives the order's hold back, if it has one that is open.
    pub(super) async fn undo_reserve(&self, command: &Reserve) -> Result<(), HandlerError> {
        let Some(order) = &command.order else {
            return Ok(());
        };
        let Bond::Ours(hold) = self.bond(&command.id, order).await.map_err(fault)? else {
            return Ok(());
        };
        if hold.status != Status::Reserved {
            return Ok(());
        }
        tracing::warn!(reservation = %command.id, %order, "a hold for an order that is over is given back");
        let release = Release {
            id: command.id.clone(),
            reason: Text::parse("the order is over").ok(),
            tombstone: false,
            context: command.context.clone(),
        };
        let released = self
            .engine
            .release(self.shard, &release, self.deadline)
            .await;
        // Whatever it answers: it is not held any more, or it was confirmed, which is no one's to undo.
        released.map(drop).map_err(fault)
    }
}

/// Why nothing is held any more. What was sold is the order's, and stays so when it comes back.
fn closed(status: Status) -> Option<&'static str> {
    let refusal = match status {
        Status::Reserved | Status::Confirmed | Status::PartiallyReturned | Status::Returned => {
            return None;
        }
        Status::Released => Refusal::ReservationReleased,
        Status::Expired => Refusal::ReservationExpired,
    };
    Some(refusal.code().as_str())
}
