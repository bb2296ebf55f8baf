//! Sales that go on while a test does something else.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use inventory_core::{
    Context, Count, CustomerId, LimitChange, PurchaseLimit, Reserve, Return, engine::Engine,
};
use tokio::task::JoinSet;

use crate::support::*;

const CLERKS: u64 = 16;
const STOCKS: u64 = 5;

/// Clerks that reserve, confirm, release, return and adjust one sale after the other.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    clerks: JoinSet<()>,
    pub(crate) sales: Arc<AtomicU64>,
}

impl Load {
    /// Each clerk pauses after each sale.
    pub(crate) async fn begin(world: &World, pause: Duration) -> Self {
        for stock in 0..STOCKS {
            let name = format!("s-{stock}");
            let limit = match stock {
                0 => LimitChange::Set(PurchaseLimit::new(1_000_000, None).unwrap()),
                1 => LimitChange::Set(PurchaseLimit::new(1_000_000, Some(60)).unwrap()),
                _ => LimitChange::Keep,
            };
            let command = Count {
                limit,
                ..count(&format!("put-{stock}"), &name, 1_000_000)
            };
            world
                .engine
                .count(S, &command, soon())
                .await
                .unwrap()
                .unwrap();
        }
        let mut load = Self {
            stop: Arc::default(),
            clerks: JoinSet::new(),
            sales: Arc::default(),
        };
        for clerk in 0..CLERKS {
            let (engine, stop) = (world.engine.clone(), Arc::clone(&load.stop));
            let sales = Arc::clone(&load.sales);
            load.clerks.spawn(async move {
                let mut dice = Dice::new(clerk + 1);
                let mut sale = 0;
                while !stop.load(Ordering::Relaxed) {
                    sell(&engine, &mut dice, &format!("r-{clerk}-{sale}")).await;
                    sale += 1;
                    sales.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(pause).await;
                }
            });
        }
        load
    }

    pub(crate) async fn end(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.clerks.join_next().await {
            ended.unwrap();
        }
        self.sales.load(Ordering::Relaxed)
    }
}

async fn sell(engine: &Engine, dice: &mut Dice, id: &str) {
    let stocks = [
        format!("s-{}", dice.roll(STOCKS)),
        format!("s-{}", dice.roll(STOCKS)),
    ];
    let command = Reserve {
        customer: Some(CustomerId::parse(&format!("c-{}", dice.roll(4))).unwrap()),
        ..reserve(id, &[(&stocks[0], 1), (&stocks[1], 2)])
    };
    engine.reserve(S, &command, soon()).await.unwrap().unwrap();
    match dice.roll(5) {
        0 => {}
        1 => drop(
            engine
                .release(S, &release(id), soon())
                .await
                .unwrap()
                .unwrap(),
        ),
        2 => {
            let operation = format!("adjust-{id}");
            let delta = if dice.roll(2) == 0 { 3 } else { -3 };
            let command = adjust(&operation, &stocks[0], delta);
            engine.adjust(S, &command, soon()).await.unwrap().unwrap();
        }
        3 => {
            engine
                .confirm(S, &confirm(id), soon())
                .await
                .unwrap()
                .unwrap();
            let command = Return {
                id: rid(id),
                return_id: oid(&format!("return-{id}")),
                lines: Some(lines(&[(&stocks[1], 1)])),
                context: Context::default(),
            };
            engine
                .return_goods(S, &command, soon())
                .await
                .unwrap()
                .unwrap();
        }
        _ => drop(
            engine
                .confirm(S, &confirm(id), soon())
                .await
                .unwrap()
                .unwrap(),
        ),
    }
}
