//! Which slots are ours, and until when.
//!
//! Every statement is its own transaction: a process that is stopped in between holds no lock.

use std::{sync::Arc, time::Duration};

use sqlx::{AssertSqlSafe, MySqlPool, mysql::MySqlQueryResult};
use tokio::time::Instant;

use crate::{db::ServiceName, outbox::SLOTS};

/// How soon a replica with less than its share looks again for slots that others gave back.
const CLAIM_PERIOD: Duration = Duration::from_millis(500);

/// After how many leases a replica that is gone is forgotten.
const FORGET_AFTER_LEASES: u32 = 100;

/// No lease that is alive ends later than after so many of ours: one that does was taken before the
/// database's clock was set back, and its owner has not renewed it since. So replicas of one service may
/// differ in their lease by this factor, and no more.
const FUTURE_LEASES: u32 = 2;

#[derive(Debug)]
pub(super) struct Leases {
    owner: String,
    lease: Duration,
    slots: Vec<u8>,
    /// By our clock, from before the database was asked: the database's own end is later.
    until: Instant,
    renew_at: Instant,
    sql: Sql,
}

#[derive(Debug)]
struct Sql {
    appear: Arc<str>,
    forget: Arc<str>,
    alive: Arc<str>,
    renew: Arc<str>,
    shed: Arc<str>,
    claim: Arc<str>,
    ours: Arc<str>,
    give_back: Arc<str>,
    disappear: Arc<str>,
}

impl Leases {
    pub(super) fn new(service: &ServiceName, owner: String, lease: Duration) -> Self {
        let slot = format!("{service}_outbox_slot");
        let relay = format!("{service}_outbox_relay");
        let end = "NOW(3) + INTERVAL ? MICROSECOND";
        let now = Instant::now();
        Self {
            owner,
            lease,
            slots: Vec::new(),
            until: now,
            renew_at: now,
            sql: Sql {
                appear: format!(
                    "INSERT INTO {relay} (owner, seen_until) VALUES (?, {end}) \
                     ON DUPLICATE KEY UPDATE seen_until = VALUES(seen_until)"
                )
                .into(),
                forget: format!(
                    "DELETE FROM {relay} WHERE seen_until < NOW(3) - INTERVAL ? MICROSECOND \
                     OR seen_until > {end}"
                )
                .into(),
                alive: format!(
                    "SELECT COUNT(*) FROM {relay} WHERE seen_until > NOW(3) AND seen_until <= {end}"
                )
                .into(),
                renew: format!("UPDATE {slot} SET lease_until = {end} WHERE owner = ?").into(),
                shed: format!(
                    "UPDATE {slot} SET owner = NULL, lease_until = NOW(3) WHERE owner = ? \
                     ORDER BY slot DESC LIMIT ?"
                )
                .into(),
                claim: format!(
                    "UPDATE {slot} SET owner = ?, lease_until = {end} \
                     WHERE lease_until <= NOW(3) OR lease_until > {end} ORDER BY slot LIMIT ?"
                )
                .into(),
                ours: format!(
                    "SELECT slot FROM {slot} WHERE owner = ? AND lease_until > NOW(3) ORDER BY slot"
                )
                .into(),
                give_back: format!(
                    "UPDATE {slot} SET owner = NULL, lease_until = NOW(3) WHERE owner = ?"
                )
                .into(),
                disappear: format!("DELETE FROM {relay} WHERE owner = ?").into(),
            },
        }
    }

    pub(super) fn are_due(&self) -> bool {
        Instant::now() >= self.renew_at
    }

    /// Ours, unless [`Leases::until`] has passed.
    pub(super) fn slots(&self) -> &[u8] {
        &self.slots
    }

    pub(super) fn until(&self) -> Instant {
        self.until
    }

    /// Renews what is ours, gives back what is more than our share, and takes what is nobody's, up
    /// to our share. While messages are under way nothing is given back.
    pub(super) async fn renew(
        &mut self,
        pool: &MySqlPool,
        under_way: bool,
    ) -> Result<(), sqlx::Error> {
        let asked = Instant::now();
        let micros = u64::try_from(self.lease.as_micros()).unwrap_or(u64::MAX);
        let share = self.share(pool, micros).await?;
        let kept = sqlx::query(text(&self.sql.renew))
            .bind(micros)
            .bind(&self.owner)
            .execute(pool)
            .await
            .map(rows)?;
        if kept > share && !under_way {
            sqlx::query(text(&self.sql.shed))
                .bind(&self.owner)
                .bind(kept - share)
                .execute(pool)
                .await?;
        } else if kept < share {
            sqlx::query(text(&self.sql.claim))
                .bind(&self.owner)
                .bind(micros)
                .bind(future(micros))
                .bind(share - kept)
                .execute(pool)
                .await?;
        }
        let slots: Vec<u8> = sqlx::query_scalar(text(&self.sql.ours))
            .bind(&self.owner)
            .fetch_all(pool)
            .await?;
        if slots != self.slots {
            tracing::info!(owner = self.owner, ?slots, "slots of the outbox");
        }
        self.slots = slots;
        self.until = asked + self.lease;
        let period = self.lease / 3;
        // More than the share is no end, either: it is given back soon.
        let complete = u64::try_from(self.slots.len()).is_ok_and(|slots| slots == share);
        self.renew_at = asked
            + if complete {
                period
            } else {
                period.min(CLAIM_PERIOD)
            };
        Ok(())
    }

    /// How many slots each replica has when all have as many as they can.
    async fn share(&self, pool: &MySqlPool, micros: u64) -> Result<u64, sqlx::Error> {
        sqlx::query(text(&self.sql.appear))
            .bind(&self.owner)
            .bind(micros)
            .execute(pool)
            .await?;
        sqlx::query(text(&self.sql.forget))
            .bind(micros.saturating_mul(u64::from(FORGET_AFTER_LEASES)))
            .bind(future(micros))
            .execute(pool)
            .await?;
        let alive: i64 = sqlx::query_scalar(text(&self.sql.alive))
            .bind(future(micros))
            .fetch_one(pool)
            .await?;
        let alive = u64::try_from(alive).unwrap_or(1).max(1);
        Ok(u64::from(SLOTS).div_ceil(alive))
    }

    /// Lets others take over at once.
    pub(super) async fn give_back(&mut self, pool: &MySqlPool) -> Result<(), sqlx::Error> {
        self.slots.clear();
        for statement in [&self.sql.give_back, &self.sql.disappear] {
            sqlx::query(text(statement))
                .bind(&self.owner)
                .execute(pool)
                .await?;
        }
        Ok(())
    }
}

/// The longest that a lease can have left, in microseconds.
fn future(lease_micros: u64) -> u64 {
    lease_micros.saturating_mul(u64::from(FUTURE_LEASES))
}

fn text(statement: &Arc<str>) -> AssertSqlSafe<Arc<str>> {
    AssertSqlSafe(Arc::clone(statement))
}

/// The rows that a statement's condition met: sqlx asks MariaDB for these, not for those changed.
fn rows(result: MySqlQueryResult) -> u64 {
    result.rows_affected()
}
