use std::time::Instant;

use redis::Value;

use super::{
    Engine, StockRead,
    call::{Answer, Route, protocol},
    codec::journal::purchase_limit,
};
use crate::{
    domain::{Epoch, Fault, ShardId, Stock, StockKey},
    limits::STOCK_MAX,
};

impl Engine {
    /// Reads stocks, also from a fenced shard as long as its meta exists; then `stale` is set. A
    /// fenced shard never says that a stock does not exist.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn stock(
        &self,
        shard: ShardId,
        keys: &[StockKey],
        deadline: Instant,
    ) -> Result<StockRead, Fault> {
        let shard = self.shard(shard);
        let call = shard.read(Route::Lane, &shard.scripts.stock, deadline, |cmd, epoch| {
            cmd.arg(keys.len().saturating_add(2))
                .arg(&shard.keys.meta)
                .arg(&shard.keys.limits);
            for key in keys {
                cmd.arg(shard.keys.stock(key));
            }
            cmd.arg(epoch_argument(epoch))
                .arg(shard.config.clock.argument());
            for key in keys {
                cmd.arg(key.sku.as_str());
            }
        });
        let mut answer = call.await?;
        let stale = stale(&mut answer)?;
        let mut stocks = Vec::with_capacity(keys.len());
        let mut corrupt = Vec::new();
        for key in keys {
            stocks.push(match read_stock(key, &mut answer) {
                Ok(stock) => stock,
                Err(Fault::Corrupt { .. }) => {
                    corrupt.push(key.clone());
                    None
                }
                Err(fault) => return Err(fault),
            });
        }
        // While a shard is restored, a stock that is not there yet may well exist.
        let missing = stocks.iter().filter(|stock| stock.is_none()).count();
        if stale && missing > corrupt.len() {
            return Err(shard.fenced());
        }
        Ok(StockRead {
            stocks,
            corrupt,
            stale,
        })
    }
}

pub(crate) fn epoch_argument(epoch: Option<Epoch>) -> String {
    epoch.map_or_else(String::new, |epoch| epoch.to_string())
}

/// Whether an answer came from a fenced shard; leaves the answer behind n and now.
pub(crate) fn stale(answer: &mut Answer) -> Result<bool, Fault> {
    let (_n, _now): (i64, u64) = (answer.next()?, answer.next()?);
    match answer.code.as_str() {
        "OK" => Ok(false),
        "STALE" => Ok(true),
        code => Err(protocol(code)),
    }
}

fn read_stock(key: &StockKey, answer: &mut Answer) -> Result<Option<Stock>, Fault> {
    let fields = match answer.next_value() {
        Some(Value::Int(0)) => return Ok(None),
        Some(Value::Array(fields)) => fields,
        _ => return Err(protocol("a stock of an answer is none")),
    };
    let corrupt = || Fault::Corrupt {
        key: format!("stock:{}:{}", key.location, key.sku),
    };
    let mut fields = fields.into_iter().map(redis::from_redis_value::<String>);
    let mut number = || -> Result<u64, Fault> {
        let text = fields.next().ok_or_else(corrupt)?.map_err(|_| corrupt())?;
        let number = text.parse().ok().filter(|&number| number <= STOCK_MAX);
        number.ok_or_else(corrupt)
    };
    let (available, reserved, sold, version) = (number()?, number()?, number()?, number()?);
    let limit = fields.next().and_then(Result::ok).unwrap_or_default();
    Ok(Some(Stock {
        key: key.clone(),
        available,
        reserved,
        sold,
        version,
        purchase_limit: purchase_limit(&limit),
    }))
}
