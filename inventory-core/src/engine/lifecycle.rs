//! What confirm, release, extend and return have in common: one script on one record.

use std::time::Instant;

use super::{
    call::{Route, Shard},
    codec::record::head,
    reply,
    scripts::Loaded,
};
use crate::domain::{Context, Fault, Outcome, Reservation, ReservationId, Success};

impl Shard {
    /// Calls a script whose keys are meta, journal, deadlines and the record, and whose own
    /// `arguments` stand behind epoch, clock and head. DONE and REPLAYED answer the record.
    pub(crate) async fn change_reservation(
        &self,
        script: &Loaded,
        id: &ReservationId,
        context: &Context,
        arguments: &[&str],
        deadline: Instant,
    ) -> Result<Outcome<Reservation>, Fault> {
        let key = self.keys.reservation(id);
        let head = head("", id.as_str(), context);
        let call = self.call(Route::Pool, script, deadline, |cmd, epoch| {
            cmd.arg(4).arg(&self.keys.meta).arg(&self.keys.journal);
            cmd.arg(&self.keys.deadlines).arg(&key);
            cmd.arg(epoch.0)
                .arg(self.config.clock.argument())
                .arg(&head)
                .arg(arguments);
        });
        let mut answer = call.await?;
        reply::place(self, &mut answer)?;
        let replayed = answer.code == "REPLAYED";
        if answer.code != "DONE" && !replayed {
            return Ok(Err(reply::refusal(&mut answer)?));
        }
        let value = reply::reservation(id, &mut answer)?;
        Ok(Ok(Success { value, replayed }))
    }
}

/// A flag as a script reads it.
pub(crate) const fn flag(set: bool) -> &'static str {
    if set { "1" } else { "0" }
}
