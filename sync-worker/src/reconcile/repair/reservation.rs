//! Reservations: the record as a whole, from the one side or the other.

use inventory_core::{Kept, RepairReservation, ReservationId, engine::Repair};

use super::{Done, Repairer, Side};
use crate::{
    limits::{RECONCILE_CHANGE_TIMEOUT, REPAIR_TRIES_MAX},
    reconcile::{check::reservation_rows, exit::Trouble, stores::within},
};

impl Repairer<'_> {
    pub(super) async fn reservation(&self, id: &ReservationId) -> Result<Done, Trouble> {
        for _ in 0..REPAIR_TRIES_MAX {
            let done = match self.from {
                Side::Mariadb => self.put_back(id).await?,
                Side::Redis => self.attest(id).await?,
            };
            if let Some(done) = done {
                return Ok(done);
            }
        }
        Ok(Done::Refused(format!(
            "it changed at each of {REPAIR_TRIES_MAX} tries"
        )))
    }

    /// Redis gets the record that MariaDB has. `None`: it has changed, look again.
    async fn put_back(&self, id: &ReservationId) -> Result<Option<Done>, Trouble> {
        let ids = std::slice::from_ref(id);
        let cut = self.both.engine.cut(self.both.shard, &[], ids).await?;
        self.checker.projected(cut.at).await?;
        let mut snapshot = self.both.snapshot().await?;
        let row = reservation_rows(&mut snapshot, ids).await?.remove(id);
        snapshot.commit().await?;
        if row.as_ref().is_some_and(|row| row.changed > cut.at) {
            return Ok(None);
        }
        let told = row.as_ref().map_or_else(
            || "Redis: removed".to_owned(),
            |row| format!("Redis: {}", row.status),
        );
        if self.dry_run {
            return Ok(Some(Done::Planned(told)));
        }
        let expected = cut.reservations.into_iter().next();
        let set = row.map(|row| row.stored);
        self.set(id, expected.unwrap_or(Kept::Absent), set, told)
            .await
    }

    /// MariaDB gets the record that Redis has.
    async fn attest(&self, id: &ReservationId) -> Result<Option<Done>, Trouble> {
        let ids = std::slice::from_ref(id);
        let (engine, shard) = (&self.both.engine, self.both.shard);
        let cut = engine.cut(shard, &[], ids).await?;
        let told = match cut.reservations.first() {
            Some(Kept::Corrupt) => {
                let why = "what Redis has is no record: repair it from mariadb";
                return Ok(Some(Done::Refused(why.to_owned())));
            }
            Some(Kept::Is(_)) => "MariaDB: as Redis has it",
            Some(Kept::Absent) | None => "MariaDB: removed",
        };
        if self.dry_run {
            return Ok(Some(Done::Planned(told.to_owned())));
        }
        if told == "MariaDB: removed" {
            return self.set(id, Kept::Absent, None, told.to_owned()).await;
        }
        let deadline = within(RECONCILE_CHANGE_TIMEOUT);
        let attested = engine
            .attest_reservation(shard, id, self.reason, &self.both.context(), deadline)
            .await?;
        Ok(attested.ok().map(|_| Done::Repaired(told.to_owned())))
    }

    async fn set(
        &self,
        id: &ReservationId,
        expected: Kept<Vec<u8>>,
        set: Option<Vec<u8>>,
        told: String,
    ) -> Result<Option<Done>, Trouble> {
        let command = RepairReservation {
            id: id.clone(),
            expected,
            set,
            reason: self.reason.clone(),
            context: self.both.context(),
        };
        let deadline = within(RECONCILE_CHANGE_TIMEOUT);
        let (engine, shard) = (&self.both.engine, self.both.shard);
        Ok(
            match engine.repair_reservation(shard, &command, deadline).await? {
                Repair::Done => Some(Done::Repaired(told)),
                Repair::Changed(_) => None,
            },
        )
    }
}
