//! The hot path's connection: one multiplexed link that everybody shares, opened anew when broken.

use std::sync::Arc;

use redis::RedisResult;
use tokio::sync::Mutex;

use super::{address::Address, link::Link};

#[derive(Debug)]
pub(crate) struct Lane {
    address: Address,
    current: std::sync::Mutex<Option<Arc<Link>>>,
    opening: Mutex<()>,
}

impl Lane {
    pub(crate) fn new(address: Address) -> Self {
        Self {
            address,
            current: std::sync::Mutex::new(None),
            opening: Mutex::new(()),
        }
    }

    fn current(&self) -> Option<Arc<Link>> {
        let current = self
            .current
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        current.as_ref().filter(|link| !link.is_broken()).cloned()
    }

    /// The shared link. Whoever finds it broken opens the next; the others wait for that one.
    pub(crate) async fn link(&self) -> RedisResult<Arc<Link>> {
        if let Some(link) = self.current() {
            return Ok(link);
        }
        let _alone = self.opening.lock().await;
        if let Some(link) = self.current() {
            return Ok(link);
        }
        let link = Arc::new(Link::open(&self.address).await?);
        *self
            .current
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Arc::clone(&link));
        Ok(link)
    }
}
