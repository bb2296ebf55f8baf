//! Random commands on few stocks and ids, so that they meet often.

use inventory_core::*;

use crate::support::*;

/// Two of them differ in case alone.
pub(crate) const STOCKS: [&str; 6] = ["sku-a", "SKU-A", "b:1", "x|sku-a", "x|SKU-A", "y|b:1"];
const IDS: u64 = 14;

/// Draws commands and sends them to the engine.
pub(crate) struct Workload {
    dice: Dice,
    operations: u64,
    /// Ids are used again after a purge.
    pub(crate) purges: bool,
}

impl Workload {
    pub(crate) const fn new(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed),
            operations: 0,
            purges: true,
        }
    }

    pub(crate) const fn roll(&mut self, sides: u64) -> u64 {
        self.dice.roll(sides)
    }

    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        let place = self.dice.roll(u64::try_from(from.len()).unwrap());
        from[usize::try_from(place).unwrap()]
    }

    fn operation(&mut self) -> OperationId {
        self.operations += 1;
        oid(&format!("op-{}", self.operations))
    }

    fn id(&mut self) -> ReservationId {
        rid(&format!("r-{}", self.dice.roll(IDS)))
    }

    fn some_lines(&mut self, max: u64) -> Lines {
        let count = 1 + self.dice.roll(3);
        let mut items = Vec::new();
        for _ in 0..count {
            let units = 1 + self.dice.roll(max);
            items.push((self.pick(&STOCKS), u32::try_from(units).unwrap()));
        }
        lines(&items)
    }

    fn context(&mut self) -> Context {
        let text = |text: &str| Some(Text::parse(text).unwrap());
        match self.dice.roll(3) {
            0 => Context::default(),
            _ => Context {
                actor: text("Zoë"),
                request_id: text(&format!("req-{}", self.dice.roll(1_000))),
                traceparent: None,
            },
        }
    }

    fn reason(&mut self) -> Option<Text> {
        let drawn = self.dice.roll(2) == 0;
        drawn.then(|| Text::parse("kaputt: 'weil' \\ \u{1f4a5}").unwrap())
    }

    fn reserve(&mut self) -> Reserve {
        let ttl_ms = [50, 1_000, 60_000][usize::try_from(self.dice.roll(3)).unwrap()];
        let order = (self.dice.roll(3) == 0)
            .then(|| OrderId::parse(&format!("o-{}", self.dice.roll(3))).unwrap());
        let customer = (self.dice.roll(8) > 0)
            .then(|| CustomerId::parse(&format!("c-{}", self.dice.roll(2))).unwrap());
        Reserve {
            id: self.id(),
            lines: self.some_lines(3),
            ttl_ms,
            order,
            customer,
            metadata: (self.dice.roll(4) == 0)
                .then(|| Metadata::from_compact_json(r#"{"k":"\t"}"#).unwrap()),
            context: self.context(),
        }
    }

    fn limit(&mut self) -> LimitChange {
        let window = [None, Some(1), Some(60)][usize::try_from(self.dice.roll(3)).unwrap()];
        match self.dice.roll(6) {
            0..=2 => LimitChange::Keep,
            3 => LimitChange::Remove,
            _ => {
                let units = u32::try_from(1 + self.dice.roll(9)).unwrap();
                LimitChange::Set(PurchaseLimit::new(units, window).unwrap())
            }
        }
    }

    /// Every stock exists.
    pub(crate) async fn begin(&mut self, world: &World) {
        for stock in STOCKS {
            let operation = self.operation();
            world.put(operation.as_str(), stock, 30).await;
        }
    }

    /// One command. It may be refused; it may not fail.
    pub(crate) async fn step(&mut self, world: &World) {
        let engine = &world.engine;
        let context = self.context();
        match self.dice.roll(40) {
            0..=13 => {
                let count = 1 + self.dice.roll(6);
                let commands: Vec<_> = (0..count).map(|_| self.reserve()).collect();
                for reply in engine.reserve_batch(S, &commands, soon()).await {
                    let _ = reply.unwrap();
                }
            }
            14..=19 => {
                let id = self.id();
                let part = self.dice.roll(2) == 0;
                // One unit of the first line is a part of most holds.
                let record = engine.reservation(S, &id, soon()).await.unwrap();
                let few = record.and_then(|read| {
                    let lines = read.reservation.lines.as_slice();
                    let first = lines.first()?.clone();
                    Some(Lines::stored(vec![Line {
                        quantity: 1,
                        ..first
                    }]))
                });
                let command = Confirm {
                    id,
                    lines: few.filter(|_| part),
                    reacquire: self.dice.roll(2) == 0,
                    context,
                };
                let _ = engine.confirm(S, &command, soon()).await.unwrap();
            }
            20..=22 => {
                let command = Release {
                    id: self.id(),
                    reason: self.reason(),
                    tombstone: self.dice.roll(3) == 0,
                    context,
                };
                let _ = engine.release(S, &command, soon()).await.unwrap();
            }
            23 => {
                let command = Extend {
                    id: self.id(),
                    ttl_ms: 30_000,
                    max_hold_ms: 86_400_000,
                    context,
                };
                let _ = engine.extend(S, &command, soon()).await.unwrap();
            }
            24..=26 => {
                let whole = self.dice.roll(2) == 0;
                let command = Return {
                    id: self.id(),
                    return_id: oid(&format!("ret-{}", self.dice.roll(3))),
                    lines: (!whole).then(|| self.some_lines(1)),
                    context,
                };
                let _ = engine.return_goods(S, &command, soon()).await.unwrap();
            }
            27..=28 => {
                let delta = i64::try_from(self.dice.roll(12)).unwrap() - 5;
                let command = Adjust {
                    operation: self.operation(),
                    key: key(self.pick(&STOCKS)),
                    delta: if delta == 0 { 7 } else { delta },
                    reason: self.reason(),
                    context,
                };
                let _ = engine.adjust(S, &command, soon()).await.unwrap();
            }
            29..=32 => {
                let command = Count {
                    operation: self.operation(),
                    key: key(self.pick(&STOCKS)),
                    on_hand: 5 + self.dice.roll(30),
                    expected_version: None,
                    limit: self.limit(),
                    reason: self.reason(),
                    context,
                };
                let _ = engine.count(S, &command, soon()).await.unwrap();
            }
            33 => self.retire(world).await,
            34 => {
                let _ = engine.expire(S, Expire { max: 256 }, soon()).await.unwrap();
            }
            35 if self.purges => {
                let (retention, keep) =
                    ([0, 1][usize::try_from(self.dice.roll(2)).unwrap()], 3_600);
                engine
                    .purge(
                        S,
                        std::time::Duration::from_secs(retention),
                        std::time::Duration::from_secs(keep),
                        u64::MAX,
                        soon(),
                    )
                    .await
                    .unwrap();
            }
            36 => {
                let id = self.id();
                let reason = Text::parse("looked at").unwrap();
                let _ = engine
                    .attest_reservation(S, &id, &reason, &context, soon())
                    .await
                    .unwrap();
            }
            38 => {
                let command = AttestStock {
                    key: key(self.pick(&STOCKS)),
                    version_above: 0,
                    ledger_delta: 0,
                    reason: Text::parse("looked at").unwrap(),
                    context,
                };
                let _ = engine.attest_stock(S, &command, soon()).await.unwrap();
            }
            37 => self.bind(world).await,
            _ => world
                .clock
                .advance_ms([1, 50, 700, 61_000][usize::try_from(self.dice.roll(4)).unwrap()]),
        }
    }

    /// Reserves again what is held, now for an order.
    async fn bind(&mut self, world: &World) {
        let id = self.id();
        let record = world.engine.reservation(S, &id, soon()).await.unwrap();
        let Some(record) = record.map(|read| read.reservation) else {
            return;
        };
        if record.lines.as_slice().is_empty() {
            return;
        }
        let command = Reserve {
            order: Some(OrderId::parse("bound").unwrap()),
            customer: record.customer.clone(),
            ..reserve(id.as_str(), &[("b:1", 1)])
        };
        let command = Reserve {
            lines: record.lines,
            ..command
        };
        let _ = world.engine.reserve(S, &command, soon()).await.unwrap();
    }

    /// Takes away what is available, then removes the stock if it can be.
    async fn retire(&mut self, world: &World) {
        let key = key(self.pick(&STOCKS));
        let asked = [key.clone()];
        let read = world.engine.stock(S, &asked, soon()).await.unwrap();
        let available = read.stocks[0].as_ref().map_or(0, |stock| stock.available);
        if available > 0 {
            let command = Adjust {
                operation: self.operation(),
                key: key.clone(),
                delta: -i64::try_from(available).unwrap(),
                reason: None,
                context: Context::default(),
            };
            let _ = world.engine.adjust(S, &command, soon()).await.unwrap();
        }
        let context = self.context();
        let command = Retire { key, context };
        let _ = world.engine.retire(S, &command, soon()).await.unwrap();
    }
}
