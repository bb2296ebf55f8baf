//! The lease of a shard, kept in the background.

use std::time::Instant;

use inventory_core::ShardId;
use sqlx::MySqlPool;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    cursor,
    limits::{LEASE, LEASE_RENEW},
};

/// One ownership of a shard. Renewed until it is dropped, or found to be lost.
#[derive(Debug)]
pub(super) struct Lease {
    token: u64,
    lost: CancellationToken,
    renewing: JoinHandle<()>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

impl Lease {
    /// Takes the lease, if it is free or `owner` has it already.
    pub(super) async fn take(
        pool: &MySqlPool,
        shard: ShardId,
        owner: &str,
    ) -> Result<Option<Self>, sqlx::Error> {
        let taken = Instant::now();
        let Some(token) = cursor::lease(pool, shard, owner).await? else {
            return Ok(None);
        };
        let lost = CancellationToken::new();
        let renewing = tokio::spawn(renew(
            pool.clone(),
            shard,
            owner.to_owned(),
            token,
            taken,
            lost.clone(),
        ));
        Ok(Some(Self {
            token,
            lost,
            renewing,
        }))
    }

    pub(super) const fn token(&self) -> u64 {
        self.token
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost.is_cancelled()
    }

    /// Comes back when another owner has the shard, or may have it.
    pub(super) async fn lost(&self) {
        self.lost.cancelled().await;
    }
}

/// The lease runs from before the statement was sent, so it never ends later here than there.
async fn renew(
    pool: MySqlPool,
    shard: ShardId,
    owner: String,
    token: u64,
    mut renewed: Instant,
    lost: CancellationToken,
) {
    loop {
        tokio::time::sleep(LEASE_RENEW).await;
        let asked = Instant::now();
        let Some(end) = renewed.checked_add(LEASE) else {
            break;
        };
        let answer = tokio::time::timeout_at(end.into(), cursor::lease(&pool, shard, &owner)).await;
        match answer {
            Ok(Ok(Some(now))) if now == token => renewed = asked,
            Ok(Ok(_)) => {
                tracing::warn!(owner, "another worker owns the shard");
                break;
            }
            Ok(Err(error)) => tracing::debug!(%error, "the lease was not renewed"),
            Err(_) => {
                tracing::warn!(owner, "the lease ran out and could not be renewed");
                break;
            }
        }
    }
    lost.cancel();
}
