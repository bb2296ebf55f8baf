//! `user.locked`: sessions of who may not log in any more are over.

use contracts::{Envelope, EventType, user::Locked};
use service_kit::{
    clock,
    consumer::{Event, Handler, HandlerError, Outcome},
};
use sqlx::{MySql, Transaction};

use crate::store::revoke_locked;

/// Ends sessions. A session outlives its event by nothing: it is also checked at every refresh.
#[derive(Debug, Clone, Copy)]
pub struct LockedUsers;

impl Handler for LockedUsers {
    fn name(&self) -> &str {
        "locked-users"
    }

    async fn handle(
        &self,
        transaction: &mut Transaction<'_, MySql>,
        event: &Event<'_>,
    ) -> Result<Outcome, HandlerError> {
        if event.event_type() != EventType::UserLocked {
            return Ok(Outcome::Skipped("not for auth"));
        }
        let locked: Envelope<Locked> = event.decode()?;
        if !locked.data.user_id.is_ascii() {
            return Err(HandlerError::permanent(
                "INVALID_DATA",
                "userId is not ASCII",
            ));
        }
        let at_ms = locked
            .time
            .map_or_else(clock::unix_ms, |time| time.unix_ms());
        revoke_locked(transaction, &locked.data.user_id, at_ms).await?;
        Ok(Outcome::Done)
    }
}
