use std::time::Instant;

use super::{
    Engine, StockPage,
    call::{Answer, Route, protocol},
    stock::{epoch_argument, stale},
};
use crate::{
    domain::{Fault, ShardId, StockKey},
    limits::STOCK_PAGE_MAX,
};

impl Engine {
    /// One page of the stocks that exist, by location and SKU, beginning with `from`.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn list_stock(
        &self,
        shard_id: ShardId,
        from: Option<&StockKey>,
        limit: usize,
        deadline: Instant,
    ) -> Result<StockPage, Fault> {
        let shard = self.shard(shard_id);
        let limit = limit.clamp(1, STOCK_PAGE_MAX);
        let from = from.map_or_else(|| "-".to_owned(), |key| format!("[{key}"));
        let call = shard.read(Route::Pool, &shard.scripts.list, deadline, |cmd, epoch| {
            cmd.arg(2).arg(&shard.keys.meta).arg(&shard.keys.skus);
            cmd.arg(epoch_argument(epoch))
                .arg(shard.config.clock.argument());
            cmd.arg(&from).arg(limit.saturating_add(1));
        });
        let mut answer = call.await?;
        let mut stale = stale(&mut answer)?;
        let mut keys = Vec::with_capacity(limit);
        while !answer.is_done() {
            keys.push(member(&mut answer)?);
        }
        let next = keys.get(limit).cloned();
        keys.truncate(limit);
        if keys.is_empty() {
            return Ok(StockPage {
                stocks: Vec::new(),
                corrupt: Vec::new(),
                next: None,
                stale,
            });
        }
        let read = self.stock(shard_id, &keys, deadline).await?;
        stale |= read.stale;
        // A stock that was retired between the two calls is simply not there.
        let stocks = read.stocks.into_iter().flatten().collect();
        Ok(StockPage {
            stocks,
            corrupt: read.corrupt,
            next,
            stale,
        })
    }
}

fn member(answer: &mut Answer) -> Result<StockKey, Fault> {
    let text: String = answer.next()?;
    let parsed = text.split_once('|').and_then(|(location, sku)| {
        Some(StockKey {
            location: location.parse().ok()?,
            sku: sku.parse().ok()?,
        })
    });
    parsed.ok_or_else(|| protocol("a member of the listing is no stock"))
}
