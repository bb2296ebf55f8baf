//! Random steps. They name ids, SKUs and lines by small numbers, so that they collide often and
//! print shortly; `lockstep.rs` makes commands of them.

use proptest::{
    collection::vec,
    option,
    prelude::*,
    strategy::{BoxedStrategy, Union},
};

/// SKUs 0 to 2 at two locations.
pub(crate) const STOCKS: u8 = 6;
pub(crate) const IDS: u8 = 6;
/// As many line sets as ids: most reserves of an id ask for its own set.
pub(crate) const MENU: usize = IDS as usize;
const STEPS_MAX: usize = 40;

/// One case: what there is in the beginning, the line sets that commands choose from, and the steps.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) on_hand: Vec<Option<u64>>,
    pub(crate) menu: Vec<Vec<(u8, u32)>>,
    pub(crate) steps: Vec<Step>,
}

/// One call of the engine, or time that passes.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Reserve(Vec<Ask>),
    Confirm {
        id: Which,
        part: Part,
        reacquire: bool,
    },
    Release {
        id: Which,
        reason: Option<u8>,
        tombstone: bool,
    },
    Extend {
        id: Which,
        ttl_ms: u32,
        max_hold_ms: u32,
    },
    Return {
        id: Which,
        return_id: u8,
        part: Part,
    },
    Adjust {
        operation: u8,
        stock: u8,
        delta: i64,
    },
    Count {
        operation: u8,
        stock: u8,
        on_hand: u64,
        expected: Expected,
        limit: Limit,
    },
    /// A count of what is there, so that nothing but the limit changes.
    SetLimit {
        operation: u8,
        stock: u8,
        limit: Limit,
    },
    /// Takes away what is available, then retires.
    Retire {
        operation: u8,
        stock: u8,
        empty_first: bool,
    },
    /// Sets what is available, or removes a stock without holds.
    Repair {
        stock: u8,
        available: Option<u64>,
        above: u64,
        stale: bool,
    },
    Expire {
        max: usize,
    },
    Purge {
        retention_ms: u64,
    },
    Wait {
        ms: u64,
    },
}

/// One reservation of a batch.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) id: u8,
    pub(crate) lines: usize,
    pub(crate) turned: bool,
    pub(crate) ttl_ms: u32,
    pub(crate) order: Option<u8>,
    pub(crate) customer: Option<u8>,
    pub(crate) metadata: bool,
}

/// Which reservation a command names; the n-th of those that fit, if any does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Which {
    Id(u8),
    Open(u8),
    Expired(u8),
    Sold(u8),
}

/// Which lines a confirmation or a return names.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    /// None.
    All,
    /// Those of the reservation, the other way round.
    Turned,
    /// One unit of each line of the reservation but the first.
    Few,
    /// One unit more of the first.
    More,
    /// A line set of the menu.
    Menu(usize),
}

/// The version that a count expects.
#[derive(Debug, Clone)]
pub(crate) enum Expected {
    Any,
    Current,
    Fixed(u64),
}

/// What a count does to the limit.
#[derive(Debug, Clone)]
pub(crate) enum Limit {
    Keep,
    Remove,
    Set(u32, Option<u32>),
}

/// How often each kind of step comes.
#[derive(Debug)]
pub(crate) struct Mix {
    reserve: u32,
    resolve: u32,
    returns: u32,
    stock: u32,
    limit: u32,
    retire: u32,
    repair: u32,
    expire: u32,
    purge: u32,
    wait: u32,
    /// Whether most reserves name a customer.
    customers: bool,
}

impl Mix {
    pub(crate) const HOLDS: Self = Self {
        reserve: 12,
        resolve: 8,
        returns: 3,
        stock: 2,
        limit: 0,
        retire: 0,
        repair: 0,
        expire: 1,
        purge: 0,
        wait: 4,
        customers: false,
    };
    /// Ids are freed often, so that there are new holds to count.
    pub(crate) const LIMITS: Self = Self {
        limit: 5,
        customers: true,
        returns: 1,
        stock: 1,
        purge: 4,
        ..Self::HOLDS
    };
    pub(crate) const STOCK: Self = Self {
        reserve: 6,
        resolve: 4,
        returns: 4,
        stock: 10,
        limit: 1,
        retire: 4,
        repair: 4,
        ..Self::HOLDS
    };
    pub(crate) const PURGES: Self = Self {
        purge: 4,
        retire: 1,
        ..Self::HOLDS
    };
}

/// Cases of a mix.
pub(crate) fn cases(mix: &Mix) -> impl Strategy<Value = Case> + use<> {
    let on_hand = vec(
        prop_oneof![1 => Just(None), 5 => (0..6u64).prop_map(Some), 9 => (6..25u64).prop_map(Some)],
        STOCKS as usize,
    );
    let menu = vec(vec((0..STOCKS, 1..4u32), 1..3), MENU);
    let first = vec(ask(mix.customers), 0..8).prop_map(Step::Reserve);
    let steps = (first, vec(step(mix), 1..STEPS_MAX)).prop_map(|(first, mut steps)| {
        steps.insert(0, first);
        steps
    });
    (on_hand, menu, steps).prop_map(|(on_hand, menu, steps)| Case {
        on_hand,
        menu,
        steps,
    })
}

fn step(mix: &Mix) -> Union<BoxedStrategy<Step>> {
    let reserve = vec(ask(mix.customers), 1..6).prop_map(Step::Reserve);
    let confirm =
        (which([4, 2, 1]), part(), any::<bool>()).prop_map(|(id, part, reacquire)| Step::Confirm {
            id,
            part,
            reacquire,
        });
    let release = (
        which([4, 1, 1]),
        option::of(0..2u8),
        prop::bool::weighted(0.3),
    )
        .prop_map(|(id, reason, tombstone)| Step::Release {
            id,
            reason,
            tombstone,
        });
    let max_hold_ms = prop_oneof![Just(1_000), Just(70_000), Just(u32::MAX)];
    let extend = (which([6, 1, 1]), ttl_ms(), max_hold_ms).prop_map(|(id, ttl_ms, max_hold_ms)| {
        Step::Extend {
            id,
            ttl_ms,
            max_hold_ms,
        }
    });
    let resolve = prop_oneof![4 => confirm, 2 => release, 1 => extend];
    let returns =
        (which([1, 1, 8]), 0..3u8, part()).prop_map(|(id, return_id, part)| Step::Return {
            id,
            return_id,
            part,
        });
    // Most repeats of an operation id say the same again.
    let adjust = (
        0..5u8,
        option::weighted(0.3, (0..STOCKS, prop_oneof![-20..0i64, 1..4i64])),
    )
        .prop_map(|(operation, other)| {
            let own = (
                operation % STOCKS,
                [2, -1, 3, -4, -9][usize::from(operation)],
            );
            let (stock, delta) = other.unwrap_or(own);
            Step::Adjust {
                operation,
                stock,
                delta,
            }
        });
    let expected = prop_oneof![
        3 => Just(Expected::Any),
        2 => Just(Expected::Current),
        1 => (0..6u64).prop_map(Expected::Fixed),
    ];
    let content = option::weighted(0.7, (0..STOCKS, 0..9u64, expected, limit()));
    let count = (4..12u8, content).prop_map(|(operation, other)| {
        let own = (
            operation % STOCKS,
            u64::from(operation),
            Expected::Any,
            Limit::Keep,
        );
        let (stock, on_hand, expected, limit) = other.unwrap_or(own);
        Step::Count {
            operation,
            stock,
            on_hand,
            expected,
            limit,
        }
    });
    let stock = prop_oneof![adjust, count];
    let set_limit =
        (12..40u8, 0..STOCKS, limit()).prop_map(|(operation, stock, limit)| Step::SetLimit {
            operation,
            stock,
            limit,
        });
    let retire = (40..80u8, 0..STOCKS, prop::bool::weighted(0.8)).prop_map(
        |(operation, stock, empty_first)| Step::Retire {
            operation,
            stock,
            empty_first,
        },
    );
    let repair = (
        0..STOCKS,
        option::weighted(0.7, 0..9u64),
        prop_oneof![4 => Just(0), 1 => 0..60u64],
        prop::bool::weighted(0.1),
    )
        .prop_map(|(stock, available, above, stale)| Step::Repair {
            stock,
            available,
            above,
            stale,
        });
    let expire = prop_oneof![1..4usize, Just(256)].prop_map(|max| Step::Expire { max });
    let purge = prop_oneof![Just(0), Just(500), Just(1_000), Just(60_000)]
        .prop_map(|retention_ms| Step::Purge { retention_ms });
    let wait = prop_oneof![
        Just(1),
        Just(49),
        Just(50),
        Just(500),
        Just(1_000),
        Just(60_000)
    ]
    .prop_map(|ms| Step::Wait { ms });
    let all: [(u32, BoxedStrategy<Step>); 10] = [
        (mix.reserve, reserve.boxed()),
        (mix.resolve, resolve.boxed()),
        (mix.returns, returns.boxed()),
        (mix.stock, stock.boxed()),
        (mix.limit, set_limit.boxed()),
        (mix.retire, retire.boxed()),
        (mix.repair, repair.boxed()),
        (mix.expire, expire.boxed()),
        (mix.purge, purge.boxed()),
        (mix.wait, wait.boxed()),
    ];
    Union::new_weighted(all.into_iter().filter(|(weight, _)| *weight > 0).collect())
}

/// Most repeats of an id ask for the same again.
fn ask(customers: bool) -> impl Strategy<Value = Ask> + use<> {
    let lines = option::weighted(0.15, 0..MENU);
    let order = option::weighted(0.3, 0..2u8);
    let other_customer = option::weighted(0.2, option::of(0..2u8));
    (
        0..IDS,
        lines,
        any::<bool>(),
        ttl_ms(),
        order,
        other_customer,
        any::<bool>(),
    )
        .prop_map(
            move |(id, lines, turned, ttl_ms, order, other_customer, metadata)| {
                let own_customer = (customers || id % 3 == 0).then_some(id % 2);
                Ask {
                    id,
                    lines: lines.unwrap_or_else(|| usize::from(id)),
                    turned,
                    ttl_ms,
                    order,
                    customer: other_customer.unwrap_or(own_customer),
                    metadata,
                }
            },
        )
}

/// Open, expired and sold ones as often as the weights say; any id with weight 2.
fn which([open, expired, sold]: [u32; 3]) -> impl Strategy<Value = Which> + use<> {
    prop_oneof![
        2 => (0..IDS).prop_map(Which::Id),
        open => (0..IDS).prop_map(Which::Open),
        expired => (0..IDS).prop_map(Which::Expired),
        sold => (0..IDS).prop_map(Which::Sold),
    ]
}

fn ttl_ms() -> impl Strategy<Value = u32> {
    prop_oneof![1 => Just(1), 1 => Just(50), 2 => Just(1_000), 4 => Just(60_000)]
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        6 => Just(Part::All),
        2 => Just(Part::Turned),
        4 => Just(Part::Few),
        1 => Just(Part::More),
        1 => (0..MENU).prop_map(Part::Menu),
    ]
}

fn limit() -> impl Strategy<Value = Limit> {
    let window = prop_oneof![Just(None), Just(Some(1)), Just(Some(60))];
    prop_oneof![
        3 => Just(Limit::Keep),
        1 => Just(Limit::Remove),
        4 => (1..6u32, window).prop_map(|(quantity, window)| Limit::Set(quantity, window)),
    ]
}
