//! `order.confirmed`: sell the order's units.

use inventory_core::{Confirm, Context, OperationId, OrderId, Refusal, Return, Status};
use service_kit::consumer::HandlerError;

use super::{Engines, bond::Bond, command::Verdict, fault};

impl Engines<'_> {
    pub(super) async fn confirm(
        &self,
        order: &OrderId,
        command: &Confirm,
    ) -> Result<Verdict, HandlerError> {
        match self.bond(&command.id, order).await.map_err(fault)? {
            Bond::Others => return Ok(Refusal::IdempotencyMismatch.into()),
            Bond::Unknown => return self.confirm_unknown(order, command).await,
            Bond::Ours(_) | Bond::Free(_) => {}
        }
        let confirmed = self
            .engine
            .confirm(self.shard, command, self.deadline)
            .await;
        match confirmed.map_err(fault)? {
            Ok(_) => Ok(Verdict::DONE),
            Err(Refusal::ReservationNotFound) => self.confirm_unknown(order, command).await,
            Err(refusal) => Ok(refusal.into()),
        }
    }

    /// Redis does not have it. Where it was sold and then purged it is a repeat; else there is
    /// nothing left to sell, and the best reason that is known is told.
    async fn confirm_unknown(
        &self,
        order: &OrderId,
        command: &Confirm,
    ) -> Result<Verdict, HandlerError> {
        let not_found = Verdict::from(Refusal::ReservationNotFound);
        let Some((kept, _)) = self.kept(&command.id).await? else {
            return Ok(not_found);
        };
        let status = kept.status;
        let sold = kept.confirmed.as_ref().map(|sold| sold.lines.clone());
        Ok(match (Bond::of(kept, order), status) {
            (Bond::Others, _) => Refusal::IdempotencyMismatch.into(),
            (_, Status::Confirmed | Status::PartiallyReturned | Status::Returned) => {
                let same = match (&sold, &command.lines) {
                    (Some(sold), Some(lines)) => sold.same_content(lines),
                    (Some(_), None) => true,
                    (None, _) => false,
                };
                if same {
                    Verdict::DONE
                } else {
                    Refusal::IdempotencyMismatch.into()
                }
            }
            (_, Status::Released) => Refusal::ReservationReleased.into(),
            (_, Status::Expired) => Refusal::ReservationExpired.into(),
            (_, Status::Reserved) => not_found,
        })
    }

    /// Takes back what was sold to an order that was told the contrary.
    pub(super) async fn undo_confirm(
        &self,
        order: &OrderId,
        command: &Confirm,
    ) -> Result<(), HandlerError> {
        tracing::warn!(reservation = %command.id, %order, "a sale to an order that is over is taken back");
        let id = OperationId::derived(&format!("undo-confirm:{order}"));
        let Ok(return_id) = id else {
            return Ok(());
        };
        let give = Return {
            id: command.id.clone(),
            return_id,
            lines: None,
            context: Context::clone(&command.context),
        };
        let given = self
            .engine
            .return_goods(self.shard, &give, self.deadline)
            .await;
        match given.map_err(fault)? {
            Ok(_) => Ok(()),
            Err(refusal) => {
                tracing::error!(reservation = %command.id, %order, ?refusal, "it could not be taken back");
                Ok(())
            }
        }
    }
}
