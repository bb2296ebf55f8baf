use std::{collections::HashMap, sync::Arc, time::Instant};

use inventory_core::{Fault, ShardId, Stock, StockKey, engine::Engine};

use super::Call;
use crate::{
    limits::STOCK_READ_KEYS_MAX,
    metrics::{Metrics, Operation},
};

/// Many reads of a stock in one call; a stock that many ask for is read once.
pub(crate) struct StockCall {
    engine: Engine,
    shard: ShardId,
    metrics: Arc<Metrics>,
}

/// One stock as it was read.
#[derive(Debug, Clone)]
pub(crate) struct StockAnswer {
    /// `None` where there is no such stock.
    pub(crate) stock: Option<Stock>,
    /// Whether the shard is fenced.
    pub(crate) stale: bool,
}

impl StockCall {
    pub(crate) const fn new(engine: Engine, shard: ShardId, metrics: Arc<Metrics>) -> Self {
        Self {
            engine,
            shard,
            metrics,
        }
    }
}

impl Call for StockCall {
    type Ask = StockKey;
    type Answer = Result<StockAnswer, Fault>;
    type Room = ();

    const BATCH_MAX: usize = STOCK_READ_KEYS_MAX;

    fn admit(&self, (): &mut (), _: &StockKey) -> bool {
        true
    }

    async fn call(&self, asks: &[StockKey], deadline: Instant) -> Vec<Self::Answer> {
        let (keys, places) = distinct(asks);
        let started = Instant::now();
        let read = self.engine.stock(self.shard, &keys, deadline).await;
        self.metrics
            .operations
            .called(Operation::Stock, started.elapsed());
        places
            .into_iter()
            .zip(asks)
            .map(|(place, key)| {
                let read = read.as_ref().map_err(Fault::clone)?;
                if read.corrupt.contains(key) {
                    return Err(Fault::Corrupt {
                        key: format!("stock:{key}"),
                    });
                }
                let stock = read.stocks.get(place).cloned().flatten();
                Ok(StockAnswer {
                    stock,
                    stale: read.stale,
                })
            })
            .collect()
    }
}

/// The distinct keys, and for each ask the place of its key among them.
fn distinct(asks: &[StockKey]) -> (Vec<StockKey>, Vec<usize>) {
    let mut keys: Vec<StockKey> = Vec::with_capacity(asks.len());
    if let [only] = asks {
        keys.push(only.clone());
        return (keys, vec![0]);
    }
    let mut known: HashMap<&StockKey, usize> = HashMap::with_capacity(asks.len());
    let places = asks
        .iter()
        .map(|ask| {
            *known.entry(ask).or_insert_with(|| {
                keys.push(ask.clone());
                keys.len().saturating_sub(1)
            })
        })
        .collect();
    (keys, places)
}

#[cfg(test)]
mod tests {
    use inventory_core::{Location, Sku};

    use super::*;

    fn key(sku: &str) -> StockKey {
        StockKey {
            location: Location::default(),
            sku: Sku::parse(sku).expect("a SKU"),
        }
    }

    #[test]
    fn a_stock_that_many_ask_for_is_read_once() {
        let (keys, places) =
            distinct(&[key("a"), key("b"), key("a"), key("a"), key("c"), key("b")]);
        assert_eq!(keys, [key("a"), key("b"), key("c")]);
        assert_eq!(places, [0, 1, 0, 0, 2, 1]);
        assert_eq!(distinct(&[key("x")]), (vec![key("x")], vec![0]));
    }
}
