//! `payment.cancelled` with items: what was sold comes back.

use inventory_core::{Kept, OrderId, Refusal, RepairReservation, Return, Text, engine::Repair};
use service_kit::consumer::HandlerError;

use super::{Engines, bond::Bond, command::Verdict, fault};
use crate::limits::COMMAND_LOOKS_MAX;

impl Engines<'_> {
    pub(super) async fn return_goods(
        &self,
        order: &OrderId,
        command: &Return,
    ) -> Result<Verdict, HandlerError> {
        for _ in 0..COMMAND_LOOKS_MAX {
            let known = match self.bond(&command.id, order).await.map_err(fault)? {
                Bond::Others => return Ok(Refusal::IdempotencyMismatch.into()),
                Bond::Ours(_) | Bond::Free(_) => true,
                Bond::Unknown => false,
            };
            if known {
                let given = self.engine.return_goods(self.shard, command, self.deadline);
                match given.await.map_err(fault)? {
                    Ok(_) => return Ok(Verdict::DONE),
                    // Purged just now.
                    Err(Refusal::ReservationNotFound) => {}
                    Err(refusal) => return Ok(refusal.into()),
                }
            }
            if let Some(refused) = self.bring_back(order, command).await? {
                return Ok(refused);
            }
        }
        Err(HandlerError::transient(
            "the reservation is purged and brought back again and again",
        ))
    }

    /// Puts the record of a purged reservation back into Redis, as MariaDB has it: what came back
    /// before is in it. It is purged again after the retention.
    async fn bring_back(
        &self,
        order: &OrderId,
        command: &Return,
    ) -> Result<Option<Verdict>, HandlerError> {
        let Some((kept, stored)) = self.kept(&command.id).await? else {
            return Ok(Some(Refusal::ReservationNotFound.into()));
        };
        if matches!(Bond::of(kept.clone(), order), Bond::Others) {
            return Ok(Some(Refusal::IdempotencyMismatch.into()));
        }
        if kept.confirmed.is_none() {
            return Ok(Some(Refusal::ReservationNotConfirmed(kept.status).into()));
        }
        let reason = Text::parse("purged; brought back for a return");
        let repair = RepairReservation {
            id: command.id.clone(),
            expected: Kept::Absent,
            set: Some(stored),
            reason: reason.map_err(|error| HandlerError::permanent("INTERNAL", error))?,
            context: command.context.clone(),
        };
        let repaired = self
            .engine
            .repair_reservation(self.shard, &repair, self.deadline);
        match repaired.await.map_err(fault)? {
            // Changed: somebody else brought it back, or this call did and was cut off.
            Repair::Done | Repair::Changed(_) => Ok(None),
        }
    }
}
